// error: ssd: the input must be at least 33 x 33 pixels
// A detector for pictures of 32 x 64.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/model/ssd.hpp"

using namespace ocelli;
#ifdef OCELLI_EXPECT_ERROR
using In = Input<3, 32, 64>;
#else
using In = Input<3, 33, 64>;
#endif

int main() {
  const SsdLite<MobileNetV2, In, Classes<3>> detector;
  return detector.spec().maps.size() == 6 ? 0 : 1;
}
