// The kernels of a step that are not the net's, in race mode, on small shapes: boxes, losses,
// optimizers, non-maximum suppression, augmentation. The emulator throws where a kernel breaks a
// rule.
// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <cstdint>
#include <vector>

#include "cuda/box_case.hpp"
#include "ocelli/cuda/anchors.hpp"
#include "ocelli/cuda/augment.hpp"
#include "ocelli/cuda/clip.hpp"
#include "ocelli/cuda/coder.hpp"
#include "ocelli/cuda/ema.hpp"
#include "ocelli/cuda/finite.hpp"
#include "ocelli/cuda/hard_example_miner.hpp"
#include "ocelli/cuda/l2.hpp"
#include "ocelli/cuda/matcher.hpp"
#include "ocelli/cuda/multiclass_nms.hpp"
#include "ocelli/cuda/rmsprop.hpp"
#include "ocelli/cuda/runs.hpp"
#include "ocelli/cuda/sgd_momentum.hpp"
#include "ocelli/cuda/softmax_cross_entropy.hpp"
#include "ocelli/cuda/ssd_loss.hpp"
#include "ocelli/cuda/ssd_postprocess.hpp"
#include "ocelli/simt/settings.hpp"

using namespace ocelli;
using namespace ocelli::kernel_test;

namespace {

/// body() keeps the rules in the order of the threads and in another.
template <class Body>
void check(Body&& body) {
  for (const std::uint64_t seed : {0u, 1u}) {
    CAPTURE(seed);
    const simt::ScheduleSeed schedule(seed);
    CHECK_NOTHROW(body());
  }
}

int as_int(std::size_t n) { return static_cast<int>(n); }

}  // namespace

TEST_CASE("cuda race mode: anchors, matching, targets, decoding") {
  check([] {
    DeviceArray<Box> anchors(3 + 6);
    const std::vector<MapSize> maps{{1, 1}, {1, 1}};
    cuda::ssd_anchors(nullptr, maps, 30, 30, {.num_layers = 2}, anchors.data());
  });
  for (const std::size_t count : {7u, 70u}) {
    CAPTURE(count);
    const Truth truth({0, 3, 33}, 33, 3, true);
    check([&] {
      const DeviceArray<Box> anchors(some_anchors(count));
      const DeviceTruth t(truth);
      DeviceArray<char> work(cuda::match_workspace(3, truth.capacity));
      DeviceArray<std::int32_t> match(3 * count);
      cuda::match_anchors(
          nullptr, 3, anchors.data(), as_int(count), t.view(), {}, work.data(), match.data());
      DeviceArray<float> codes(3 * count * 4);
      cuda::encode_targets(
          nullptr, 3, anchors.data(), as_int(count), t.view(), match.data(), {}, codes.data());
      DeviceArray<Box> decoded(3 * count);
      cuda::decode_boxes(
          nullptr, 3, anchors.data(), as_int(count), codes.data(), {}, decoded.data());
    });
  }
}

TEST_CASE("cuda race mode: hard example mining") {
  for (const std::size_t count : {7u, 70u}) {
    CAPTURE(count);
    std::vector<std::int32_t> matched(2 * count, -1);
    for (std::size_t i = 0; i < matched.size(); i += 5) matched[i] = 0;
    check([&] {
      const DeviceArray<Box> boxes(kernel_test::boxes(2 * count, 3));
      const DeviceArray<float> classes(numbers(2 * count, 4, 0, 5)), codes(numbers(2 * count, 5));
      const DeviceArray<std::int32_t> match(matched);
      DeviceArray<std::int32_t> kept(2 * count);
      DeviceArray<kernel::MinedPicture> mined(2);
      DeviceArray<char> work(cuda::hard_example_workspace(2, as_int(count)));
      cuda::mine_hard_examples(
          nullptr, 2, as_int(count), boxes.data(), classes.data(), codes.data(), match.data(), {},
          work.data(), kept.data(), mined.data());
    });
  }
}

