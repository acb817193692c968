// One training: caches, the net, the trainer, and what standard output says of it.
// SPDX-License-Identifier: Apache-2.0
#include "training.hpp"

#include <fmt/core.h>

#include <optional>

#include "ocelli/data/cache.hpp"
#include "ocelli/eval/curves.hpp"
#include "ocelli/train/run_folder.hpp"

namespace program {
namespace {

using namespace ocelli;

void add_detections(nlohmann::ordered_json& json, const train::Evaluation& last) {
  const eval::CocoResult& coco = last.coco;
  json["ap"] = coco.ap();
  json["ap50"] = coco.ap50();
  json["ap75"] = coco.ap75();
  json["threshold"] = eval::best_threshold(last.matches).threshold;  // of the best F1
}

nlohmann::ordered_json results_of(
    const train::TrainingOutcome& outcome, const data::Dataset& held_out) {
  nlohmann::ordered_json json = {
      {"end", train::name(outcome.end)},
      {"steps", outcome.steps},
      {"seconds", outcome.seconds},
      {"images_per_second", outcome.images_per_second}};
  if (!outcome.last) return json;
  if (outcome.last->classified) {
    add_classified(json, *outcome.last->classified, held_out.labels);
  } else {
    add_detections(json, *outcome.last);
    for (const eval::ClassResult& one : outcome.last->coco.per_class)
      json["classes"][held_out.labels[static_cast<std::size_t>(one.label - 1)]] = {
          {"ap", one.ap}, {"ap50", one.ap50}};
  }
  json["best_" + outcome.best.name] = outcome.best.value;
  json["best_step"] = outcome.best_step;
  return json;
}

/// What there is to learn from, on standard error.
void print_counts(
    const data::TargetCounts& counts, const TrainingRequest& request, const Computer& computer) {
  if (is_classifier(request.settings.model()))
    fmt::print(
        stderr,
        "{} pictures to train on with {} labels of their own ({} without one, {} unlabelled left "
        "out); {} to evaluate on; computing on {}\n",
        counts.pictures, request.train.labels.size(), counts.without_targets, counts.unlabelled,
        request.held_out.pictures.size(), computer.name());
  else
    fmt::print(
        stderr,
        "{} pictures to train on with {} objects ({} negative), {} unlabelled left out; {} to "
        "evaluate on; computing on {}\n",
        counts.pictures, counts.objects, counts.negatives, counts.unlabelled,
        request.held_out.pictures.size(), computer.name());
}

}  // namespace

void add_classified(
    nlohmann::ordered_json& json, const train::ClassifiedSet& classified,
    const std::vector<std::string>& labels) {
  const eval::ClassificationResult& result = classified.result;
  const auto numbers = result.numbers();
  for (std::size_t i = 0; i < numbers.size(); ++i) json[eval::kClassificationNames[i]] = numbers[i];
  nlohmann::ordered_json rows = nlohmann::ordered_json::array();
  for (const eval::ClassScores& one : result.per_class) {
    json["classes"][labels[static_cast<std::size_t>(one.index)]] = {
        {"pictures", one.pictures}, {"precision", one.precision}, {"recall", one.recall}};
    nlohmann::ordered_json row = nlohmann::ordered_json::array();
    for (int said = 0; said < result.classes(); ++said) row.push_back(result.at(one.index, said));
    rows.push_back(std::move(row));
  }
  json["confusion"] = std::move(rows);
}

void prepare_for_classifier(const ComputerOptions& options, std::unique_ptr<Computer>& computer) {
  if (computer->trains_classifiers()) return;
  if (options.device != "auto")
    throw ConfigError(
        "classifiers are trained on the CPU", "--device " + options.device, "give --device cpu");
  fmt::print(stderr, "classifiers are trained on the CPU, so this one is\n");
  ComputerOptions cpu = options;
  cpu.device = "cpu";
  computer = make_computer(cpu);
}

nlohmann::ordered_json run_training(Computer& computer, TrainingRequest& request) {
  ThreadPool& pool = computer.pool();
  request.options.device = computer.name();
  data::CacheOptions cache_options;
  cache_options.skip_bad = request.skip_bad;
  cache_options.progress = show_reading();
  const data::ImageCache cache(request.train, *request.source, pool, cache_options);
  std::optional<data::ImageCache> held_out_cache;
  const bool evaluates = !request.held_out.pictures.empty();
  if (evaluates) held_out_cache.emplace(request.held_out, *request.source, pool, cache_options);
  const auto report_bad = [](const data::ImageCache& one) {
    for (const data::BadPicture& bad : one.bad()) fmt::print(stderr, "left out: {}\n", bad.reason);
  };
  report_bad(cache);
  if (evaluates) report_bad(*held_out_cache);

  const auto classes = static_cast<int>(request.train.labels.size());
  const bool classifies = is_classifier(request.settings.model());
  const Model model = !request.demo ? make_model(request.settings.model(), classes)
                      : classifies  ? make_demo_classifier(classes)
                                    : make_demo_model(classes);
  const auto begin = [&](const data::TargetCounts& counts) {
    print_counts(counts, request, computer);
  };
  const train::TrainingData train{&request.train, &cache};
  const train::TrainingData held_out{
      evaluates ? &request.held_out : nullptr, evaluates ? &*held_out_cache : nullptr};
  const train::TrainingOutcome outcome =
      classifies ? computer.train_classifier(
                       model.classifier, request.settings, request.options, train, held_out, begin,
                       request.observers)
                 : computer.train(
                       model.spec, request.settings, request.options, train, held_out, begin,
                       request.observers);
  nlohmann::ordered_json results = results_of(outcome, request.held_out);
  results["report"] = outcome.report.string();
  const train::RunFolder run(request.options.out);
  results["weights"] = run.last().string();
  if (outcome.best_step > 0) results["best_weights"] = run.best().string();
  if (outcome.end == train::TrainingEnd::stopped || outcome.end == train::TrainingEnd::time_up)
    fmt::print(
        stderr, "{} after step {}; go on with --resume\n", train::name(outcome.end), outcome.steps);
  return results;
}

}  // namespace program
