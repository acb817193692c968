// What is in a bucket: pictures, labels, models.
// SPDX-License-Identifier: Apache-2.0
#include "bucket_status.hpp"

#include <fmt/core.h>

#include <string_view>

#include "model_options.hpp"
#include "ocelli/bucket/address.hpp"
#include "ocelli/data/project.hpp"
#include "ocelli/data/project_files.hpp"
#include "ocelli/deploy/publish.hpp"
#include "transfer.hpp"

namespace program {

using namespace ocelli;

nlohmann::ordered_json bucket_status(
    const std::shared_ptr<bucket::ObjectStore>& store, const std::string& prefix) {
  const std::string below = bucket::folder_prefix(prefix);
  std::size_t objects = 0;
  std::uint64_t bytes = 0;
  bool label_file = false;
  store->list(below, [&](std::span<const bucket::ObjectInfo> page) {
    objects += page.size();
    for (const bucket::ObjectInfo& info : page) {
      bytes += info.size;
      const std::string_view name = std::string_view(info.key).substr(below.size());
      label_file = label_file || name == data::annotations_json_name ||
                   name == data::annotations_csv_name || name == data::labels_csv_name;
    }
  });
  fmt::print("{} objects, {}\n", objects, bytes_text(static_cast<double>(bytes)));
  nlohmann::ordered_json json = {{"objects", objects}, {"bytes", bytes}};

  const data::Project project(store, below);
  const std::size_t pictures = project.images().size();
  const std::size_t labelled = project.images(data::Project::Which::labelled).size();
  const std::size_t missing = project.missing_images().size();
  const std::vector<std::string> labels = project.labels();
  if (label_file)
    fmt::print(
        "{} pictures, {} labelled and {} unlabelled\n", pictures, labelled, pictures - labelled);
  else
    fmt::print(
        "{} pictures; no Cloud Annotations labels ({} or {}), others are not looked at\n", pictures,
        data::annotations_json_name, data::annotations_csv_name);
  if (missing > 0)
    fmt::print("{} pictures have labels, but are not in the bucket any more\n", missing);
  if (!project.type().empty()) fmt::print("type: {}\n", project.type());
  nlohmann::ordered_json by_label = nlohmann::ordered_json::object();
  for (const std::string& label : labels) {
    by_label[label] = project.images_with(label).size();
    fmt::print("label {}: {} pictures\n", label, by_label[label].get<std::size_t>());
  }
  json["pictures"] = pictures;
  json["label_file"] = label_file;
  json["labelled"] = labelled;
  json["unlabelled"] = pictures - labelled;
  json["missing"] = missing;
  json["type"] = project.type();
  json["labels"] = std::move(by_label);

  json["models"] = nlohmann::ordered_json::array();
  const deploy::ModelList models = deploy::list_models(*store, prefix);
  for (const deploy::Manifest& manifest : models.models) {
    fmt::print("branch {}: {}\n", manifest.branch, line_of(manifest.current));
    json["models"].push_back({{"branch", manifest.branch}, {"current", json_of(manifest.current)}});
  }
  for (const std::string& fault : models.faults) fmt::print(stderr, "warning: {}\n", fault);
  if (models.models.empty()) fmt::print("no model is published\n");
  return json;
}

}  // namespace program
