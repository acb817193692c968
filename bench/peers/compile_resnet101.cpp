// Forward and backward of a deep net, ResNet101: what it costs to compile is measured by ./compile.
// Prints the greatest gradient of a batch of one.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <vector>

#include "ocelli/cpu/backend.hpp"
#include "ocelli/model/resnet.hpp"
#include "ocelli/net/executor.hpp"

using namespace ocelli;

int main() {
  const Model<ResNet101<>, Input<3, 224, 224>> net;
  const ModelView& model = net.view();
  ThreadPool pool;
  CpuBackend backend(pool);
  Weights<float> weights(model);
  Random random(1, Stream::demo);
  for (std::size_t i = 0; i < weights.params.size(); ++i)
    weights.params[i] = random.uniform(-0.05f, 0.05f);
  Buffer<float> gradient(weights.params.size());
  const GroupSettings groups[kMaxGroups] = {};
  Executor<CpuBackend> executor(backend, model, 1, weights, gradient, groups);

  const std::vector<float> image(3 * 224 * 224, 0.5f);
  executor.forward(image.data());
  std::fill_n(executor.output_gradient(0), executor.output_size(0), 1.0f);
  executor.backward();
  float greatest = 0;
  for (std::size_t i = 0; i < gradient.size(); ++i)
    greatest = std::max(greatest, std::abs(gradient[i]));
  std::printf("%g\n", static_cast<double>(greatest));
}
