// Window: padding by hand and as published.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/op/window.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "support/vectors.hpp"

namespace {
using namespace ocelli;
constexpr int kSame = -1;
}  // namespace

TEST_CASE("window: SAME padding as published") {
  const auto v = test::vectors("resize_and_padding");
  int cases = 0;
  for (const char* list : {"same_padding_chain_300", "same_padding_more"})
    for (const auto& row : v[list]) {
      CAPTURE(row.dump());
      const int in = row["input"], kernel = row["kernel"], stride = row["stride"];
      const int out = row["output"], before = row["pad_before"], after = row["pad_after"];
      const PaddedExtent got = padded_extent(in, kernel, stride, 1, kSame);
      CHECK(got.out == out);
      CHECK(got.before == before);
      // The last window ends where the padding after the picture ends. A stride beyond the window
      // leaves pixels over and pads nothing.
      const int end = (got.out - 1) * stride + kernel - got.before;
      CHECK(std::max(end - in, 0) == after);
      ++cases;
    }
  CHECK(cases == 16);
}

TEST_CASE("window: by hand") {
  SUBCASE("SAME with dilation: a 3-window that reaches over 5") {
    CHECK(padded_extent(10, 3, 1, 2, kSame).out == 10);
    CHECK(padded_extent(10, 3, 1, 2, kSame).before == 2);
  }
  SUBCASE("symmetric") {
    CHECK(padded_extent(224, 7, 2, 1, 3).out == 112);
    CHECK(padded_extent(224, 7, 2, 1, 3).before == 3);
    CHECK(padded_extent(7, 3, 2, 1, 0).out == 3);
    CHECK(padded_extent(8, 3, 2, 1, 0).out == 3);  // the last column is left over
  }
  SUBCASE("a window that does not fit has no output") {
    CHECK(padded_extent(2, 3, 1, 1, 0).out == 0);
    CHECK(padded_extent(2, 3, 5, 1, 0).out == 0);
    CHECK(padded_extent(3, 3, 1, 1, 0).out == 1);
    CHECK(padded_extent(4, 3, 1, 2, 0).out == 0);
  }
}

TEST_CASE("window: every window has a tap inside the picture") {
  for (int in = 1; in <= 12; ++in)
    for (int kernel = 1; kernel <= 7; ++kernel)
      for (int stride = 1; stride <= 5; ++stride)
        for (int padding = kSame; padding < kernel; ++padding) {
          const PaddedExtent e = padded_extent(in, kernel, stride, 1, padding);
          CAPTURE(in);
          CAPTURE(kernel);
          CAPTURE(stride);
          CAPTURE(padding);
          if (padding == kSame) REQUIRE(e.out == (in + stride - 1) / stride);
          for (int i = 0; i < e.out; ++i) {
            const int first = i * stride - e.before;
            REQUIRE(first < in);
            REQUIRE(first + kernel > 0);
          }
        }
}
