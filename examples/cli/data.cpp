// Opening data sets for the subcommands.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/core.h>

#include <filesystem>
#include <map>

#include "ocelli/core/error.hpp"
#include "ocelli/data/open.hpp"
#include "program.hpp"

namespace program {

void add_data_options(CLI::App& command, DataOptions& options) {
  command.add_option("--data", options.source, "Folder or label file with labelled pictures")
      ->required();
  command.add_option("--format", options.format, "Format of the labels; recognised when not given")
      ->check(CLI::IsMember({"voc", "coco", "cloud-annotations", "yolo", "cvat"}));
  command.add_option("--voc", options.voc, "How VOC boxes count pixels")
      ->check(CLI::IsMember({"devkit", "edges"}))
      ->capture_default_str();
  command.add_flag("--strict", options.strict, "Stop at the first fault of the labels");
  command.add_flag("--skip-bad", options.skip_bad, "Leave out pictures that cannot be read");
}

void print_findings(const ocelli::data::Dataset& dataset) {
  std::map<std::string, std::pair<std::size_t, const ocelli::data::Finding*>> by_reason;
  for (const ocelli::data::Finding& finding : dataset.findings) {
    auto& [count, first] = by_reason[finding.reason];
    if (count++ == 0) first = &finding;
  }
  for (const auto& [reason, entry] : by_reason) {
    const auto& [count, first] = entry;
    fmt::print(stderr, "{}: {}: {}\n", first->where, reason, first->text);
    if (count > 1) fmt::print(stderr, "  and {} more; `ocelli check` lists them\n", count - 1);
  }
}

Data open_data(
    const DataOptions& options, const std::string& split, const std::vector<std::string>& labels,
    bool keep_going) {
  if (options.source.starts_with("s3://"))
    throw ocelli::ConfigError(
        "object stores cannot be read by this version", options.source,
        "copy the bucket into a folder and give that");
  ocelli::data::OpenOptions open;
  open.format = options.format;
  open.split = split;
  open.labels = labels;
  open.strict = options.strict;
  open.keep_going = keep_going;
  if (options.voc == "edges") open.voc = ocelli::data::VocBoxes::edges;
  Data data;
  data.dataset = ocelli::data::open(options.source, open);
  data.source = std::make_unique<ocelli::data::FolderSource>(data.dataset.root);
  return data;
}

}  // namespace program
