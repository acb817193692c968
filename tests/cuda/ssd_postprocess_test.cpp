// SPDX-License-Identifier: Apache-2.0
#include "ocelli/cuda/ssd_postprocess.hpp"

#include "cuda/box_case.hpp"
#include "ocelli/box/ssd_postprocess.hpp"

using namespace ocelli;
using namespace ocelli::kernel_test;

namespace {

struct Found {
  std::vector<int> counts, labels;
  std::vector<float> values;
  bool operator==(const Found& o) const {
    return counts == o.counts && labels == o.labels && same_bits(values, o.values);
  }
  void add(const Detection& d) {
    labels.push_back(d.label);
    values.insert(values.end(), {d.score, d.box.ymin, d.box.xmin, d.box.ymax, d.box.xmax});
  }
};

void check(
    int batch, std::size_t count, int classes, const MulticlassNmsOptions& options, int schedules) {
  const auto pictures = static_cast<std::size_t>(batch);
  const std::vector<Box> anchors = some_anchors(count);
  const std::vector<float> codes = numbers(pictures * count * 4, 1, -1, 1);
  const std::size_t columns = static_cast<std::size_t>(classes) + 1;
  const std::vector<float> logits = numbers(pictures * count * columns, 2, -5, 2);
  const cuda::NmsShape shape{batch, static_cast<int>(count), classes};
  const auto most = static_cast<std::size_t>(options.max_total_detections);
  const Found got = in_any_order(
      [&] {
        DeviceArray<Box> a(anchors);
        DeviceArray<float> c(codes), z(logits);
        DeviceArray<char> work(cuda::ssd_postprocess_workspace(shape, options));
        DeviceArray<Detection> found(pictures * most);
        DeviceArray<std::int32_t> counts(pictures);
        cuda::ssd_postprocess(
            nullptr, shape, a.data(), c.data(), z.data(), {}, options, nullptr, work.data(),
            {found.data(), counts.data(), nullptr});
        Found all;
        const auto list = found.values();
        for (std::size_t n = 0; n < pictures; ++n) {
          all.counts.push_back(counts.values()[n]);
          for (std::size_t i = 0; i < static_cast<std::size_t>(all.counts.back()); ++i)
            all.add(list[n * most + i]);
        }
        return all;
      },
      schedules);
  SsdPostprocess<float> post(anchors, classes, {}, options);
  std::vector<Detection> out(most);
  Found wanted;
  for (std::size_t n = 0; n < pictures; ++n) {
    wanted.counts.push_back(
        post(codes.data() + n * count * 4, logits.data() + n * count * columns, out.data()));
    for (std::size_t i = 0; i < static_cast<std::size_t>(wanted.counts.back()); ++i)
      wanted.add(out[i]);
  }
  CHECK(got.counts == wanted.counts);
  CHECK(got.labels == wanted.labels);
  check_equal(got.values, wanted.values, 16, 1);
}

}  // namespace

TEST_CASE("cuda ssd_postprocess: the CPU's detections") {
  for (std::size_t count : {1u, 7u, 33u, 300u})
    for (int classes : {1, 33, 90}) {
      CAPTURE(count);
      CAPTURE(classes);
      check(2, count, classes, {}, count < 100 ? 2 : 0);
    }
  check(1, 1917, 2, {}, 1);
  check(1, 1917, 2, {.score_threshold = 1e-8}, 0);
}

TEST_CASE("cuda ssd_postprocess: the floor") {
  CHECK(
      kernel::ssd_scores_floor(2, 100, 90) ==
      kernel::Floor{2 * 100 * 90 * (4 + 4), 25 * 2 * 100 * 90});
}
