// SPDX-License-Identifier: Apache-2.0
#include "ocelli/loss/ssd_loss.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <cstring>
#include <initializer_list>
#include <limits>
#include <string>

#include "ocelli/box/anchors.hpp"
#include "ocelli/core/random.hpp"
#include "support/counting_allocator.hpp"
#include "support/vectors.hpp"

using namespace ocelli;

namespace {

/// A batch with its outputs, ready to be called.
template <class T>
struct Batch {
  int size = 0, classes = 0, capacity = 0;
  std::vector<BoxOf<T>> anchors, boxes;
  std::vector<std::int32_t> labels;
  std::vector<int> counts;
  std::vector<T> weights, codes, logits, d_codes, d_logits;

  void room() {
    boxes.resize(static_cast<std::size_t>(size * capacity));
    labels.resize(boxes.size());
    counts.resize(static_cast<std::size_t>(size));
    codes.resize(static_cast<std::size_t>(size) * anchors.size() * 4);
    logits.resize(static_cast<std::size_t>(size * (classes + 1)) * anchors.size());
    // Not zero: they must be overwritten.
    d_codes.assign(codes.size(), 123);
    d_logits.assign(logits.size(), 123);
  }
  GroundTruthBatch<T> truth() const {
    return {
        boxes.data(), labels.data(), counts.data(), capacity,
        weights.empty() ? nullptr : weights.data()};
  }
  SsdLoss<T> loss(const SsdLossOptions& options) const {
    return SsdLoss<T>(anchors, classes, options, size, capacity);
  }
  SsdLossResult run(SsdLoss<T>& loss, ThreadPool& pool) {
    return loss(pool, size, truth(), codes.data(), logits.data(), d_codes.data(), d_logits.data());
  }
  SsdLossResult run(const SsdLossOptions& options) {
    ThreadPool pool(1);
    SsdLoss<T> l = loss(options);
    return run(l, pool);
  }
};

template <class T>
Batch<T> published(const nlohmann::json& v) {
  Batch<T> b;
  b.size = 3, b.classes = 2, b.capacity = 5;
  const auto box_of = [](const nlohmann::json& x) {
    return BoxOf<T>{
        static_cast<T>(x[0].get<double>()), static_cast<T>(x[1].get<double>()),
        static_cast<T>(x[2].get<double>()), static_cast<T>(x[3].get<double>())};
  };
  for (const auto& anchor : v["anchors"]) b.anchors.push_back(box_of(anchor));
  b.room();
  std::size_t code = 0, logit = 0;
  for (std::size_t n = 0; n < 3; ++n) {
    const auto& truth = v["groundtruth"][n];
    b.counts[n] = static_cast<int>(truth["boxes"].size());
    for (std::size_t g = 0; g < truth["boxes"].size(); ++g) {
      b.boxes[n * 5 + g] = box_of(truth["boxes"][g]);
      b.labels[n * 5 + g] = truth["labels"][g];
    }
    for (const auto& row : v["predicted_codes"][n])
      for (double x : row) b.codes[code++] = static_cast<T>(x);
    for (const auto& row : v["predicted_logits"][n])
      for (double x : row) b.logits[logit++] = static_cast<T>(x);
  }
  return b;
}

/// Random boxes and outputs over real anchors.
template <class T>
Batch<T> random_batch(
    std::uint32_t seed, int size, int classes, std::span<const MapSize> maps,
    const SsdAnchorOptions& anchor_options, int capacity, int most_boxes) {
  Random random(seed, Stream::demo);
  Batch<T> b;
  b.size = size, b.classes = classes, b.capacity = capacity;
  b.anchors = ssd_anchors<T>(maps, 300, 300, anchor_options);
  b.room();
  for (int n = 0; n < size; ++n) {
    b.counts[static_cast<std::size_t>(n)] =
        n == 0 ? 0 : static_cast<int>(random.below(static_cast<std::uint32_t>(most_boxes + 1)));
    for (int g = 0; g < capacity; ++g) {
      const auto i = static_cast<std::size_t>(n * capacity + g);
      const T y = static_cast<T>(random.uniform(0, 0.6f)),
              x = static_cast<T>(random.uniform(0, 0.6f));
      b.boxes[i] = {
          y, x, y + static_cast<T>(random.uniform(0.1f, 0.4f)),
          x + static_cast<T>(random.uniform(0.1f, 0.4f))};
      b.labels[i] =
          1 + static_cast<std::int32_t>(random.below(static_cast<std::uint32_t>(classes)));
    }
  }
  for (T& code : b.codes) code = static_cast<T>(random.uniform(-2, 2));
  for (T& logit : b.logits) logit = static_cast<T>(random.uniform(-4, 4));
  return b;
}

constexpr std::array<MapSize, 2> kSmallMaps = {{{3, 3}, {1, 1}}};
constexpr std::array<MapSize, 6> kMaps = {{{19, 19}, {10, 10}, {5, 5}, {3, 3}, {2, 2}, {1, 1}}};

Batch<double> small_batch(std::uint32_t seed) {
  SsdAnchorOptions options;
  options.num_layers = 2;
  return random_batch<double>(seed, 3, 3, kSmallMaps, options, 4, 4);
}
Batch<float> full_batch(int size, int classes = 5) {
  return random_batch<float>(9, size, classes, kMaps, {}, 100, 100);
}

bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

template <class T>
void check_published(double tolerance) {
  const nlohmann::json v = test::vectors("ssd_loss");
  for (int negatives : {0, 3}) {
    const std::string name = negatives == 0 ? "v1_min_negatives_0" : "v2_min_negatives_3";
    CAPTURE(name);
    const nlohmann::json& want = v[name];
    Batch<T> batch = published<T>(v);
    SsdLossOptions options;
    options.miner.min_negatives_per_image = negatives;
    SsdLoss<T> loss = batch.loss(options);
    ThreadPool pool(1);
    const SsdLossResult result = batch.run(loss, pool);
    const auto near = [&](double got, const nlohmann::json& value) {
      return std::abs(got - value.get<double>()) <= tolerance * std::fmax(1, value.get<double>());
    };
    CHECK(near(result.localization, want["localization_loss"]));
    CHECK(near(result.classification, want["classification_loss"]));
    CHECK(result.matches == want["num_matches"].get<double>());
    for (int n = 0; n < 3; ++n) {
      const nlohmann::json& picture = want["per_image"][static_cast<std::size_t>(n)];
      const auto match = loss.match(n), kept = loss.kept(n);
      CHECK(
          std::vector<std::int32_t>(match.begin(), match.end()) ==
          picture["match"].get<std::vector<std::int32_t>>());
      CHECK(
          std::vector<std::int32_t>(kept.begin(), kept.end()) ==
          picture["selected"].get<std::vector<std::int32_t>>());
      for (std::size_t a = 0; a < 8; ++a) {
        CHECK(near(static_cast<double>(loss.class_losses(n)[a]), picture["cls_losses"][a]));
        CHECK(near(static_cast<double>(loss.box_losses(n)[a]), picture["loc_losses"][a]));
      }
    }
  }
  Batch<T> batch = published<T>(v);
  SsdLossOptions options;
  options.normalize_loc_loss_by_codesize = true;
  CHECK(
      batch.run(options).localization ==
      doctest::Approx(v["normalize_by_code_size"]["localization_loss"].get<double>())
          .epsilon(tolerance));
}

/// Central differences of the whole loss by every output.
void check_gradients(Batch<double> batch, const SsdLossOptions& options) {
  constexpr double kStep = 1e-6;
  ThreadPool pool(1);
  SsdLoss<double> loss = batch.loss(options);
  batch.run(loss, pool);
  const std::vector<double> d_codes = batch.d_codes, d_logits = batch.d_logits;
  double largest = 0;
  const auto check = [&](std::vector<double>& x, const std::vector<double>& dx) {
    for (std::size_t i = 0; i < x.size(); ++i) {
      const double at = x[i];
      x[i] = at + kStep;
      const double up = batch.run(loss, pool).total();
      x[i] = at - kStep;
      const double down = batch.run(loss, pool).total();
      x[i] = at;
      // Losses of some 100 at 2^-53, over the step; smooth L1's kink adds nothing at these points.
      REQUIRE(std::abs((up - down) / (2 * kStep) - dx[i]) < 1e-7);
      largest = std::fmax(largest, std::abs(dx[i]));
    }
  };
  check(batch.codes, d_codes);
  check(batch.logits, d_logits);
  CHECK(largest > 1e-3);
}

}  // namespace

