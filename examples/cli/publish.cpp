// ocelli publish: puts trained weights on a branch of a bucket.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/core.h>

#include "model_options.hpp"
#include "ocelli/core/file.hpp"
#include "program.hpp"
#include "store_options.hpp"

namespace program {
namespace {

using namespace ocelli;

struct Options {
  ModelOptions model;
  std::string weights, branch = std::string(deploy::kMaster), labels, expected;
  std::size_t history = 20;
};

int run_publish(const Options& options) {
  deploy::PublishOptions publish;
  publish.name = options.model.name;
  publish.expected = options.expected;
  publish.history = options.history;
  if (!options.labels.empty()) {
    const std::string text = read_file(options.labels, 16 << 20);
    for (std::size_t begin = 0; begin < text.size();) {
      const std::size_t end = std::min(text.find('\n', begin), text.size());
      publish.labels.push_back(text.substr(begin, end - begin));
      begin = end + 1;
    }
  }
  bucket::OpenedStore opened = program::open_store(options.model.bucket, options.model.store);
  report_published(
      options.model, options.branch,
      publish_weights(opened, options.weights, options.branch, publish));
  return done;
}

}  // namespace

void add_publish(CLI::App& app, Run& run) {
  auto options = std::make_shared<Options>();
  Options& o = *options;
  CLI::App* command = app.add_subcommand("publish", "Put trained weights on a branch of a bucket");
  command->add_option("--weights", o.weights, "A weights file or a run folder")->required();
  command->add_option("--branch", o.branch, "Which branch")->capture_default_str();
  command->add_option(
      "--labels", o.labels, "File of labels, one a line, for weights that hold none");
  command->add_option("--expect", o.expected, "Only when the branch has this publication now");
  command->add_option("--history", o.history, "Publications that can be rolled back to")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  add_model_options(*command, o.model);
  command->callback([options, &run] { run = [options] { return run_publish(*options); }; });
}

}  // namespace program
