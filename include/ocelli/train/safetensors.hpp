// safetensors: the file format of weights and snapshots; its types, and the reading of a header.
//
//   8 bytes N, little endian | N bytes JSON, padded with spaces | data, the tensors without holes
//   JSON {"__metadata__": {"key": "text"}, "name": {"dtype": "F32", "shape": [3, 3],
//   "data_offsets": [0, 36]}}
//
// https://huggingface.co/docs/safetensors, format 1. Our own files also hold a checksum of the
// whole file in the metadata, so that damage anywhere is seen; files of others need none.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ocelli/core/error.hpp"
#include "ocelli/core/hash.hpp"
#include "ocelli/core/nearest_name.hpp"

namespace ocelli::train {

enum class TensorDtype : std::uint8_t {
  f64,
  f32,
  f16,
  bf16,
  i64,
  i32,
  i16,
  i8,
  u64,
  u32,
  u16,
  u8,
  boolean
};

struct TensorDtypeInfo {
  std::string_view name;  ///< as the file spells it
  std::size_t size;       ///< bytes of one value
};

inline constexpr std::array<TensorDtypeInfo, 13> tensor_dtypes{{
    {"F64", 8},
    {"F32", 4},
    {"F16", 2},
    {"BF16", 2},
    {"I64", 8},
    {"I32", 4},
    {"I16", 2},
    {"I8", 1},
    {"U64", 8},
    {"U32", 4},
    {"U16", 2},
    {"U8", 1},
    {"BOOL", 1},
}};

constexpr const TensorDtypeInfo& info_of(TensorDtype dtype) {
  return tensor_dtypes[static_cast<std::size_t>(dtype)];
}

using TensorShape = std::vector<std::int64_t>;  ///< empty: one value
using Metadata = std::map<std::string, std::string>;

/// One tensor as the file describes it.
struct TensorEntry {
  std::string name;
  TensorDtype dtype = TensorDtype::f32;
  TensorShape shape;
  std::uint64_t begin = 0, end = 0;  ///< bytes from the start of the data

