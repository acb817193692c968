// safetensors files: writing named tensors from where they lie, and reading them back by name.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "ocelli/core/error.hpp"
#include "ocelli/core/file.hpp"
#include "ocelli/core/hash.hpp"
#include "ocelli/train/safetensors.hpp"

namespace ocelli::train {

static_assert(
    std::endian::native == std::endian::little, "safetensors: the host must be little endian");

/// A tensor to be written: `data` points at count(shape) values of `dtype`, row by row.
struct TensorView {
  std::string name;
  TensorDtype dtype = TensorDtype::f32;
  TensorShape shape;
  const void* data = nullptr;

  std::uint64_t bytes() const {
    std::uint64_t count = info_of(dtype).size;
    for (const std::int64_t extent : shape) count *= static_cast<std::uint64_t>(extent);
    return count;
  }
};

namespace detail {

/// The header with a checksum of zeros: length, JSON, spaces up to a multiple of 64 bytes.
inline std::string safetensors_header(
    std::span<const TensorView> tensors, const Metadata& metadata, std::string_view where) {
  std::set<std::string_view> names;
  std::uint64_t at = 0;
  std::string text = "{\"" + std::string(metadata_key) + "\":{" + checksum_text(checksum_zero) +
                     ",\"" + std::string(format_key) + "\":\"1\"";
  const auto quoted = [&](const std::string& words) {
    try {
      return nlohmann::json(words).dump();
    } catch (const nlohmann::json::exception&) {
      throw CheckpointError(
          "\"" + shown(words) + "\" is not UTF-8", std::string(where), "rename it");
    }
  };
  for (const auto& [key, value] : metadata)
    if (key != format_key && key != checksum_key) text += "," + quoted(key) + ":" + quoted(value);
  text += "}";
  for (const TensorView& tensor : tensors) {
    if (tensor.name == metadata_key || !names.insert(tensor.name).second)
      throw CheckpointError(
          "the tensor name \"" + shown(tensor.name) + "\" is taken", std::string(where),
          "give each tensor a name of its own");
    const std::uint64_t end = at + tensor.bytes();
    text += "," + quoted(tensor.name) + ":{\"dtype\":\"" + std::string(info_of(tensor.dtype).name) +
            "\",\"shape\":" + shape_text(tensor.shape) + ",\"data_offsets\":[" +
            std::to_string(at) + "," + std::to_string(end) + "]}";
    at = end;
  }
  text += "}";
  text.append((64 - (8 + text.size()) % 64) % 64, ' ');
  std::string length(8, '\0');
  for (std::size_t k = 0; k < 8; ++k) length[k] = static_cast<char>(text.size() >> (8 * k));
  return length + text;
}

/// A half precision number as a float.
inline float half_to_float(std::uint16_t bits) {
  const float sign = (bits & 0x8000u) != 0 ? -1.0f : 1.0f;
  const int exponent = (bits >> 10) & 31;
  const auto mantissa = static_cast<float>(bits & 0x3FFu);
  if (exponent == 0) return sign * std::ldexp(mantissa, -24);
  if (exponent == 31)
    return mantissa == 0 ? sign * HUGE_VALF : std::numeric_limits<float>::quiet_NaN();
  return sign * std::ldexp(1024.0f + mantissa, exponent - 25);
}

template <class From>
From load_as(const char* at) {
  From value;
  std::memcpy(&value, at, sizeof(From));
  return value;
}

}  // namespace detail

/// Writes a file atomically, the tensors in the given order, straight from their memory. The same
/// input gives the same bytes. Returns the file's size in bytes. Throws StoreError, and
/// CheckpointError for names that are given twice.
inline std::uint64_t write_safetensors(
    const std::filesystem::path& path, std::span<const TensorView> tensors,
    const Metadata& metadata = {}) {
  std::string header = detail::safetensors_header(tensors, metadata, path.string());
  Hash64 hash;
  hash.update(header);
  for (const TensorView& tensor : tensors)
    hash.update(tensor.data, static_cast<std::size_t>(tensor.bytes()));
  const std::string zero = detail::checksum_text(detail::checksum_zero);
  header.replace(header.find(zero), zero.size(), detail::checksum_text(hex64(hash.digest())));

  AtomicFile file(path);
  file.write(header);
  std::uint64_t size = header.size();
  for (const TensorView& tensor : tensors) {
    file.write(tensor.data, static_cast<std::size_t>(tensor.bytes()));
    size += tensor.bytes();
  }
  file.commit();
  return size;
}

/// A file in memory, checked whole.
class SafetensorsReader {
 public:
  /// Reads and checks. Throws StoreError when it cannot be read, CheckpointError when it is
  /// damaged.
  explicit SafetensorsReader(const std::filesystem::path& path)
      : SafetensorsReader(read_file(path), path.string()) {}
  /// The same from bytes; `where` names them in messages.
  SafetensorsReader(std::string bytes, std::string where)
      : where_(std::move(where)),
        bytes_(std::move(bytes)),
        header_(parse_safetensors(bytes_, where_)) {
    for (std::size_t k = 0; k < header_.tensors.size(); ++k) index_[header_.tensors[k].name] = k;
  }

