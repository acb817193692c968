// Loading trained weights with their model.
// SPDX-License-Identifier: Apache-2.0
#include "loaded.hpp"

namespace program {

using namespace ocelli;

namespace {

/// Do the weights belong to the demo's net? Its size tells.
bool is_demo(const train::WeightsInfo& info) {
  const auto entry = info.config.value("hyperparameters", nlohmann::ordered_json::object())
                         .value("image_height", nlohmann::ordered_json::object());
  return info.model == train::ModelName::ssdlite_mobilenet_v2 &&
         entry.value("value", 0L) == demo_compiled().image_height;
}

}  // namespace

Loaded load_weights(const std::string& path) {
  const std::filesystem::path file = train::weights_of(path);
  const train::SafetensorsReader reader(file);
  train::WeightsInfo info = train::weights_info(reader, file.string());
  const auto classes = static_cast<int>(info.labels.size());
  const bool demo = is_demo(info);
  train::Hyperparameters settings(info.model, demo ? demo_compiled() : compiled());
  settings.load_json(info.config, file.string());
  Model model = demo ? make_demo_model(classes) : make_model(info.model, classes);
  auto weights = std::make_unique<Weights<float>>(model.spec.model);
  train::load_exactly(reader, file.string(), train::weight_tensors(model.spec.model, *weights));
  return {std::move(info), std::move(settings), std::move(model), std::move(weights)};
}

}  // namespace program
