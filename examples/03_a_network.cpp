// Lesson 3: a network, run forward and backward.
//
// Layers are arranged by other layers: one after another, repeated, added to their own input. The
// executor walks the net's operations on a backend; the memory of a step was planned by the
// compiler. A loss gives the gradient of the output, backward gives that of every parameter.
//
// Output:
//   14 operations; a step of 4 pictures takes ... KiB
//   the loss fell to a hundredth in 200 steps: yes
// SPDX-License-Identifier: Apache-2.0
#include <cstdio>
#include <vector>

#include "ocelli/core/random.hpp"
#include "ocelli/cpu/backend.hpp"
#include "ocelli/net/executor.hpp"

using namespace ocelli;

template <int Out, int Stride>
using Block = Sequential<Conv<Out, 3, Stride>, BatchNorm, Relu>;
using Net = Sequential<
    Block<8, 2>, Repeat<2, Residual<Sequential<Block<8, 1>, Conv<8>, BatchNorm>>>, GlobalPool,
    Linear<2>>;

int main() {
  using M = Model<Net, Input<1, 16, 16>>;
  const M model;
  constexpr int batch = 4;

  ThreadPool pool;
  CpuBackend backend(pool);
  Weights<float> weights(model.view());
  Buffer<float> gradient(weights.params.size());
  GroupSettings groups[kMaxGroups];
  Executor<CpuBackend> executor(backend, model.view(), batch, weights, gradient, groups);
  const GraphView graph = model.view().graph;
  std::printf("%d operations", graph.op_count);
  std::printf(
      "; a step of %d pictures takes %zu KiB\n", batch, model.view().step_bytes(batch) / 1024);

  // Small random weights; the scales of the batch norms start at 1.
  Random random(1, Stream::init);
  for (int p = 0; p < graph.param_count; ++p) {
    float* w = weights.params.data() + model.view().layout.params[p];
    for (long i = 0; i < graph.params[p].size(); ++i)
      w[i] = graph.params[p].kind == ParamKind::gamma ? 1.0f
             : graph.params[p].kind == ParamKind::weight
                 ? 0.3f * static_cast<float>(random.normal())
                 : 0.0f;
  }
  // Pictures of noise, and for each the two numbers that the net should answer with.
  std::vector<float> images(batch * 16 * 16);
  for (float& value : images) value = random.uniform(-1, 1);
  const float wanted[batch][2] = {{1, 0}, {0, 1}, {-1, 0}, {0, -1}};

  float first = 0, loss = 0;
  for (int step = 0; step < 200; ++step) {
    executor.forward(images.data());
    loss = 0;
    for (int n = 0; n < batch; ++n)
      for (int k = 0; k < 2; ++k) {
        const float error = executor.output(0)[n * 2 + k] - wanted[n][k];
        loss += 0.5f * error * error;
        executor.output_gradient(0)[n * 2 + k] = error;
      }
    if (step == 0) first = loss;
    gradient.zero();
    executor.backward();
    for (std::size_t i = 0; i < weights.params.size(); ++i)
      weights.params[i] -= 0.02f * gradient[i];
  }
  std::printf(
      "the loss fell to a hundredth in 200 steps: %s\n", loss < 0.01f * first ? "yes" : "no");
}
