// Opening data sets for the subcommands.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/core.h>
#include <unistd.h>

#include <cstdint>
#include <map>

#include "ocelli/data/open.hpp"
#include "ocelli/data/open_source.hpp"
#include "program.hpp"
#include "store_options.hpp"

namespace program {
namespace {

void set_cache_size(ocelli::data::SourceOptions& where, std::uint64_t gibibytes) {
  where.keep_copies = gibibytes > 0;
  where.copies.bytes = gibibytes << 30;
}

}  // namespace

void add_data_options(CLI::App& command, DataOptions& options) {
  command
      .add_option(
          "--data", options.source,
          "Folder, bucket (s3://BUCKET/PREFIX) or label file with labelled pictures")
      ->required();
  command.add_option("--format", options.format, "Format of the labels; recognised when not given")
      ->check(CLI::IsMember(
          {"voc", "coco", "cloud-annotations", "cloud-annotations-csv", "yolo", "cvat"}));
  command.add_option("--voc", options.voc, "How VOC boxes count pixels")
      ->check(CLI::IsMember({"devkit", "edges"}))
      ->capture_default_str();
  command.add_flag("--strict", options.strict, "Stop at the first fault of the labels");
  command.add_flag("--skip-bad", options.skip_bad, "Leave out pictures that cannot be read");
  if (!options.where) options.where = std::make_shared<ocelli::data::SourceOptions>();
  ocelli::data::SourceOptions& where = *options.where;
  add_store_options(command, where.store);
  CLI::App& group = *command.get_option_group("Buckets");
  group.add_option(
      "--cache", where.copies.folder,
      "Folder for copies of a bucket's pictures; else OCELLI_CACHE, or ocelli in the user's cache");
  group
      .add_option_function<std::uint64_t>(
          "--cache-size", [&where](const std::uint64_t& size) { set_cache_size(where, size); },
          "What the copies may occupy, in GiB; 0 keeps none; else 20, or less on a full disk")
      ->check(CLI::Range(0, 1 << 20));
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
  ocelli::data::OpenOptions open;
  open.format = options.format;
  open.split = split;
  open.labels = labels;
  open.strict = options.strict;
  open.skip_bad = options.skip_bad;
  open.keep_going = keep_going;
  if (options.voc == "edges") open.voc = ocelli::data::VocBoxes::edges;
  open.progress = show_reading();
  ocelli::data::SourceOptions where =
      options.where ? *options.where : ocelli::data::SourceOptions{};
  where.warn = [](const std::string& text) { fmt::print(stderr, "ocelli: {}\n", text); };
  const ocelli::data::DataPlace place = ocelli::data::data_place(options.source);
  Data data;
  data.source = ocelli::data::open_source(place.root, where);
  data.dataset = place.label_file.empty()
                     ? ocelli::data::open(*data.source, open)
                     : ocelli::data::open_label_file(*data.source, place.label_file, open);
  return data;
}

ocelli::data::ReadObserver show_reading() {
  // A line that is written over on a terminal; elsewhere one now and then.
  const bool terminal = ::isatty(STDERR_FILENO) == 1;
  return [terminal, next = 1.0](const ocelli::data::ReadProgress& progress) mutable {
    const bool last = progress.done == progress.total;
    if (progress.seconds < next && !(last && next > 1.0)) return;
    next = progress.seconds + (terminal ? 0.2 : 10.0);
    const std::string text = "reading: " + to_string(progress);
    if (terminal)
      fmt::print(stderr, "\r{}\x1b[K{}", text, last ? "\n" : "");
    else
      fmt::print(stderr, "{}\n", text);
    if (last) next = 1.0;  // for another set
  };
}

}  // namespace program
