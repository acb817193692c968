// Weights files: what a model has learned, with what is needed to use it: the model's name, the
// labels and the hyperparameters.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "ocelli/train/hyperparameters.hpp"
#include "ocelli/train/run_folder.hpp"
#include "ocelli/train/training_state.hpp"

namespace ocelli::train {

inline constexpr const char* kFormatVersion = "1";

/// The metadata of weights and snapshots: everything about a model that is not a number.
inline Metadata describe_weights(
    const Hyperparameters& settings, const std::vector<std::string>& labels) {
  return {
      {"format", "ocelli"},
      {"format_version", kFormatVersion},
      {"model", name_of(settings.model())},
      {"labels", nlohmann::json(labels).dump()},
      {"config", settings.json().dump()}};
}

/// What a file says about its model.
struct WeightsInfo {
  ModelName model = ModelName::ssd_mobilenet_v2;
  std::vector<std::string> labels;
  nlohmann::ordered_json config;  ///< as Hyperparameters::json
  long step = 0;
};

/// Throws CheckpointError naming the file when it is not one of ocelli's, or of a newer version.
inline WeightsInfo weights_info(const SafetensorsReader& reader, const std::string& file) {
  const auto format = reader.header().metadata.find("format");
  if (format == reader.header().metadata.end() || format->second != "ocelli")
    throw CheckpointError(
        "the file does not say what model it belongs to", file,
        "use a file that ocelli wrote; other weights can be a starting point with --from");
  if (reader.metadata("format_version") != kFormatVersion)
    throw CheckpointError(
        "the file has format version " + reader.metadata("format_version") +
            ", this program reads version " + kFormatVersion,
        file, "use a newer ocelli");
  WeightsInfo info;
  try {
    info.model = model_by_name(reader.metadata("model"));
    info.labels = nlohmann::json::parse(reader.metadata("labels")).get<std::vector<std::string>>();
    info.config = nlohmann::ordered_json::parse(reader.metadata("config"));
    info.step = std::stol(reader.metadata("step"));
  } catch (const std::exception& fault) {
    throw CheckpointError(
        std::string("the description of the model cannot be read: ") + fault.what(), file,
        "the file is damaged or was changed; use another");
  }
  return info;
}

/// The labels of a file that may be of any kind; none when it is not one of ocelli's or holds none.
/// Throws CheckpointError when they cannot be read.
inline std::vector<std::string> labels_in(const SafetensorsReader& reader) {
  const Metadata& metadata = reader.header().metadata;
  const auto format = metadata.find("format"), labels = metadata.find("labels");
  if (format == metadata.end() || format->second != "ocelli" || labels == metadata.end()) return {};
  try {
    return nlohmann::json::parse(labels->second).get<std::vector<std::string>>();
  } catch (const nlohmann::json::exception& fault) {
    throw CheckpointError(
        std::string("the labels cannot be read: ") + fault.what(), reader.where(),
        "the file is damaged or was changed; use another");
  }
}

/// Fills a model's weights and statistics from a file of the same model. Throws CheckpointError
/// with the first differences when anything does not fit.
inline void load_exactly(
    const SafetensorsReader& reader, const std::string& file,
    const std::vector<SnapshotTensor>& tensors) {
  const LoadReport report = load_tensors(reader, tensors, {}, [](const std::string&) {
    return false;  // optimizer slots of a snapshot are no news to who only wants weights
  });
  if (!report.complete())
    throw CheckpointError(
        "the file belongs to another net: " + report.summary(4), file,
        "use it with --from to take over what fits");
}

}  // namespace ocelli::train