  const std::string& where() const { return where_; }
  const SafetensorsHeader& header() const { return header_; }
  const std::vector<TensorEntry>& tensors() const { return header_.tensors; }

  /// Null when there is no such tensor.
  const TensorEntry* find(const std::string& name) const {
    const auto found = index_.find(name);
    return found == index_.end() ? nullptr : &header_.tensors[found->second];
  }
  /// Throws CheckpointError when there is no such tensor.
  const TensorEntry& at(const std::string& name) const {
    if (const TensorEntry* entry = find(name)) return *entry;
    throw CheckpointError("there is no tensor \"" + shown(name) + "\"", where_, "use another file");
  }
  /// The text under a metadata key; throws CheckpointError when there is none.
  const std::string& metadata(const std::string& key) const {
    const auto found = header_.metadata.find(key);
    if (found != header_.metadata.end()) return found->second;
    throw CheckpointError(
        "the metadata has no \"" + shown(key) + "\"", where_, "use a file that ocelli wrote");
  }
  /// The raw values of a tensor, unaligned.
  std::string_view data(const TensorEntry& entry) const {
    return std::string_view(bytes_).substr(
        static_cast<std::size_t>(header_.data_begin + entry.begin),
        static_cast<std::size_t>(entry.bytes()));
  }
  /// Copies a tensor of any floating-point dtype to `out` as F32 or F64. Throws CheckpointError for
  /// an integer dtype or another number of values.
  template <class Float>
  void read_floats(const TensorEntry& entry, std::span<Float> out) const {
    static_assert(std::is_floating_point_v<Float>);
    if (entry.count() != out.size())
      throw CheckpointError(
          "tensor \"" + shown(entry.name) + "\" has " + std::to_string(entry.count()) +
              " values, expected " + std::to_string(out.size()),
          where_, "use another file");
    const std::string_view from = data(entry);
    const auto each = [&](auto get) {
      const std::size_t size = info_of(entry.dtype).size;
      for (std::size_t k = 0; k < out.size(); ++k)
        out[k] = static_cast<Float>(get(from.data() + k * size));
    };
    switch (entry.dtype) {
      case TensorDtype::f64:
        return each(detail::load_as<double>);
      case TensorDtype::f32:
        return each(detail::load_as<float>);
      case TensorDtype::f16:
        return each([](const char* at) {
          return detail::half_to_float(detail::load_as<std::uint16_t>(at));
        });
      case TensorDtype::bf16:
        return each([](const char* at) {
          return std::bit_cast<float>(std::uint32_t{detail::load_as<std::uint16_t>(at)} << 16);
        });
      default:
        throw CheckpointError(
            "tensor \"" + shown(entry.name) + "\" holds " + std::string(info_of(entry.dtype).name) +
                ", not floating-point values",
            where_, "use another file");
    }
  }
  /// The values of a tensor as floats.
  std::vector<float> floats(const std::string& name) const {
    const TensorEntry& entry = at(name);
    std::vector<float> values(static_cast<std::size_t>(entry.count()));
    read_floats(entry, std::span<float>(values));
    return values;
  }
  /// The values of an I32, I64 or U8 tensor.
  std::vector<std::int64_t> integers(const std::string& name) const {
    const TensorEntry& entry = at(name);
    const std::string_view from = data(entry);
    std::vector<std::int64_t> values(static_cast<std::size_t>(entry.count()));
    for (std::size_t k = 0; k < values.size(); ++k) {
      const char* value = from.data() + k * info_of(entry.dtype).size;
      if (entry.dtype == TensorDtype::i64) {
        values[k] = detail::load_as<std::int64_t>(value);
      } else if (entry.dtype == TensorDtype::i32) {
        values[k] = detail::load_as<std::int32_t>(value);
      } else if (entry.dtype == TensorDtype::u8) {
        values[k] = detail::load_as<std::uint8_t>(value);
      } else {
        throw CheckpointError(
            "tensor \"" + shown(name) + "\" holds " + std::string(info_of(entry.dtype).name) +
                ", expected I32, I64 or U8",
            where_, "use another file");
      }
    }
    return values;
  }

 private:
  std::string where_;
  std::string bytes_;
  SafetensorsHeader header_;
  std::unordered_map<std::string, std::size_t> index_;
};

}  // namespace ocelli::train
