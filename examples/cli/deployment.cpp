// Mirroring and publishing of a training.
// SPDX-License-Identifier: Apache-2.0
#include "deployment.hpp"

#include <fmt/core.h>

#include "model_options.hpp"
#include "ocelli/bucket/address.hpp"
#include "ocelli/data/open_source.hpp"
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
  command.add_option("--branch", options.branch, "Publish on which branch [master]");
  command.add_option("--name", options.name, "Publish under this name; else the bucket's");
  command.add_option(
      "--mirror", options.mirror,
      "Keep the run at s3://BUCKET/PREFIX, or in a folder, with each snapshot; with --resume go on "
      "from there, on any machine");
}

namespace {

/// A run mirrored into itself grows without end; mirrored around itself, the two mix.
void refuse_nested(const std::string& mirror, const std::filesystem::path& out) {
  const bucket::Address address = bucket::parse_address(mirror);
  if (address.kind != bucket::Address::Kind::folder) return;
  const auto whole = [](const std::filesystem::path& path) {
    // Ends with a separator, so that no folder is taken for one whose name it begins.
    return std::filesystem::weakly_canonical(std::filesystem::absolute(path) / "").string();
  };
  const std::string a = whole(address.folder), b = whole(out);
  if (a.starts_with(b) || b.starts_with(a))
    throw ConfigError(
        "the run folder " + out.string() + " and its mirror lie in one another",
        "--mirror " + mirror, "name two folders apart");
}

}  // namespace

Deployment::Deployment(
    const DeploymentOptions& options, const std::string& data, const bucket::StoreOptions& store,
    const std::filesystem::path& out, bool resume)
    : options_(options) {
  if (!options_.publish_to.empty()) options_.publish = true;
  if (!options_.publish && (options_.branch || options_.name))
    throw ConfigError(
        "nothing is published", options_.branch ? "--branch" : "--name",
        "give --publish or --publish-to, or leave it out");
  if (!options_.mirror.empty()) refuse_nested(options_.mirror, out);
  if (options_.publish) {
    if (options_.publish_to.empty()) options_.publish_to = data::data_place(data).root;
    published_ = program::open_store(options_.publish_to, store);
    // Whether a name fits, a key is right and the bucket is there shows now.
    const deploy::ModelKeys keys(
        published_.prefix, options_.name.value_or(published_.store->bucket()), branch());
    (void)published_.store->list(keys.manifest());
  }
  if (options_.mirror.empty()) return;
  bucket::StoreOptions making = store;
  making.make_folder = true;
  mirrored_ = program::open_store(options_.mirror, making);
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

std::string Deployment::branch() const {
  return options_.branch.value_or(std::string(deploy::kMaster));
}

void Deployment::check_labels(const std::vector<std::string>& labels) const {
  if (!options_.publish) return;
  if (const std::string* label = deploy::unpublishable(labels))
    throw ConfigError(
        "the label " + nlohmann::json(*label).dump() +
            " cannot be written as one line, so the model could not be published",
        "--publish", "rename it in the data set, or train without --publish");
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
    publish.name = options_.name.value_or("");
    const deploy::Published published = publish_weights(published_, weights, branch(), publish);
    fmt::print(stderr, "{} has: {}\n", branch(), line_of(published.publication));
    results["published"] = {{"branch", branch()}, {"id", published.publication.id}};
  } catch (const Error& fault) {
    fmt::print(
        stderr, "ocelli: {}; the weights are in {}, for `ocelli publish`\n", fault.what(), weights);
    code = store_failed;
  }
  return code;
}

}  // namespace program
