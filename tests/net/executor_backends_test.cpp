// Whole nets on every backend: an SSD's outputs, loss and gradients on the fast backend against the
// plain loops in double, and inference with folded batch norms against the unfolded net.
// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "ocelli/box/anchors.hpp"
#include "ocelli/core/random.hpp"
#include "ocelli/cpu/backend.hpp"
#include "ocelli/loss/ssd_loss.hpp"
#include "ocelli/model/ssd.hpp"
#include "ocelli/net/executor.hpp"
#include "ocelli/reference/backend.hpp"

using namespace ocelli;

namespace {

struct Config : SsdDefaults {
  static constexpr double depth_multiplier = 0.25;
};
using Detector = SsdLite<MobileNetV2, Input<3, 64, 64>, Classes<3>, Config>;
// Six pictures: the last maps are one pixel, and a batch norm over two values would say nothing.
constexpr int kBatch = 6, kMaxBoxes = 2;

double random_value(std::uint32_t stream, std::size_t i, double scale) {
  Random random(11, Stream::init, stream, static_cast<std::uint32_t>(i));
  return scale * static_cast<double>(static_cast<float>(random.normal()));
}

/// The same numbers, exact in float, for any type.
template <class T>
void fill(const ModelView& model, Weights<T>& weights) {
  for (int p = 0; p < model.graph.param_count; ++p) {
    const ParamDesc& desc = model.graph.params[p];
    T* w = weights.params.data() + model.layout.params[p];
    // He's initial weights keep the signal's size through the net.
    const long taps = long(desc.dims[0]) * desc.dims[1] * desc.dims[2];
    const double scale = desc.kind == ParamKind::weight || desc.kind == ParamKind::depthwise_weight
                             ? std::sqrt(2.0 / static_cast<double>(taps))
                             : 0.1;
    for (long i = 0; i < desc.size(); ++i)
      w[i] = static_cast<T>(
          (desc.kind == ParamKind::gamma ? 1.0 : 0.0) +
          random_value(static_cast<std::uint32_t>(p), static_cast<std::size_t>(i), scale));
  }
}

template <class T>
std::vector<T> images_of(const ModelView& model, std::uint32_t which) {
  std::vector<T> images(static_cast<std::size_t>(model.input.size() * kBatch));
  for (std::size_t i = 0; i < images.size(); ++i)
    images[i] = static_cast<T>(std::clamp(random_value(10000 + which, i, 0.5), -1.0, 1.0));
  return images;
}

/// Everything that a step computes, in double.
struct Pass {
  double loss = 0;
  std::vector<double> boxes, classes, gradient, moving;
};

template <class T>
std::vector<double> widened(const T* data, std::size_t size) {
  return {data, data + size};
}

template <class B>
Pass pass_on(B& backend, ThreadPool& pool, const SsdSpec& spec) {
  using T = typename B::Scalar;
  const ModelView& model = spec.model;
  Weights<T> weights(model);
  fill(model, weights);
  Buffer<T> gradient(weights.params.size());
  const GroupSettings groups[kMaxGroups];
  Executor<B> executor(backend, model, kBatch, weights, gradient, groups);
  std::vector<MapSize> maps;
  for (const SsdSpec::Map& map : spec.maps) maps.push_back({map.height, map.width});
  const auto anchors = ssd_anchors<T>(maps, 64, 64, {});
  SsdLoss<T> loss(anchors, 3, {}, kBatch, kMaxBoxes);
  // Boxes of every size, so that each map has anchors that are matched.
  std::vector<BoxOf<T>> truth;
  std::vector<std::int32_t> labels, counts;
  for (int n = 0; n < kBatch; ++n) {
    const T side = T(0.125) * static_cast<T>(n + 1), left = T(0.0625);
    truth.push_back({left, left, left + side, left + side});
    truth.push_back({T(0.5), T(0.25), T(1), T(0.625)});
    labels.insert(labels.end(), {1 + n % 3, n % 2 == 0 ? 3 : 0});
    counts.push_back(n % 2 == 0 ? 2 : 1);
  }
  const std::vector<T> images = images_of<T>(model, 0);  // backward reads them too
  executor.forward(images.data(), 1, 0);
  Pass pass;
  pass.boxes = widened(executor.output(0), static_cast<std::size_t>(executor.output_size(0)));
  pass.classes = widened(executor.output(1), static_cast<std::size_t>(executor.output_size(1)));
  const GroundTruthBatch<T> batch{truth.data(), labels.data(), counts.data(), kMaxBoxes};
  pass.loss = loss(
                  pool, kBatch, batch, executor.output(0), executor.output(1),
                  executor.output_gradient(0), executor.output_gradient(1))
                  .total();
  executor.backward();
  pass.gradient = widened(gradient.data(), gradient.size());
  pass.moving = widened(weights.moving.data(), weights.moving.size());
  return pass;
}

double length(const double* a, std::size_t size) {
  double sum = 0;
  for (std::size_t i = 0; i < size; ++i) sum += a[i] * a[i];
  return std::sqrt(sum);
}
double length(const std::vector<double>& a) { return length(a.data(), a.size()); }

/// |a - b|
double distance(const double* a, const double* b, std::size_t size) {
  std::vector<double> difference(size);
  for (std::size_t i = 0; i < size; ++i) difference[i] = a[i] - b[i];
  return length(difference);
}
/// |a - b| / |b|
double error_of(const std::vector<double>& a, const std::vector<double>& b) {
  REQUIRE(a.size() == b.size());
  return distance(a.data(), b.data(), a.size()) / length(b);
}

}  // namespace

