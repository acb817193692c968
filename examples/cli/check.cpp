// ocelli check: every fault of a labelled set by file and line, and what is in it.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/data/check.hpp"

#include <fmt/core.h>

#include <cmath>
#include <filesystem>

#include "ocelli/core/file.hpp"
#include "ocelli/data/cache.hpp"
#include "ocelli/data/check_text.hpp"
#include "ocelli/data/image_writer.hpp"
#include "ocelli/data/loader.hpp"
#include "ocelli/data/open.hpp"
#include "ocelli/draw/boxes.hpp"
#include "program.hpp"

namespace program {
namespace {

using namespace ocelli;

struct Options {
  DataOptions data;
  std::string split, against, out;
  std::string augmentation = "ssd";
  std::uint64_t seed = 42;
  int threads = 0;
  std::size_t limit = 20;
  bool json = false;
};

/// The first batch of a training as the net sees it: augmented, resized, with its boxes.
void draw_first_batch(const Options& options, const Data& data, const std::filesystem::path& path) {
  ThreadPool pool(options.threads);
  data::CacheOptions cache_options;
  cache_options.skip_bad = true;
  const data::ImageCache cache(data.dataset, *data.source, pool, cache_options);
  data::LoaderOptions loader_options;
  loader_options.batch = 12;
  loader_options.seed = options.seed;
  loader_options.threads = 0;
  loader_options.augmentation = data::Augmentation::parse(options.augmentation);
  data::Loader loader(data.dataset, cache, loader_options);
  const data::Batch& batch = loader.get(0);
  constexpr int columns = 4;
  const int rows = (batch.size + columns - 1) / columns;
  data::Image sheet{rows * batch.height, columns * batch.width, {}};
  sheet.pixels.resize(
      static_cast<std::size_t>(sheet.height) * static_cast<std::size_t>(sheet.width) * 3);
  for (int n = 0; n < batch.size; ++n) {
    data::Image one{batch.height, batch.width, {}};
    const auto size =
        static_cast<std::size_t>(batch.height) * static_cast<std::size_t>(batch.width) * 3;
    one.pixels.resize(size);
    const float* values = batch.images + static_cast<std::size_t>(n) * size;
    for (std::size_t i = 0; i < size; ++i)
      one.pixels[i] = static_cast<std::uint8_t>(
          std::lround(std::min(255.0f, std::max(0.0f, (values[i] + 1) * 127.5f))));
    draw::Canvas canvas(one);
    std::vector<draw::DrawnBox> boxes;
    for (int k = 0; k < batch.counts[n]; ++k) {
      const auto at = static_cast<std::size_t>(n * batch.max_boxes + k);
      boxes.push_back(
          {in_pixels(batch.boxes[at], batch.height, batch.width), batch.labels[at], -1});
    }
    draw::draw_detections(canvas, boxes, data.dataset.labels);
    for (int y = 0; y < one.height; ++y) {
      const auto row = static_cast<std::size_t>(one.width) * 3;
      const std::size_t to = (static_cast<std::size_t>((n / columns) * batch.height + y) *
                                  static_cast<std::size_t>(sheet.width) +
                              static_cast<std::size_t>((n % columns) * batch.width)) *
                             3;
      std::copy_n(
          one.pixels.begin() + static_cast<std::ptrdiff_t>(static_cast<std::size_t>(y) * row), row,
          sheet.pixels.begin() + static_cast<std::ptrdiff_t>(to));
    }
  }
  const std::vector<std::byte> png = data::encode_png(sheet);
  write_file(path, std::string_view(reinterpret_cast<const char*>(png.data()), png.size()));
}

int run_check(const Options& options) {
  Data data = open_data(options.data, options.split, {}, true);
  const data::CheckReport report =
      data::check(data.dataset, *data.source, options.threads, show_reading());
  fmt::print("{}", data::to_text(report, options.limit));
  std::size_t leaks = 0;
  if (!options.against.empty()) {
    Data other = open_data(options.data, options.against, data.dataset.labels, true);
    for (const data::Leak& leak : data::find_leaks(
             report, data::check(other.dataset, *other.source, options.threads, show_reading()))) {
      fmt::print("the same picture in both parts: {} and {}\n", leak.first, leak.second);
      ++leaks;
    }
    if (leaks == 0) fmt::print("no picture is in both parts\n");
  }
  if (!options.out.empty()) {
    std::filesystem::create_directories(options.out);
    const auto path = std::filesystem::path(options.out) / "first_batch.png";
    draw_first_batch(options, data, path);
    fmt::print("the first batch as the net sees it: {}\n", path.string());
  }
  if (options.json) {
    auto json = nlohmann::ordered_json::parse(data::to_json(report));
    json["leaks"] = leaks;
    print_json(json);
  }
  return report.count(data::Finding::Severity::error) > 0 ? bad_data : done;
}

}  // namespace

void add_check(CLI::App& app, Run& run) {
  auto options = std::make_shared<Options>();
  Options& o = *options;
  CLI::App* command = app.add_subcommand("check", "Look for faults in labelled pictures");
  add_data_options(*command, o.data);
  command->add_option("--split", o.split, "Name of the part to check; all if not given");
  command->add_option("--against", o.against, "Another part: are there pictures in both?");
  command->add_option("--out", o.out, "Draw the first batch as the net sees it into this folder");
  command->add_option("--augmentation", o.augmentation, "Of that batch")->capture_default_str();
  command->add_option("--seed", o.seed, "Of that batch")->capture_default_str();
  command->add_option("--limit", o.limit, "Findings shown of each kind")->capture_default_str();
  command->add_option("--threads", o.threads, "Threads; 0: one a core")->check(CLI::Range(0, 1024));
  command->add_flag("--json", o.json, "End with one JSON object");
  command->callback([options, &run] { run = [options] { return run_check(*options); }; });
}

}  // namespace program