TEST_CASE("ssd_loss: as published, in double") { check_published<double>(1e-12); }
TEST_CASE("ssd_loss: as published, in float") { check_published<float>(1e-5); }

TEST_CASE("ssd_loss: gradients") {
  SsdLossOptions options;
  SUBCASE("defaults") {}
  SUBCASE("weights, code size, swapped thresholds") {
    options.localization_weight = 2;
    options.classification_weight = 0.5;
    options.negative_class_weight = 0.3;
    options.normalize_loc_loss_by_codesize = true;
    options.match.unmatched_threshold = 0.3;
    options.smooth_l1_delta = 0.5;
    options.coder = {1, 2, 3, 4};
  }
  SUBCASE("not normalised, not mined") {
    options.normalize_loss_by_num_matches = false;
    options.mine_hard_examples = false;
  }
  SUBCASE("focal") {
    options.classification = ClassificationLoss::focal;
    options.mine_hard_examples = false;
  }
  SUBCASE("focal, mined") { options.classification = ClassificationLoss::focal; }
  check_gradients(small_batch(4), options);
}

TEST_CASE("ssd_loss: gradients with weights of the ground truth") {
  Batch<double> batch = small_batch(6);
  batch.weights.assign(batch.boxes.size(), 0.5);
  for (std::size_t i = 0; i < batch.weights.size(); i += 3) batch.weights[i] = 0;
  check_gradients(batch, {});
}

