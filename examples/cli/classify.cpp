// ocelli classify: what trained weights of a classifier say of pictures, as JSON.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/core.h>

#include <algorithm>
#include <filesystem>
#include <span>
#include <vector>

#include "computer.hpp"
#include "loaded.hpp"
#include "named_pictures.hpp"
#include "ocelli/core/file.hpp"
#include "ocelli/train/ssd_options.hpp"
#include "program.hpp"

namespace program {
namespace {

using namespace ocelli;

struct Options {
  WeightsOptions weights;
  std::string out = "labels.json";
  std::vector<std::string> pictures;
  bucket::StoreOptions store;
  int top = 1;
  ComputerOptions computer;
  bool json = false;
};

/// The highest scores with their labels, highest first; of equal ones the first label.
nlohmann::ordered_json best_of(
    std::span<const float> scores, const std::vector<std::string>& labels, int top) {
  std::vector<std::size_t> order(scores.size());
  for (std::size_t k = 0; k < order.size(); ++k) order[k] = k;
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return scores[a] > scores[b];
  });
  order.resize(std::min(order.size(), static_cast<std::size_t>(top)));
  nlohmann::ordered_json best = nlohmann::ordered_json::array();
  for (const std::size_t k : order) best.push_back({{"label", labels[k]}, {"score", scores[k]}});
  return best;
}

int run_classify(const Options& options) {
  const std::unique_ptr<Computer> computer = make_computer(options.computer);
  Loaded loaded = load_weights(options.weights, options.store);
  if (!loaded.model.classifies())
    throw ConfigError(
        "these are the weights of a detector, which says nothing of whole pictures",
        options.weights.named, "use ocelli detect");
  const std::unique_ptr<AnyClassifier> classifier =
      computer->classifier(loaded.model.classifier, loaded.settings.values(), *loaded.weights, 1);
  const Shape input = classifier->input();
  const std::filesystem::path out = options.out;
  if (std::filesystem::is_directory(out))
    throw ConfigError("a folder, where the labels' file should go", options.out, "name a file");
  if (out.has_parent_path()) make_folder(out.parent_path());
  nlohmann::ordered_json results = nlohmann::ordered_json::array();
  const auto resampling = train::resampling_of(loaded.settings.values());
  NamedPictures pictures(options.pictures, options.store, "classify", {});
  while (pictures.next()) {
    pictures.resize_to(input, classifier->image(0), resampling);
    classifier->run(1);
    nlohmann::ordered_json best = best_of(classifier->scores(0), loaded.info.labels, options.top);
    nlohmann::ordered_json line = {
        {"file_name", pictures.name()}, {"label", best[0]["label"]}, {"score", best[0]["score"]}};
    if (options.top > 1) line["best"] = std::move(best);
    results.push_back(std::move(line));
  }
  write_file(
      options.out, results.dump(1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
  fmt::print(
      "{} pictures labelled; {}{}\n", results.size(), options.out,
      pictures.failed() > 0 ? fmt::format("; {} pictures left out", pictures.failed()) : "");
  if (options.json)
    print_json(
        {{"pictures", results.size()}, {"left_out", pictures.failed()}, {"file", options.out}});
  return done;
}

}  // namespace

void add_classify(CLI::App& app, Run& run) {
  auto options = std::make_shared<Options>();
  Options& o = *options;
  CLI::App* command = app.add_subcommand("classify", "Say what pictures show as a whole");
  add_weights_options(*command, o.weights);
  command->add_option("--out", o.out, "JSON file: a label and its score for each picture")
      ->capture_default_str();
  command->add_option("--top", o.top, "Labels of each picture, the best first")
      ->check(CLI::Range(1, 100000))
      ->capture_default_str();
  add_computer_options(*command, o.computer);
  command->add_flag("--json", o.json, "End with one JSON object");
  add_pictures(*command, o.pictures, o.store);
  command->callback([options, &run] { run = [options] { return run_classify(*options); }; });
}

}  // namespace program
