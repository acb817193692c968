// SPDX-License-Identifier: Apache-2.0
#include "ocelli/box/iou.hpp"

#include <doctest/doctest.h>

using namespace ocelli;

TEST_CASE("iou: by hand") {
  const BoxOf<double> a{0, 0, 2, 2};
  CHECK(iou(a, a) == 1);
  CHECK(iou(a, {0, 1, 2, 3}) == doctest::Approx(2.0 / 6));
  CHECK(iou(a, {1, 1, 3, 3}) == doctest::Approx(1.0 / 7));
  CHECK(iou(a, {0, 0, 1, 1}) == doctest::Approx(0.25));
}

TEST_CASE("iou: boxes that only touch, lie apart or have no area share nothing") {
  const BoxOf<float> a{0, 0, 1, 1};
  CHECK(iou(a, {0, 1, 1, 2}) == 0);
  CHECK(iou(a, {2, 2, 3, 3}) == 0);
  CHECK(iou(a, {0.5f, 0.5f, 0.5f, 0.9f}) == 0);
  const BoxOf<float> point{0.5f, 0.5f, 0.5f, 0.5f};
  CHECK(iou(point, point) == 0);
  static_assert(iou(BoxOf<float>{0, 0, 1, 1}, BoxOf<float>{0, 0, 1, 0.5f}) == 0.5f);
}
