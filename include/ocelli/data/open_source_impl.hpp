// How open_source() reaches folders and buckets.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <iostream>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "ocelli/bucket/address.hpp"
#include "ocelli/core/error.hpp"
#include "ocelli/data/open_source.hpp"
#include "ocelli/data/store_source.hpp"
#include "ocelli/data/text.hpp"

namespace ocelli::data {

namespace open_detail {

inline bool is_label_file(const std::string& path) {
  const std::string extension = lower_ascii(extension_of(path));
  return extension == ".json" || extension == ".xml" || extension == ".csv";
}

/// Moves a folder "annotations" from the end of the root to the beginning of the key.
inline void step_out_of_annotations(DataPlace& place) {
  const std::string_view root = place.root;
  const std::size_t slash = root.rfind('/');
  const std::string_view last = slash == std::string_view::npos ? root : root.substr(slash + 1);
  if (lower_ascii(last) != "annotations") return;
  place.label_file = std::string(last) + "/" + place.label_file;
  place.root = slash == std::string_view::npos ? "." : slash == 0 ? "/" : root.substr(0, slash);
}

/// The text of an address is kept for the root, since it says the endpoint.
inline DataPlace place_in_bucket(const std::string& address, const bucket::Address& parsed) {
  DataPlace place{address, {}};
  if (!is_label_file(parsed.prefix)) return place;
  place.root.resize(address.rfind('/'));
  place.label_file = file_name_of(parsed.prefix);
  if (parsed.prefix.find('/') != std::string::npos) step_out_of_annotations(place);
  return place;
}

inline void warn(const SourceOptions& options, const std::string& text) {
  if (options.warn)
    options.warn(text);
  else
    std::cerr << "warning: " << text << '\n';
}

inline std::shared_ptr<bucket::ObjectCache> open_cache(const SourceOptions& options) {
  if (!options.keep_copies) return nullptr;
  bucket::ObjectCacheOptions copies = options.copies;
  if (!copies.warn) copies.warn = options.warn;
  try {
    return std::make_shared<bucket::ObjectCache>(std::move(copies));
  } catch (const StoreError& error) {
    if (!options.copies.folder.empty()) throw;
    warn(options, std::string("no copies of objects are kept: ") + error.what());
    return nullptr;
  }
}

}  // namespace open_detail

OCELLI_INLINE DataPlace data_place(const std::string& address) {
  const bucket::Address parsed = bucket::parse_address(address);
  if (parsed.kind == bucket::Address::Kind::bucket)
    return open_detail::place_in_bucket(address, parsed);
  const std::filesystem::path given(parsed.folder);
  std::error_code code;
  if (!std::filesystem::is_regular_file(given, code)) return {parsed.folder, {}};
  if (!open_detail::is_label_file(parsed.folder)) {
    throw DataError(
        "not a label file", address,
        "give a COCO file, _annotations.json or .csv, a CVAT .xml, or the folder");
  }
  DataPlace place{
      given.has_parent_path() ? given.parent_path().string() : ".", given.filename().string()};
  open_detail::step_out_of_annotations(place);
  return place;
}

OCELLI_INLINE std::unique_ptr<Source> open_source(
    const std::string& root, const SourceOptions& options) {
  const bucket::Address parsed = bucket::parse_address(root);
  if (parsed.kind == bucket::Address::Kind::folder)
    return std::make_unique<FolderSource>(parsed.folder);
  const bucket::OpenedStore opened = bucket::open_store(root, options.store);
  for (const std::string& warning : opened.warnings) open_detail::warn(options, warning);
  StoreSourceOptions reading;
  reading.prefix = opened.prefix;
  reading.name = root;
  reading.store = opened.location;
  reading.cache = open_detail::open_cache(options);
  return std::make_unique<StoreSource>(opened.store, std::move(reading));
}

}  // namespace ocelli::data
