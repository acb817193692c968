// error: concat: the inputs must have the same height and width
// Branches of different strides cannot be joined by channels.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/net/model.hpp"

using namespace ocelli;
#ifdef OCELLI_EXPECT_ERROR
using Net = Concat<Conv<8>, Conv<8, 3, 2>>;
#else
using Net = Concat<Conv<8>, Conv<4>>;
#endif

int main() {
  const Model<Net, Input<3, 16, 16>> model;
  return model.view().graph.op_count == 3 ? 0 : 1;
}