  std::uint64_t bytes() const { return end - begin; }
  std::uint64_t count() const { return bytes() / info_of(dtype).size; }
};

/// A header that has been checked against the size of its file.
struct SafetensorsHeader {
  std::vector<TensorEntry> tensors;  ///< in the order of their data
  Metadata metadata;
  std::uint64_t data_begin = 0;  ///< bytes from the start of the file
  bool checksummed = false;      ///< written by ocelli, and its checksum holds
};

/// "[3,3,16]".
inline std::string shape_text(const TensorShape& shape) {
  std::string text = "[";
  for (const std::int64_t extent : shape)
    text += (text.size() > 1 ? "," : "") + std::to_string(extent);
  return text + "]";
}

namespace detail {

inline constexpr std::uint64_t safetensors_header_limit = 100'000'000;  // bytes; the format's own
inline constexpr std::string_view metadata_key = "__metadata__";
// Two marks, so that damage to either is seen by means of the other.
inline constexpr std::string_view format_key = "ocelli_format";
inline constexpr std::string_view checksum_key = "ocelli_checksum";
inline constexpr std::string_view checksum_zero = "0000000000000000";

inline std::string checksum_text(std::string_view digits) {
  return "\"" + std::string(checksum_key) + "\":\"" + std::string(digits) + "\"";
}

[[noreturn]] inline void damaged(const std::string& what, std::string_view where) {
  throw CheckpointError(
      what, std::string(where), "the file is damaged or no safetensors file; use another one");
}

/// Parses the header's JSON and refuses what nlohmann::json would let pass: names given twice, and
/// nesting that no safetensors header has.
inline nlohmann::json parse_header_json(std::string_view text, std::string_view where) {
  using Event = nlohmann::json::parse_event_t;
  std::vector<std::set<std::string>> open;  // the keys of each open object
  const auto watch = [&](int depth, Event event, nlohmann::json& value) {
    if (depth > 3) damaged("the header is nested too deeply", where);
    if (event == Event::object_start) open.emplace_back();
    if (event == Event::object_end) open.pop_back();
    if (event == Event::key && !open.back().insert(value.get_ref<const std::string&>()).second)
      damaged("\"" + shown(value.get_ref<const std::string&>()) + "\" is there twice", where);
    return true;
  };
  try {
    return nlohmann::json::parse(text.begin(), text.end(), watch);
  } catch (const nlohmann::json::exception&) {
    damaged("the header is not JSON", where);
  }
}

/// A JSON integer >= 0, or a CheckpointError.
inline std::uint64_t unsigned_value(
    const nlohmann::json& value, const std::string& what, std::string_view where) {
  if (!value.is_number_unsigned()) damaged(what + " is not an integer of at least 0", where);
  return value.get<std::uint64_t>();
}

inline TensorEntry parse_entry(
    const std::string& name, const nlohmann::json& value, std::uint64_t data_size,
    std::string_view where) {
  const std::string tensor = "tensor \"" + shown(name) + "\"";
  if (!value.is_object() || value.size() != 3 || !value.contains("dtype") ||
      !value.contains("shape") || !value.contains("data_offsets"))
    damaged(tensor + " needs dtype, shape and data_offsets, and nothing else", where);
  const nlohmann::json &dtype = value["dtype"], &shape = value["shape"],
                       &offsets = value["data_offsets"];
  TensorEntry entry;
  entry.name = name;
  if (!dtype.is_string()) damaged(tensor + " has a dtype that is no text", where);
  const auto& wanted = dtype.get_ref<const std::string&>();
  const auto known = std::find_if(
      tensor_dtypes.begin(), tensor_dtypes.end(),
      [&](const TensorDtypeInfo& info) { return info.name == wanted; });
  if (known == tensor_dtypes.end())
    damaged(tensor + " has the unknown dtype \"" + shown(wanted) + "\"", where);
  entry.dtype = static_cast<TensorDtype>(known - tensor_dtypes.begin());

  if (!shape.is_array()) damaged(tensor + " has a shape that is no list", where);
  constexpr auto largest = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  std::uint64_t bytes = known->size;
  for (const nlohmann::json& item : shape) {
    const std::uint64_t extent = unsigned_value(item, tensor + ": an extent", where);
    if (extent != 0 && (extent > largest || bytes > largest / extent))
      damaged(tensor + " has a shape beyond 2^63 bytes", where);
    bytes *= extent;
    entry.shape.push_back(static_cast<std::int64_t>(extent));
  }
  if (!offsets.is_array() || offsets.size() != 2)
    damaged(tensor + " needs two data_offsets", where);
  entry.begin = unsigned_value(offsets[0], tensor + ": an offset", where);
  entry.end = unsigned_value(offsets[1], tensor + ": an offset", where);
  if (entry.begin > entry.end || entry.end > data_size)
    damaged(
        tensor + " lies outside the data: bytes " + std::to_string(entry.begin) + " to " +
            std::to_string(entry.end) + " of " + std::to_string(data_size),
        where);
  if (entry.bytes() != bytes)
    damaged(
        tensor + " has " + std::to_string(entry.bytes()) + " bytes, but " +
            std::string(known->name) + shape_text(entry.shape) + " needs " + std::to_string(bytes),
        where);
  return entry;
}

/// True when the file says that ocelli wrote it and its checksum holds; false for a file of others.
inline bool verify_checksum(
    std::string_view file, std::size_t header_end, const Metadata& metadata,
    std::string_view where) {
  const auto format = metadata.find(std::string(format_key));
  const auto digits = metadata.find(std::string(checksum_key));
  if (format == metadata.end() && digits == metadata.end()) return false;
  if (format == metadata.end() || digits == metadata.end())
    damaged("the checksum or the format's number is missing", where);
  if (format->second != "1")
    throw CheckpointError(
        "format " + shown(format->second) + " is newer than this program", std::string(where),
        "use a newer ocelli");
  const std::string text = checksum_text(digits->second);
  const std::size_t at = file.substr(0, header_end).find(text);
  if (digits->second.size() != checksum_zero.size() || at == std::string_view::npos)
    damaged("the checksum is malformed", where);
  const std::size_t first = at + text.size() - 1 - checksum_zero.size();
  Hash64 hash;
  hash.update(file.substr(0, first));
  hash.update(checksum_zero);
  hash.update(file.substr(first + checksum_zero.size()));
  if (hex64(hash.digest()) != digits->second)
    damaged("the checksum does not hold: bytes have changed", where);
  return true;
}

}  // namespace detail

/// Reads and checks the header of a whole file in memory. `where` names it in messages. Throws
/// CheckpointError for whatever does not fit: sizes, offsets, holes, overlaps, names, checksum.
inline SafetensorsHeader parse_safetensors(std::string_view file, std::string_view where) {
  using detail::damaged;
  if (file.size() < 8) damaged("the file is shorter than 8 bytes", where);
  std::uint64_t length = 0;
  for (int k = 0; k < 8; ++k)
    length |= std::uint64_t{static_cast<unsigned char>(file[static_cast<std::size_t>(k)])}
              << (8 * k);
  if (length > detail::safetensors_header_limit || length > file.size() - 8)
    damaged(
        "the header is said to have " + std::to_string(length) + " bytes, the file has " +
            std::to_string(file.size()),
        where);
  SafetensorsHeader header;
  header.data_begin = 8 + length;
  const std::uint64_t data_size = file.size() - header.data_begin;
  const auto header_end = static_cast<std::size_t>(header.data_begin);
  const nlohmann::json json = detail::parse_header_json(file.substr(8, header_end - 8), where);
  if (!json.is_object()) damaged("the header is no JSON object", where);

  for (const auto& [name, value] : json.items()) {
    if (name != detail::metadata_key) {
      header.tensors.push_back(detail::parse_entry(name, value, data_size, where));
      continue;
    }
    if (!value.is_object()) damaged("the metadata is no JSON object", where);
    for (const auto& [key, text] : value.items()) {
      if (!text.is_string()) damaged("metadata \"" + shown(key) + "\" is no text", where);
      header.metadata[key] = text.get<std::string>();
    }
  }
  std::stable_sort(
      header.tensors.begin(), header.tensors.end(), [](const TensorEntry& a, const TensorEntry& b) {
        return a.begin != b.begin ? a.begin < b.begin : a.end < b.end;
      });
  std::uint64_t at = 0;
  for (const TensorEntry& entry : header.tensors) {
    if (entry.begin != at)
      damaged(
          "tensor \"" + shown(entry.name) + "\" begins at byte " + std::to_string(entry.begin) +
              " of the data instead of " + std::to_string(at),
          where);
    at = entry.end;
  }
  if (at != data_size)
    damaged(
        "the tensors have " + std::to_string(at) + " bytes, the file holds " +
            std::to_string(data_size),
        where);
  header.checksummed = detail::verify_checksum(file, header_end, header.metadata, where);
  return header;
}

}  // namespace ocelli::train
