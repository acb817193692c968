// What a step over tensors of bfloat16 does otherwise than one over float: the pictures are
// rounded. That whole steps agree is training_test.cpp's.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/cuda/step_math_bf16.hpp"

#include <doctest/doctest.h>

#include "kernel_case.hpp"
#include "ocelli/cuda/backend.hpp"

using namespace ocelli;
using namespace ocelli::kernel_test;

TEST_CASE("cuda step math: pictures are rounded to bfloat16") {
  ThreadPool pool(1);
  CudaBackendBf16 backend(pool);
  const std::vector<Box> anchors(4, Box{0, 0, 1, 1});
  UpdatePlan plan;
  plan.slab_floats = 8;
  plan.segments = {{0, 8, 0.0}};
  CudaBackendBf16::StepMath math(backend, pool, anchors, 2, {}, 1, 3, plan);
  math.set_eager(true);  // else nothing may be read on the way
  const std::vector<Box> boxes(3);
  const std::vector<std::int32_t> labels(3);
  const std::vector<int> counts(1);
  for (const std::size_t count : {36u, 7u}) {  // the second has room
    const std::vector<float> made = numbers(count, 2);
    math.next({});
    math.feed(
        made.data(), static_cast<long>(count), 1, {boxes.data(), labels.data(), counts.data(), 3});
    std::vector<bfloat16> got(count);
    math.run([&] {
      simt::download(got.data(), math.images(), count * sizeof(bfloat16), backend.stream());
    });
    for (std::size_t i = 0; i < count; ++i) CHECK(got[i].bits == bfloat16(made[i]).bits);
  }
}
