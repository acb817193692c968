// SPDX-License-Identifier: Apache-2.0
#include "ocelli/cuda/multiclass_nms.hpp"

#include "cuda/box_case.hpp"

using namespace ocelli;
using namespace ocelli::kernel_test;

namespace {

struct Case {
  cuda::NmsShape shape;
  bool class_boxes;
  std::vector<Box> boxes;
  std::vector<float> scores;

  /// With ties among the scores, boxes that are equal, without area or out of order.
  Case(int batch, int rows, int classes, bool by_class)
      : shape{batch, rows, classes}, class_boxes(by_class) {
    const auto count = static_cast<std::size_t>(batch * rows * (by_class ? classes : 1));
    boxes = kernel_test::boxes(count, 1, 0.3f);
    scores = numbers(static_cast<std::size_t>(batch * rows * classes), 2, 0, 1);
    Random random(9, Stream::demo);
    for (float& score : scores)
      if (random.chance(0.2f)) score = 0.5f;
    for (std::size_t i = 0; i < count; ++i) {
      if (random.chance(0.1f)) boxes[i] = boxes[random.below(static_cast<std::uint32_t>(i + 1))];
      if (random.chance(0.02f)) boxes[i].ymax = boxes[i].ymin;
      if (random.chance(0.02f)) std::swap(boxes[i].xmin, boxes[i].xmax);
    }
  }
};

struct Found {
  std::vector<std::int32_t> labels, sources;  // a picture after the other, each behind its count
  std::vector<float> values;                  // score, box
  bool operator==(const Found& o) const {
    return labels == o.labels && sources == o.sources && same_bits(values, o.values);
  }
  void add(const Box& box, int label, float score, std::int32_t source) {
    labels.push_back(label);
    sources.push_back(source);
    values.insert(values.end(), {score, box.ymin, box.xmin, box.ymax, box.xmax});
  }
};

constexpr Box kWindow{0.1f, 0, 0.9f, 0.95f};

Found on_device(
    const Case& c, const MulticlassNmsOptions& options, bool windows = false,
    cuda::NmsWay way = cuda::NmsWay::block) {
  DeviceArray<Box> boxes(c.boxes);
  DeviceArray<float> scores(c.scores);
  const auto batch = static_cast<std::size_t>(c.shape.batch);
  const auto most = static_cast<std::size_t>(options.max_total_detections);
  DeviceArray<Box> window(std::vector<Box>(batch, kWindow));
  DeviceArray<char> work(cuda::multiclass_nms_workspace(c.shape, options, way));
  DeviceArray<Detection> found(batch * most);
  DeviceArray<std::int32_t> counts(batch), sources(batch * most);
  cuda::multiclass_nms(
      nullptr, c.shape, boxes.data(), c.class_boxes, scores.data(), options,
      windows ? Box{} : kWindow, windows ? window.data() : nullptr, work.data(),
      {found.data(), counts.data(), sources.data()}, way);
  Found all;
  for (std::size_t n = 0; n < batch; ++n) {
    const std::int32_t count = counts.values()[n];
    REQUIRE(count >= 0);
    REQUIRE(count <= options.max_total_detections);
    all.labels.push_back(-count);
    const auto list = found.values();
    for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
      const Detection& d = list[n * most + i];
      all.add(d.box, d.label, d.score, sources.values()[n * most + i]);
    }
  }
  return all;
}

Found on_host(const Case& c, const MulticlassNmsOptions& options) {
  MulticlassNms<float> nms(c.shape.rows, c.shape.classes, options);
  std::vector<ClassDetection<float>> out(static_cast<std::size_t>(options.max_total_detections));
  Found all;
  const auto batch = static_cast<std::size_t>(c.shape.batch);
  for (std::size_t n = 0; n < batch; ++n) {
    const int count =
        nms(c.boxes.data() + n * (c.boxes.size() / batch), c.class_boxes,
            c.scores.data() + n * (c.scores.size() / batch), c.shape.rows, kWindow, out.data());
    all.labels.push_back(-count);
    for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i)
      all.add(out[i].box, out[i].class_index + 1, out[i].score, out[i].source);
  }
  return all;
}

