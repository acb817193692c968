// The device's loss, clipping, optimizer and average against the host's, on the same numbers.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/cuda/step_math.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "ocelli/core/random.hpp"
#include "ocelli/cuda/backend.hpp"
#include "ocelli/train/host_step_math.hpp"

using namespace ocelli;

namespace {

constexpr int kAnchors = 60, kClasses = 3, kBatch = 2, kCapacity = 4;
constexpr long kSlab = 10'000;

/// Slabs, a batch's truth and the net's outputs, from a seed.
struct Numbers {
  std::vector<float> weights, gradient, momentum, mean_square, average;
  std::vector<Box> anchors, boxes;
  std::vector<std::int32_t> labels;
  std::vector<int> counts;
  std::vector<float> codes, logits, d_codes, d_logits;

  Numbers() {
    Random random(3, Stream::init);
    const auto fill = [&](std::vector<float>& v, long size, double scale) {
      v.resize(static_cast<std::size_t>(size));
      for (float& x : v) x = static_cast<float>(scale * random.normal());
    };
    fill(weights, kSlab, 0.5);
    fill(gradient, kSlab, 2);
    fill(momentum, kSlab, 0.1);
    fill(average, kSlab, 0.5);
    mean_square.assign(weights.size(), 1.0f);
    const auto box = [&] {
      const auto y = static_cast<float>(0.7 * random.uniform());
      const auto x = static_cast<float>(0.7 * random.uniform());
      return Box{y, x, y + 0.25f, x + 0.25f};
    };
    for (int a = 0; a < kAnchors; ++a) anchors.push_back(box());
    for (int b = 0; b < kBatch * kCapacity; ++b) {
      boxes.push_back(box());
      labels.push_back(1 + b % kClasses);
    }
    counts = {3, 0};
    fill(codes, long{kBatch} * kAnchors * 4, 1);
    fill(logits, long{kBatch} * kAnchors * (kClasses + 1), 1);
    d_codes.resize(codes.size());
    d_logits.resize(logits.size());
  }
  GroundTruthBatch<float> truth() const {
    return {boxes.data(), labels.data(), counts.data(), kCapacity};
  }
};

UpdatePlan plan_with(bool rmsprop, Clipping clipping, bool average) {
  UpdatePlan plan;
  plan.slab_floats = kSlab;
  // The numbers from 9024 on are frozen; the second segment holds a tensor that ends early.
  plan.segments = {{0, 6016, 0.01}, {6016, 3008, 0}};
  plan.tensors = {{0, 5000, 0.01}, {5024, 992, 0.01}, {6016, 7, 0}, {6048, 2900, 0}};
  plan.rmsprop = rmsprop;
  plan.clipping = clipping;
  plan.clip_limit = clipping == Clipping::none ? 0 : 30;
  plan.average_decay = average ? 0.75 : 0;
  return plan;
}

/// Puts zeroes between the tensors, as a layout has them.
void clear_gaps(std::vector<float>& slab, const UpdatePlan& plan) {
  std::vector<char> used(slab.size(), 0);
  for (const UpdatePlan::Piece& one : plan.tensors)
    std::memset(used.data() + one.offset, 1, static_cast<std::size_t>(one.size));
  for (std::size_t i = 0; i < 9024; ++i)
    if (used[i] == 0) slab[i] = 0;
}

struct Outcome {
  Numbers numbers;
  StepResult result;
};

Outcome on_host(const Numbers& start, const UpdatePlan& plan, int batches) {
  Outcome o{start, {}};
  Numbers& n = o.numbers;
  ThreadPool pool(1);
  int no_backend = 0;
  train::HostStepMath math(
      no_backend, pool, n.anchors, kClasses, SsdLossOptions{}, kBatch, kCapacity, plan);
  std::vector<float> kept = n.gradient;
  math.begin(n.gradient.data());
  for (const float v : n.gradient) REQUIRE(v == 0.0f);
  n.gradient = kept;
  for (int k = 0; k < batches; ++k)
    math.loss(
        kBatch, n.truth(), n.codes.data(), n.logits.data(), n.d_codes.data(), n.d_logits.data());
  math.update(
      {n.weights.data(), n.gradient.data(), n.momentum.data(),
       plan.rmsprop ? n.mean_square.data() : nullptr,
       plan.average_decay > 0 ? n.average.data() : nullptr},
      0.02);
  o.result = math.result();
  return o;
}

template <class T>
cuda::Memory<T> sent(const std::vector<T>& host) {
  cuda::Memory<T> device(host.size());
  device.upload(host.data(), host.size());
  return device;
}
template <class T>
void fetch(std::vector<T>& host, const cuda::Memory<T>& device) {
  device.download(host.data(), host.size());
}

Outcome on_device(const Numbers& start, const UpdatePlan& plan, int batches) {
  Outcome o{start, {}};
  Numbers& n = o.numbers;
  ThreadPool pool(1);
  CudaBackend backend;
  cuda::StepMath math(
      backend, pool, n.anchors, kClasses, SsdLossOptions{}, kBatch, kCapacity, plan);
  auto weights = sent(n.weights), gradient = sent(n.gradient), momentum = sent(n.momentum),
       mean_square = sent(n.mean_square), average = sent(n.average);
  const auto codes = sent(n.codes), logits = sent(n.logits);
  auto d_codes = sent(n.d_codes), d_logits = sent(n.d_logits);
  for (int k = 0; k < batches; ++k) {
    const bool first = k == 0, last = k == batches - 1;
    math.next({{}, first, last, 0.02});
    math.feed(nullptr, 0, kBatch, n.truth());
    math.run([&] {
      if (first) {
        math.begin(gradient.data());
        std::vector<float> zeroes(n.gradient.size());
        fetch(zeroes, gradient);
        for (const float v : zeroes) REQUIRE(v == 0.0f);
        gradient.upload(n.gradient.data(), n.gradient.size());
      }
      math.loss(codes.data(), logits.data(), d_codes.data(), d_logits.data());
      if (last)
        math.update(
            {weights.data(), gradient.data(), momentum.data(),
             plan.rmsprop ? mean_square.data() : nullptr,
             plan.average_decay > 0 ? average.data() : nullptr});
    });
  }
  CHECK(math.pending() == 1);
  o.result = math.result();
  CHECK(math.pending() == 0);
  CHECK_THROWS_AS(math.result(), Error);
  fetch(n.weights, weights);
  fetch(n.momentum, momentum);
  fetch(n.mean_square, mean_square);
  fetch(n.average, average);
  fetch(n.d_codes, d_codes);
  fetch(n.d_logits, d_logits);
  return o;
}

void check_near(const std::vector<float>& a, const std::vector<float>& b) {
  REQUIRE(a.size() == b.size());
  double worst = 0;
  for (std::size_t i = 0; i < a.size(); ++i)
    worst = std::fmax(
        worst, std::abs(double{a[i]} - double{b[i]}) / std::fmax(1.0, std::abs(double{b[i]})));
  CHECK(worst < 1e-5);
}

}  // namespace

