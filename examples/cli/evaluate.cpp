// ocelli evaluate: the COCO numbers of trained weights over a labelled set, or of a classifier's
// how often it is right.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/train/evaluate.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "computer.hpp"
#include "loaded.hpp"
#include "ocelli/data/open_source.hpp"
#include "ocelli/train/report.hpp"
#include "ocelli/train/report_evaluation.hpp"
#include "program.hpp"
#include "training.hpp"

namespace program {
namespace {

using namespace ocelli;

struct Options {
  DataOptions data;
  WeightsOptions weights;
  std::string split, report;
  ComputerOptions computer;
  int batch = 8;
  bool json = false;
};

/// Without an object to find every number would be -1. @throws DataError
void need_objects(const data::Dataset& dataset, const data::ImageCache& cache) {
  const auto pictures = train::evaluable_pictures(dataset, cache);
  const bool any = std::any_of(pictures.begin(), pictures.end(), [&](std::size_t i) {
    const auto& objects = dataset.pictures[i].objects;
    return std::any_of(objects.begin(), objects.end(), [](const auto& o) { return !o.crowd; });
  });
  if (!any && !pictures.empty())
    throw DataError(
        fmt::format("there is no object to find in {} pictures", pictures.size()), dataset.root,
        "evaluate a detector on pictures with boxes");
}

/// The COCO numbers, printed and into the JSON.
train::Evaluation detect_all(
    const Options& options, Loaded& loaded, Computer& computer, const data::Dataset& dataset,
    const data::ImageCache& cache, nlohmann::ordered_json& json) {
  need_objects(dataset, cache);
  const train::HyperparameterValues& values = loaded.settings.values();
  const std::unique_ptr<AnyDetector> detector = computer.detector(
      loaded.model.spec, values, *loaded.weights, options.batch, values.evaluation_score_threshold);
  train::Evaluation evaluation =
      train::evaluate(*detector, computer.pool(), dataset, cache, train::resampling_of(values));
  const eval::CocoResult& coco = evaluation.coco;

  fmt::print("{} pictures, {} objects\n", coco.pictures, coco.ground_truths);
  for (std::size_t i = 0; i < coco.numbers.size(); ++i)
    fmt::print("{:<12} {:.4f}\n", eval::kCocoNames[i], coco.numbers[i]);
  for (std::size_t i = 0; i < coco.numbers.size(); ++i) json[eval::kCocoNames[i]] = coco.numbers[i];
  json["ap"] = coco.ap();
  json["ap50"] = coco.ap50();
  json["pictures"] = coco.pictures;
  fmt::print("\n{:<24} {:>8} {:>8} {:>8} {:>8}\n", "class", "objects", "AP", "AP50", "AR100");
  for (const eval::ClassResult& one : coco.per_class) {
    const std::string& label = dataset.labels[static_cast<std::size_t>(one.label - 1)];
    fmt::print(
        "{:<24} {:>8} {:>8.4f} {:>8.4f} {:>8.4f}\n", label, one.ground_truths, one.ap, one.ap50,
        one.ar100);
    json["classes"][label] = {{"ap", one.ap}, {"ap50", one.ap50}};
  }
  return evaluation;
}

/// Accuracy, the classes and the confusion, printed and into the JSON.
train::Evaluation classify_all(
    const Options& options, Loaded& loaded, Computer& computer, const data::Dataset& dataset,
    const data::ImageCache& cache, nlohmann::ordered_json& json) {
  const train::HyperparameterValues& values = loaded.settings.values();
  const std::unique_ptr<AnyClassifier> classifier =
      computer.classifier(loaded.model.classifier, values, *loaded.weights, options.batch);
  train::Evaluation evaluation =
      train::classify(*classifier, computer.pool(), dataset, cache, train::resampling_of(values));
  const eval::ClassificationResult& result = evaluation.classified->result;
  fmt::print("{} pictures with a label of their own\n", result.pictures);
  const auto numbers = result.numbers();
  for (std::size_t i = 0; i < numbers.size(); ++i)
    fmt::print("{:<20} {:.4f}\n", eval::kClassificationNames[i], numbers[i]);
  const auto label = [&](int index) { return dataset.labels[static_cast<std::size_t>(index)]; };
  const auto share = [](double value) {
    return value < 0 ? std::string("-") : fmt::format("{:.4f}", value);
  };
  fmt::print("\n{:<24} {:>9} {:>9} {:>9}\n", "class", "pictures", "precision", "recall");
  for (const eval::ClassScores& one : result.per_class)
    fmt::print(
        "{:<24} {:>9} {:>9} {:>9}\n", label(one.index), one.pictures, share(one.precision),
        share(one.recall));
  constexpr int kMatrix = 12;  // classes whose rows fit a terminal's line
  if (result.classes() <= kMatrix) {
    fmt::print("\n{:<24} said, in the order above\n", "truth");
    for (int truth = 0; truth < result.classes(); ++truth) {
      fmt::print("{:<24}", label(truth));
      for (int said = 0; said < result.classes(); ++said)
        fmt::print(" {:>4}", result.at(truth, said));
      fmt::print("\n");
    }
  }
  fmt::print("\nmistaken most often\n");
  std::vector<std::pair<int, int>> cells;  // truth, said
  for (int truth = 0; truth < result.classes(); ++truth)
    for (int said = 0; said < result.classes(); ++said)
      if (truth != said && result.at(truth, said) > 0) cells.emplace_back(truth, said);
  std::stable_sort(cells.begin(), cells.end(), [&](const auto& a, const auto& b) {
    return result.at(a.first, a.second) > result.at(b.first, b.second);
  });
  if (cells.empty()) fmt::print("  nothing\n");
  constexpr std::size_t kShown = 10;
  for (std::size_t i = 0; i < std::min(kShown, cells.size()); ++i)
    fmt::print(
        "  {} for {}: {}\n", label(cells[i].second), label(cells[i].first),
        result.at(cells[i].first, cells[i].second));
  if (cells.size() > kShown)
    fmt::print("  and {} more pairs; --json has the whole confusion\n", cells.size() - kShown);
  json["pictures"] = result.pictures;
  add_classified(json, *evaluation.classified, dataset.labels);
  return evaluation;
}

int run_evaluate(const Options& options) {
  const std::unique_ptr<Computer> computer = make_computer(options.computer);
  Loaded loaded = load_weights(options.weights, options.data.where->store);
  Data data = open_data(options.data, options.split, loaded.info.labels);
  print_findings(data.dataset);
  if (data.dataset.labels != loaded.info.labels)
    throw DataError(
        "the data has other labels than the weights", data.dataset.root,
        "evaluate on a set with the labels that the model was trained with");
  ThreadPool& pool = computer->pool();
  data::CacheOptions cache_options;
  cache_options.skip_bad = options.data.skip_bad;
  cache_options.progress = show_reading();
  const data::ImageCache cache(data.dataset, *data.source, pool, cache_options);
  nlohmann::ordered_json json;
  const train::Evaluation evaluation =
      loaded.model.classifies()
          ? classify_all(options, loaded, *computer, data.dataset, cache, json)
          : detect_all(options, loaded, *computer, data.dataset, cache, json);
  if (!options.report.empty()) {
    train::ReportData report;
    report.title = "Evaluation of " + options.weights.named;
    report.labels = data.dataset.labels;
    report.finished = true;
    report.evaluations.push_back(train::report_line(loaded.info.step, evaluation));
    train::show_evaluation(report, evaluation, data.dataset, cache);
    const std::filesystem::path page = std::filesystem::path(options.report) / "index.html";
    train::write_report(page, report);
    fmt::print(stderr, "curves, confusion and pictures: {}\n", page.string());
    json["report"] = page.string();
  }
  if (options.json) print_json(json);
  return done;
}

}  // namespace

void add_evaluate(CLI::App& app, Run& run) {
  auto options = std::make_shared<Options>();
  Options& o = *options;
  CLI::App* command =
      app.add_subcommand("evaluate", "Measure trained weights on labelled pictures");
  add_data_options(*command, o.data);
  add_weights_options(*command, o.weights);
  command->add_option("--split", o.split, "Name of the part to evaluate on; all if not given");
  command->add_option(
      "--report", o.report, "Write a page with curves and pictures into this folder");
  add_computer_options(*command, o.computer);
  command->add_option("--batch", o.batch, "Pictures at once")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  command->add_flag("--json", o.json, "End with one JSON object");
  command->callback([options, &run] { run = [options] { return run_evaluate(*options); }; });
}

}  // namespace program
