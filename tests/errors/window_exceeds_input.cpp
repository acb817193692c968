// error: window: the kernel is larger than its input
// A valid 9 x 9 window on a map of 8 x 8.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/net/model.hpp"

using namespace ocelli;
#ifdef OCELLI_EXPECT_ERROR
using Net = Sequential<Conv<8, 3, 2>, Conv<8, 9, 1, Valid>>;
#else
using Net = Sequential<Conv<8, 3, 2>, Conv<8, 7, 1, Valid>>;
#endif

int main() {
  const Model<Net, Input<3, 16, 16>> model;
  return model.view().graph.op_count == 2 ? 0 : 1;
}
