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

nlohmann::ordered_json results_of(
    const train::TrainingOutcome& outcome, const data::Dataset& held_out) {
  nlohmann::ordered_json json = {
      {"end", train::name(outcome.end)},
      {"steps", outcome.steps},
      {"seconds", outcome.seconds},
      {"images_per_second", outcome.images_per_second}};
  if (outcome.last) {
    const eval::CocoResult& coco = outcome.last->coco;
    json["ap"] = coco.ap();
    json["ap50"] = coco.ap50();
    json["ap75"] = coco.ap75();
    json["best_ap"] = outcome.best_ap;
    json["best_step"] = outcome.best_step;
    json["threshold"] = eval::best_threshold(outcome.last->matches).threshold;  // of the best F1
    for (const eval::ClassResult& one : coco.per_class)
      json["classes"][held_out.labels[static_cast<std::size_t>(one.label - 1)]] = {
          {"ap", one.ap}, {"ap50", one.ap50}};
  }
  return json;
}

}  // namespace

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
  const Model model =
      request.demo ? make_demo_model(classes) : make_model(request.settings.model(), classes);
  const auto begin = [&](const data::TargetCounts& counts) {
    fmt::print(
        stderr,
        "{} pictures to train on with {} objects ({} negative), {} unlabelled left out; {} to "
        "evaluate on; computing on {}\n",
        counts.pictures, counts.objects, counts.negatives, counts.unlabelled,
        request.held_out.pictures.size(), computer.name());
  };
  const train::TrainingOutcome outcome = computer.train(
      model.spec, request.settings, request.options, {&request.train, &cache},
      {evaluates ? &request.held_out : nullptr, evaluates ? &*held_out_cache : nullptr}, begin);
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
