// What the commands about published models share: where they are, and how they are shown.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <CLI/CLI.hpp>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "ocelli/bucket/open.hpp"
#include "ocelli/deploy/publish.hpp"

namespace program {

struct ModelOptions {
  std::string bucket;  ///< s3://BUCKET[/PREFIX], or a folder
  std::string name;    ///< of the model; empty: the bucket's
  ocelli::bucket::StoreOptions store;
  bool json = false;
};
/// Adds --bucket, --name, --json and the options of stores.
void add_model_options(CLI::App& command, ModelOptions& options);

/// "20261121T142501Z-5f0c91ab  2026-11-21 14:25:01  step 4000  ap 0.712  3 labels".
std::string line_of(const ocelli::deploy::Publication& publication);
/// For the last line of standard output.
nlohmann::ordered_json json_of(const ocelli::deploy::Publication& publication);
/// Says what a branch has now, as a line, or as JSON.
void report_published(
    const ModelOptions& options, const std::string& branch,
    const ocelli::deploy::Published& published);

/// What the run folder around a weights file knows of them: {"ap": 0.71, ...}; nothing elsewhere.
nlohmann::ordered_json metrics_of(const std::filesystem::path& weights);

/// Puts weights on a branch of a model's bucket.
/// @param weights  a file, a run folder or a folder of snapshots
ocelli::deploy::Published publish_weights(
    ocelli::bucket::OpenedStore& opened, const std::filesystem::path& weights,
    const std::string& branch, ocelli::deploy::PublishOptions options);

/// "2026-11-21 14:25:01", UTC.
std::string date_text(std::int64_t seconds);
/// "90", "90s", "30m", "11h": seconds. @throws ConfigError naming the option
double parse_duration(const std::string& text, const std::string& option);

}  // namespace program
