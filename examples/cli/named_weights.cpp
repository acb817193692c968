// Finding the weights that a command was given.
// SPDX-License-Identifier: Apache-2.0
#include "named_weights.hpp"

#include <fmt/core.h>
#include <stdlib.h>

#include <cerrno>
#include <cstring>
#include <system_error>

#include "model_options.hpp"
#include "ocelli/bucket/address.hpp"
#include "ocelli/core/error.hpp"
#include "ocelli/deploy/model_keys.hpp"
#include "ocelli/deploy/watch.hpp"
#include "store_options.hpp"

namespace program {

using namespace ocelli;
namespace fs = std::filesystem;

namespace {

/// Is this a folder with the layout of a bucket, with models in it?
bool holds_models(const fs::path& folder) {
  std::error_code code;
  for (const auto& entry : fs::directory_iterator(folder, code))
    if (entry.path().filename().string().ends_with(deploy::kManifestExtension)) return true;
  return false;
}

}  // namespace

NamedWeights::NamedWeights(const WeightsOptions& options, const bucket::StoreOptions& store) {
  const bool published = !options.branch.empty() || !options.model.empty();
  if (!options.named.empty() && !is_bucket(options.named)) {
    path_ = bucket::parse_address(options.named).folder;
    if (!fs::is_directory(path_) || !(published || holds_models(path_))) {
      if (!published) return;
      throw ConfigError(
          "a file has neither branches nor models' names", options.named,
          "name the bucket or folder with the published models");
    }
  }
  if (options.named.empty()) {
    if (!published) return;
    throw ConfigError(
        "a branch or a model's name, and no weights", {}, "name the bucket with the models");
  }
  std::string folder = (fs::temp_directory_path() / "ocelli_XXXXXX").string();
  if (::mkdtemp(folder.data()) == nullptr)
    throw StoreError(std::strerror(errno), folder, "set TMPDIR to a folder that can be written");
  fetched_ = folder;
  path_ = fetched_ / "published.safetensors";
  try {
    fetch(options, store);
  } catch (...) {
    std::error_code ignored;
    fs::remove_all(fetched_, ignored);
    throw;
  }
}

void NamedWeights::fetch(const WeightsOptions& options, const bucket::StoreOptions& store) {
  const bucket::OpenedStore opened = program::open_store(options.named, store);
  if (opened.prefix.ends_with(deploy::kWeightsExtension)) {
    if (!options.branch.empty() || !options.model.empty())
      throw ConfigError(
          "a file has neither branches nor models' names", options.named,
          "name the bucket with the published models");
    bucket::FileSink sink(path_);
    opened.store->get(opened.prefix, sink);
    sink.commit();
    return;
  }
  deploy::WatchOptions watch;
  watch.out = path_;
  watch.prefix = opened.prefix;
  watch.name = options.model;
  if (!options.branch.empty()) watch.branch = options.branch;
  deploy::Watcher watcher(*opened.store, watch);
  const deploy::WatchEvent event = watcher.check();
  if (event.kind == deploy::WatchEvent::Kind::failed) throw StoreError(event.text);
  fmt::print(stderr, "weights from {}: {}\n", options.named, line_of(event.publication));
}

NamedWeights::~NamedWeights() {
  std::error_code ignored;
  if (!fetched_.empty()) fs::remove_all(fetched_, ignored);
}

}  // namespace program
