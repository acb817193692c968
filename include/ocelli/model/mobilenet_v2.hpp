// MobileNet v2: inverted residuals with linear bottlenecks.
//
// Sandler et al., "MobileNetV2", arXiv:1801.04381, table 2; widths and taps as in TensorFlow's SSD.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ocelli/model/config.hpp"

namespace ocelli {

/// The backbone of an SSD: taps its maps 0 (the expansion of layer 15) and 1 (layer 19).
struct MobileNetV2 {
  static constexpr char name[] = "mobilenet_v2";
  static constexpr bool depthwise_extras = true;
  static constexpr int min_negatives_per_image = 3;

  template <int Out, class Config>
  static constexpr int depth = divisible_depth(Out, Config::depth_multiplier, Config::min_depth);

  struct Expand {
    static constexpr char name[] = "expand";
  };
  struct Depthwise {
    static constexpr char name[] = "depthwise";
  };
  struct Project {
    static constexpr char name[] = "project";
  };

  /// 1x1 convolution to Ratio times the input's channels.
  template <int Ratio>
  struct ExpandConv {
    static constexpr TensorId emit(Builder& net, TensorId x) {
      const int wide = divisible_depth(net.shape(x).channels * Ratio, 1.0, 8);
      net.enter("conv");
      x = detail::emit_conv(net, x, wide, 1, 1, 1, 1, Same::padding, false);
      net.leave();
      return x;
    }
  };

  /// Expands, filters each channel, projects; adds its input where the shapes agree. `AfterExpand`
  /// is a tap, or nothing.
  template <int Number, int Ratio, int Out, int Stride, class Config, Layer AfterExpand = Identity>
  using InvertedResidual = Named<
      LayerNumber<Number>,
      ResidualWhereSame<Sequential<
          Named<Expand, Sequential<ExpandConv<Ratio>, BatchNorm, Relu6>>, AfterExpand,
          Named<Depthwise, Sequential<DepthwiseConv<3, Stride, Same, NoDecay>, BatchNorm, Relu6>>,
          Named<Project, Sequential<Conv<depth<Out, Config>, 1>, BatchNorm>>>>>;

  template <class Config>
  using Layers = Sequential<
      Named<LayerNumber<1>, Sequential<Conv<depth<32, Config>, 3, 2>, BatchNorm, Relu6>>,
      Named<
          LayerNumber<2>,
          ResidualWhereSame<Sequential<
              Named<Depthwise, Sequential<DepthwiseConv<3, 1, Same, NoDecay>, BatchNorm, Relu6>>,
              Named<Project, Sequential<Conv<depth<16, Config>, 1>, BatchNorm>>>>>,
      InvertedResidual<3, 6, 24, 2, Config>, InvertedResidual<4, 6, 24, 1, Config>,
      InvertedResidual<5, 6, 32, 2, Config>, InvertedResidual<6, 6, 32, 1, Config>,
      InvertedResidual<7, 6, 32, 1, Config>, InvertedResidual<8, 6, 64, 2, Config>,
      InvertedResidual<9, 6, 64, 1, Config>, InvertedResidual<10, 6, 64, 1, Config>,
      InvertedResidual<11, 6, 64, 1, Config>, InvertedResidual<12, 6, 96, 1, Config>,
      InvertedResidual<13, 6, 96, 1, Config>, InvertedResidual<14, 6, 96, 1, Config>,
      InvertedResidual<15, 6, 160, 2, Config, Tap<FeatureMap<0>>>,
      InvertedResidual<16, 6, 160, 1, Config>, InvertedResidual<17, 6, 160, 1, Config>,
      InvertedResidual<18, 6, 320, 1, Config>,
      Named<LayerNumber<19>, Sequential<Conv<depth<1280, Config>, 1>, BatchNorm, Relu6>>,
      Tap<FeatureMap<1>>>;
};

}  // namespace ocelli
