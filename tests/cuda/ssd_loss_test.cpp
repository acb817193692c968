// SPDX-License-Identifier: Apache-2.0
#include "ocelli/cuda/ssd_loss.hpp"

#include "cuda/box_case.hpp"
#include "ocelli/core/thread_pool.hpp"

using namespace ocelli;
using namespace ocelli::kernel_test;

namespace {

/// A batch: ground truth and what a net said.
struct Batch {
  std::vector<Box> anchors;
  Truth truth;
  std::vector<float> codes, logits;
  cuda::SsdLossShape shape;

  Batch(std::size_t count, int classes, const Truth& t)
      : anchors(some_anchors(count)),
        truth(t),
        codes(numbers(t.batch() * count * 4, 21, -1, 1)),
        logits(numbers(t.batch() * count * static_cast<std::size_t>(classes + 1), 22, -6, 4)),
        shape{static_cast<int>(t.batch()), static_cast<int>(count), classes + 1, t.capacity} {}
};

struct Found {
  std::vector<float> d_codes, d_logits, class_losses, box_losses;
  std::vector<std::int32_t> match;
  std::vector<std::vector<std::int32_t>> kept;
  SsdLossResult result;
  bool not_finite = false;

  bool operator==(const Found& o) const {
    const auto same = [](double a, double b) { return std::memcmp(&a, &b, sizeof a) == 0; };
    return same_bits(d_codes, o.d_codes) && same_bits(d_logits, o.d_logits) &&
           same_bits(class_losses, o.class_losses) && same_bits(box_losses, o.box_losses) &&
           match == o.match && kept == o.kept && same(result.localization, o.result.localization) &&
           same(result.classification, o.result.classification);
  }
};

template <class T>
std::vector<T> as(const std::vector<float>& x) {
  std::vector<T> y;
  for (const float v : x) y.push_back(static_cast<T>(v));
  return y;
}
template <class T>
std::vector<float> as_floats(const std::vector<T>& x) {
  std::vector<float> y;
  for (const T v : x) y.push_back(static_cast<float>(v));
  return y;
}

/// With codes and logits in T.
template <class T = float>
Found on_device(const Batch& b, const SsdLossOptions& options) {
  DeviceArray<Box> anchors(b.anchors);
  DeviceTruth truth(b.truth);
  DeviceArray<T> codes(as<T>(b.codes)), logits(as<T>(b.logits)), d_codes(b.codes.size()),
      d_logits(b.logits.size());
  DeviceArray<char> work(cuda::ssd_loss_workspace(b.shape));
  DeviceArray<kernel::SsdLossTotals> totals(1);
  cuda::ssd_loss(
      nullptr, b.shape, anchors.data(), truth.view(), options, codes.data(), logits.data(),
      work.data(), d_codes.data(), d_logits.data(), totals.data());
  const kernel::SsdLossTotals t = totals.values()[0];
  Found found;
  found.result = {
      t.localization, t.classification, t.matches, static_cast<long>(t.positives),
      static_cast<long>(t.negatives)};
  found.not_finite = t.not_finite != 0;
  found.d_codes = as_floats(d_codes.values());
  found.d_logits = as_floats(d_logits.values());
  // What it left in the work space.
  cuda::WorkArrays space(work.data());
  const cuda::SsdLossBuffers buffers(space, b.shape);
  const std::size_t all = b.anchors.size() * b.truth.batch();
  const auto fetch = [](auto& to, const auto* from, std::size_t count) {
    to.resize(count);
    simt::download(to.data(), from, count * sizeof *from);
  };
  fetch(found.match, buffers.match, all);
  fetch(found.class_losses, buffers.class_losses, all);
  fetch(found.box_losses, buffers.box_losses, all);
  if (!options.mine_hard_examples) return found;
  std::vector<std::int32_t> kept;
  std::vector<kernel::MinedPicture> mined;
  fetch(kept, buffers.kept, all);
  fetch(mined, buffers.mined, b.truth.batch());
  for (std::size_t n = 0; n < b.truth.batch(); ++n) {
    const auto begin = kept.begin() + static_cast<long>(n * b.anchors.size());
    found.kept.emplace_back(begin, begin + mined[n].kept);
  }
  return found;
}

void check(
    const Batch& b, const SsdLossOptions& options, int schedules = 0, bool selections = true) {
  const Found got = in_any_order([&] { return on_device(b, options); }, schedules);
  ThreadPool pool(1);
  SsdLoss<float> loss(b.anchors, b.shape.columns - 1, options, b.shape.batch, b.truth.capacity);
  std::vector<float> d_codes(b.codes.size()), d_logits(b.logits.size());
  const GroundTruthBatch<float> truth{
      b.truth.boxes.data(), b.truth.labels.data(), b.truth.counts.data(), b.truth.capacity,
      b.truth.weights.empty() ? nullptr : b.truth.weights.data()};
  const SsdLossResult wanted = loss(
      pool, b.shape.batch, truth, b.codes.data(), b.logits.data(), d_codes.data(), d_logits.data());
  // Sums over the batch: another order of up to 2^20 additions in double.
  const auto near = [](double a, double x) {
    return doctest::Approx(x).epsilon(1e-10 + static_cast<double>(kFused) * 1e-5) == a ||
           (std::isnan(a) && std::isnan(x));
  };
  CHECK(near(got.result.localization, wanted.localization));
  CHECK(near(got.result.classification, wanted.classification));
  CHECK(near(got.result.matches, wanted.matches));
  CHECK(got.not_finite == !std::isfinite(wanted.total()));
  std::vector<float> class_losses, box_losses;
  std::vector<std::int32_t> match;
  for (int n = 0; n < b.shape.batch; ++n) {
    class_losses.insert(
        class_losses.end(), loss.class_losses(n).begin(), loss.class_losses(n).end());
    box_losses.insert(box_losses.end(), loss.box_losses(n).begin(), loss.box_losses(n).end());
    match.insert(match.end(), loss.match(n).begin(), loss.match(n).end());
  }
  CHECK(got.match == match);
  check_equal(got.class_losses, class_losses, 16, 1);
  check_equal(got.box_losses, box_losses, 32, 10);
  if (!selections) return;
  CHECK(got.result.positives == wanted.positives);
  CHECK(got.result.negatives == wanted.negatives);
  for (std::size_t n = 0; n < got.kept.size(); ++n) {
    const auto kept = loss.kept(static_cast<int>(n));
    CHECK(got.kept[n] == std::vector<std::int32_t>(kept.begin(), kept.end()));
  }
  check_equal(got.d_codes, d_codes, 16, 1);
  check_equal(got.d_logits, d_logits, 16, 1);
}

}  // namespace

