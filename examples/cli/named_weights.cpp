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
#include "ocelli/deploy/watch.hpp"
#include "store_options.hpp"

namespace program {

using namespace ocelli;

NamedWeights::NamedWeights(
    const std::string& named, const std::string& branch, const bucket::StoreOptions& options)
    : path_(named) {
  if (!is_bucket(named)) {
    if (!branch.empty())
      throw ConfigError(
          "branch " + branch + " is of no use: branches are a bucket's", named,
          "name a bucket, s3://BUCKET, or no branch");
    return;
  }
  const bucket::OpenedStore opened = program::open_store(named, options);
  std::string folder = (std::filesystem::temp_directory_path() / "ocelli_XXXXXX").string();
  if (::mkdtemp(folder.data()) == nullptr)
    throw StoreError(std::strerror(errno), folder, "set TMPDIR to a folder that can be written");
  fetched_ = folder;
  path_ = fetched_ / "published.safetensors";
  deploy::WatchOptions watch;
  watch.out = path_;
  watch.prefix = opened.prefix;
  if (!branch.empty()) watch.branch = branch;
  try {
    deploy::Watcher watcher(*opened.store, watch);
    const deploy::WatchEvent event = watcher.check();
    if (event.kind == deploy::WatchEvent::Kind::failed)
      throw StoreError(event.text, {}, "publish a model there, or give a file");
    fmt::print(stderr, "weights from {}: {}\n", named, line_of(event.publication));
  } catch (...) {
    std::error_code ignored;
    std::filesystem::remove_all(fetched_, ignored);
    throw;
  }
}

NamedWeights::~NamedWeights() {
  std::error_code ignored;
  if (!fetched_.empty()) std::filesystem::remove_all(fetched_, ignored);
}

}  // namespace program
