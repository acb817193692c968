// error: From<tag>: no Tap<tag> before it
// A tag that nothing was given.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/net/model.hpp"

using namespace ocelli;
struct C4 {
  static constexpr char name[] = "c4";
};
#ifdef OCELLI_EXPECT_ERROR
using Net = Sequential<Conv<8>, From<C4>, Conv<8>>;
#else
using Net = Sequential<Conv<8>, Tap<C4>, Conv<8>, From<C4>>;
#endif

int main() {
  const Model<Net, Input<3, 16, 16>> model;
  return model.view().graph.op_count == 2 ? 0 : 1;
}
