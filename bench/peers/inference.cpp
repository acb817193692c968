// Forward of SSD-MobileNetV2 300 x 300, 90 classes, one picture, batch norms folded, up to box
// codes and class logits: milliseconds and memory, to be read beside inference.mjs's.
// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include "measure.hpp"

using namespace ocelli;

namespace {

/// He's uniform: values stay of the same size through the net, far from the slow denormal numbers.
void fill(const ModelView& model, Weights<float>& weights) {
  Random random(2, Stream::demo);
  for (int p = 0; p < model.graph.param_count; ++p) {
    const ParamDesc& desc = model.graph.params[p];
    float* w = weights.params.data() + model.layout.params[p];
    const bool depthwise = desc.kind == ParamKind::depthwise_weight;
    const bool dense = desc.kind == ParamKind::weight;
    const int fan_in = desc.dims[0] * desc.dims[1] * (depthwise ? 1 : desc.dims[2]);
    const float limit = std::sqrt(6.0f / static_cast<float>(fan_in));
    for (long i = 0; i < desc.size(); ++i)
      w[i] = dense || depthwise ? random.uniform(-limit, limit)
                                : (desc.init == InitKind::ones ? 1.0f : 0.0f);
  }
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<int> given = peers::arguments(argc, argv, {"THREADS", "RUNS"});
  const int threads = given[0], runs = given[1];
  ThreadPool pool(threads);
  CpuBackend backend(pool);
  const ModelView model = peers::Detector().view();
  Weights<float> weights(model);
  fill(model, weights);
  const train::SsdGroups groups(peers::hyperparameters());
  Executor<CpuBackend> net(backend, model, 1, weights, groups.settings);
  const std::vector<float> image = peers::random_pictures(1);

  for (int i = 0; i < 5; ++i) net.forward(image.data());
  std::vector<double> times;
  for (int i = 0; i < runs; ++i)
    times.push_back(peers::seconds([&] { net.forward(image.data()); }));
  for (long i = 0; i < net.output_size(1); ++i)
    if (!std::isfinite(net.output(1)[i])) {
      std::fprintf(stderr, "inference: an output is not finite\n");
      return 1;
    }
  std::printf(
      "{\"program\": \"ocelli\", \"threads\": %d, \"batch\": 1, \"runs\": %d, \"ms\": %.3f, "
      "\"ms_best\": %.3f, \"peak_rss_mib\": %.1f}\n",
      threads, runs, peers::median(times) * 1e3,
      *std::min_element(times.begin(), times.end()) * 1e3, peers::peak_rss_mib());
}
