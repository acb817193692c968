// Whole training steps of SSD-MobileNetV2 300 x 300, 90 classes: images per second and memory, to
// be read beside train_step.py's.
// SPDX-License-Identifier: Apache-2.0
#include "measure.hpp"

using namespace ocelli;

int main(int argc, char** argv) {
  const std::vector<int> given = peers::arguments(argc, argv, {"THREADS", "BATCH", "STEPS"});
  const int threads = given[0], batch = given[1], steps = given[2];
  const auto rows = static_cast<std::size_t>(batch);
  constexpr int capacity = 100, boxes_per_picture = 3;

  ThreadPool pool(threads);
  CpuBackend backend(pool);
  const SsdSpec spec = peers::Detector().spec();
  const train::SsdHyperparameters values = peers::hyperparameters();
  train::TrainingState<> state(spec.model, true, false);
  train::SsdStep<CpuBackend> step(backend, pool, spec, values, state, batch, capacity);
  train::initialize(spec.model, step.groups(), 1, state.weights);

  std::vector<float> images = peers::random_pictures(batch);
  std::vector<Box> boxes(rows * capacity);
  std::vector<int> labels(rows * capacity), counts(rows, boxes_per_picture);
  for (std::size_t n = 0; n < rows; ++n)
    for (int k = 0; k < boxes_per_picture; ++k) {
      const float top = 0.1f + 0.2f * static_cast<float>(k);
      const std::size_t at = n * capacity + static_cast<std::size_t>(k);
      boxes[at] = {top, 0.1f, top + 0.3f, 0.5f};
      labels[at] = 1 + k;
    }
  data::Batch data;
  data.size = batch;
  data.height = data.width = 300;
  data.max_boxes = capacity;
  data.images = images.data();
  data.boxes = boxes.data();
  data.labels = labels.data();
  data.counts = counts.data();

  StepResult result = step.run(data, 1, 0);  // the first touches the memory
  std::vector<double> times;
  for (int i = 1; i <= steps; ++i)
    times.push_back(peers::seconds([&] { result = step.run(data, 1, i); }));
  if (!result.finite) {
    std::fprintf(stderr, "train_step: the loss is not finite\n");
    return 1;
  }
  const std::size_t plan = spec.model.step_bytes(batch) + images.size() * sizeof(float);
  std::printf(
      "{\"program\": \"ocelli\", \"threads\": %d, \"batch\": %d, \"steps\": %d, "
      "\"parameters\": %ld, \"images_per_second\": %.3f, \"images_per_second_best\": %.3f, "
      "\"peak_rss_mib\": %.1f, \"plan_mib\": %.1f, \"scratch_mib\": %.1f, \"loss\": %.4f}\n",
      threads, batch, steps, parameters(spec.model.graph), batch / peers::median(times),
      batch / *std::min_element(times.begin(), times.end()), peers::peak_rss_mib(),
      peers::mib(plan), peers::mib(backend.scratch_bytes()), result.loss());
}
