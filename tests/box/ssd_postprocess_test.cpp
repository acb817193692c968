// SPDX-License-Identifier: Apache-2.0
#include "ocelli/box/ssd_postprocess.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "support/counting_allocator.hpp"

using namespace ocelli;

TEST_CASE("ssd_postprocess: by hand") {
  const std::vector<Box> anchors = {
      {0, 0, 0.4f, 0.4f}, {0.02f, 0, 0.42f, 0.4f}, {0.6f, 0.6f, 1.2f, 1.2f}};
  SsdPostprocess<float> postprocess(anchors, 2);
  const float codes[12] = {};            // the anchors themselves
  const float logits[9] = {9, 2,  -9,    // label 1
                           9, 1,  0.5f,  // label 1, hidden by the first; label 2
                           9, -9, 3};    // label 2, reaches outside
  std::vector<Detection> out(static_cast<std::size_t>(postprocess.max_detections()));
  const test::AllocationCount allocations;
  const int found = postprocess(codes, logits, out.data());
  CHECK(allocations.so_far() == 0);
  REQUIRE(found == 3);
  CHECK(out[0].label == 2);
  CHECK(out[0].score == doctest::Approx(1 / (1 + std::exp(-3.0))));
  CHECK(out[0].box.ymax == 1);
  CHECK(out[0].box.ymin == doctest::Approx(0.6));
  CHECK(out[1].label == 1);
  CHECK(out[1].score == doctest::Approx(1 / (1 + std::exp(-2.0))));
  CHECK(out[2].label == 2);
  CHECK(out[2].box.ymin == doctest::Approx(0.02));
}

TEST_CASE("ssd_postprocess: codes move the boxes; NaN finds nothing") {
  const std::vector<Box> anchors = {{0.2f, 0.2f, 0.6f, 0.6f}};
  SsdPostprocess<float> postprocess(anchors, 1);
  std::vector<Detection> out(static_cast<std::size_t>(postprocess.max_detections()));
  const float codes[4] = {10 * 0.5f, 0, 5 * std::log(0.5f), 0};
  const float logits[2] = {0, 1};
  REQUIRE(postprocess(codes, logits, out.data()) == 1);
  CHECK(out[0].box.ymin == doctest::Approx(0.5));
  CHECK(out[0].box.ymax == doctest::Approx(0.7));
  CHECK(out[0].box.xmin == doctest::Approx(0.2));
  const float bad[4] = {std::nanf(""), 0, 0, 0};
  CHECK(postprocess(bad, logits, out.data()) == 0);
  const float bad_logits[2] = {0, std::nanf("")};
  CHECK(postprocess(codes, bad_logits, out.data()) == 0);
}
