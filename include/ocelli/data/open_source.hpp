// open_source(): the files behind an address: a folder's, or a bucket's with local copies.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "ocelli/bucket/object_cache.hpp"
#include "ocelli/bucket/open.hpp"
#include "ocelli/core/inline.hpp"
#include "ocelli/data/source.hpp"

namespace ocelli::data {

/// How a bucket is reached, and what is kept of it on this machine. For folders nothing of this
/// counts.
struct SourceOptions {
  bucket::StoreOptions store = {};  ///< endpoint, credentials
  /// Keeps what was downloaded, so that each object crosses the net once. Without, a picture does
  /// twice: for its header and for its pixels.
  bool keep_copies = true;
  bucket::ObjectCacheOptions copies = {};  ///< where, and how much
  /// Gets sentences for the user. Not set: lines on standard error.
  std::function<void(const std::string&)> warn = {};
};

/// A data set's address, taken apart.
struct DataPlace {
  std::string root;        ///< folder, or bucket with its prefix
  std::string label_file;  ///< key below the root; empty: the address is that of a folder or bucket
};

/// Where the data set of an address lies: a folder, s3://BUCKET/PREFIX, https://HOST/BUCKET/PREFIX,
/// or one label file (.json, .csv, .xml) in one of them. Its pictures are then looked for in the
/// file's folder, and in the one above when that folder is "annotations".
/// @throws DataError for a file that is no label file; ConfigError for an address that cannot be
/// one
DataPlace data_place(const std::string& address);

/// The files of a folder or bucket. When no copies can be kept at the default place, that is told
/// and it goes on without.
/// @throws StoreError when there is no such folder, or the place for copies that was named cannot
/// be
///         used; else as bucket::open_store(). Whether a bucket is there shows at the first
///         listing.
std::unique_ptr<Source> open_source(const std::string& root, const SourceOptions& options = {});

}  // namespace ocelli::data

#ifndef OCELLI_COMPILED
#include "ocelli/data/open_source_impl.hpp"
#endif
