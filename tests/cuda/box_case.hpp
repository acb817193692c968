// Boxes, anchors and ground truth for the tests of kernels.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>

#include "cuda/kernel_case.hpp"
#include "ocelli/box/anchors.hpp"
#include "ocelli/kernels/matcher.cuh"

namespace ocelli::kernel_test {

/// Boxes with corners in order, of sides up to `most`.
inline std::vector<Box> boxes(std::size_t count, std::uint32_t index, float most = 0.5f) {
  Random random(11, Stream::demo, 1, index);
  std::vector<Box> all(count);
  for (Box& box : all) {
    const float y = random.uniform(-0.1f, 1.0f), x = random.uniform(-0.1f, 1.0f);
    box = {y, x, y + random.uniform(0.001f, most), x + random.uniform(0.001f, most)};
  }
  return all;
}

/// `count` anchors: those of an SSD at 300 x 300 (1917) first.
inline std::vector<Box> some_anchors(std::size_t count) {
  const std::vector<MapSize> maps{{19, 19}, {10, 10}, {5, 5}, {3, 3}, {2, 2}, {1, 1}};
  std::vector<Box> anchors = ssd_anchors<float>(maps, 300, 300);
  // Few anchors: from all over the picture and of all sizes.
  if (count < anchors.size()) {
    std::vector<Box> few(count);
    for (std::size_t i = 0; i < count; ++i) few[i] = anchors[i * 997 % anchors.size()];
    return few;
  }
  anchors.resize(count);
  return anchors;
}

/// Ground truth on the host; what lies beyond the counts is nonsense that nothing may read.
struct Truth {
  int capacity = 0;
  std::vector<Box> boxes;
  std::vector<std::int32_t> labels, counts;
  std::vector<float> weights;

  Truth(const std::vector<std::int32_t>& box_counts, int room, int classes, bool weighted = false)
      : capacity(room), counts(box_counts) {
    const std::size_t rows = counts.size() * static_cast<std::size_t>(capacity);
    boxes = kernel_test::boxes(rows, 77);
    Random random(5, Stream::demo, 2);
    for (std::size_t i = 0; i < rows; ++i) {
      labels.push_back(1 + static_cast<int>(random.below(static_cast<std::uint32_t>(classes))));
      if (weighted) weights.push_back(random.chance(0.3f) ? 0.0f : random.uniform(0.5f, 2.0f));
    }
    for (std::size_t n = 0; n < counts.size(); ++n)
      for (int k = counts[n]; k < capacity; ++k) {
        const std::size_t i = n * static_cast<std::size_t>(capacity) + static_cast<std::size_t>(k);
        boxes[i] = {0, 0, 1, 1};
        labels[i] = 1 << 30;
        if (weighted) weights[i] = std::numeric_limits<float>::quiet_NaN();
      }
  }
  std::size_t batch() const { return counts.size(); }
};

/// The same in device memory.
struct DeviceTruth {
  DeviceArray<Box> boxes;
  DeviceArray<std::int32_t> labels, counts;
  DeviceArray<float> weights;
  bool weighted;
  int capacity;

  explicit DeviceTruth(const Truth& t)
      : boxes(t.boxes),
        labels(t.labels),
        counts(t.counts),
        weights(t.weights.empty() ? std::vector<float>(1) : t.weights),
        weighted(!t.weights.empty()),
        capacity(t.capacity) {}
  kernel::GroundTruth view() const {
    return {
        boxes.data(), labels.data(), counts.data(), weighted ? weights.data() : nullptr, capacity};
  }
};

inline std::vector<float> flat(const std::vector<Box>& all) {
  std::vector<float> values;
  for (const Box& b : all) values.insert(values.end(), {b.ymin, b.xmin, b.ymax, b.xmax});
  return values;
}

}  // namespace ocelli::kernel_test
