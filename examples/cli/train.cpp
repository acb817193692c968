// ocelli train: a detector or a classifier from labelled pictures, resumable at any time.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/core.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <utility>

#include "deployment.hpp"
#include "model_options.hpp"
#include "named_weights.hpp"
#include "ocelli/data/open_source.hpp"
#include "ocelli/data/split.hpp"
#include "ocelli/train/hyperparameters.hpp"
#include "ocelli/train/run_folder.hpp"
#include "program.hpp"
#include "training.hpp"

extern char** environ;

namespace program {
namespace {

using namespace ocelli;

struct Options {
  DataOptions data;
  std::string model;  ///< empty: what the run in --out has, or what the data asks for
  std::string out = "run";
  long steps = 0, batch = 0;
  std::vector<std::string> set;
  std::string params;
  WeightsOptions from;
  bool resume = false;
  ComputerOptions computer;
  std::uint64_t seed = 42;
  std::string time_budget;
  std::string train_split, val_split;
  double val_percent = -1;
  int loader_threads = 1;
  long eval_steps = 0, snapshot_steps = 500;
  double snapshot_minutes = 10;
  int keep = 3;
  std::string pictures = "auto";
  bool eager = false;
  DeploymentOptions deployment;
  bool json = false;
};

/// @throws ConfigError for a way to split that would be ignored
void check_split(const Options& options) {
  const bool named = !options.train_split.empty() || !options.val_split.empty();
  if (named && options.train_split.empty())
    throw ConfigError("--val-split needs --train-split", "--val-split", "name both");
  // A part to train on and 0 percent say the same: nothing is held out.
  if (named &&
      (options.val_percent > 0 || (options.val_percent == 0 && !options.val_split.empty())))
    throw ConfigError(
        "a percentage is held out only when no splits are named", "--val-percent",
        options.val_split.empty()
            ? "name the part to evaluate on with --val-split, or leave --train-split out"
            : "leave it out, or both splits");
}

/// Two parts of the data, by name or by percentage.
void split(const Options& options, Data& data, TrainingRequest& request) {
  if (!options.train_split.empty() || !options.val_split.empty()) {
    const auto labels = data.dataset.labels;
    request.train = open_data(options.data, options.train_split, labels).dataset;
    if (!options.val_split.empty())
      request.held_out = open_data(options.data, options.val_split, labels).dataset;
  } else if (options.val_percent != 0) {
    const double percent = options.val_percent < 0 ? 20 : options.val_percent;
    data::Split parts = data::split_percent(data.dataset, percent);
    request.train = std::move(parts.train);
    request.held_out = std::move(parts.validation);
  } else {
    request.train = data.dataset;
  }
  std::set<std::string> keys;
  for (const auto& picture : request.train.pictures) keys.insert(picture.key);
  std::size_t leaked = 0;
  for (const auto& picture : request.held_out.pictures) leaked += keys.count(picture.key);
  if (leaked > 0)
    fmt::print(
        stderr, "warning: {} pictures are in both parts; their scores will be too good\n", leaked);
}

/// The model to train. Reads the data where it is the data that says it.
train::ModelName choose_model(
    const Options& options, const nlohmann::ordered_json& before, std::optional<Data>& data) {
  if (!options.model.empty()) return train::model_by_name(options.model);
  if (before.contains("model") && before["model"].is_string())
    return train::model_by_name(before["model"].get<std::string>());
  data = open_data(options.data);
  const train::ModelName model = train::model_by_name(default_model(data->dataset));
  if (is_classifier(model))
    fmt::print(
        stderr, "the labels are of whole pictures: training {}; --model chooses another\n",
        train::name_of(model));
  return model;
}

int run_train(const Options& options) {
  check_split(options);
  std::unique_ptr<Computer> computer = make_computer(options.computer);
  // First, since it may bring the run folder from its mirror.
  Deployment deployment(
      options.deployment, options.data.source, options.data.where->store, options.out,
      options.resume);
  const train::RunFolder run(options.out);
  nlohmann::ordered_json before;
  if (options.resume && std::filesystem::exists(run.config())) before = run.read_config();
  std::optional<Data> opened;
  const auto model = choose_model(options, before, opened);
  if (is_classifier(model)) prepare_for_classifier(options.computer, computer);
  TrainingRequest request{train::Hyperparameters(model, compiled(model)), {}, {}, {}};
  train::Hyperparameters& settings = request.settings;
  if (!before.is_null()) settings.load_json(before, run.config().string());
  if (const std::string lines = built_in_params(); !lines.empty())
    settings.load_text(lines, "built in");
  if (!options.params.empty()) settings.load_file(options.params);
  settings.load_environment(environ);
  for (const std::string& one : options.set) settings.set_flag(one);
  if (options.steps > 0)
    settings.set("num_steps", std::to_string(options.steps), train::Provenance::flag, "--steps");
  if (options.batch > 0)
    settings.set("batch_size", std::to_string(options.batch), train::Provenance::flag, "--batch");

  Data data = opened ? std::move(*opened) : open_data(options.data);
  print_findings(data.dataset);
  split(options, data, request);
  deployment.check_labels(request.train.labels);
  if (settings.is_default("num_steps") && !request.train.pictures.empty()) {
    const long recommended =
        train::recommended_steps(settings, static_cast<long>(request.train.pictures.size()));
    settings.choose(
        "num_steps", std::to_string(recommended), "recommended for the number of pictures");
    fmt::print(stderr, "training for {} steps, as recommended\n", recommended);
  }
  const long classes = settings.values().num_classes;
  if (classes != 0 && classes != static_cast<long>(request.train.labels.size()))
    throw ConfigError(
        "num_classes is " + std::to_string(classes) + ", the data has " +
            std::to_string(request.train.labels.size()),
        settings.origin("num_classes").where, "leave it out");
  settings.check();
  for (const std::string& warning : settings.warnings())
    fmt::print(stderr, "warning: {}\n", warning);

  request.source = data.source.get();
  request.skip_bad = options.data.skip_bad;
  train::TrainingOptions& training = request.options;
  training.out = options.out;
  training.resume = options.resume;
  const NamedWeights from(options.from, options.data.where->store);
  training.from = from.path();
  training.seed = options.seed;
  training.eval_steps = options.eval_steps;
  training.snapshot_steps = options.snapshot_steps;
  training.snapshot_minutes = options.snapshot_minutes;
  training.keep = options.keep;
  training.loader_threads = options.loader_threads;
  training.eager = options.eager;
  training.pictures = options.pictures == "device"   ? train::PictureFeed::device
                      : options.pictures == "loader" ? train::PictureFeed::loader
                                                     : train::PictureFeed::automatic;
  if (!options.time_budget.empty())
    training.time_budget = parse_duration(options.time_budget, "--time-budget");
  request.observers = deployment.observers();
  nlohmann::ordered_json results = run_training(*computer, request);
  const int code = deployment.finish(results);
  if (options.json) {
    print_json(results);
  } else {
    if (results.contains("ap"))
      fmt::print(
          "AP {:.3f}, AP50 {:.3f}, best F1 with detect --threshold {:.2f}; ",
          results["ap"].get<double>(), results["ap50"].get<double>(),
          results["threshold"].get<double>());
    if (results.contains("accuracy"))
      fmt::print(
          "accuracy {:.3f}, best {:.3f} after step {}; ", results["accuracy"].get<double>(),
          results["best_accuracy"].get<double>(), results["best_step"].get<long>());
    fmt::print("look at {}\n", results["report"].get<std::string>());
  }
  return code;
}

}  // namespace

void add_train(CLI::App& app, Run& run) {
  auto options = std::make_shared<Options>();
  Options& o = *options;
  CLI::App* command =
      app.add_subcommand("train", "Train a detector or a classifier; can be stopped and resumed");
  add_data_options(*command, o.data);
  command->add_option(
      "--model", o.model,
      "Which model [" + default_model() +
          "; for labels of whole pictures alone mobilenet-v2-classifier]");
  command->add_option("--out", o.out, "Run folder")->capture_default_str();
  command->add_option("--steps", o.steps, "Steps; recommended from the pictures if not given")
      ->check(CLI::PositiveNumber);
  command->add_option("--batch", o.batch, "Pictures a step")->check(CLI::PositiveNumber);
  command->add_option("--set", o.set, "A hyperparameter: name=value; may be repeated");
  command->add_option("--params", o.params, "File of hyperparameters")->check(CLI::ExistingFile);
  command->add_option(
      "--from", o.from.named,
      "Start from these weights: a run, a folder, a file, or what s3://BUCKET has");
  command->add_option(
      "--from-branch", o.from.branch, "Of published models: which branch; else master");
  command->add_option(
      "--from-name", o.from.model, "Of published models: which; else the bucket's name");
  command->add_flag("--resume", o.resume, "Go on from the newest snapshot in --out");
  add_computer_options(*command, o.computer);
  command->add_option("--seed", o.seed, "Seed of everything random")->capture_default_str();
  command->add_option("--time-budget", o.time_budget, "Save and stop after 90s, 30m or 11h");
  command->add_option("--train-split", o.train_split, "Name of the part to train on");
  command->add_option("--val-split", o.val_split, "Name of the part to evaluate on");
  command
      ->add_option(
          "--val-percent", o.val_percent,
          "Percentage held out for evaluation when no splits are named [20]")
      ->check(CLI::Range(0.0, 90.0));
  command->add_option("--loader-threads", o.loader_threads, "Threads that prepare batches")
      ->check(CLI::Range(0, 64))
      ->capture_default_str();
  command->add_option("--eval-steps", o.eval_steps, "Steps between evaluations; 0: ten in all")
      ->check(CLI::NonNegativeNumber);
  command->add_option("--snapshot-steps", o.snapshot_steps, "Steps between snapshots")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command->add_option("--snapshot-minutes", o.snapshot_minutes, "Or minutes; 0: by steps alone")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  command->add_option("--keep", o.keep, "Snapshots that are kept")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command
      ->add_option(
          "--pictures", o.pictures,
          "On a GPU, who augments: loader, device (which holds them all), or auto")
      ->check(CLI::IsMember({"auto", "loader", "device"}))
      ->capture_default_str();
  command->add_flag("--eager", o.eager, "On a GPU: ask for each operation, not for whole steps");
  add_deployment_options(*command, o.deployment);
  command->add_flag("--json", o.json, "End with one JSON object");
  command->callback([options, &run] { run = [options] { return run_train(*options); }; });
}

}  // namespace program