TEST_CASE("step_math: the device's step is the host's") {
  for (const bool rmsprop : {true, false})
    for (const Clipping clipping : {Clipping::none, Clipping::global_norm, Clipping::per_tensor})
      for (const bool average : {false, true})
        for (const int batches : {1, 3}) {
          CAPTURE(rmsprop);
          CAPTURE(static_cast<int>(clipping));
          CAPTURE(average);
          CAPTURE(batches);
          const UpdatePlan plan = plan_with(rmsprop, clipping, average);
          Numbers start;
          for (std::vector<float>* slab :
               {&start.weights, &start.gradient, &start.momentum, &start.average})
            clear_gaps(*slab, plan);
          for (std::size_t i = 0; i < start.weights.size(); ++i)
            if (i >= 9024) start.average[i] = start.weights[i];
          const Outcome host = on_host(start, plan, batches);
          const Outcome device = on_device(start, plan, batches);
          const StepResult &a = device.result, &b = host.result;
          CHECK(a.localization == doctest::Approx(b.localization).epsilon(1e-6));
          CHECK(a.classification == doctest::Approx(b.classification).epsilon(1e-6));
          CHECK(a.regularization == doctest::Approx(b.regularization).epsilon(1e-9));
          CHECK(a.gradient_norm == doctest::Approx(b.gradient_norm).epsilon(1e-7));
          CHECK(a.matches == b.matches);
          CHECK(a.learning_rate == b.learning_rate);
          CHECK(a.finite);
          CHECK(b.finite);
          CHECK(b.regularization > 0);
          check_near(device.numbers.weights, host.numbers.weights);
          check_near(device.numbers.momentum, host.numbers.momentum);
          if (rmsprop) check_near(device.numbers.mean_square, host.numbers.mean_square);
          check_near(device.numbers.average, host.numbers.average);
          check_near(device.numbers.d_codes, host.numbers.d_codes);
          check_near(device.numbers.d_logits, host.numbers.d_logits);
          CHECK(device.numbers.weights != start.weights);
          CHECK((device.numbers.average != start.average) == average);
        }
}

