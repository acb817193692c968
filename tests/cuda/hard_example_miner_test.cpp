// SPDX-License-Identifier: Apache-2.0
#include "ocelli/cuda/hard_example_miner.hpp"

#include "cuda/box_case.hpp"

using namespace ocelli;
using namespace ocelli::kernel_test;

namespace {

struct Pictures {
  std::size_t batch, anchors;
  std::vector<Box> boxes;
  std::vector<float> class_losses, box_losses;
  std::vector<std::int32_t> match;

  /// With ties and, where `twins`, boxes that are nearly or exactly the same.
  Pictures(std::size_t b, std::size_t a, bool twins) : batch(b), anchors(a) {
    const std::size_t all = b * a;
    boxes = kernel_test::boxes(all, 3);
    class_losses = numbers(all, 4, 0, 5);
    box_losses = numbers(all, 5, 0, 2);
    Random random(3, Stream::demo, 9);
    for (std::size_t i = 0; i < all; ++i) {
      if (random.chance(0.2f)) class_losses[i] = 1.5f;
      if (random.chance(0.05f)) class_losses[i] = 0;
      if (i % a != 0 && twins && random.chance(0.4f)) {
        boxes[i] = boxes
            [i - 1 - random.below(static_cast<std::uint32_t>(std::min<std::size_t>(i % a, 5)))];
        if (random.chance(0.5f)) boxes[i].xmax += 0.004f * boxes[i].width();
      }
      if (random.chance(0.02f)) std::swap(boxes[i].ymin, boxes[i].ymax);
      if (random.chance(0.02f)) boxes[i].xmax = boxes[i].xmin;
      match.push_back(static_cast<std::int32_t>(random.below(14)) - 10);
      if (match.back() < kIgnored) match.back() = kNegative;
    }
  }
};

/// Of each picture: listed, positives, negatives, kept, then the anchors that stay.
using Lists = std::vector<std::vector<std::int32_t>>;

Lists on_device(const Pictures& p, const MinerOptions& options) {
  DeviceArray<Box> boxes(p.boxes);
  DeviceArray<float> classes(p.class_losses), codes(p.box_losses);
  DeviceArray<std::int32_t> match(p.match), kept(p.match.size());
  DeviceArray<kernel::MinedPicture> mined(p.batch);
  const int batch = static_cast<int>(p.batch), anchors = static_cast<int>(p.anchors);
  DeviceArray<char> work(cuda::hard_example_workspace(batch, anchors));
  cuda::mine_hard_examples(
      nullptr, batch, anchors, boxes.data(), classes.data(), codes.data(), match.data(), options,
      work.data(), kept.data(), mined.data());
  Lists lists;
  const auto counts = mined.values();
  const auto all = kept.values();
  for (std::size_t n = 0; n < p.batch; ++n) {
    const kernel::MinedPicture& m = counts[n];
    REQUIRE(m.kept <= anchors);
    lists.push_back({m.listed, m.positives, m.negatives, m.kept});
    const auto begin = all.begin() + static_cast<long>(n * p.anchors);
    lists.back().insert(lists.back().end(), begin, begin + m.kept);
  }
  return lists;
}

Lists on_host(const Pictures& p, const MinerOptions& options) {
  HardExampleMiner<float> miner(static_cast<int>(p.anchors), options);
  std::vector<std::int32_t> kept(p.anchors);
  Lists lists;
  for (std::size_t n = 0; n < p.batch; ++n) {
    const std::size_t at = n * p.anchors;
    const MiningCounts m = miner(
        p.boxes.data() + at, p.class_losses.data() + at, p.box_losses.data() + at,
        p.match.data() + at, kept.data());
    lists.push_back({m.listed, m.positives, m.negatives, m.kept});
    lists.back().insert(lists.back().end(), kept.begin(), kept.begin() + m.kept);
  }
  return lists;
}

void check(const Pictures& p, const MinerOptions& options, int schedules = 0) {
  const Lists got = in_any_order([&] { return on_device(p, options); }, schedules);
  CHECK(got == on_host(p, options));
}

}  // namespace

