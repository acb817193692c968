// error: residual_inputs_differ<false, ocelli::diag::op<
// A shortcut that keeps the size beside a main path that halves it.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/net/model.hpp"

using namespace ocelli;
#ifdef OCELLI_EXPECT_ERROR
using Net = Sequential<Conv<8>, Residual<Conv<16, 3, 2>>>;
#else
using Net = Sequential<Conv<8>, Residual<Conv<8, 3, 1>>>;
#endif

int main() {
  const Model<Net, Input<3, 32, 32>> model;
  return model.view().graph.op_count == 3 ? 0 : 1;
}
