// Loading trained weights with their model.
// SPDX-License-Identifier: Apache-2.0
#include "loaded.hpp"

namespace program {

using namespace ocelli;

Loaded load_weights(const std::string& path) {
  const std::filesystem::path file = train::weights_of(path);
  const train::SafetensorsReader reader(file);
  train::WeightsInfo info = train::weights_info(reader, file.string());
  train::Hyperparameters settings(info.model, compiled());
  settings.load_json(info.config, file.string());
  Model model = make_model(info.model, static_cast<int>(info.labels.size()));
  auto weights = std::make_unique<Weights<float>>(model.spec.model);
  train::load_exactly(reader, file.string(), train::weight_tensors(model.spec.model, *weights));
  return {std::move(info), std::move(settings), std::move(model), std::move(weights)};
}

}  // namespace program