TEST_CASE("cuda hard_example_miner: the CPU's choice for any number of anchors") {
  for (std::size_t anchors : {1u, 7u, 33u, 300u, 1917u})
    for (bool twins : {false, true}) {
      CAPTURE(anchors);
      CAPTURE(twins);
      const Pictures p(2, anchors, twins);
      check(p, {}, anchors < 1000 ? 2 : 1);
      check(p, {.min_negatives_per_image = 3});
      check(p, {.max_negatives_per_positive = 0});
      if (anchors < 1000) {
        check(p, {.num_hard_examples = 5, .max_negatives_per_positive = 0.5});
        check(
            p, {.num_hard_examples = 0,
                .iou_threshold = 0.7,
                .loss_type = MiningLoss::both,
                .classification_weight = 0.5,
                .localization_weight = 2});
        check(p, {.iou_threshold = 0.3, .loss_type = MiningLoss::localization});
        check(p, {.iou_threshold = 0});
        check(p, {.iou_threshold = 1});
      }
    }
}

TEST_CASE("cuda hard_example_miner: more anchors than shared memory holds [slow]") {
  check(Pictures(1, 8200, true), {});
}

TEST_CASE("cuda hard_example_miner: ties, equal boxes, numbers that are none") {
  Pictures p(2, 40, false);
  for (float& loss : p.class_losses) loss = 2;
  for (Box& box : p.boxes) box = {0, 0, 1, 1};  // only the first stays
  check(p, {}, 2);
  CHECK(on_device(p, {})[0][0] == 1);
  for (std::size_t i = 0; i < 80; ++i) p.boxes[i].ymin = -static_cast<float>(i) * 0.004f;
  check(p, {}, 2);  // chains: what is suppressed does not suppress
  p.class_losses[50] = std::numeric_limits<float>::quiet_NaN();
  p.class_losses[51] = std::numeric_limits<float>::infinity();
  p.class_losses[52] = -0.0f;
  p.class_losses[53] = 0.0f;
  p.class_losses[54] = -1.0f;
  p.boxes[52] = {2, 2, 3, 3};
  p.boxes[53] = {5, 5, 6, 6};
  p.boxes[10].xmax = std::numeric_limits<float>::infinity();
  p.boxes[11].xmax = std::numeric_limits<float>::quiet_NaN();
  p.boxes[12] = {0, 0, 3e38f, 3e38f};
  check(p, {}, 2);
  check(p, {.max_negatives_per_positive = 0});  // the zeros of either sign are a tie
  for (std::int32_t& m : p.match) m = kNegative;
  check(p, {.min_negatives_per_image = 3}, 2);
  for (std::int32_t& m : p.match) m = kIgnored;
  check(p, {}, 2);
}

TEST_CASE("cuda hard_example_miner: the floor") {
  // losses, boxes; order, boxes, areas
  CHECK(
      kernel::order_by_loss_floor(2, 100, false) ==
      kernel::Floor{2 * 100 * (4 + 16 + 4 + 16 + 4), 2 * 100 * 7});
  CHECK(kernel::order_by_loss_floor(2, 100, true).bytes == 2 * 100 * (8 + 16 + 4 + 16 + 4));
  // 100 anchors are 4 words of flags; each pair has two products.
  CHECK(
      kernel::flag_duplicates_floor(2, 100) ==
      kernel::Floor{2 * 100 * (16 + 4) + 2 * 4 * 4, 2 * 2 * (100 * 99 / 2)});
  CHECK(
      kernel::keep_hard_examples_floor(2, 100, 30) ==
      kernel::Floor{2 * 100 * (4 + 4) + 2 * 4 * 4 + 4 * 30, 0});
}