TEST_CASE("cuda race mode: losses") {
  check([] {
    const DeviceArray<float> logits(numbers(7 * 33, 1)), weights(numbers(7, 2, 0, 1));
    const DeviceArray<std::int32_t> targets(std::vector<std::int32_t>{0, 1, 2, 3, 4, 32, 6});
    DeviceArray<float> losses(7), gradient(7 * 33);
    cuda::softmax_cross_entropy(
        nullptr, logits.data(), targets.data(), weights.data(), 7, 33, losses.data(),
        gradient.data());
  });
  for (const bool mine : {true, false}) {
    CAPTURE(mine);
    constexpr std::size_t count = 50;
    const Truth truth({2, 0, 5}, 5, 4, true);
    SsdLossOptions options;
    options.mine_hard_examples = mine;
    check([&] {
      const DeviceArray<Box> anchors(some_anchors(count));
      const DeviceTruth t(truth);
      const DeviceArray<float> codes(numbers(3 * count * 4, 21)),
          logits(numbers(3 * count * 5, 22));
      DeviceArray<float> d_codes(3 * count * 4), d_logits(3 * count * 5);
      const cuda::SsdLossShape shape{3, as_int(count), 5, truth.capacity};
      DeviceArray<char> work(cuda::ssd_loss_workspace(shape));
      DeviceArray<kernel::SsdLossTotals> totals(1);
      cuda::ssd_loss(
          nullptr, shape, anchors.data(), t.view(), options, codes.data(), logits.data(),
          work.data(), d_codes.data(), d_logits.data(), totals.data());
    });
  }
}

TEST_CASE("cuda race mode: optimizers, clipping, the average") {
  const std::vector<cuda::TensorExtent> tensors{{0, 4200}, {4224, 33}};
  const cuda::RunTable table = cuda::run_table(tensors);
  constexpr long size = 4257;
  check([&] {
    DeviceArray<float> w(numbers(size, 1)), r(numbers(size, 2, 0, 1)), m(numbers(size, 3));
    DeviceArray<float> shadow(numbers(size, 4));
    const DeviceArray<float> g(numbers(size, 5)), rate(std::vector<float>{0.01f});
    const DeviceArray<std::int32_t> stop(std::vector<std::int32_t>{0});
    DeviceArray<std::int32_t> bad(std::vector<std::int32_t>{0});
    const DeviceArray<kernel::Run> runs(table.runs);
    const DeviceArray<int> first_run(table.first_run);
    const cuda::Runs all{runs.data(), as_int(table.runs.size())};
    DeviceArray<double> sums(table.runs.size()), norms(2), factors(2);
    DeviceArray<bfloat16> copy(size);
    kernel::GradientRule rule{0.5f, 0.01f, nullptr};
    cuda::square_sums(nullptr, w.data(), g.data(), size, rule, sums.data(), all);
    cuda::clip_tensors(nullptr, sums.data(), first_run.data(), 2, 1, norms.data(), factors.data());
    cuda::clip_global(
        nullptr, sums.data(), static_cast<long>(table.runs.size()), 1, norms.data(),
        factors.data());
    cuda::clip_tensors(nullptr, sums.data(), first_run.data(), 2, 1, norms.data(), factors.data());
    rule.factor = factors.data();
    kernel::UpdateControl control;
    control.learning_rate = rate.data();
    control.stop = stop.data();
    control.not_finite = bad.data();
    control.shadow = shadow.data();
    control.shadow_step = 0.01f;
    control.copy = copy.data();
    cuda::rmsprop_update(
        nullptr, w.data(), g.data(), r.data(), m.data(), size, RmsPropOptions{}, rule, control,
        all);
    cuda::sgd_momentum_update(
        nullptr, w.data(), g.data(), m.data(), size, SgdMomentumOptions{}, rule, control, all);
    cuda::ema_update(nullptr, shadow.data(), w.data(), size, 0.9);
    cuda::check_finite(nullptr, g.data(), size, bad.data());
    DeviceArray<double> parts(static_cast<std::size_t>(cuda::square_sum_count(size))), loss(1);
    cuda::l2_loss(nullptr, w.data(), size, 0.1, true, parts.data(), loss.data());
  });
}

