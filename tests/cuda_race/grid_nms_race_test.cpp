// The kernels of NMS over all blocks in race mode: no two threads touch the same memory without a
// barrier between, and nothing is read before it was written.
// SPDX-License-Identifier: Apache-2.0
#include "cuda/box_case.hpp"
#include "ocelli/cuda/memory.hpp"
#include "ocelli/cuda/multiclass_nms.hpp"

using namespace ocelli;
using namespace ocelli::kernel_test;

TEST_CASE("cuda race: NMS over all blocks") {
  for (const int classes : {1, 2}) {
    const cuda::NmsShape shape{1, 150, classes};
    const MulticlassNmsOptions options{0.1, 0.4, 40, 40, false};
    cuda::Memory<Box> where(150);
    cuda::Memory<float> scores(300);
    where.upload(boxes(150, 1, 0.3f).data(), 150);
    scores.upload(numbers(300, 2, 0, 1).data(), 300);
    cuda::Memory<Detection> found(40);
    cuda::Memory<std::int32_t> counts(1), sources(40);
    for (const auto way : {cuda::NmsWay::grid, cuda::NmsWay::block}) {
      cuda::Memory<char> work(cuda::multiclass_nms_workspace(shape, options, way));
      cuda::multiclass_nms(
          nullptr, shape, where.data(), false, scores.data(), options, {0, 0, 1, 1}, nullptr,
          work.data(), {found.data(), counts.data(), sources.data()}, way);
      CHECK(counts.data()[0] == 40);
    }
  }
}
