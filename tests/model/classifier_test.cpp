// Classifier: its size as published, its names, and its gradient by finite differences.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/model/classifier.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "ocelli/core/random.hpp"
#include "ocelli/loss/softmax_cross_entropy.hpp"
#include "ocelli/model/ssd.hpp"
#include "ocelli/net/executor.hpp"
#include "ocelli/reference/backend.hpp"

using namespace ocelli;

namespace {

using Any = Classes<Dynamic>;
struct Quarter : ClassifierDefaults {
  static constexpr double depth_multiplier = 0.25;
};

/// Names of the parameters with their sizes.
std::map<std::string, long> sizes_of(const GraphView& graph) {
  std::map<std::string, long> sizes;
  for (int p = 0; p < graph.param_count; ++p) sizes[graph.param_name(p)] = graph.params[p].size();
  return sizes;
}

/// A backbone that a finite difference can afford.
struct Small {
  static constexpr char name[] = "small";
  template <class Config>
  using Layers = Sequential<Conv<3, 3, 2>, BatchNorm, Relu6, DepthwiseConv<3>, BatchNorm, Swish>;
};
using SmallClassifier = Classifier<Small, Input<3, 6, 5>, Any>;

}  // namespace

TEST_CASE("classifier: the size of both nets as published for 1000 classes") {
  // Keras' trainable parameters, MobileNet and MobileNetV2 of width 1.
  const Classifier<MobileNetV1, Input<3, 224, 224>, Any> first({224, 224, 3}, 1000);
  CHECK(parameters(first.view().graph) == 4'231'976);
  const Classifier<MobileNetV2, Input<3, 224, 224>, Any> second({224, 224, 3}, 1000);
  CHECK(parameters(second.view().graph) == 3'504'872);
  const ClassifierSpec spec = second.spec();
  CHECK(spec.head.input == Shape{1, 1, 1280});
  CHECK(spec.features.graph.param_count + 2 == spec.model.graph.param_count);
  const GraphView& graph = spec.model.graph;
  CHECK(graph.tensors[graph.outputs[0]].shape == Shape{1, 1, 1000});
}

TEST_CASE("classifier: one class more is one column more, without a background") {
  using Net = Classifier<MobileNetV1, Input<3, 32, 32>, Any, Quarter>;
  const Net three({32, 32, 3}, 3), four({32, 32, 3}, 4);
  CHECK(sizes_of(three.view().graph).at("head/conv/bias") == 3);
  CHECK(sizes_of(four.view().graph).at("head/conv/bias") == 4);
  CHECK(sizes_of(four.view().graph).at("head/conv/weight") == 4 * 256);
}

TEST_CASE("classifier: the backbone has the names and sizes of a detector's") {
  const Classifier<MobileNetV2, Input<3, 64, 64>, Any, Quarter> classifier({64, 64, 3}, 5);
  const SsdLite<MobileNetV2, Input<3, 64, 64>, Any, Quarter> detector({64, 64, 3}, 2);
  std::map<std::string, long> of_classifier = sizes_of(classifier.view().graph), backbone;
  for (const auto& [name, size] : sizes_of(detector.view().graph))
    if (name.starts_with("backbone/")) backbone[name] = size;
  CHECK(of_classifier.erase("head/conv/weight") == 1);
  CHECK(of_classifier.erase("head/conv/bias") == 1);
  CHECK(of_classifier == backbone);
}

TEST_CASE("classifier: gradients of the smoothed loss, with dropout") {
  constexpr int kClasses = 4, kBatch = 3;
  constexpr double kSmoothing = 0.1, kStep = 1e-6;
  const SmallClassifier net({6, 5, 3}, kClasses);
  const ModelView& view = net.view();
  Weights<double> weights(view);
  Buffer<double> gradient(weights.params.size());
  Random random(11, Stream::init, 0, 0);
  for (int p = 0; p < view.graph.param_count; ++p)
    for (long i = 0; i < view.graph.params[p].size(); ++i)
      weights.params[static_cast<std::size_t>(view.layout.params[p] + i)] =
          0.5 * random.normal() + (view.graph.params[p].init == InitKind::ones ? 1 : 0);
  std::vector<double> images(static_cast<std::size_t>(view.input.size() * kBatch));
  for (double& value : images) value = random.normal();
  GroupSettings groups[kMaxGroups];
  groups[static_cast<std::size_t>(ClassifierGroup::head)].dropout_keep = 0.7f;
  ReferenceBackend<double> backend;
  Executor<ReferenceBackend<double>> executor(backend, view, kBatch, weights, gradient, groups);
  const auto loss = [&](bool with_gradient) {
    executor.forward(images.data(), 5, 2);
    double sum = 0;
    for (int n = 0; n < kBatch; ++n)
      sum += smoothed_cross_entropy(
          executor.output(0) + n * kClasses, kClasses, (2 * n + 1) % kClasses, kSmoothing,
          1.0 / kBatch, with_gradient ? executor.output_gradient(0) + n * kClasses : nullptr);
    return sum;
  };
  loss(true);
  executor.backward();
  int checked = 0;
  for (int p = 0; p < view.graph.param_count; ++p)
    for (long i = 0; i < view.graph.params[p].size(); ++i, ++checked) {
      double& w = weights.params[static_cast<std::size_t>(view.layout.params[p] + i)];
      const double before = w;
      w = before + kStep;
      const double up = loss(false);
      w = before - kStep;
      const double down = loss(false);
      w = before;
      CAPTURE(view.graph.param_name(p));
      // Rounding, epsilon * |loss| / h = 4e-10, and curvature; no relu6 kink is within h.
      CHECK(
          std::abs(
              (up - down) / (2 * kStep) -
              gradient[static_cast<std::size_t>(view.layout.params[p] + i)]) < 1e-7);
    }
  CHECK(checked == 3 * 3 * 3 * 3 + 6 + 27 + 6 + 12 + 4);
}
