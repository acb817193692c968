// Weights files: what they say about their model, and that they fit exactly or are refused.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/train/weights_file.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "support/message_of.hpp"
#include "support/temporary_folder.hpp"
#include "train/tiny_net.hpp"

using namespace ocelli;
using namespace ocelli::test;
using namespace ocelli::train;

namespace {

const std::vector<std::string> kLabels = {"disc", "a \"b\", \xc3\xa4", "c"};

Metadata description() {
  Hyperparameters settings = tiny_settings();
  settings.set_flag("batch_size=7");
  Metadata metadata = describe_weights(settings, kLabels);
  metadata["step"] = "12";
  return metadata;
}

/// A reader of a file with this metadata and one tensor.
SafetensorsReader reader_of(const TemporaryFolder& folder, const Metadata& metadata) {
  const float value = 1;
  const TensorView tensor{"w", TensorDtype::f32, {1}, &value};
  write_safetensors(folder / "a.safetensors", std::vector{tensor}, metadata);
  return SafetensorsReader(folder / "a.safetensors");
}

}  // namespace

TEST_CASE("weights_file: the description comes back") {
  const TemporaryFolder folder;
  const WeightsInfo info = weights_info(reader_of(folder, description()), "a.safetensors");
  CHECK(info.model == ModelName::ssdlite_mobilenet_v2);
  CHECK(info.labels == kLabels);
  CHECK(info.step == 12);
  Hyperparameters settings(info.model, SsdCompiled::of<TinyConfig>());
  settings.load_json(info.config, "a.safetensors");
  CHECK(settings.values().batch_size == 7);
}

TEST_CASE("weights_file: a file of another kind, version or without sense is refused by name") {
  const TemporaryFolder folder;
  const auto refusal = [&](const char* key, const char* value) {
    Metadata metadata = description();
    if (value == nullptr) {
      metadata.erase(key);
    } else {
      metadata[key] = value;
    }
    const SafetensorsReader reader = reader_of(folder, metadata);
    const std::string text =
        message_of<CheckpointError>([&] { weights_info(reader, "my.safetensors"); });
    CHECK(text.starts_with("my.safetensors: "));
    return text;
  };
  CHECK(says(refusal("format", nullptr), "--from"));
  CHECK(says(refusal("format", "pt"), "does not say what model"));
  CHECK(says(refusal("format_version", "2"), "version 2, this program reads version 1"));
  CHECK(says(refusal("model", "resnet"), "resnet"));
  for (const char* labels : {"", "[1]", "[\"a\"", "{}"})
    CHECK(says(refusal("labels", labels), "cannot be read"));
  CHECK(says(refusal("config", "{"), "cannot be read"));
  CHECK(says(refusal("config", nullptr), "cannot be read"));
  CHECK(says(refusal("step", "many"), "cannot be read"));
}

TEST_CASE("weights_file: loads a model's own weights exactly, and nothing else") {
  const TemporaryFolder folder;
  const TinyDetector detector(Shape{64, 64, 3}, 3), other(Shape{64, 64, 3}, 2);
  const ModelView& model = detector.view();
  TrainingState<> state(model, true, true);
  for (std::size_t i = 0; i < state.weights.params.size(); ++i)
    state.weights.params[i] = static_cast<float>(i % 1000);
  for (std::size_t i = 0; i < state.weights.moving.size(); ++i)
    state.weights.moving[i] = static_cast<float>(i % 100) + 0.5f;
  const auto path = folder / "state.safetensors";
  write_safetensors(path, as_views(state.tensors(model)), description());
  const SafetensorsReader reader(path);

  Weights<float> weights(model);
  load_exactly(reader, path.string(), weight_tensors(model, weights));
  std::size_t compared = 0;
  const auto wanted = weight_tensors(model, state.weights), got = weight_tensors(model, weights);
  REQUIRE(
      got.size() == static_cast<std::size_t>(model.graph.param_count + 2 * model.graph.norm_count));
  for (std::size_t t = 0; t < got.size(); ++t) {
    CAPTURE(got[t].name);
    std::int64_t count = 1;
    for (const std::int64_t extent : got[t].shape) count *= extent;
    const auto* a = static_cast<const float*>(got[t].data);
    const auto* b = static_cast<const float*>(wanted[t].data);
    CHECK(std::equal(a, a + count, b));
    compared += static_cast<std::size_t>(count);
  }
  CHECK(compared > 10000);

  Weights<float> two(other.view());
  const std::string text = message_of<CheckpointError>(
      [&] { load_exactly(reader, path.string(), weight_tensors(other.view(), two)); });
  CHECK(says(text, "state.safetensors"));
  CHECK(says(text, "12 reset, 0 missing, 0 unexpected"));
  CHECK(says(text, "--from"));
}

TEST_CASE("training_state: names and shapes in files, and where a training starts") {
  const TinyDetector detector(Shape{64, 64, 3}, 3);
  const ModelView& model = detector.view();
  TrainingState<> state(model, true, true);
  state.weights.params[0] = 3;
  state.start_average();
  CHECK(state.average[0] == 3);
  CHECK(state.mean_square[0] == 1);
  CHECK(state.momentum[0] == 0);
  const auto tensors = state.tensors(model);
  const auto shape_of = [&](const std::string& name) {
    for (const SnapshotTensor& tensor : tensors)
      if (tensor.name == name) return tensor.shape;
    return TensorShape{-1};
  };
  CHECK(shape_of("backbone/layer_1/conv/weight") == TensorShape{3, 3, 3, 16});
  CHECK(shape_of("optimizer/momentum/backbone/layer_1/conv/weight") == TensorShape{3, 3, 3, 16});
  CHECK(shape_of("optimizer/mean_square/heads/map_0/class/conv/bias") == TensorShape{12});
  CHECK(shape_of("average/heads/map_0/box/depthwise/weight")[3] == 1);
  CHECK(shape_of("backbone/layer_1/batch_norm/moving_variance") == TensorShape{16});
  std::vector<std::string> names;
  for (const SnapshotTensor& tensor : tensors) names.push_back(tensor.name);
  std::sort(names.begin(), names.end());
  CHECK(std::adjacent_find(names.begin(), names.end()) == names.end());

  CHECK(
      TrainingState<>(model, false, false).tensors(model).size() ==
      static_cast<std::size_t>(2 * model.graph.param_count + 2 * model.graph.norm_count));
}
