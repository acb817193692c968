// Loading trained weights with their model.
// SPDX-License-Identifier: Apache-2.0
#include "loaded.hpp"

namespace program {

using namespace ocelli;

namespace {

/// Do the weights belong to the demo's net? Its size tells.
bool is_demo(const train::WeightsInfo& info, train::ModelName model, long height) {
  const auto entry = info.config.value("hyperparameters", nlohmann::ordered_json::object())
                         .value("image_height", nlohmann::ordered_json::object());
  return info.model == model && entry.value("value", 0L) == height;
}

}  // namespace

void add_weights_options(CLI::App& command, WeightsOptions& options) {
  command
      .add_option(
          "--weights", options.named,
          "A weights file, a run folder, or a bucket (s3://BUCKET/PREFIX) or folder with published "
          "models")
      ->required();
  command.add_option("--branch", options.branch, "Of published models: which branch; else master");
  command.add_option("--name", options.model, "Of published models: which; else the bucket's name");
}

Loaded load_weights(const WeightsOptions& options, const bucket::StoreOptions& store) {
  const NamedWeights weights(options, store);
  return load_weights(weights.path().string());
}

Loaded load_weights(const std::string& path) {
  const std::filesystem::path file = train::weights_of(path);
  const train::SafetensorsReader reader(file);
  train::WeightsInfo info = train::weights_info(reader, file.string());
  const auto classes = static_cast<int>(info.labels.size());
  const train::SsdCompiled detector = demo_compiled(), classifier = demo_classifier_compiled();
  const bool detects = is_demo(info, train::ModelName::ssdlite_mobilenet_v2, detector.image_height);
  const bool classifies =
      is_demo(info, train::ModelName::mobilenet_v1_classifier, classifier.image_height);
  train::Hyperparameters settings(
      info.model, detects      ? detector
                  : classifies ? classifier
                               : compiled(info.model));
  settings.load_json(info.config, file.string());
  Model model = detects      ? make_demo_model(classes)
                : classifies ? make_demo_classifier(classes)
                             : make_model(info.model, classes);
  auto weights = std::make_unique<Weights<float>>(model.view());
  train::load_exactly(reader, file.string(), train::weight_tensors(model.view(), *weights));
  return {std::move(info), std::move(settings), std::move(model), std::move(weights)};
}

}  // namespace program