TEST_CASE("step_math: a loss that is not finite leaves everything as it was") {
  Numbers start;
  start.logits[7] = std::numeric_limits<float>::quiet_NaN();
  const UpdatePlan plan = plan_with(true, Clipping::global_norm, true);
  const Outcome device = on_device(start, plan, 2);
  CHECK_FALSE(device.result.finite);
  CHECK(device.numbers.weights == start.weights);
  CHECK(device.numbers.momentum == start.momentum);
  CHECK(device.numbers.mean_square == start.mean_square);
  CHECK(device.numbers.average == start.average);
}

TEST_CASE("step_math: a gradient that is not finite is told") {
  Numbers start;
  start.gradient[6020] = std::numeric_limits<float>::infinity();
  CHECK_FALSE(on_device(start, plan_with(false, Clipping::none, false), 1).result.finite);
  CHECK_FALSE(on_host(start, plan_with(false, Clipping::none, false), 1).result.finite);
}

TEST_CASE("step_math: adding up is as cheap as its floor says") {
  // A batch's three sums and its flag are read, those of the step are read and written; its flag is
  // written only where something went wrong.
  constexpr long sums = 3 * sizeof(double), flag = sizeof(std::int32_t);
  CHECK(kernel::add_totals_floor().bytes == 3 * sums + flag);
  CHECK(kernel::add_totals_floor().flops == 3);
}

TEST_CASE(
    "step_math: a step after one that nobody looked at writes nothing if that was not finite") {
  const UpdatePlan plan = plan_with(false, Clipping::none, false);
  for (const bool looks : {false, true}) {
    CAPTURE(looks);
    Numbers n;
    ThreadPool pool(1);
    CudaBackend backend(pool);
    cuda::StepMath math(
        backend, pool, n.anchors, kClasses, SsdLossOptions{}, kBatch, kCapacity, plan);
    auto weights = sent(n.weights), gradient = sent(n.gradient), momentum = sent(n.momentum);
    auto logits = sent(n.logits);
    const auto codes = sent(n.codes);
    auto d_codes = sent(n.d_codes), d_logits = sent(n.d_logits);
    const auto step = [&] {
      simt::synchronize();  // uploads go through the default stream
      math.next({{}, true, true, 0.02});
      math.feed(nullptr, 0, kBatch, n.truth());
      math.run([&] {
        math.begin(gradient.data());
        math.loss(codes.data(), logits.data(), d_codes.data(), d_logits.data());
        math.update({weights.data(), gradient.data(), momentum.data(), nullptr, nullptr});
      });
    };
    const float bad = std::numeric_limits<float>::quiet_NaN();
    logits.upload(&bad, 1);
    step();
    if (looks) CHECK_FALSE(math.result().finite);
    logits.upload(n.logits.data(), 1);
    step();
    if (!looks) CHECK_FALSE(math.result().finite);
    CHECK(math.result().finite == looks);
    simt::synchronize(backend.stream());
    std::vector<float> after(n.weights.size());
    fetch(after, weights);
    CHECK((after == n.weights) == !looks);
    // Two results may wait, not three.
    step();
    step();
    CHECK_THROWS_AS(step(), Error);
  }
}

TEST_CASE("step_math: the floors of what steers a step") {
  CHECK(sizeof(kernel::StepWords) == 16 + 16 + 4 + 4);
  CHECK(sizeof(kernel::StepReport) == 3 * 8 + 2 * 4 + 2 * 8);
  CHECK(kernel::set_words_floor() == kernel::Floor{40, 0});
  CHECK(kernel::begin_report_floor() == kernel::Floor{4 + 8 + 48, 0});
}
