// SSD: a backbone, extra layers that halve the map four times, and a box and a class head per map.
//
// Liu et al., "SSD: Single Shot MultiBox Detector", arXiv:1512.02325; SSDLite (depthwise heads):
// arXiv:1801.04381, section 6.2.
//
// Outputs: 0 box codes [N, 1, A, 4], 1 class logits [N, 1, A, C + 1], column 0 = background. A
// counts anchors in the order map, y, x, box.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "ocelli/model/mobilenet_v1.hpp"
#include "ocelli/model/mobilenet_v2.hpp"
#include "ocelli/net/model.hpp"

namespace ocelli {

inline constexpr int kSsdMaps = 6;

/// Boxes at each location of map `map`.
constexpr int ssd_boxes_per_location(int map, bool reduce_lowest) {
  return map == 0 && reduce_lowest ? 3 : 6;
}

namespace ssd {

struct BackboneName {
  static constexpr char name[] = "backbone";
};
struct ExtrasName {
  static constexpr char name[] = "extras";
};
struct HeadsName {
  static constexpr char name[] = "heads";
};
struct BoxName {
  static constexpr char name[] = "box";
};
struct ClassName {
  static constexpr char name[] = "class";
};
struct SharedName {
  static constexpr char name[] = "shared";
};

/// Halves the map: 1x1 to half the depth, then 3x3 of stride 2, dense or depthwise and 1x1.
template <int Map, int Depth, bool Depthwise, class Config>
struct Extra {
  static constexpr int wide = scaled_depth(Depth, Config::depth_multiplier, Config::min_depth);
  static constexpr int narrow =
      scaled_depth(Depth / 2, Config::depth_multiplier, Config::min_depth);
  using Act = Activate<static_cast<Activation>(Config::first_stage_activation)>;
  using Squeeze = Sequential<Conv<narrow, 1>, BatchNorm, Act>;
  using Dense = Sequential<Squeeze, Conv<wide, 3, 2>, BatchNorm, Act>;
  using Separable =
      Sequential<Squeeze, DepthwiseConv<3, 2>, BatchNorm, Act, Conv<wide, 1>, BatchNorm, Act>;

