// The executor over memory that the host must not follow.
// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <cstring>
#include <limits>

#include "ocelli/core/random.hpp"
#include "ocelli/net/executor.hpp"
#include "ocelli/reference/backend.hpp"
#include "support/far_memory.hpp"

using namespace ocelli;
using namespace ocelli::test;

namespace {

using Block = ResidualWhereSame<Sequential<
    Conv<8, 1>, BatchNorm, Relu6, DepthwiseConv<3>, BatchNorm, Relu6, Conv<4, 1>, BatchNorm>>;
using Net = Model<
    Sequential<Conv<4, 3, 2>, BatchNorm, Relu6, Block, MaxPool<2>, Linear<3>>, Input<3, 12, 12>>;
constexpr int kBatch = 3;

void fill(Buffer<float>& buffer, std::uint32_t which) {
  Random random(5, Stream::init, 0, which);
  for (float& v : buffer.span()) v = 0.5f * static_cast<float>(random.normal());
}

void check_equal(const float* far, const Buffer<float>& near) {
  Buffer<float> fetched(near.size());
  FarMemory::to_host(fetched.data(), far, near.size() * sizeof(float));
  CHECK(std::memcmp(fetched.data(), near.data(), near.size() * sizeof(float)) == 0);
}

Buffer<float> values(const float* from, long count) {
  Buffer<float> copied(static_cast<std::size_t>(count));
  std::memcpy(copied.data(), from, copied.size() * sizeof(float));
  return copied;
}

}  // namespace

TEST_CASE("executor: what a backend keeps in memory of its own, the host does not touch") {
  const Net net;
  const ModelView& view = net.view();
  const GroupSettings groups[kMaxGroups];
  Weights<float> near(view);
  fill(near.params, 1);
  Weights<float, FarMemory> far(view);
  copy(far.params, near.params);
  Buffer<float> images(static_cast<std::size_t>(view.input.size() * kBatch));
  fill(images, 2);
  Buffer<float, FarMemory> far_images(images.size());
  copy(far_images, images);

  Buffer<float> gradient(near.params.size());
  Buffer<float, FarMemory> far_gradient(near.params.size());
  ReferenceBackend<float> near_backend;
  FarBackend far_backend;
  Executor<ReferenceBackend<float>> here(near_backend, view, kBatch, near, gradient, groups);
  Executor<FarBackend> there(far_backend, view, kBatch, far, far_gradient, groups);
  here.forward(images.data());
  there.forward(far_images.data());
  check_equal(there.output(0), values(here.output(0), here.output_size(0)));
  CHECK(there.first_nonfinite_op() == -1);

  Buffer<float> direction(static_cast<std::size_t>(here.output_size(0)));
  fill(direction, 3);
  std::memcpy(here.output_gradient(0), direction.data(), direction.size() * sizeof(float));
  FarMemory::from_host(
      there.output_gradient(0), direction.data(), direction.size() * sizeof(float));
  here.backward();
  there.backward();
  check_equal(far_gradient.data(), gradient);
  check_equal(far.moving.data(), near.moving);

  // Inference folds the batch norms, from the weights as they are.
  Executor<ReferenceBackend<float>> seen_here(near_backend, view, kBatch, near, groups);
  Executor<FarBackend> seen_there(far_backend, view, kBatch, far, groups);
  seen_here.forward(images.data());
  seen_there.forward(far_images.data());
  check_equal(seen_there.output(0), values(seen_here.output(0), seen_here.output_size(0)));

  near.params[3] = std::numeric_limits<float>::quiet_NaN();  // of the first convolution
  copy(far.params, near.params);
  here.forward(images.data());
  there.forward(far_images.data());
  CHECK(here.first_nonfinite_op() == 0);
  CHECK(there.first_nonfinite_op() == 0);
}
