// Whole nets on the kernels: a toy detector's forward, gradients and five steps against the plain
// loops and the CPU's fast ones.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/cuda/backend.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "ocelli/core/random.hpp"
#include "ocelli/cpu/backend.hpp"
#include "ocelli/net/executor.hpp"
#include "ocelli/net/layers.hpp"
#include "ocelli/net/model.hpp"
#include "ocelli/net/vocabulary.hpp"
#include "ocelli/optim/sgd_momentum.hpp"
#include "ocelli/reference/backend.hpp"
#include "ocelli/simt/settings.hpp"
#include "support/counting_allocator.hpp"

namespace ocelli::test {
namespace {

struct Features {
  static constexpr char name[] = "features";
};
template <int Expanded, int Out, int Stride>
using InvertedResidual = ResidualWhereSame<Sequential<
    Conv<Expanded, 1>, BatchNorm, Relu6, DepthwiseConv<3, Stride>, BatchNorm, Relu6, Conv<Out, 1>,
    BatchNorm>>;
// Inverted residuals and two heads, as a detector has; and every other operation once.
using Net = Sequential<
    Conv<8, 3, 2>, BatchNorm, Relu6, InvertedResidual<16, 12, 2>, InvertedResidual<24, 12, 1>,
    MaxPool<3, 2>, InvertedResidual<20, 12, 1>, Tap<Features>, Conv<10, 3>, Output, From<Features>,
    DepthwiseConv<5, 1>, BatchNorm, Swish, Concat<Conv<5, 1>, Conv<7, 1>>, AveragePool<2, 2>,
    Dropout<500>, Conv<9, 1>, Softmax, Output>;
using Toy = Model<Net, Input<3, 32, 32>, Classes<2>>;
constexpr int kBatch = 3;

struct Trained {
  std::vector<double> first_output[2], first_gradient, params, moving;
};

template <class T, Memory M>
void fetch(Buffer<T>& to, const Buffer<T, M>& from) {
  M::to_host(to.data(), from.data(), from.size() * sizeof(T));
}

/// Steps of SGD with momentum towards outputs of zero, from pseudo-random weights and images.
template <class Backend>
Trained train(Backend& backend, int steps, bool counted = false) {
  using T = typename Backend::Scalar;
  using P = ParamOf<T>;
  Toy model;
  const ModelView& view = model.view();
  // The host's numbers, and where the backend has them.
  using Far = MemoryOf<Backend>;
  Weights<P> weights(view);
  Weights<P, Far> far_weights(view);
  Buffer<P> gradient(weights.params.size()), velocity(weights.params.size());
  Buffer<P, Far> far_gradient(gradient.size());
  const GroupSettings groups[kMaxGroups];
  Random random(5, Stream::init);
  for (int p = 0; p < view.graph.param_count; ++p) {
    const ParamDesc& desc = view.graph.params[p];
    P* at = weights.params.data() + view.layout.params[p];
    for (long i = 0; i < desc.size(); ++i)
      at[i] = P(static_cast<float>(
          desc.kind == ParamKind::gamma ? 1 + 0.1 * random.normal() : 0.3 * random.normal()));
  }
  copy(far_weights.params, weights.params);
  Executor<Backend> executor(backend, view, kBatch, far_weights, far_gradient, groups);
  Buffer<T> images(static_cast<std::size_t>(view.input.size() * kBatch));
  for (T& v : images.span()) v = T(static_cast<float>(random.normal()));
  Buffer<T, Far> far_images(images.size());
  copy(far_images, images);
  Buffer<T> outputs[2] = {
      Buffer<T>(static_cast<std::size_t>(executor.output_size(0))),
      Buffer<T>(static_cast<std::size_t>(executor.output_size(1)))};

  Trained result;
  const auto step = [&](int number) {
    far_gradient.zero();
    executor.forward(far_images.data(), 1, static_cast<std::uint32_t>(number));
    for (int i = 0; i < 2; ++i) {
      const long size = executor.output_size(i);
      T* y = outputs[i].data();
      const std::size_t bytes = outputs[i].size() * sizeof(T);
      Far::to_host(y, executor.output(i), bytes);
      for (long k = 0; k < size; ++k) {
        const P value = static_cast<P>(y[k]);
        if (number == 0) result.first_output[i].push_back(static_cast<double>(value));
        y[k] = static_cast<T>((value + P(k % 3)) / static_cast<P>(size));
      }
      Far::from_host(executor.output_gradient(i), y, bytes);
    }
    executor.backward();
    fetch(gradient, far_gradient);
    if (number == 0)
      result.first_gradient.assign(gradient.data(), gradient.data() + gradient.size());
    sgd_momentum_update(
        weights.params.data(), gradient.data(), velocity.data(), static_cast<long>(gradient.size()),
        0.05, {});
    copy(far_weights.params, weights.params);
  };
  step(0);
  const AllocationCount count;
  for (int number = 1; number < steps; ++number) step(number);
  if (counted) CHECK(count.so_far() == 0);
  fetch(weights.moving, far_weights.moving);
  result.params.assign(weights.params.data(), weights.params.data() + weights.params.size());
  result.moving.assign(weights.moving.data(), weights.moving.data() + weights.moving.size());
  return result;
}

/// |a - b| / |b|
double error_of(const std::vector<double>& a, const std::vector<double>& b) {
  REQUIRE(a.size() == b.size());
  double difference = 0, size = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    difference += (a[i] - b[i]) * (a[i] - b[i]);
    size += b[i] * b[i];
  }
  return std::sqrt(difference / size);
}

}  // namespace

