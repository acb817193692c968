// ocelli models, promote, rollback: what the branches of a bucket have.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/core.h>

#include "model_options.hpp"
#include "program.hpp"
#include "store_options.hpp"

namespace program {
namespace {

using namespace ocelli;

struct Options {
  ModelOptions model;
  std::string from, to;  // promote
  std::string branch = std::string(deploy::kMaster), id;
  bool prune = false;
};

deploy::PublishOptions publish_options(const Options& options) {
  deploy::PublishOptions publish;
  publish.name = options.model.name;
  return publish;
}

int run_promote(const Options& options) {
  const bucket::OpenedStore opened = program::open_store(options.model.bucket, options.model.store);
  report_published(
      options.model, options.to,
      deploy::promote(
          *opened.store, opened.prefix, options.from, options.to, publish_options(options)));
  return done;
}

int run_rollback(const Options& options) {
  const bucket::OpenedStore opened = program::open_store(options.model.bucket, options.model.store);
  report_published(
      options.model, options.branch,
      deploy::rollback(
          *opened.store, opened.prefix, options.branch, options.id, publish_options(options)));
  return done;
}

int run_models(const Options& options) {
  const bucket::OpenedStore opened = program::open_store(options.model.bucket, options.model.store);
  const deploy::ModelList list =
      deploy::list_models(*opened.store, opened.prefix, options.model.name);
  nlohmann::ordered_json json = {{"models", nlohmann::ordered_json::array()}};
  for (const deploy::Manifest& manifest : list.models) {
    nlohmann::ordered_json history = nlohmann::ordered_json::array();
    fmt::print("{}\n  now     {}\n", manifest.branch, line_of(manifest.current));
    for (const deploy::Publication& one : manifest.history) {
      fmt::print("  before  {}\n", line_of(one));
      history.push_back(json_of(one));
    }
    json["models"].push_back(
        {{"branch", manifest.branch},
         {"name", manifest.name},
         {"current", json_of(manifest.current)},
         {"history", std::move(history)}});
  }
  if (list.models.empty()) fmt::print("nothing is published\n");
  for (const std::string& fault : list.faults) fmt::print(stderr, "warning: {}\n", fault);
  json["unreadable"] = list.faults.size();
  if (options.prune) {
    const auto removed = deploy::prune(*opened.store, opened.prefix, options.model.name);
    std::uint64_t bytes = 0;
    for (const bucket::ObjectInfo& one : removed) bytes += one.size;
    fmt::print("{} objects that no branch names removed, {} bytes\n", removed.size(), bytes);
    json["pruned"] = removed.size();
  }
  if (options.model.json) print_json(json);
  return done;
}

template <class Work>
void add(CLI::App* command, const std::shared_ptr<Options>& options, Run& run, Work work) {
  add_model_options(*command, options->model);
  command->callback([options, &run, work] { run = [options, work] { return work(*options); }; });
}

}  // namespace

void add_promote(CLI::App& app, Run& run) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("promote", "Put the model of one branch on another");
  command->add_option("--from", options->from, "The branch that has it")->required();
  command->add_option("--to", options->to, "The branch that gets it")->required();
  add(command, options, run, run_promote);
}

void add_rollback(CLI::App& app, Run& run) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("rollback", "Bring back the model that a branch had");
  command->add_option("--branch", options->branch, "Which branch")->capture_default_str();
  command->add_option("--to", options->id, "Which publication, by its id; else the one before");
  add(command, options, run, run_rollback);
}

void add_models(CLI::App& app, Run& run) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("models", "List the branches of a bucket and their past");
  command->add_flag(
      "--prune", options->prune, "Remove weights, older than a day, that no branch has or had");
  add(command, options, run, run_models);
}

}  // namespace program