TEST_CASE("ssd_loss: any number of threads, the same bits; no allocation") {
  Batch<float> one = full_batch(5);
  Batch<float> four = one;
  ThreadPool pool1(1), pool4(4);
  SsdLoss<float> loss1 = one.loss({}), loss4 = four.loss({});
  const SsdLossResult a = one.run(loss1, pool1), b = four.run(loss4, pool4);
  CHECK(std::isfinite(a.total()));
  CHECK(a.localization == b.localization);
  CHECK(a.classification == b.classification);
  CHECK(same_bits(one.d_codes, four.d_codes));
  CHECK(same_bits(one.d_logits, four.d_logits));
  const test::AllocationCount allocations;
  one.run(loss1, pool1);
  four.run(loss4, pool4);
  CHECK(allocations.so_far() == 0);
}

TEST_CASE("ssd_loss: a call leaves nothing behind for the next") {
  Batch<float> batch = full_batch(3), other = full_batch(3);
  for (float& logit : other.logits) logit = -logit;
  ThreadPool pool(1);
  SsdLoss<float> loss = batch.loss({});
  batch.run(loss, pool);
  const auto d_logits = batch.d_logits;
  other.run(loss, pool);
  batch.d_logits.assign(batch.d_logits.size(), -7);
  batch.run(loss, pool);
  CHECK(same_bits(batch.d_logits, d_logits));
}

TEST_CASE("ssd_loss: gradients are zero where an anchor does not count, and only there") {
  Batch<float> batch = full_batch(2, 3);
  batch.counts = {1, 100};
  ThreadPool pool(1);
  SsdLoss<float> loss = batch.loss({});
  const SsdLossResult result = batch.run(loss, pool);
  for (int n = 0; n < 2; ++n) {
    std::vector<bool> counts(batch.anchors.size());
    for (std::int32_t a : loss.kept(n)) counts[static_cast<std::size_t>(a)] = true;
    for (std::size_t a = 0; a < counts.size(); ++a) {
      const std::size_t row = static_cast<std::size_t>(n) * counts.size() + a;
      for (std::size_t c = 0; c < 4; ++c) REQUIRE((batch.d_logits[row * 4 + c] != 0) == counts[a]);
      const bool positive = counts[a] && loss.match(n)[a] >= 0;
      for (std::size_t k = 0; k < 4; ++k) REQUIRE((batch.d_codes[row * 4 + k] != 0) == positive);
    }
  }
  CHECK(result.positives > 0);
  CHECK(result.negatives <= 3 * result.positives + 6);
}