void check(
    const Case& c, const MulticlassNmsOptions& options, int schedules = 0,
    cuda::NmsWay way = cuda::NmsWay::block) {
  const Found got = in_any_order([&] { return on_device(c, options, false, way); }, schedules);
  const Found wanted = on_host(c, options);
  CHECK(got.labels == wanted.labels);
  CHECK(got.sources == wanted.sources);
  check_equal(got.values, wanted.values, 2, 1);
}

}  // namespace

TEST_CASE("cuda multiclass_nms: the CPU's choice for any number of boxes and classes") {
  for (int rows : {1, 7, 33, 300})
    for (int classes : {1, 5}) {
      CAPTURE(rows);
      CAPTURE(classes);
      for (bool by_class : {false, true}) {
        const Case c(2, rows, classes, by_class);
        check(c, {}, 2);
        check(c, {.score_threshold = 1e-8, .iou_threshold = 0.3});
        check(c, {.score_threshold = 2});
        check(c, {.score_threshold = 0.5});  // the score of many: none of them is above it
        check(c, {.max_detections_per_class = 3, .max_total_detections = 4});
        check(c, {.iou_threshold = 1, .max_detections_per_class = 40, .max_total_detections = 41});
        check(c, {.iou_threshold = 0, .change_coordinate_frame = true});
      }
    }
}

TEST_CASE("cuda multiclass_nms: many boxes, many classes [slow]") {
  check(Case(1, 1917, 90, false), {.score_threshold = 0.9});
  check(Case(1, 1917, 3, false), {.score_threshold = 1e-8}, 1);
  // Boxes that hardly overlap: the join sorts several times, and keeps more than one sort holds.
  Case far(1, 1500, 4, false);
  for (Box& box : far.boxes) box = {box.ymin, box.xmin, box.ymin + 0.001f, box.xmin + 0.001f};
  check(
      far,
      {.score_threshold = 0.01, .max_detections_per_class = 1400, .max_total_detections = 1500});
}

TEST_CASE("cuda multiclass_nms: what shared memory does not hold [slow]") {
  const Case c(1, 8300, 1, false);
  check(c, {.score_threshold = 0.5});
  check(c, {.score_threshold = 0.9, .max_detections_per_class = 600, .max_total_detections = 9000});
}

TEST_CASE("cuda multiclass_nms: scores and boxes that are no numbers") {
  Case c(1, 50, 2, false);
  c.scores[3] = std::numeric_limits<float>::quiet_NaN();
  c.scores[4] = std::numeric_limits<float>::infinity();
  c.scores[5] = -0.0f, c.scores[6] = 0.0f, c.scores[7] = -3.0f, c.scores[8] = -2.0f;
  c.boxes[4].xmax = std::numeric_limits<float>::infinity();
  c.boxes[9].ymax = std::numeric_limits<float>::quiet_NaN();
  check(c, {.score_threshold = -10}, 2);
  check(c, {.score_threshold = -std::numeric_limits<double>::infinity()});
}

TEST_CASE("cuda multiclass_nms: a window for each picture") {
  const Case c(3, 60, 2, false);
  CHECK(on_device(c, {}, true) == on_device(c, {}));
}

TEST_CASE("cuda multiclass_nms: the floor") {
  // A class of 100 rows: 10 candidates, of which 4 stay, in 6 pairs.
  CHECK(
      kernel::class_nms_floor(1, 1, 100, 10, 4, 6) ==
      kernel::Floor{4 * 100 + 16 * 10 + 8 * 4, 7 * 4 + 14 * 6});
  CHECK(kernel::join_detections_floor(50, 20) == kernel::Floor{8 * 50 + 24 * 20, 3 * 50});
  CHECK(sizeof(Detection) == 24);
}