TEST_CASE("executor: an SSD on the fast backend is as near to double as plain loops in float are") {
  ThreadPool pool(2);
  const Detector detector;
  const SsdSpec spec = detector.spec();
  CpuBackend fast(pool);
  ReferenceBackend<float> plain;
  ReferenceBackend<double> exact;
  const Pass wanted = pass_on(exact, pool, spec);
  const Pass f = pass_on(plain, pool, spec), c = pass_on(fast, pool, spec);
  REQUIRE(wanted.loss > 0);

  // Rounding in float grows on its way through some sixty layers by as much as the net is
  // sensitive, which is much where batch norms divide by the deviation of six values; the plain
  // loops in float show by how much. The fast backend sums in another order, which is as good on
  // average: 4 leaves room for luck. One rounding to float is the least that can be asked.
  const double epsilon = 0x1p-23;
  const auto near = [&](double fast_error, double plain_error) {
    CHECK(plain_error < 1e-3);  // the yardstick itself
    CHECK(fast_error <= 4 * plain_error + epsilon);
  };
  // The loss goes with the outputs; its own error in one case can be small by chance.
  near(
      std::abs(c.loss - wanted.loss) / wanted.loss,
      std::max(error_of(f.boxes, wanted.boxes), error_of(f.classes, wanted.classes)));
  near(error_of(c.boxes, wanted.boxes), error_of(f.boxes, wanted.boxes));
  near(error_of(c.classes, wanted.classes), error_of(f.classes, wanted.classes));
  near(error_of(c.moving, wanted.moving), error_of(f.moving, wanted.moving));
  near(error_of(c.gradient, wanted.gradient), error_of(f.gradient, wanted.gradient));

  // Each tensor for itself, against the worst one of the plain loops. A shift in front of another
  // batch norm has a gradient of zero but for rounding, so a length that such a share of the whole
  // gradient would have is added.
  const ModelView& model = spec.model;
  const double typical = length(wanted.gradient) / std::sqrt(double(parameters(model.graph)));
  const auto error_at = [&](const Pass& pass, int p) {
    const auto at = static_cast<std::size_t>(model.layout.params[p]);
    const auto size = static_cast<std::size_t>(model.graph.params[p].size());
    return distance(&pass.gradient[at], &wanted.gradient[at], size) /
           (length(&wanted.gradient[at], size) + 0.01 * typical * std::sqrt(double(size)));
  };
  double worst = 0;
  for (int p = 0; p < model.graph.param_count; ++p) worst = std::max(worst, error_at(f, p));
  CHECK(worst < 1e-3);
  for (int p = 0; p < model.graph.param_count; ++p) {
    CAPTURE(model.graph.param_name(p));
    CHECK(error_at(c, p) <= 4 * worst);
  }
}

