// SPDX-License-Identifier: Apache-2.0
#include "ocelli/cuda/coder.hpp"

#include "cuda/box_case.hpp"

using namespace ocelli;
using namespace ocelli::kernel_test;

TEST_CASE("cuda coder: targets of matched anchors, as on the CPU") {
  for (std::size_t count : {1u, 7u, 33u, 1917u}) {
    CAPTURE(count);
    const std::vector<Box> anchors = some_anchors(count);
    const Truth truth({0, 4, 9}, 9, 3);
    std::vector<std::int32_t> match(count * 3);
    Random random(1, Stream::demo);
    for (std::size_t i = 0; i < match.size(); ++i) {
      const int rows = truth.counts[i / count];
      match[i] = static_cast<std::int32_t>(random.below(static_cast<std::uint32_t>(rows + 2))) - 2;
    }
    const BoxCoder<float> coder{10, 9, 5, 4};
    const auto got = in_any_order([&] {
      DeviceArray<Box> a(anchors);
      DeviceTruth t(truth);
      DeviceArray<std::int32_t> m(match);
      DeviceArray<float> codes(match.size() * 4);
      cuda::encode_targets(
          nullptr, 3, a.data(), static_cast<int>(count), t.view(), m.data(), coder, codes.data());
      return codes.values();
    });
    std::vector<float> wanted(match.size() * 4);
    for (std::size_t i = 0; i < match.size(); ++i) {
      if (match[i] < 0) continue;
      const BoxCode<float> code = coder.encode(
          truth.boxes[i / count * 9 + static_cast<std::size_t>(match[i])], anchors[i % count]);
      wanted[4 * i] = code.y, wanted[4 * i + 1] = code.x;
      wanted[4 * i + 2] = code.height, wanted[4 * i + 3] = code.width;
    }
    check_equal(got, wanted, 16, 10);
  }
}

TEST_CASE("cuda coder: decoded boxes, as on the CPU, infinite ones too") {
  for (std::size_t count : {1u, 7u, 33u, 1917u}) {
    CAPTURE(count);
    const std::vector<Box> anchors = some_anchors(count);
    std::vector<float> codes = numbers(count * 8, 3, -4, 4);
    codes[2] = 1e30f;
    codes.back() = std::numeric_limits<float>::quiet_NaN();
    const BoxCoder<float> coder;
    const auto got = in_any_order(
        [&] {
          DeviceArray<Box> a(anchors), out(count * 2);
          DeviceArray<float> c(codes);
          cuda::decode_boxes(
              nullptr, 2, a.data(), static_cast<int>(count), c.data(), coder, out.data());
          return flat(out.values());
        },
        0);
    std::vector<CenterBoxOf<float>> centers;
    for (const Box& anchor : anchors) centers.push_back(centered(anchor));
    std::vector<Box> wanted(count * 2);
    for (std::size_t n = 0; n < 2; ++n)
      coder.decode_all(
          codes.data() + n * count * 4, centers.data(), static_cast<long>(count),
          wanted.data() + n * count);
    check_equal(got, flat(wanted), 16, 1);
  }
}

TEST_CASE("cuda coder: the floor") {
  CHECK(
      kernel::encode_targets_floor(2, 100, 9, 30) ==
      kernel::Floor{2 * 100 * (4 + 16) + 16 * (100 + 9), 28 * 30});
  CHECK(
      kernel::decode_boxes_floor(2, 100) ==
      kernel::Floor{2 * 100 * (16 + 16) + 16 * 100, 2 * 100 * (6 + 2 * 3 + 2 * (3 + 23) + 4)});
}