TEST_CASE("cuda backend: five steps are as near to double as the plain loops in float are") {
  ThreadPool pool(1);
  CudaBackend kernels;
  CpuBackend fast(pool);
  ReferenceBackend<float> plain;
  ReferenceBackend<double> exact;
  const Trained want = train(exact, 5), loops = train(plain, 5), got = train(kernels, 5);
  const Trained cpu = train(fast, 5);
  // The plain loops in float show how much the net makes of rounding. The kernels sum in another
  // order, which is as good on average: 4 leaves room for luck, one rounding is the least.
  const auto near = [](const std::vector<double>& a, const std::vector<double>& b,
                       const std::vector<double>& exactly) {
    const double yardstick = error_of(b, exactly);
    CHECK(yardstick < 1e-3);
    CHECK(error_of(a, exactly) <= 4 * yardstick + 0x1p-23);
  };
  for (const int i : {0, 1}) {
    near(got.first_output[i], loops.first_output[i], want.first_output[i]);
    near(got.first_output[i], cpu.first_output[i], want.first_output[i]);
  }
  near(got.first_gradient, loops.first_gradient, want.first_gradient);
  near(got.params, loops.params, want.params);
  near(got.params, cpu.params, want.params);
  near(got.moving, loops.moving, want.moving);
  // Five steps led somewhere: the weights are not those of one.
  CHECK(error_of(train(kernels, 1).params, want.params) > 1e-2);
}

TEST_CASE("cuda backend: tensor cores round the convolutions' factors") {
  ReferenceBackend<double> exact;
  CudaBackend full, tf32(nullptr, Precision::tf32), bf16(nullptr, Precision::bf16);
  const Trained want = train(exact, 1), got = train(full, 1);
  const auto errors = [&](CudaBackend& backend, double unit) {
    const Trained rough = train(backend, 1);
    for (const int i : {0, 1}) {
      const double error = error_of(rough.first_output[i], want.first_output[i]);
      CHECK(error > 4 * error_of(got.first_output[i], want.first_output[i]));
      // Each of some ten convolutions adds roundings of `unit`, which norms then scale.
      CHECK(error < 10 * unit);
    }
    // Slopes flip where a value crosses a corner of relu6.
    CHECK(error_of(rough.first_gradient, want.first_gradient) < 40 * unit);
  };
  errors(tf32, 0x1p-11);
  errors(bf16, 0x1p-8);
}

TEST_CASE("cuda backend: tensors of bfloat16 round between the operations") {
  ReferenceBackend<double> exact;
  CudaBackend rounds_factors(nullptr, Precision::bf16);
  CudaBackendBf16 kernels;
  const Trained want = train(exact, 5), got = train(kernels, 5);
  const Trained first = train(rounds_factors, 5);
  // Every operation rounds its result by 2^-9 on average, besides the factors that tensor cores
  // round; some twenty operations follow each other, and norms scale what they find.
  constexpr double unit = 0x1p-8;
  for (const int i : {0, 1}) {
    const double error = error_of(got.first_output[i], want.first_output[i]);
    CHECK(error > 0.1 * unit);
    CHECK(error < 20 * unit);
  }
  CHECK(error_of(got.first_gradient, want.first_gradient) < 40 * unit);
  // What rounding the factors alone leads to is the yardstick of five steps.
  CHECK(error_of(got.params, want.params) < 4 * error_of(first.params, want.params));
  CHECK(error_of(got.moving, want.moving) < 4 * error_of(first.moving, want.moving));
}

namespace {

template <class Backend>
void check_any_order() {
  Backend kernels;
  const Trained straight = train(kernels, 2);
  for (const std::uint64_t seed : {7u, 8u}) {
#ifndef __CUDACC__
    const simt::ScheduleSeed shuffled(seed);
#endif
    CAPTURE(seed);
    Backend others;
    const Trained mixed = train(others, 2);
    CHECK(mixed.params == straight.params);
    CHECK(mixed.moving == straight.moving);
    CHECK(mixed.first_gradient == straight.first_gradient);
  }
}

}  // namespace

