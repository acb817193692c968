// ocelli evaluate: the COCO numbers of trained weights over a labelled set.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/train/evaluate.hpp"

#include <fmt/core.h>

#include "computer.hpp"
#include "loaded.hpp"
#include "ocelli/train/report.hpp"
#include "ocelli/train/report_evaluation.hpp"
#include "program.hpp"

namespace program {
namespace {

using namespace ocelli;

struct Options {
  DataOptions data;
  std::string weights, split, report;
  ComputerOptions computer;
  int batch = 8;
  bool json = false;
};

int run_evaluate(const Options& options) {
  const std::unique_ptr<Computer> computer = make_computer(options.computer);
  Loaded loaded = load_weights(options.weights);
  const train::SsdHyperparameters& values = loaded.settings.values();
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
  const std::unique_ptr<AnyDetector> detector = computer->detector(
      loaded.model.spec, values, *loaded.weights, options.batch, values.evaluation_score_threshold);
  const train::Evaluation evaluation =
      train::evaluate(*detector, pool, data.dataset, cache, train::resampling_of(values));
  const eval::CocoResult& coco = evaluation.coco;

  fmt::print("{} pictures, {} objects\n", coco.pictures, coco.ground_truths);
  for (std::size_t i = 0; i < coco.numbers.size(); ++i)
    fmt::print("{:<12} {:.4f}\n", eval::kCocoNames[i], coco.numbers[i]);
  nlohmann::ordered_json json;
  for (std::size_t i = 0; i < coco.numbers.size(); ++i) json[eval::kCocoNames[i]] = coco.numbers[i];
  json["ap"] = coco.ap();
  json["ap50"] = coco.ap50();
  json["pictures"] = coco.pictures;
  fmt::print("\n{:<24} {:>8} {:>8} {:>8} {:>8}\n", "class", "objects", "AP", "AP50", "AR100");
  for (const eval::ClassResult& one : coco.per_class) {
    const std::string& label = data.dataset.labels[static_cast<std::size_t>(one.label - 1)];
    fmt::print(
        "{:<24} {:>8} {:>8.4f} {:>8.4f} {:>8.4f}\n", label, one.ground_truths, one.ap, one.ap50,
        one.ar100);
    json["classes"][label] = {{"ap", one.ap}, {"ap50", one.ap50}};
  }
  if (!options.report.empty()) {
    train::ReportData report;
    report.title = "Evaluation of " + options.weights;
    report.labels = data.dataset.labels;
    report.finished = true;
    train::ReportEvaluation line{loaded.info.step, coco.numbers, {}};
    for (const eval::ClassResult& one : coco.per_class) line.class_ap50.push_back(one.ap50);
    report.evaluations.push_back(std::move(line));
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
  command->add_option("--weights", o.weights, "A weights file or a run folder")->required();
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
