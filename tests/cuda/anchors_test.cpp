// SPDX-License-Identifier: Apache-2.0
#include "ocelli/cuda/anchors.hpp"

#include "cuda/kernel_case.hpp"

using namespace ocelli;
using namespace ocelli::kernel_test;

namespace {

void check_anchors(
    const std::vector<MapSize>& maps, int height, int width, const SsdAnchorOptions& options) {
  const std::vector<Box> wanted = ssd_anchors<float>(maps, height, width, options);
  const auto got = in_any_order([&] {
    DeviceArray<Box> anchors(wanted.size());
    cuda::ssd_anchors(nullptr, maps, height, width, options, anchors.data());
    return anchors.values();
  });
  CHECK(same_bits(got, wanted));
}

}  // namespace

TEST_CASE("cuda anchors: the host's bits") {
  check_anchors({{19, 19}, {10, 10}, {5, 5}, {3, 3}, {2, 2}, {1, 1}}, 300, 300, {});
  check_anchors({{7, 3}, {1, 5}}, 120, 311, {.num_layers = 2});
  check_anchors(
      {{2, 2}}, 33, 40,
      {.num_layers = 1, .interpolated_ratio = 0, .reduce_boxes_in_lowest_layer = false});
  SsdAnchorOptions own{.num_layers = 2, .base_height = 0.7};
  own.scales = {0.05, 0.3};
  own.scale_count = 2;
  check_anchors({{9, 9}, {1, 1}}, 100, 100, own);
}

TEST_CASE("cuda anchors: what is refused on the host is refused here") {
  DeviceArray<Box> anchors(1);
  const std::vector<MapSize> maps{{1, 1}};
  CHECK_THROWS_AS(cuda::ssd_anchors(nullptr, maps, 10, 10, {}, anchors.data()), ConfigError);
}

TEST_CASE("cuda anchors: the floor") {
  // 361 + 100 + 25 + 9 + 4 + 1 places.
  CHECK(kernel::ssd_anchors_floor(500, 1917) == kernel::Floor{4 * 4 * 1917, 6 * 500 + 8 * 1917});
}
