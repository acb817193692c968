// NMS over all blocks of a device: the CPU's choice, bit for bit that of one block a class.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "cuda/box_case.hpp"
#include "ocelli/cuda/multiclass_nms.hpp"

using namespace ocelli;
using namespace ocelli::kernel_test;
using cuda::NmsWay;

namespace {

/// Boxes and scores of a batch.
struct Lists {
  cuda::NmsShape shape;
  std::vector<Box> boxes;     // [batch, rows], or [batch, rows, classes]
  std::vector<float> scores;  // [batch, classes, rows]
  bool class_boxes = false;
};

/// With ties among the scores, boxes that are equal, without area or out of order.
Lists some_lists(int batch, int rows, int classes, bool class_boxes = false) {
  Lists l{{batch, rows, classes}, {}, {}, class_boxes};
  l.boxes = boxes(static_cast<std::size_t>(batch * rows * (class_boxes ? classes : 1)), 1, 0.3f);
  l.scores = numbers(static_cast<std::size_t>(batch * rows * classes), 2, 0, 1);
  Random random(9, Stream::demo);
  for (float& score : l.scores)
    if (random.chance(0.2f)) score = 0.5f;
  for (std::size_t i = 0; i < l.boxes.size(); ++i) {
    if (random.chance(0.1f)) l.boxes[i] = l.boxes[random.below(static_cast<std::uint32_t>(i + 1))];
    if (random.chance(0.02f)) l.boxes[i].ymax = l.boxes[i].ymin;
    if (random.chance(0.02f)) std::swap(l.boxes[i].xmin, l.boxes[i].xmax);
  }
  return l;
}

/// Of a picture: what is found, by falling score.
struct Found {
  std::vector<std::int32_t> labels, sources;
  std::vector<float> values;
  bool operator==(const Found& o) const {
    return labels == o.labels && sources == o.sources && same_bits(values, o.values);
  }
};

Found run(const Lists& l, const MulticlassNmsOptions& options, NmsWay way) {
  DeviceArray<Box> boxes(l.boxes);
  DeviceArray<float> scores(l.scores);
  const auto batch = static_cast<std::size_t>(l.shape.batch);
  const auto most = static_cast<std::size_t>(options.max_total_detections);
  DeviceArray<char> work(cuda::multiclass_nms_workspace(l.shape, options, way));
  DeviceArray<Detection> found(batch * most);
  DeviceArray<std::int32_t> counts(batch), sources(batch * most);
  cuda::multiclass_nms(
      nullptr, l.shape, boxes.data(), l.class_boxes, scores.data(), options, {0, 0, 1, 1}, nullptr,
      work.data(), {found.data(), counts.data(), sources.data()}, way);
  Found all;
  const auto list = found.values();
  const auto rows = sources.values();
  for (std::size_t n = 0; n < batch; ++n)
    for (std::size_t i = 0; i < static_cast<std::size_t>(counts.values()[n]); ++i) {
      const Detection& d = list[n * most + i];
      all.labels.push_back(d.label);
      all.sources.push_back(rows[n * most + i]);
      all.values.insert(
          all.values.end(), {d.score, d.box.ymin, d.box.xmin, d.box.ymax, d.box.xmax});
    }
  return all;
}

/// The rows that ocelli::nms keeps of one class of one picture.
std::vector<std::int32_t> kept_on_host(const Lists& l, const MulticlassNmsOptions& options) {
  const int rows = l.shape.rows;
  NmsWorkspace<float> workspace(rows, options.max_detections_per_class);
  std::vector<std::int32_t> kept(
      static_cast<std::size_t>(std::min(rows, options.max_detections_per_class)));
  kept.resize(static_cast<std::size_t>(
      nms(l.boxes.data(), l.scores.data(), rows,
          {options.iou_threshold, options.score_threshold, options.max_detections_per_class},
          workspace, kept.data())));
  return kept;
}

/// All boxes kept, up to `most`; nothing is lost to the window.
constexpr MulticlassNmsOptions keep(int most, double score = 0.01, double iou = 0.5) {
  return {score, iou, most, most, false};
}

}  // namespace