TEST_CASE("cuda ssd_loss: as on the CPU for any number of anchors, classes and boxes") {
  for (std::size_t count : {1u, 7u, 33u, 300u})
    for (int classes : {1, 14, 15, 20, 90}) {
      if (count == 300 && (classes == 14 || classes == 15)) continue;
      CAPTURE(count);
      CAPTURE(classes);
      const Batch b(count, classes, Truth({0, 1, 9, 100}, 100, classes));
      check(b, {}, count < 300 ? 2 : 0);
      check(b, {.miner = {.min_negatives_per_image = 0}});
      check(b, {.classification = ClassificationLoss::focal, .mine_hard_examples = false});
    }
}

TEST_CASE("cuda ssd_loss: the anchors of a whole picture [slow]") {
  check(Batch(1917, 2, Truth({0, 7, 100}, 100, 2)), {}, 1);
  check(Batch(1917, 90, Truth({3}, 100, 90)), {});
}

TEST_CASE("cuda ssd_loss: options") {
  const Truth truth({0, 1, 9, 5}, 9, 3);
  const Batch b(300, 3, truth);
  check(b, {.match = {.matched_threshold = 0.6, .unmatched_threshold = 0.3}});
  check(b, {.coder = {5, 6, 2, 3}, .localization_weight = 2, .classification_weight = 0.5});
  check(b, {.smooth_l1_delta = 0.25, .negative_class_weight = 0.5});
  check(b, {.normalize_loss_by_num_matches = false});
  check(b, {.normalize_loc_loss_by_codesize = true});
  check(b, {.classification = ClassificationLoss::focal, .focal_alpha = 0.4, .focal_gamma = 1.5});
  check(b, {.mine_hard_examples = false});
  check(b, {.miner = {.loss_type = MiningLoss::both, .localization_weight = 0.5}});
}

