// Mirroring and publishing of a training.
// SPDX-License-Identifier: Apache-2.0
#include "deployment.hpp"

#include <fmt/core.h>

#include "model_options.hpp"
#include "ocelli/deploy/publish.hpp"
#include "program.hpp"
#include "store_options.hpp"
#include "transfer.hpp"

namespace program {

using namespace ocelli;

void add_deployment_options(CLI::App& command, DeploymentOptions& options) {
  command.add_flag(
      "--publish", options.publish, "At the end put the best weights into the bucket of --data");
  command.add_option("--publish-to", options.publish_to, "Likewise, into this bucket or folder");
  command.add_option("--branch", options.branch, "On which branch")->capture_default_str();
  command.add_option("--name", options.name, "Name of the model; else the bucket's name");
  command.add_option(
      "--mirror", options.mirror,
      "Keep the run at s3://BUCKET/PREFIX, or in a folder, with each snapshot; with --resume go on "
      "from there, on any machine");
  add_store_options(command, options.store);
}

Deployment::Deployment(
    const DeploymentOptions& options, const std::string& data, const std::filesystem::path& out,
    bool resume)
    : options_(options) {
  if (!options_.publish_to.empty()) options_.publish = true;
  if (options_.publish) {
    if (options_.publish_to.empty()) {
      if (std::filesystem::is_regular_file(data))
        throw ConfigError(
            "the data is a file and no bucket", "--publish", "name the bucket with --publish-to");
      options_.publish_to = data;
    }
    published_ = program::open_store(options_.publish_to, options_.store);
    // Whether a name fits, a key is right and the bucket is there shows now.
    const deploy::ModelKeys keys(
        published_.prefix, options_.name.empty() ? published_.store->bucket() : options_.name,
        options_.branch);
    (void)published_.store->list(keys.manifest());
  }
  if (options_.mirror.empty()) return;
  bucket::StoreOptions store = options_.store;
  store.make_folder = true;
  mirrored_ = program::open_store(options_.mirror, store);
  if (resume) {
    const deploy::RestoredRun restored =
        deploy::restore_run(*mirrored_.store, mirrored_.prefix, out);
    if (restored.restored)
      fmt::print(
          stderr, "{} files, {}, of step {} brought from {}\n", restored.files,
          bytes_text(static_cast<double>(restored.bytes)), restored.step, options_.mirror);
  }
  deploy::MirrorOptions mirror;
  mirror.resume = resume;
  mirror.warn = [](const std::string& text) { fmt::print(stderr, "warning: {}\n", text); };
  mirror_ = std::make_unique<deploy::Mirror>(*mirrored_.store, mirrored_.prefix, out, mirror);
}

std::vector<train::TrainingObserver*> Deployment::observers() const {
  if (!mirror_) return {};
  return {mirror_.get()};
}

int Deployment::finish(nlohmann::ordered_json& results) {
  int code = done;
  if (mirror_) {
    const std::string fault = mirror_->finish();
    results["mirrored"] = fault.empty();
    if (!fault.empty()) {
      fmt::print(stderr, "ocelli: the end of the run is not mirrored: {}\n", fault);
      code = store_failed;
    }
  }
  if (!options_.publish) return code;
  if (results.value("end", "") == "stopped") {
    fmt::print(stderr, "nothing is published, since the training was stopped\n");
    return code;
  }
  const std::string weights =
      results.value("best_weights", results.value("weights", std::string()));
  try {
    deploy::PublishOptions publish;
    publish.name = options_.name;
    const deploy::Published published =
        publish_weights(published_, weights, options_.branch, publish);
    fmt::print(stderr, "{} has: {}\n", options_.branch, line_of(published.publication));
    results["published"] = {{"branch", options_.branch}, {"id", published.publication.id}};
  } catch (const StoreError& fault) {
    fmt::print(
        stderr, "ocelli: {}; the weights are in {}, for `ocelli publish`\n", fault.what(), weights);
    code = store_failed;
  }
  return code;
}

}  // namespace program