TEST_CASE("ssd_loss: edges") {
  Batch<float> batch = full_batch(2, 3);
  SUBCASE("no ground truth: the hardest three negatives each, normalised by 1") {
    batch.counts = {0, 0};
    const SsdLossResult result = batch.run(SsdLossOptions{});
    CHECK(result.localization == 0);
    CHECK(result.classification > 0);
    CHECK(result.matches == 0);
    CHECK(result.negatives == 6);
    for (float d : batch.d_codes) REQUIRE(d == 0);
  }
  SUBCASE("no ground truth, v1: nothing") {
    batch.counts = {0, 0};
    SsdLossOptions options;
    options.miner.min_negatives_per_image = 0;
    CHECK(batch.run(options).total() == 0);
    for (float d : batch.d_logits) REQUIRE(d == 0);
  }
  SUBCASE("one box, twice, and one without area") {
    batch.counts = {1, 3};
    batch.boxes[101] = batch.boxes[100];
    batch.boxes[102] = {0.5f, 0.5f, 0.5f, 0.5f};
    const SsdLossResult result = batch.run(SsdLossOptions{});
    CHECK(std::isfinite(result.total()));
    CHECK(result.matches >= 3);
  }
  SUBCASE("equal losses everywhere: the lowest anchors are mined") {
    batch.counts = {0, 0};
    batch.logits.assign(batch.logits.size(), 0);
    batch.codes.assign(batch.codes.size(), 0);
    ThreadPool pool(1);
    SsdLoss<float> loss = batch.loss({});
    batch.run(loss, pool);
    REQUIRE(loss.kept(0).size() == 3);
    for (std::int32_t a = 0; a < 3; ++a) CHECK(loss.kept(0)[static_cast<std::size_t>(a)] == a);
  }
  SUBCASE("a batch smaller than the largest; none") {
    ThreadPool pool(1);
    SsdLoss<float> loss = batch.loss({});
    batch.size = 1;
    CHECK(std::isfinite(batch.run(loss, pool).total()));
    batch.size = 0;
    CHECK(batch.run(loss, pool).total() == 0);
  }
}

TEST_CASE("ssd_loss: what is not finite shows in the loss, also at anchors that do not count") {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float inf = std::numeric_limits<float>::infinity();
  for (float bad : {nan, inf, -inf}) {
    CAPTURE(bad);
    Batch<float> batch = full_batch(2, 3);
    SsdLossOptions options;
    options.miner.min_negatives_per_image = 0;
    batch.counts = {0, 2};
    // Anchor 10 of picture 0, which keeps no anchor: its background, sure in vain where infinite.
    batch.logits[40] = bad > 0 ? -bad : bad;
    SsdLossResult result = batch.run(options);
    CHECK(std::isnan(result.classification));
    CHECK(std::isfinite(result.localization));
    batch.logits[40] = 0;
    batch.codes[40] = bad;
    result = batch.run(options);
    CHECK(std::isnan(result.localization));
    CHECK(std::isfinite(result.classification));
  }
  Batch<float> batch = full_batch(2, 3);  // all of it, and no hang
  batch.logits.assign(batch.logits.size(), nan);
  batch.codes.assign(batch.codes.size(), nan);
  const SsdLossResult result = batch.run(SsdLossOptions{});
  CHECK(std::isnan(result.classification));
  CHECK(std::isnan(result.localization));
}

TEST_CASE("ssd_loss: errors") {
  const auto message = [](auto change) {
    Batch<float> batch = full_batch(2, 3);
    batch.counts = {3, 3};
    change(batch);
    try {
      batch.run(SsdLossOptions{});
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string("no error");
  };
  CHECK(message([](auto&) {}) == "no error");
  CHECK(
      message([](auto& b) { b.labels[101] = 4; }) ==
      "picture 1 of the batch, box 1: ssd loss: label 4 is not in 1..3; number the classes from 1");
  CHECK(message([](auto& b) {
          b.labels[0] = 0;
        }).find("label 0 is not in 1..3") != std::string::npos);
  CHECK(message([](auto& b) {
          b.counts[1] = 101;
        }).find("101 boxes, the most is 100") != std::string::npos);
  CHECK(message([](auto& b) { b.boxes[2].ymax = -1; }).find("not in order") != std::string::npos);
  CHECK(message([](auto& b) {
          b.boxes[2].ymax = std::nanf("");
        }).find("not finite") != std::string::npos);
  CHECK(message([](auto& b) {
          b.weights.assign(200, -1.0f);
        }).find("the weight is negative") != std::string::npos);
  Batch<float> batch = full_batch(1, 3);
  ThreadPool pool(1);
  SsdLoss<float> loss = batch.loss({});
  CHECK_THROWS_AS(
      loss(
          pool, 2, batch.truth(), batch.codes.data(), batch.logits.data(), batch.d_codes.data(),
          batch.d_logits.data()),
      ShapeError);
  SsdLossOptions options;
  options.focal_alpha = 2;
  CHECK_THROWS_WITH_AS(
      batch.loss(options),
      "focal_alpha: ssd loss: the value is 2.000000; give a number from 0 to 1", ConfigError);
}