TEST_CASE("cuda race mode: non-maximum suppression and detections") {
  for (const int rows : {7, 70}) {
    CAPTURE(rows);
    const cuda::NmsShape shape{2, rows, 3};
    const auto count = static_cast<std::size_t>(2 * rows);
    MulticlassNmsOptions options;
    options.max_detections_per_class = 20;
    options.max_total_detections = 30;
    check([&] {
      const DeviceArray<Box> boxes(kernel_test::boxes(count, 1));
      const DeviceArray<float> scores(numbers(3 * count, 2, 0, 1));
      DeviceArray<char> work(cuda::multiclass_nms_workspace(shape, options));
      DeviceArray<Detection> found(60);
      DeviceArray<std::int32_t> counts(2), sources(60);
      cuda::multiclass_nms(
          nullptr, shape, boxes.data(), false, scores.data(), options, {0, 0, 1, 1}, nullptr,
          work.data(), {found.data(), counts.data(), sources.data()});
    });
    check([&] {
      const DeviceArray<Box> anchors(some_anchors(static_cast<std::size_t>(rows)));
      const DeviceArray<float> codes(numbers(count * 4, 1)), logits(numbers(count * 4, 2, -5, 2));
      DeviceArray<char> work(cuda::ssd_postprocess_workspace(shape, options));
      DeviceArray<Detection> found(60);
      DeviceArray<std::int32_t> counts(2);
      cuda::ssd_postprocess(
          nullptr, shape, anchors.data(), codes.data(), logits.data(), {}, options, nullptr,
          work.data(), {found.data(), counts.data(), nullptr});
    });
  }
}

TEST_CASE("cuda race mode: augmentation with every step") {
  // Two pictures, of 9 x 7 pixels with two objects and of 6 x 12 with none.
  std::vector<std::uint8_t> pixels;
  for (std::size_t i = 0; i < 3 * (63 + 72); ++i)
    pixels.push_back(static_cast<std::uint8_t>(i * 37));
  const std::vector<kernel::StoredPicture> pictures{
      {0, 9, 7, 0, 2, {100, 110, 120}}, {3 * 63, 6, 12, 2, 0, {90, 80, 70}}};
  kernel::AugmentRule rule{};
  for (auto* each :
       {&rule.flip_x, &rule.flip_y, &rule.crop, &rule.expand, &rule.resize, &rule.brightness,
        &rule.contrast, &rule.hue, &rule.saturation})
    *each = {1, 1};
  rule.min_area = 0.3f, rule.max_area = 1, rule.min_aspect = 0.5f, rule.max_aspect = 2;
  rule.max_ratio = 2, rule.max_shift = 0.1f, rule.max_turn = 0.05f;
  rule.min_contrast = rule.min_saturation = 0.5f;
  rule.max_contrast = rule.max_saturation = 1.5f;
  const cuda::AugmentShape shape{3, 17, 18, 4};
  check([&] {
    const DeviceArray<std::uint8_t> bytes(pixels);
    const DeviceArray<kernel::StoredPicture> stored(pictures);
    const DeviceArray<PixelBox> boxes(std::vector<PixelBox>{{1, 1, 5, 6}, {2, 0, 9, 3}});
    const DeviceArray<std::int32_t> labels(std::vector<std::int32_t>{1, 2});
    const DeviceArray<kernel::AugmentStep> step(std::vector<kernel::AugmentStep>{{9, 4}});
    DeviceArray<float> images(3 * 17 * 18 * 3);
    DeviceArray<Box> boxes_out(12);
    DeviceArray<std::int32_t> labels_out(12), counts(3);
    DeviceArray<char> work(cuda::augment_workspace(shape));
    cuda::augment(
        nullptr, shape, {bytes.data(), stored.data(), boxes.data(), labels.data(), 2}, rule,
        step.data(), work.data(),
        {images.data(), boxes_out.data(), labels_out.data(), counts.data()});
  });
}
