// CublasEngine with pretended/cublasLt.h: the right matrices, the right way round.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/cuda/cublas_engine.hpp"

#include <doctest/doctest.h>

#include "engines/engine_case.hpp"

using namespace ocelli;
using namespace ocelli::test;
using cuda::Engine;

TEST_CASE("cublas engine: every product as our own kernels make it") {
  pretended::cublas = {};
  for (const int in : {8, 5})
    for (const int out : {12, 7})
      for (const bool deferred : {false, true})
        for (const bool accumulate : {false, true}) {
          EngineCase c;
          c.in = in, c.out = out, c.deferred = deferred, c.accumulate = accumulate;
          CHECK(made(c, Engine::cublas) == made(c, Engine::own));
          c.mode = Mode::infer;
          for (const Activation f : {Activation::none, Activation::relu, Activation::relu6})
            for (const bool bias : {false, true}) {
              c.epilogue = f, c.bias = bias;
              CHECK(made(c, Engine::cublas) == made(c, Engine::own));
            }
        }
  CHECK(pretended::cublas.products == 16 * (3 + 6));
  CHECK(pretended::cublas.reductions == CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE);
}

TEST_CASE("cublas engine: a precision is a way to multiply") {
  made({}, Engine::cublas, Precision::float32);
  CHECK(pretended::cublas.compute == CUBLAS_COMPUTE_32F);
  made({}, Engine::cublas, Precision::tf32);
  CHECK(pretended::cublas.compute == CUBLAS_COMPUTE_32F_FAST_TF32);
  made({}, Engine::cublas, Precision::bf16);
  CHECK(pretended::cublas.compute == CUBLAS_COMPUTE_32F_FAST_16BF);
}

TEST_CASE("cublas engine: what it offers, and what it refuses") {
  pretended::cublas = {};
  cuda::CublasEngine<float> engine(nullptr);
  CHECK(engine.version() == "130000");
  cuda::ProductKey key;
  key.batch = 2;
  key.in = {4, 4, 8};
  key.out = {4, 4, 16};
  CHECK(engine.offer(key, 6).algorithms.size() == 3);
  CHECK(engine.offer(key, 2).algorithms.size() == 2);
  CHECK(
      engine.offer(key, 3).algorithms[2]->workspace_bytes() == 256);  // 200, in arrays of 256 each
  pretended::cublas.offered = 0;
  CHECK(
      engine.offer(key, 2).refusal ==
      "it has no deterministic algorithm for these extents and types");
  pretended::cublas.heuristics = CUBLAS_STATUS_NOT_SUPPORTED;
  CHECK(engine.offer(key, 2).algorithms.empty());
  pretended::cublas.heuristics = CUBLAS_STATUS_INVALID_VALUE;
  CHECK_THROWS_AS(engine.offer(key, 2), DeviceError);
  pretended::cublas = {};
  const auto refused = [&](const cuda::ProductKey& k) {
    return engine.offer(k, 1).refusal == "only a 1x1 convolution of stride 1 is one matrix product";
  };
  cuda::ProductKey other = key;
  other.kind = OpKind::depthwise_conv2d;
  CHECK(refused(other));
  other = key;
  other.window.stride = 2;
  CHECK(refused(other));
  other = key;
  other.window.kernel_width = 3;
  CHECK(refused(other));
}

TEST_CASE("cublas engine: a tensor that is not aligned is an error") {
  cuda::CublasEngine<float> engine(nullptr);
  cuda::ProductKey key;
  key.batch = 1;
  key.in = key.out = {1, 1, 4};
  alignas(16) float numbers[64] = {};
  OpCall<float> call;
  call.in[0].data = numbers;
  call.weight = numbers + 16;
  call.out = numbers + 33;
  const auto prepared = std::move(engine.offer(key, 1).algorithms[0]);
  CHECK_THROWS_AS(prepared->run(call, numbers), Error);
  call.out = numbers + 32;
  prepared->run(call, numbers);
}
