// Options and lines of the commands about published models.
// SPDX-License-Identifier: Apache-2.0
#include "model_options.hpp"

#include <fmt/core.h>

#include <array>
#include <cmath>
#include <ctime>

#include "ocelli/core/error.hpp"
#include "ocelli/train/json_log.hpp"
#include "ocelli/train/run_folder.hpp"
#include "program.hpp"
#include "store_options.hpp"

namespace program {

using namespace ocelli;

void add_model_options(CLI::App& command, ModelOptions& options) {
  command
      .add_option("--bucket", options.bucket, "Where models are: s3://BUCKET/PREFIX or a folder")
      ->required();
  command.add_option("--name", options.name, "Name of the model; else the bucket's name");
  command.add_flag("--json", options.json, "End with one JSON object");
  add_store_options(command, options.store);
}

std::string date_text(std::int64_t seconds) {
  const auto time = static_cast<std::time_t>(seconds);
  std::tm utc{};
  ::gmtime_r(&time, &utc);
  std::array<char, 32> text{};
  std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S", &utc);
  return text.data();
}

std::string line_of(const deploy::Publication& publication) {
  std::string text = fmt::format("{}  {}", publication.id, date_text(publication.time));
  if (publication.step > 0) text += fmt::format("  step {}", publication.step);
  for (const auto& [name, value] : publication.metrics.items())
    if (value.is_number()) text += fmt::format("  {} {:.3f}", name, value.get<double>());
  text += fmt::format("  {} labels", publication.labels.size());
  if (publication.action != "publish")
    text += fmt::format("  {} of {}", publication.action, publication.from);
  return text;
}

nlohmann::ordered_json json_of(const deploy::Publication& publication) {
  return deploy::detail::to_json(publication);
}

void report_published(
    const ModelOptions& options, const std::string& branch, const deploy::Published& published) {
  if (options.json) {
    nlohmann::ordered_json json = {{"branch", branch}, {"changed", published.changed}};
    json.update(json_of(published.publication));
    print_json(json);
  } else {
    fmt::print(
        "{} {}: {}\n", branch, published.changed ? "has" : "had already",
        line_of(published.publication));
  }
}

nlohmann::ordered_json metrics_of(const std::filesystem::path& weights) {
  nlohmann::ordered_json metrics = nlohmann::ordered_json::object();
  const std::filesystem::path folder = file_detail::folder_of(weights);
  const bool snapshot = folder.filename() == "snapshots";
  const train::RunFolder run(snapshot ? file_detail::folder_of(folder) : folder);
  if (!std::filesystem::exists(run.log())) return metrics;
  const train::SafetensorsReader reader(weights);
  const auto step = reader.header().metadata.find("step");
  if (step == reader.header().metadata.end()) return metrics;
  for (const nlohmann::ordered_json& line : train::JsonLog::read(run.log())) {
    const auto numbers = line.find("evaluation");
    if (numbers == line.end() || std::to_string(line.at("step").get<long>()) != step->second)
      continue;
    metrics.clear();
    if (numbers->is_array() && numbers->size() == 12) {  // the COCO numbers
      for (const auto& [name, at] : {std::pair{"ap", 0}, {"ap50", 1}, {"ap75", 2}})
        metrics[name] = (*numbers)[static_cast<std::size_t>(at)];
    } else if (numbers->is_object()) {
      for (const auto& [name, value] : numbers->items())
        if (value.is_number()) metrics[name] = value;
    }
  }
  return metrics;
}

deploy::Published publish_weights(
    bucket::OpenedStore& opened, const std::filesystem::path& weights, const std::string& branch,
    deploy::PublishOptions options) {
  const std::filesystem::path file = train::weights_of(weights);
  options.metrics = metrics_of(file);
  return deploy::publish(*opened.store, opened.prefix, file, branch, options);
}

double parse_duration(const std::string& text, const std::string& option) {
  std::size_t used = 0;
  double value = -1;
  try {
    value = std::stod(text, &used);
  } catch (const std::exception&) {
    used = 0;
  }
  const std::string unit = text.substr(used);
  const double scale = unit.empty() || unit == "s" ? 1 : unit == "m" ? 60 : unit == "h" ? 3600 : 0;
  if (used == 0 || !(value > 0) || !std::isfinite(value) || scale == 0)
    throw ConfigError("\"" + text + "\" is no length of time", option, "give 90s, 30m or 11h");
  return value * scale;
}

}  // namespace program