  static constexpr TensorId emit(Builder& net, TensorId x) {
    if constexpr (Depthwise) {
      return Named<FeatureMap<Map>, Sequential<Separable, Tap<FeatureMap<Map>>>>::emit(net, x);
    } else {
      return Named<FeatureMap<Map>, Sequential<Dense, Tap<FeatureMap<Map>>>>::emit(net, x);
    }
  }
};

/// One head of one map: a K x K convolution with bias, or (SSDLite) depthwise and 1x1.
template <class Out, bool Lite, class Config>
struct Head {
  static constexpr int kernel = Config::second_stage_kernel_size;
  using Act = Activate<static_cast<Activation>(Config::second_stage_activation)>;
  static constexpr TensorId emit(Builder& net, TensorId x) {
    if constexpr (Lite) {
      return Sequential<
          DepthwiseConv<kernel>, BatchNorm, Act, BasicConv<Out, 1, 1, Same, Bias>>::emit(net, x);
    } else {
      return BasicConv<Out, kernel, 1, Same, Bias>::emit(net, x);
    }
  }
};

/// The 1x1 layers in front of both heads of a map, if the configuration has any.
template <class Config>
struct BeforePredictor {
  static constexpr TensorId emit(Builder& net, TensorId x) {
    const int channels = net.shape(x).channels;
    int depth =
        channels < Config::second_stage_max_depth ? channels : Config::second_stage_max_depth;
    if (depth < Config::second_stage_min_depth) depth = Config::second_stage_min_depth;
    if (depth <= 0) return x;
    for (int i = 0; i < Config::second_stage_num_layers_before_predictor; ++i) {
      net.enter("conv");
      x = detail::emit_conv(net, x, depth, 1, 1, 1, 1, Same::padding, false);
      net.leave();
      x = Sequential<
          BatchNorm,
          Activate<static_cast<Activation>(Config::second_stage_activation)>>::emit(net, x);
    }
    return x;
  }
};

/// All heads, and the two joins over the maps.
template <bool Lite, class Config>
struct Heads {
  template <int Map>
  static constexpr void emit_map(
      Builder& net, TensorId (&boxes)[kSsdMaps], TensorId (&classes)[kSsdMaps]) {
    constexpr int count =
        ssd_boxes_per_location(Map, Config::anchor_generator_reduce_boxes_in_lowest_layer);
    net.enter(FeatureMap<Map>::name);
    TensorId x = net.tapped(FeatureMap<Map>::name);
    x = Named<SharedName, BeforePredictor<Config>>::emit(net, x);
    boxes[Map] = Named<BoxName, Head<Channels<4 * count>, Lite, Config>>::emit(net, x);
    if constexpr (Config::second_stage_use_dropout) x = Dropout<>::emit(net, x);
    classes[Map] = Named<ClassName, Head<PerClass<count, 1, 1>, Lite, Config>>::emit(net, x);
    net.leave();
  }
  static constexpr TensorId emit(Builder& net, TensorId x) {
    TensorId boxes[kSsdMaps] = {}, classes[kSsdMaps] = {};
    emit_map<0>(net, boxes, classes);
    emit_map<1>(net, boxes, classes);
    emit_map<2>(net, boxes, classes);
    emit_map<3>(net, boxes, classes);
    emit_map<4>(net, boxes, classes);
    emit_map<5>(net, boxes, classes);
    net.output(detail::emit_concat(net, boxes, kSsdMaps, true, 4));
    net.output(detail::emit_concat(net, classes, kSsdMaps, true, net.classes() + 1));
    return x;
  }
};

/// The whole net.
template <class Backbone, bool Lite, class Config>
struct Net {
  static constexpr int kSmallest = 33;
  static constexpr TensorId emit(Builder& net, TensorId x) {
    const Shape in = net.shape(x);
    if (in.height < kSmallest || in.width < kSmallest)
      net.fail(DiagCode::input_too_small, in, {kSmallest, kSmallest, 0});
    if (Config::anchor_generator_num_layers != kSsdMaps)
      net.fail(
          DiagCode::map_count_differs, {Config::anchor_generator_num_layers, 0, 0},
          {kSsdMaps, 0, 0});
    constexpr bool separable = Backbone::depthwise_extras;
    using Extras = Sequential<
        Extra<2, 512, separable, Config>, Extra<3, 256, separable, Config>,
        Extra<4, 256, separable, Config>, Extra<5, 128, separable, Config>>;
    return Sequential<
        Group<0, Named<BackboneName, typename Backbone::template Layers<Config>>>,
        Group<1, Named<ExtrasName, Extras>>,
        Group<2, Named<HeadsName, Heads<Lite, Config>>>>::emit(net, x);
  }
};

}  // namespace ssd

/// What a trainer or a program needs to know of an SSD, without being a template on it.
struct SsdSpec {
  struct Map {
    int height = 0, width = 0;
  };

  ModelView model;
  const char* backbone = "";
  bool lite = false;
  int min_negatives_per_image = 0;
  bool reduce_boxes_in_lowest_layer = true;
  std::vector<Map> maps;  ///< in the order of the anchors
  int anchors = 0;
};

/// A single-shot detector as a type.
/// @tparam Backbone  MobileNetV1 or MobileNetV2
/// @tparam In        Input<3, H, W>, at least 33 x 33
/// @tparam Cls       Classes<N> without background, or Classes<Dynamic>
/// @tparam Config    SsdDefaults or one derived from it
/// @tparam Lite      depthwise heads
template <class Backbone, class In, class Cls, class Config = SsdDefaults, bool Lite = false>
class Ssd : public Model<ssd::Net<Backbone, Lite, Config>, In, Cls> {
  using Base = Model<ssd::Net<Backbone, Lite, Config>, In, Cls>;

 public:
  using Configuration = Config;
  using Base::Base;

  SsdSpec spec() const {
    SsdSpec spec;
    spec.model = this->view();
    spec.backbone = Backbone::name;
    spec.lite = Lite;
    spec.min_negatives_per_image = Backbone::min_negatives_per_image;
    spec.reduce_boxes_in_lowest_layer = Config::anchor_generator_reduce_boxes_in_lowest_layer;
    const GraphView& graph = spec.model.graph;
    for (int i = 0; i < graph.tap_count; ++i) {
      const Shape map = graph.tensors[graph.taps[i].tensor].shape;
      spec.maps.push_back({map.height, map.width});
      spec.anchors += static_cast<int>(map.pixels()) *
                      ssd_boxes_per_location(i, spec.reduce_boxes_in_lowest_layer);
    }
    return spec;
  }
};

/// SSD with depthwise heads.
template <class Backbone, class In, class Cls, class Config = SsdDefaults>
using SsdLite = Ssd<Backbone, In, Cls, Config, true>;

}  // namespace ocelli