TEST_CASE("executor: folded batch norms give what unfolded ones give with stored statistics") {
  ThreadPool pool(2);
  const Detector detector;
  const SsdSpec spec = detector.spec();
  const ModelView& model = spec.model;
  Weights<float> weights(model);
  fill(model, weights);
  Buffer<float> gradient(weights.params.size());
  CpuBackend backend(pool);
  GroupSettings groups[kMaxGroups];
  for (GroupSettings& group : groups) group.norm.decay = 0.5;
  Executor<CpuBackend> training(backend, model, kBatch, weights, gradient, groups);
  for (std::uint32_t k = 0; k < 4; ++k) training.forward(images_of<float>(model, k).data(), 1, k);

  for (GroupSettings& group : groups) group.frozen = true;
  Executor<CpuBackend> frozen(backend, model, kBatch, weights, gradient, groups);
  Executor<CpuBackend> folded(backend, model, kBatch, weights, groups);
  Weights<double> exact_weights(model);
  for (std::size_t i = 0; i < weights.params.size(); ++i)
    exact_weights.params[i] = static_cast<double>(weights.params[i]);
  for (std::size_t i = 0; i < weights.moving.size(); ++i)
    exact_weights.moving[i] = static_cast<double>(weights.moving[i]);
  Buffer<double> exact_gradient(weights.params.size());
  ReferenceBackend<double> loops;
  Executor<ReferenceBackend<double>> exact(
      loops, model, kBatch, exact_weights, exact_gradient, groups);

  const std::vector<float> before = {
      weights.moving.data(), weights.moving.data() + weights.moving.size()};
  const auto images = images_of<float>(model, 9);
  const auto exact_images = images_of<double>(model, 9);
  frozen.forward(images.data());
  folded.forward(images.data());
  exact.forward(exact_images.data());
  for (int o = 0; o < 2; ++o) {
    const auto size = static_cast<std::size_t>(exact.output_size(o));
    double scale = 0;
    for (std::size_t i = 0; i < size; ++i) scale = std::max(scale, std::abs(exact.output(o)[i]));
    REQUIRE(scale > 0.1);
    double unfolded_error = 0, folded_error = 0;
    for (std::size_t i = 0; i < size; ++i) {
      const double wanted = exact.output(o)[i];
      const double a = std::abs(static_cast<double>(frozen.output(o)[i]) - wanted);
      const double b = std::abs(static_cast<double>(folded.output(o)[i]) - wanted);
      unfolded_error = std::isnan(a) ? 1e9 : std::max(unfolded_error, a);
      folded_error = std::isnan(b) ? 1e9 : std::max(folded_error, b);
    }
    CHECK(unfolded_error < 1e-4 * scale);
    CHECK(folded_error < 1e-4 * scale);
  }
  // Neither of them touched what was learned.
  CHECK(std::equal(before.begin(), before.end(), weights.moving.data()));

  // The fold follows the weights when it is told to, and not before.
  const std::vector<float> old = {folded.output(0), folded.output(0) + folded.output_size(0)};
  for (std::size_t i = 0; i < weights.moving.size() / 2; ++i) weights.moving[i] += 0.25f;
  folded.forward(images.data());
  CHECK(std::equal(old.begin(), old.end(), folded.output(0)));
  folded.refold();
  folded.forward(images.data());
  CHECK_FALSE(std::equal(old.begin(), old.end(), folded.output(0)));
}
