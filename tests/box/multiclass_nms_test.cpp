// SPDX-License-Identifier: Apache-2.0
#include "ocelli/box/multiclass_nms.hpp"

#include <doctest/doctest.h>

#include "support/counting_allocator.hpp"
#include "support/vectors.hpp"

using namespace ocelli;

TEST_CASE("multiclass_nms: as published") {
  const nlohmann::json cases = test::vectors("nms")["multi_class"];
  REQUIRE(!cases.empty());
  for (const auto& c : cases) {
    const auto& p = c["params"];
    const auto rows = c["boxes"].size(), classes = c["scores"][0].size(),
               per = c["boxes"][0].size();
    std::vector<BoxOf<double>> boxes;
    std::vector<double> scores(rows * classes);
    for (std::size_t r = 0; r < rows; ++r) {
      for (const auto& b : c["boxes"][r]) boxes.push_back({b[0], b[1], b[2], b[3]});
      for (std::size_t k = 0; k < classes; ++k) scores[k * rows + r] = c["scores"][r][k];
    }
    MulticlassNms<double> run(
        static_cast<int>(rows), static_cast<int>(classes),
        {.score_threshold = p["score_threshold"],
         .iou_threshold = p["iou_threshold"],
         .max_detections_per_class = p["max_per_class"],
         .max_total_detections = p["max_total"],
         .change_coordinate_frame = p.value("change_coordinate_frame", false)});
    const auto& w = p["clip_window"];
    const BoxOf<double> window{w[0], w[1], w[2], w[3]};
    std::vector<ClassDetection<double>> out(static_cast<std::size_t>(run.max_detections()));
    const test::AllocationCount allocations;
    const int found =
        run(boxes.data(), per > 1, scores.data(), static_cast<int>(rows), window, out.data());
    CHECK(allocations.so_far() == 0);
    REQUIRE(found == static_cast<int>(c["result"].size()));
    for (std::size_t i = 0; i < c["result"].size(); ++i) {
      const auto& want = c["result"][i];
      CHECK(out[i].score == want["score"].get<double>());
      CHECK(out[i].class_index == want["cls"].get<int>());
      CHECK(out[i].source == want["source_index"].get<int>());
      CHECK(out[i].box.ymin == doctest::Approx(want["box"][0].get<double>()));
      CHECK(out[i].box.xmin == doctest::Approx(want["box"][1].get<double>()));
      CHECK(out[i].box.ymax == doctest::Approx(want["box"][2].get<double>()));
      CHECK(out[i].box.xmax == doctest::Approx(want["box"][3].get<double>()));
    }
  }
}

TEST_CASE("multiclass_nms: equal scores keep class order, then NMS order") {
  const std::vector<Box> boxes = {{0, 0, 0.2f, 0.2f}, {0.5f, 0.5f, 1, 1}};
  const std::vector<float> scores = {0.5f, 0.5f, 0.5f, 0.5f};
  MulticlassNms<float> run(2, 2);
  ClassDetection<float> out[100];
  REQUIRE(run(boxes.data(), false, scores.data(), 2, {0, 0, 1, 1}, out) == 4);
  for (int i = 0; i < 4; ++i) {
    CHECK(out[i].class_index == i / 2);
    CHECK(out[i].source == i % 2);
  }
  CHECK_THROWS_AS(run(boxes.data(), false, scores.data(), 3, {0, 0, 1, 1}, out), ShapeError);
}

TEST_CASE("multiclass_nms: more detections a class than in total is refused") {
  CHECK_THROWS_WITH_AS(
      (MulticlassNms<float>(1, 1, {.max_detections_per_class = 200})),
      "second_stage_max_detections_per_class: nms: max_detections_per_class is 200, "
      "max_total_detections 100; give at most as many detections a class as in total",
      ConfigError);
}
