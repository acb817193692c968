// Small weights files for the tests of publishing and watching.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "ocelli/train/safetensors_file.hpp"

namespace ocelli::test {

using Labels = std::vector<std::string>;

/// Weights of a few numbers that depend on `version`, with their labels.
inline std::filesystem::path write_model(
    const std::filesystem::path& path, int version, const Labels& labels = {"cat", "dog"},
    const std::string& model = "ssdlite-mobilenet-v2") {
  const std::vector<float> values(100, static_cast<float>(version));
  const train::TensorView view{
      "bias", train::TensorDtype::f32, {static_cast<std::int64_t>(values.size())}, values.data()};
  train::write_safetensors(
      path, std::span(&view, 1),
      {{"format", "ocelli"},
       {"format_version", "1"},
       {"model", model},
       {"labels", nlohmann::json(labels).dump()},
       {"step", std::to_string(1000 * version)}});
  return path;
}

/// The version in bytes that write_model() wrote.
inline int version_of(const std::string& bytes) {
  return static_cast<int>(train::SafetensorsReader(bytes, "model").floats("bias").at(0));
}
inline Labels labels_of(const std::string& bytes) {
  const train::SafetensorsReader reader(bytes, "model");
  return nlohmann::json::parse(reader.metadata("labels")).get<Labels>();
}

}  // namespace ocelli::test
