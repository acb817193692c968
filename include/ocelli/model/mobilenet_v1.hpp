// MobileNet v1: a stack of depthwise separable convolutions.
//
// Howard et al., "MobileNets", arXiv:1704.04861, table 1; widths as in TensorFlow's SSD.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ocelli/model/config.hpp"

namespace ocelli {

/// The backbone of an SSD: taps its maps 0 (layer 11) and 1 (layer 13).
struct MobileNetV1 {
  static constexpr char name[] = "mobilenet_v1";
  static constexpr bool depthwise_extras = false;
  static constexpr int min_negatives_per_image = 0;

  template <int Out, class Config>
  static constexpr int depth = scaled_depth(Out, Config::depth_multiplier, Config::min_depth);

  template <int Number, int Out, int Stride, class Config>
  using Separable = Named<
      LayerNumber<Number>, Sequential<
                               DepthwiseConv<3, Stride>, BatchNorm, Relu6,
                               Conv<depth<Out, Config>, 1>, BatchNorm, Relu6>>;

  template <class Config>
  using Layers = Sequential<
      Named<LayerNumber<0>, Sequential<Conv<depth<32, Config>, 3, 2>, BatchNorm, Relu6>>,
      Separable<1, 64, 1, Config>, Separable<2, 128, 2, Config>, Separable<3, 128, 1, Config>,
      Separable<4, 256, 2, Config>, Separable<5, 256, 1, Config>, Separable<6, 512, 2, Config>,
      Separable<7, 512, 1, Config>, Separable<8, 512, 1, Config>, Separable<9, 512, 1, Config>,
      Separable<10, 512, 1, Config>, Separable<11, 512, 1, Config>, Tap<FeatureMap<0>>,
      Separable<12, 1024, 2, Config>, Separable<13, 1024, 1, Config>, Tap<FeatureMap<1>>>;
};

}  // namespace ocelli
