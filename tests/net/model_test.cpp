// Models against published counts of parameters and multiply-adds, and static against dynamic.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/net/model.hpp"

#include <doctest/doctest.h>

#include <set>
#include <string>

#include "ocelli/model/resnet.hpp"
#include "ocelli/model/ssd.hpp"
#include "support/vectors.hpp"

namespace {
using namespace ocelli;
using Picture = Input<3, 300, 300>;
struct Kernel1 : SsdDefaults {
  static constexpr int second_stage_kernel_size = 1;
};
struct Deep {
  static constexpr char name[] = "deep";
};

template <class Detector>
void check_costs(const nlohmann::json& wanted) {
  INFO(wanted.at("name").get<std::string>());
  const Detector model;
  CHECK(Detector::parameters() == wanted.at("params_total").get<long>());
  CHECK(2 * model.view().graph.param_count > 0);
  long channels = 0;
  for (int i = 0; i < model.view().graph.norm_count; ++i)
    channels += model.view().graph.norms[i].channels;
  CHECK(2 * channels == wanted.at("bn_gamma_beta").get<long>());
  CHECK(
      static_cast<double>(Detector::flops()) / 1e9 ==
      doctest::Approx(wanted.at("gflop").get<double>()).epsilon(1e-9));
}
}  // namespace

TEST_CASE("model: parameters and FLOPs as published") {
  const nlohmann::json vectors = test::vectors("model_costs");
  int found = 0;
  for (const auto& model : vectors.at("models")) {
    if (model.contains("num_classes")) continue;
    const auto name = model.at("name").get<std::string>();
    if (name == "ssd-mobilenet-v1 k1") {
      check_costs<Ssd<MobileNetV1, Picture, Classes<90>, Kernel1>>(model);
    } else if (name == "ssd-mobilenet-v1 k3") {
      check_costs<Ssd<MobileNetV1, Picture, Classes<90>>>(model);
    } else if (name == "ssd-mobilenet-v2 k3 depthwise extras") {
      check_costs<Ssd<MobileNetV2, Picture, Classes<90>>>(model);
    } else if (name == "ssdlite-mobilenet-v2") {
      check_costs<SsdLite<MobileNetV2, Picture, Classes<90>>>(model);
    } else {
      continue;
    }
    ++found;
  }
  CHECK(found == 4);
}

TEST_CASE("model: the maps of SSD at 300 x 300") {
  const SsdSpec spec = Ssd<MobileNetV2, Picture, Classes<90>>().spec();
  const int sizes[] = {19, 10, 5, 3, 2, 1};
  REQUIRE(spec.maps.size() == 6);
  for (std::size_t i = 0; i < 6; ++i) {
    CHECK(spec.maps[i].height == sizes[i]);
    CHECK(spec.maps[i].width == sizes[i]);
  }
  CHECK(spec.anchors == 1917);
  const GraphView graph = spec.model.graph;
  CHECK(graph.tensors[graph.outputs[0]].shape == Shape{1, 1917, 4});
  CHECK(graph.tensors[graph.outputs[1]].shape == Shape{1, 1917, 91});
}

TEST_CASE("model: ResNet backbones have the published number of parameters") {
  // First stage of Faster R-CNN: 8,543,296 and 27,535,424; block 4: 14,964,736.
  using In = Input<3, 224, 224>;
  CHECK(Model<ResNetC4<6>, In>::parameters() == 8'543'296);
  CHECK(Model<ResNetC4<23>, In>::parameters() == 27'535'424);
  CHECK(Model<ResNet101<>, In>::parameters() == 27'535'424 + 14'964'736);
}

TEST_CASE("model: a dynamic model equals the static one of the same extents") {
  const SsdLite<MobileNetV2, Input<3, 160, 192>, Classes<5>> fixed;
  const SsdLite<MobileNetV2, Input<3, Dynamic, Dynamic>, Classes<Dynamic>> open({160, 192, 3}, 5);
  const ModelView &a = fixed.view(), &b = open.view();
  CHECK(a.train.arena_floats == b.train.arena_floats);
  CHECK(a.infer.arena_floats == b.infer.arena_floats);
  CHECK(a.layout.param_floats == b.layout.param_floats);
  REQUIRE(a.graph.param_count == b.graph.param_count);
  for (int p = 0; p < a.graph.param_count; ++p) {
    CHECK(a.graph.param_name(p) == b.graph.param_name(p));
    CHECK(a.layout.params[p] == b.layout.params[p]);
  }
  for (int t = 0; t < a.graph.tensor_count; ++t)
    CHECK(a.graph.tensors[t].shape == b.graph.tensors[t].shape);
}

TEST_CASE("model: every parameter has a name of its own") {
  const SsdLite<MobileNetV2, Picture, Classes<90>> model;
  std::set<std::string> names;
  const GraphView graph = model.view().graph;
  for (int p = 0; p < graph.param_count; ++p) names.insert(graph.param_name(p));
  CHECK(names.size() == static_cast<std::size_t>(graph.param_count));
  CHECK(names.contains("backbone/layer_15/expand/conv/weight"));
  CHECK(names.contains("heads/map_0/class/conv/bias"));
}

TEST_CASE("layout: segments are contiguous, aligned, and hold what they say") {
  const Ssd<MobileNetV1, Picture, Classes<3>> model;
  const GraphView graph = model.view().graph;
  const LayoutView layout = model.view().layout;
  long at = 0;
  for (int s = 0; s < layout.segment_count; ++s) {
    const Segment& segment = layout.segments[s];
    CHECK(segment.offset == at);
    CHECK(segment.offset % kSegmentAlignment == 0);
    at += segment.size;
    for (int p = 0; p < graph.param_count; ++p) {
      const bool inside = layout.params[p] >= segment.offset && layout.params[p] < at;
      const bool belongs =
          graph.params[p].group == segment.group && graph.params[p].decay == segment.decay;
      CHECK(inside == belongs);
    }
  }
  CHECK(at == layout.param_floats);
}

TEST_CASE(
    "model: a mistake in a dynamic net is a ShapeError that names the layer and both shapes") {
  using Pool = Sequential<MaxPool<2>, Named<Deep, Conv<4, 9, 1, Valid>>>;
  // 320 and 513 are fine, so the compiler lets it pass; 12 pixels are too few for 9 after the pool.
  using Net = Model<Pool, Input<3, Dynamic, Dynamic>>;
  const auto make = [] { return Net({12, 12, 3}, 1); };
  CHECK_THROWS_WITH_AS(
      make(), "deep/conv: the input [6,6,3] is smaller than the kernel 9 x 9", ShapeError);
}

TEST_CASE("model: an input that the type does not allow is a ShapeError with both shapes") {
  using Net = Model<Sequential<Conv<4, 3>>, Input<3, 96, Dynamic>, Classes<Dynamic>>;
  const auto make = [] { return Net({300, 300, 3}, 2); };
  CHECK_THROWS_WITH_AS(
      make(), doctest::Contains("the input is [300,300,3], the model's type fixes [96,300,3]"),
      ShapeError);
  CHECK(Net::input_shape({300, 200, 3}) == Shape{96, 200, 3});
}
