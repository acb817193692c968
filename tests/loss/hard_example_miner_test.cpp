// SPDX-License-Identifier: Apache-2.0
#include "ocelli/loss/hard_example_miner.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "box/plain_nms.hpp"
#include "support/counting_allocator.hpp"
#include "support/vectors.hpp"

using namespace ocelli;

namespace {

MinerOptions options_of(const nlohmann::json& p) {
  MinerOptions options;
  options.min_negatives_per_image = p.value("minneg", 0);
  options.max_negatives_per_positive = p.value("ratio", 3.0);
  options.num_hard_examples = p.value("num", 3000);
  if (p.value("ltype", "") == "both") options.loss_type = MiningLoss::both;
  return options;
}

}  // namespace

TEST_CASE("hard_example_miner: as published") {
  const nlohmann::json file = test::vectors("hard_example_miner");
  REQUIRE(file["cases"].size() == 8);
  for (const auto& c : file["cases"]) {
    CAPTURE(c["name"].get<std::string>());
    std::vector<BoxOf<double>> boxes;
    for (const auto& b : c["decoded_boxes"]) boxes.push_back({b[0], b[1], b[2], b[3]});
    const auto class_losses = c["cls_losses"].get<std::vector<double>>();
    const auto box_losses = c["loc_losses"].get<std::vector<double>>();
    const auto match = c["match"].get<std::vector<std::int32_t>>();
    HardExampleMiner<double> miner(static_cast<int>(boxes.size()), options_of(c["params"]));
    std::vector<std::int32_t> kept(boxes.size());
    const test::AllocationCount allocations;
    const MiningCounts counts =
        miner(boxes.data(), class_losses.data(), box_losses.data(), match.data(), kept.data());
    CHECK(allocations.so_far() == 0);
    kept.resize(static_cast<std::size_t>(counts.kept));
    const auto& want = c["result"];
    CHECK(kept == want["selected"].get<std::vector<std::int32_t>>());
    CHECK(counts.positives == want["num_positives"].get<int>());
    CHECK(counts.listed == static_cast<int>(want["nms_order"].size()));
    double box_sum = 0, class_sum = 0;
    for (std::int32_t a : kept) {
      box_sum += box_losses[static_cast<std::size_t>(a)];
      class_sum += class_losses[static_cast<std::size_t>(a)];
    }
    CHECK(box_sum == doctest::Approx(want["loc_loss"].get<double>()));
    CHECK(class_sum == doctest::Approx(want["cls_loss"].get<double>()));
  }
}

TEST_CASE("hard_example_miner: with every option, what the rule says word by word") {
  Random random(5, Stream::demo);
  for (int round = 0; round < 120; ++round) {
    const std::size_t count = 1 + random.below(150);
    const auto boxes = test::odd_boxes<float>(random, count);
    std::vector<float> class_losses(count), box_losses(count), scores(count);
    std::vector<std::int32_t> match(count);
    MinerOptions options;
    options.num_hard_examples = static_cast<int>(random.below(200));
    options.iou_threshold = random.chance(0.7f) ? 0.99 : 0.3;
    options.loss_type = static_cast<MiningLoss>(random.below(3));
    options.max_negatives_per_positive = random.below(4);
    options.min_negatives_per_image = static_cast<int>(random.below(4));
    options.localization_weight = 2;
    for (std::size_t a = 0; a < count; ++a) {
      class_losses[a] = static_cast<float>(random.below(40)) / 8;  // ties
      box_losses[a] = static_cast<float>(random.below(40)) / 8;
      match[a] = static_cast<std::int32_t>(random.below(4)) - 2;
      scores[a] = options.loss_type == MiningLoss::classification ? class_losses[a]
                  : options.loss_type == MiningLoss::localization
                      ? box_losses[a]
                      : class_losses[a] + 2 * box_losses[a];
    }
    const int limit = options.num_hard_examples > 0 ? options.num_hard_examples : 1000;
    const auto list = test::plain_nms(
        boxes, scores, {.iou_threshold = options.iou_threshold, .max_output = limit});
    long positives = 0, negatives = 0;
    for (std::int32_t a : list) positives += match[static_cast<std::size_t>(a)] >= 0;
    const double most = std::fmax(
        options.min_negatives_per_image,
        std::floor(options.max_negatives_per_positive * static_cast<double>(positives)));
    std::vector<std::int32_t> want;
    for (std::int32_t a : list) {
      const std::int32_t m = match[static_cast<std::size_t>(a)];
      negatives += m == kNegative;
      if (options.max_negatives_per_positive == 0 || m >= 0 ||
          static_cast<double>(negatives) <= most)
        want.push_back(a);
    }
    HardExampleMiner<float> miner(static_cast<int>(count), options);
    std::vector<std::int32_t> kept(count);
    const MiningCounts counts =
        miner(boxes.data(), class_losses.data(), box_losses.data(), match.data(), kept.data());
    kept.resize(static_cast<std::size_t>(counts.kept));
    REQUIRE(kept == want);
    long kept_negatives = 0;
    for (std::int32_t a : kept) kept_negatives += match[static_cast<std::size_t>(a)] == kNegative;
    CHECK(counts.negatives == kept_negatives);
  }
}

TEST_CASE("hard_example_miner: NaN losses come first and hang nothing") {
  const std::vector<Box> boxes = {{0, 0, 1, 1}, {0, 0, 0.5f, 0.5f}, {0.5f, 0.5f, 1, 1}};
  const float losses[3] = {1, std::nanf(""), 2};
  const std::int32_t match[3] = {0, -1, -1};
  HardExampleMiner<float> miner(3);
  std::int32_t kept[3];
  CHECK(miner(boxes.data(), losses, losses, match, kept).kept == 3);
  CHECK(kept[0] == 1);
  CHECK(kept[1] == 2);
}

TEST_CASE("hard_example_miner: options out of range") {
  CHECK_THROWS_AS((HardExampleMiner<float>(1, {.num_hard_examples = -1})), ConfigError);
  CHECK_THROWS_AS((HardExampleMiner<float>(1, {.iou_threshold = 2})), ConfigError);
  CHECK_THROWS_AS((HardExampleMiner<float>(1, {.max_negatives_per_positive = -1})), ConfigError);
  CHECK_THROWS_AS((HardExampleMiner<float>(1, {.min_negatives_per_image = -1})), ConfigError);
}