TEST_CASE("cuda grid_nms: one class, as ocelli::nms and as one block choose") {
  for (int rows : {1, 63, 64, 65, 128, 257, 1100}) {
    CAPTURE(rows);
    const Lists l = some_lists(1, rows, 1);
    for (const auto& options : {keep(rows), keep(rows, 0.5, 0.3), keep(std::min(rows, 3))}) {
      const Found got =
          in_any_order([&] { return run(l, options, NmsWay::grid); }, rows < 300 ? 2 : 1);
      CHECK(got == run(l, options, NmsWay::block));
      // The join drops boxes without area: what is left of the host's choice is found, in order.
      std::vector<std::int32_t> wanted;
      for (const std::int32_t row : kept_on_host(l, options)) {
        const Box& b = l.boxes[static_cast<std::size_t>(row)];
        const auto cut = [](float v) { return std::clamp(v, 0.0f, 1.0f); };
        if (Box{cut(b.ymin), cut(b.xmin), cut(b.ymax), cut(b.xmax)}.area() > 0)
          wanted.push_back(row);
      }
      CHECK(got.sources == wanted);
    }
  }
}

TEST_CASE("cuda grid_nms: equal scores keep the lower rows") {
  for (int rows : {64, 130}) {
    Lists l = some_lists(1, rows, 1);
    for (float& score : l.scores) score = 0.75f;
    const Found got = in_any_order([&] { return run(l, keep(rows), NmsWay::grid); });
    CHECK(got == run(l, keep(rows), NmsWay::block));
    CHECK(std::is_sorted(got.sources.begin(), got.sources.end()));
    CHECK(got.sources.size() > 5);
  }
}

TEST_CASE("cuda grid_nms: all overlap, none do") {
  for (int rows : {65, 1030}) {
    CAPTURE(rows);
    Lists l = some_lists(1, rows, 1);
    for (float& score : l.scores) score = 0.1f + 0.8f * score;
    for (std::size_t i = 0; i < l.boxes.size(); ++i) l.boxes[i] = {0.1f, 0.1f, 0.9f, 0.9f};
    const auto best = std::max_element(l.scores.begin(), l.scores.end()) - l.scores.begin();
    const Found one = run(l, keep(rows), NmsWay::grid);
    CHECK(one.sources == std::vector<std::int32_t>{static_cast<std::int32_t>(best)});
    for (std::size_t i = 0; i < l.boxes.size(); ++i) {
      const float y = static_cast<float>(i / 40) / 40, x = static_cast<float>(i % 40) / 40;
      l.boxes[i] = {y, x, y + 0.02f, x + 0.02f};
    }
    CHECK(run(l, keep(rows), NmsWay::grid).sources.size() == static_cast<std::size_t>(rows));
    CHECK(run(l, keep(rows), NmsWay::grid) == run(l, keep(rows), NmsWay::block));
    // The limit ends the scan in the middle of a tile.
    CHECK(run(l, keep(37), NmsWay::grid).sources.size() == 37);
    CHECK(run(l, keep(37), NmsWay::grid) == run(l, keep(37), NmsWay::block));
  }
}

TEST_CASE("cuda grid_nms: several classes and pictures, thresholds at their ends") {
  for (bool class_boxes : {false, true}) {
    const Lists l = some_lists(2, 150, 3, class_boxes);
    for (const auto& options :
         {keep(150), keep(150, 0.5), keep(150, 2.0), keep(150, 0.01, 0.0), keep(150, 0.01, 1.0),
          keep(4)}) {
      CAPTURE(options.score_threshold);
      CAPTURE(options.iou_threshold);
      CHECK(run(l, options, NmsWay::grid) == run(l, options, NmsWay::block));
    }
  }
}

TEST_CASE("cuda grid_nms: scores and boxes that are no numbers") {
  Lists l = some_lists(1, 90, 1);
  constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  l.scores[3] = kNaN, l.scores[4] = kInfinity, l.scores[5] = -0.0f, l.scores[6] = 0.0f;
  l.scores[7] = -3.0f;
  l.boxes[4].xmax = kInfinity, l.boxes[9].ymax = kNaN, l.boxes[11].ymin = -kInfinity;
  for (const double score : {-10.0, -std::numeric_limits<double>::infinity()})
    CHECK(run(l, keep(90, score), NmsWay::grid) == run(l, keep(90, score), NmsWay::block));
}