TEST_CASE("cuda ssd_loss: weights of the boxes, some of them 0") {
  const Batch b(300, 3, Truth({9, 0, 4}, 9, 3, true));
  check(b, {}, 2);
  check(b, {.mine_hard_examples = false});
}

TEST_CASE("cuda ssd_loss: a loss that is not finite is told, wherever it is") {
  const float inf = std::numeric_limits<float>::infinity();
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const Batch good(33, 2, Truth({3, 0}, 3, 2));
  CHECK(!on_device(good, {}).not_finite);
  for (float bad : {inf, -inf, nan}) {
    Batch b = good;
    b.codes[41] = bad;
    CHECK(on_device(b, {}).not_finite);
    CHECK(std::isnan(on_device(b, {}).result.localization));
    b = good;
    b.logits.back() = bad;
    CHECK(on_device(b, {}).not_finite == !(bad < 0));  // a certain no is no error
  }
}

TEST_CASE("cuda ssd_loss: codes and logits in bfloat16 are those in float, gradients rounded") {
  for (const int classes : {1, 20}) {
    Batch b(33, classes, Truth({0, 1, 9}, 9, classes));
    b.codes = as_floats(as<bfloat16>(b.codes));
    b.logits = as_floats(as<bfloat16>(b.logits));
    const Found got = in_any_order([&] { return on_device<bfloat16>(b, {}); }, 1);
    Found wanted = on_device(b, {});
    wanted.d_codes = as_floats(as<bfloat16>(wanted.d_codes));
    wanted.d_logits = as_floats(as<bfloat16>(wanted.d_logits));
    CHECK(got == wanted);
  }
}

TEST_CASE("cuda ssd_loss: extents that cannot be are refused") {
  CHECK_THROWS_AS(
      cuda::ssd_loss<float>(
          nullptr, {0, 1, 2, 1}, nullptr, {}, {}, nullptr, nullptr, nullptr, nullptr, nullptr,
          nullptr),
      ShapeError);
}

TEST_CASE("cuda ssd_loss: the floors") {
  // Codes, match, two losses, the box; 23 for an exponential, 16 for the logarithm of softplus.
  CHECK(
      kernel::ssd_anchor_losses_floor(2, 100, 91, 20, false) ==
      kernel::Floor{
          2 * 100 * (4 * 91 + 16 + 4 + 4 + 4 + 16) + 16 * 100,
          2 * 100 * ((23 + 16 + 1 + 1) * 91 + 68) + 28 * 20});
  CHECK(
      kernel::ssd_anchor_losses_floor<bfloat16>(2, 100, 91, 20, false).bytes ==
      2 * 100 * (2 * 91 + 8 + 4 + 4 + 4 + 16) + 16 * 100);
  CHECK(
      kernel::ssd_loss_gradients_floor<bfloat16>(2, 100, 91, 30).bytes ==
      2 * 100 * (2 * 91 + 8 + 1) + 30 * (2 * 91 + 8));
  CHECK(
      kernel::ssd_anchor_losses_floor(2, 100, 91, 20, true).flops ==
      2 * 100 * ((2 * 40 + 23 + 4 + 1) * 91 + 68) + 28 * 20);
  CHECK(
      kernel::ssd_picture_sums_floor(2, 100, 30) ==
      kernel::Floor{2 * 100 + 30 * (4 + 4 + 4 + 4), 60});
  CHECK(kernel::ssd_loss_totals_floor(24) == kernel::Floor{(3 * 8 + 2 * 4) * 24, 5 * 24});
  CHECK(
      kernel::ssd_loss_gradients_floor(2, 100, 91, 30) ==
      kernel::Floor{2 * 100 * (4 * 91 + 16 + 1) + 30 * (4 * 91 + 16), 30 * (25 + 1) * 91});
}
