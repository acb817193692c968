// error: ssd: the anchor layers must be as many as the net's feature maps
// Five anchor layers for six maps.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/model/ssd.hpp"

using namespace ocelli;
struct Config : SsdDefaults {
#ifdef OCELLI_EXPECT_ERROR
  static constexpr int anchor_generator_num_layers = 5;
#endif
};

int main() {
  const Ssd<MobileNetV1, Input<3, 300, 300>, Classes<Dynamic>, Config> detector({300, 300, 3}, 3);
  return detector.spec().maps.size() == 6 ? 0 : 1;
}
