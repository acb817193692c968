// CudnnEngine with pretended/cudnn.h: the graphs, the plans that are taken, and the copies around.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/cuda/cudnn_engine.hpp"

#include <doctest/doctest.h>

#include "engines/engine_case.hpp"

using namespace ocelli;
using namespace ocelli::test;
using cuda::Engine;

TEST_CASE("cudnn engine: every product as our own kernels make it") {
  pretended::cudnn = {};
  for (const OpKind kind : {OpKind::conv2d, OpKind::depthwise_conv2d})
    for (const int kernel : {1, 3, 4})
      for (const int stride : {1, 2})
        for (const int dilation : {1, 2})
          for (const int padding : {-1, 0, 1})
            for (const int in : {4, 7}) {
              EngineCase c{kind, in, 5, kernel, stride, dilation, padding};
              if (kind == OpKind::depthwise_conv2d) c.out = in;
              CAPTURE(name(kind));
              CAPTURE(kernel);
              CAPTURE(stride);
              CAPTURE(dilation);
              CAPTURE(padding);
              CHECK(made(c, Engine::cudnn) == made(c, Engine::own));
              c.deferred = c.accumulate = true;
              CHECK(made(c, Engine::cudnn) == made(c, Engine::own));
              c.mode = Mode::infer;
              c.epilogue = Activation::relu6;
              CHECK(made(c, Engine::cudnn) == made(c, Engine::own));
              c.bias = false;
              CHECK(made(c, Engine::cudnn) == made(c, Engine::own));
            }
  CHECK(pretended::cudnn.broken_rules == 0);
  CHECK(pretended::cudnn.descriptors == 0);  // none is left behind
}

TEST_CASE("cudnn engine: plans whose bits or precision would not hold are left out") {
  pretended::cudnn = {};
  made({}, Engine::cudnn, Precision::float32);
  CHECK(pretended::cudnn.last == 3);
  made({}, Engine::cudnn, Precision::tf32);
  CHECK(pretended::cudnn.last == 2);
  cuda::CudnnEngine<float> engine(nullptr);
  CHECK(engine.version() == "91900");
  cuda::ProductKey key;
  key.batch = 1;
  key.in = key.out = {4, 4, 8};
  key.precision = Precision::tf32;
  CHECK(engine.offer(key, 6).algorithms.size() == 4);  // two of each list of proposals
  CHECK(engine.offer(key, 1).algorithms.size() == 1);
  key.precision = Precision::bf16;
  CHECK(
      engine.offer(key, 1).refusal ==
      "its results of bf16 factors are bf16, and the tensors float32");
  key.precision = Precision::float32;
  pretended::cudnn.proposed = {{CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC}};
  CHECK(
      engine.offer(key, 1).refusal ==
      "none of the 2 plans that it proposes is deterministic, of the wanted arithmetic and for "
      "this device");
  pretended::cudnn.proposed.clear();
  CHECK(engine.offer(key, 1).algorithms.empty());
}

TEST_CASE("cudnn engine: the same pointers are packed once") {
  pretended::cudnn = {};
  cuda::CudnnEngine<float> engine(nullptr);
  cuda::ProductKey key;
  key.batch = 1;
  key.in = key.out = {1, 1, 4};
  const auto prepared = std::move(engine.offer(key, 1).algorithms[0]);
  std::vector<float> workspace(prepared->workspace_bytes() / sizeof(float)), numbers(4 * 100);
  OpCall<float> call;
  call.weight = numbers.data();
  call.in[0].data = numbers.data() + 16;
  call.out = numbers.data() + 32;
  for (int i = 0; i < 5; ++i) prepared->run(call, workspace.data());
  CHECK(pretended::cudnn.packs == 1);
  // Other pictures in every step: at most so many are kept.
  for (int i = 0; i < 90; ++i) {
    call.in[0].data = numbers.data() + 4 * i;
    call.out = numbers.data() + 4 * (99 - i % 3);
    prepared->run(call, workspace.data());
  }
  CHECK(pretended::cudnn.packs == 91);
  CHECK(pretended::cudnn.descriptors < 90);
  call.out = numbers.data() + 33;
  CHECK_THROWS_AS(prepared->run(call, workspace.data()), Error);
}