TEST_CASE("cuda backend: the same bits in any order of threads") {
  check_any_order<CudaBackend>();
  check_any_order<CudaBackendBf16>();
}

TEST_CASE("cuda backend: in bfloat16 the arena is half as large, and nothing else") {
  Toy model;
  const ModelView& view = model.view();
  const GroupSettings groups[kMaxGroups];
  Weights<float, CudaBackend::Memory> weights(view);
  Buffer<float, CudaBackend::Memory> gradient(weights.params.size());
  CudaBackend whole(nullptr, Precision::bf16);
  CudaBackendBf16 half;
  Executor<CudaBackend> a(whole, view, kBatch, weights, gradient, groups);
  Executor<CudaBackendBf16> b(half, view, kBatch, weights, gradient, groups);
  CHECK(a.arena_bytes() == static_cast<std::size_t>(view.train.arena_floats * kBatch) * 4);
  CHECK(2 * b.arena_bytes() == a.arena_bytes());
  CHECK(half.scratch_bytes() == whole.scratch_bytes());
  CHECK(view.step_bytes(kBatch) - view.step_bytes(kBatch, 2, 2) == b.arena_bytes());
  // Of it the weights as convolutions multiply them, in two bytes each.
  CudaBackend plain;
  Executor<CudaBackend> e(plain, view, kBatch, weights, gradient, groups);
  CHECK(half.scratch_bytes() >= plain.scratch_bytes() + weights.params.size() * 2);
  Executor<CudaBackend> c(whole, view, kBatch, weights, groups);
  Executor<CudaBackendBf16> d(half, view, kBatch, weights, groups);
  CHECK(2 * d.arena_bytes() == c.arena_bytes());
}

TEST_CASE("cuda backend: a step takes no memory") {
  CudaBackend kernels;
  train(kernels, 1);  // the emulator takes its fibers' stacks
  train(kernels, 2, true);
}

TEST_CASE("cuda backend: inference with folded norms") {
  Toy model;
  const ModelView& view = model.view();
  Weights<float> weights(view);
  Random random(6, Stream::init);
  for (float& v : weights.params.span()) v = static_cast<float>(0.3 * random.normal());
  for (float& v : weights.moving.span()) v = static_cast<float>(0.5 + 0.2 * random.uniform());
  const GroupSettings groups[kMaxGroups];
  Buffer<float> images(static_cast<std::size_t>(view.input.size()));
  for (float& v : images.span())
    v = static_cast<float>(bfloat16(static_cast<float>(random.normal())));
  Weights<float, CudaBackend::Memory> far_weights(view);
  copy(far_weights.params, weights.params);
  copy(far_weights.moving, weights.moving);
  Buffer<float, CudaBackend::Memory> far_images(images.size());
  copy(far_images, images);
  CudaBackend kernels;
  ReferenceBackend<float> plain;
  Executor<CudaBackend> fast(kernels, view, 1, far_weights, groups);
  Executor<ReferenceBackend<float>> slow(plain, view, 1, weights, groups);
  fast.forward(far_images.data());
  slow.forward(images.data());
  for (int i = 0; i < 2; ++i) {
    Buffer<float> fetched(static_cast<std::size_t>(fast.output_size(i)));
    CudaBackend::Memory::to_host(fetched.data(), fast.output(i), fetched.size() * sizeof(float));
    const std::vector<double> a(fetched.span().begin(), fetched.span().end());
    const std::vector<double> b(slow.output(i), slow.output(i) + slow.output_size(i));
    CHECK(error_of(a, b) < 1e-5);  // some twenty layers that round to 2^-24
  }

  CudaBackendBf16 stored;
  Executor<CudaBackendBf16> rough(stored, view, 1, far_weights, groups);
  Buffer<bfloat16> rounded(images.size());
  for (std::size_t k = 0; k < rounded.size(); ++k) rounded[k] = bfloat16(images[k]);
  Buffer<bfloat16, CudaBackend::Memory> far_rounded(images.size());
  copy(far_rounded, rounded);
  rough.forward(far_rounded.data());
  for (int i = 0; i < 2; ++i) {
    Buffer<bfloat16> fetched(static_cast<std::size_t>(rough.output_size(i)));
    CudaBackend::Memory::to_host(fetched.data(), rough.output(i), fetched.size() * 2);
    std::vector<double> a;
    for (const bfloat16 v : fetched.span()) a.push_back(static_cast<double>(static_cast<float>(v)));
    const std::vector<double> b(slow.output(i), slow.output(i) + slow.output_size(i));
    CHECK(error_of(a, b) < 20 * 0x1p-8);
  }
}

}  // namespace ocelli::test