TEST_CASE("cuda grid_nms: which way a shape takes, and the room that it needs") {
  using cuda::multiclass_nms_way;
  CHECK(multiclass_nms_way({24, 1917, 90}) == NmsWay::block);
  CHECK(multiclass_nms_way({1, 20000, 1}) == NmsWay::grid);
  CHECK(multiclass_nms_way({1, 20000, 90}) == NmsWay::grid);
  CHECK(multiclass_nms_way({1, 4096, 1}) == NmsWay::block);
  CHECK(multiclass_nms_way({24, 20000, 90}) == NmsWay::block);  // blocks enough
  CHECK(multiclass_nms_way({1, 100000, 1}) == NmsWay::block);   // a mask of 1.25 GB
  CHECK(cuda::nms_mask_bytes(20000) == 8L * 20000 * 313);
  CHECK(cuda::nms_lists_at_once({1, 20000, 90}) == 5);
  CHECK(cuda::nms_lists_at_once({1, 20000, 2}) == 2);
  const auto bytes = cuda::multiclass_nms_workspace({1, 20000, 1}, keep(100));
  CHECK(bytes > 8UL * 20000 * 313);
  CHECK(bytes < 8UL * 20000 * 313 + 20000 * 48);
  const MulticlassNmsOptions options = keep(10);
  CHECK_THROWS_AS(
      cuda::multiclass_nms(
          nullptr, {1, 100000, 1}, nullptr, false, nullptr, options, {0, 0, 1, 1}, nullptr, nullptr,
          {}, NmsWay::grid),
      ShapeError);
}

TEST_CASE("cuda grid_nms: a shape that goes over the grid by itself") {
  Lists l = some_lists(1, 4200, 2);
  for (float& score : l.scores) score *= score;
  CHECK(multiclass_nms_way(l.shape) == NmsWay::grid);
  CHECK(run(l, keep(100, 0.9), NmsWay::grid) == run(l, keep(100, 0.9), NmsWay::block));
}

TEST_CASE("cuda grid_nms: lists in turns") {
  const Lists l = some_lists(2, 70, 3);
  const MulticlassNmsOptions options = keep(20, 0.1);
  DeviceArray<Box> boxes(l.boxes);
  DeviceArray<float> scores(l.scores);
  DeviceArray<char> work(cuda::multiclass_nms_workspace(l.shape, options, NmsWay::grid));
  cuda::WorkArrays space(work.data());
  cuda::NmsBuffers buffers(space, l.shape, options, NmsWay::grid);
  const kernel::NmsExtent extent{70, 3, false};
  const kernel::NmsRule rule{0.1f, 0.5f, 20, 20, false};
  std::vector<std::vector<std::int32_t>> rows, counts;
  for (const int at_once : {6, 1, 4}) {
    CHECK(buffers.at_once == 6);
    cuda::NmsBuffers some = buffers;
    some.at_once = at_once;
    cuda::detail::nms_over_grid(nullptr, l.shape, boxes.data(), scores.data(), extent, rule, some);
    std::vector<std::int32_t> found(6);
    std::vector<kernel::KeptBox> boxes_kept(6 * 20);
    simt::download(found.data(), some.counts, found.size() * sizeof(std::int32_t));
    simt::download(boxes_kept.data(), some.kept, boxes_kept.size() * sizeof(kernel::KeptBox));
    std::vector<std::int32_t> kept;
    for (std::size_t list = 0; list < 6; ++list)
      for (std::size_t k = 0; k < static_cast<std::size_t>(found[list]); ++k)
        kept.push_back(boxes_kept[list * 20 + k].row);
    CHECK(kept.size() > 30);
    rows.push_back(kept);
    counts.push_back(found);
  }
  CHECK(rows[1] == rows[0]);
  CHECK(rows[2] == rows[0]);
  CHECK(counts[1] == counts[0]);
  CHECK(counts[2] == counts[0]);
}

TEST_CASE("cuda grid_nms: the floor") {
  using namespace kernel;
  // 100 candidates: the first 64 have words of two tiles, the others of one.
  CHECK(nms_mask_words(100) == 64 * 2 + 36);
  CHECK(nms_mask_words(0) == 0);
  long words = 0, pairs = 0;
  for (int i = 0; i < 100; ++i) {
    for (int tile = i / 64; tile < 2; ++tile) ++words;
    for (int j = i + 1; j < 100; ++j) ++pairs;
  }
  CHECK(gather_list_floor(300, 100) == Floor{4 * 300 + 4 * 300 + 8 * 100, 0});
  CHECK(rank_list_floor(100) == Floor{(8 + 4 + 4) * 100, 0});
  CHECK(place_list_floor(100) == Floor{(8 + 4 + 16 + 8 + 16 + 4) * 100, 3 * 100});
  CHECK(mask_list_floor(100, 30) == Floor{(16 + 4) * 100 + 8 * words, 7 * pairs + 4 * 30});
  CHECK(scan_list_floor(100, 20, 15) == Floor{8 * 100 + 8 * 15 + (8 + 8) * 20, 0});
}
