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
  CudaBackendBf16 backend;
  ThreadPool pool(1);
  const std::vector<Box> anchors(4, Box{0, 0, 1, 1});
  UpdatePlan plan;
  plan.slab_floats = 8;
  plan.segments = {{0, 8, 0.0}};
  CudaBackendBf16::StepMath math(backend, pool, anchors, 2, {}, 1, 3, plan);
  for (const std::size_t count : {36u, 7u}) {  // the second has room
    const std::vector<float> made = numbers(count, 2);
    const bfloat16* there = math.images(made.data(), static_cast<long>(count));
    std::vector<bfloat16> got(count);
    simt::download(got.data(), there, count * sizeof(bfloat16));
    for (std::size_t i = 0; i < count; ++i) CHECK(got[i].bits == bfloat16(made[i]).bits);
  }
}
