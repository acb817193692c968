// Fetching published weights.
// SPDX-License-Identifier: Apache-2.0
#include "published_weights.hpp"

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

bool is_bucket(const std::string& address) {
  return !address.empty() && bucket::parse_address(address).kind == bucket::Address::Kind::bucket;
}

PublishedWeights::PublishedWeights(
    const std::string& address, const std::string& branch, const bucket::StoreOptions& options) {
  const bucket::OpenedStore opened = program::open_store(address, options);
  std::string name = (std::filesystem::temp_directory_path() / "ocelli_XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr)
    throw StoreError(std::strerror(errno), name, "set TMPDIR to a folder that can be written");
  folder_ = name;
  deploy::WatchOptions watch;
  watch.out = file();
  watch.prefix = opened.prefix;
  watch.branch = branch;
  try {
    deploy::Watcher watcher(*opened.store, watch);
    const deploy::WatchEvent event = watcher.check();
    if (event.kind == deploy::WatchEvent::Kind::failed)
      throw StoreError(event.text, {}, "publish a model there, or give a file");
    publication_ = event.publication;
  } catch (...) {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
    throw;
  }
}

PublishedWeights::~PublishedWeights() {
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

std::string PublishedWeights::line() const { return line_of(publication_); }

}  // namespace program
