// TensorBoard event files: scalars by tag and step.
//
//   file    records: u64 length | masked crc32c of it | Event | masked crc32c of the Event
//   Event   1 wall_time double, 2 step int64, 3 file_version string, 5 Summary, 7 SessionLog
//   Summary 1 Value { 1 tag string, 2 simple_value float }
//
// Little-endian; the messages are protocol buffers, written by hand.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <bit>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "ocelli/core/crc32c.hpp"
#include "ocelli/core/error.hpp"
#include "ocelli/core/file.hpp"

namespace ocelli::train {

namespace detail {

template <class T>
void append_little_endian(std::string& out, T value) {
  for (std::size_t i = 0; i < sizeof(T); ++i)
    out += static_cast<char>(static_cast<unsigned char>(value >> (8 * i) & 0xFFU));
}

inline void append_varint(std::string& out, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7)
    out += static_cast<char>(static_cast<unsigned char>(value | 0x80U));
  out += static_cast<char>(static_cast<unsigned char>(value));
}

inline void append_message(std::string& out, unsigned field, std::string_view bytes) {
  append_varint(out, field << 3 | 2U);
  append_varint(out, bytes.size());
  out += bytes;
}

/// The head of an Event.
inline std::string event(double wall_time, std::int64_t step) {
  std::string out;
  append_varint(out, 1U << 3 | 1U);
  append_little_endian(out, std::bit_cast<std::uint64_t>(wall_time));
  append_varint(out, 2U << 3);
  append_varint(out, static_cast<std::uint64_t>(step));
  return out;
}

}  // namespace detail

/// One record of a TFRecord file.
inline std::string tf_record(std::string_view data) {
  std::string record;
  detail::append_little_endian(record, static_cast<std::uint64_t>(data.size()));
  detail::append_little_endian(record, masked_crc32c(record));
  record += data;
  detail::append_little_endian(record, masked_crc32c(data));
  return record;
}

/// Writes one event file. Each call is one write of whole records, so a reader beside it, and one
/// after a crash, finds at most the last record cut short.
class EventWriter {
 public:
  struct Scalar {
    std::string_view tag;  ///< "loss/total": the part before / groups charts
    double value = 0;      ///< stored as float
  };

  /// Creates `folder` and in it `events.out.tfevents.SECONDS.HOST.PROCESS`.
  /// @param first_step  of a resumed run: what older files of the folder hold from this step on is
  ///                    hidden by TensorBoard; 0 for a new run
  explicit EventWriter(const std::filesystem::path& folder, long first_step = 0) {
    make_folder(folder);
    std::array<char, 256> host{};
    if (::gethostname(host.data(), host.size() - 1) != 0 || host[0] == '\0') host = {"host"};
    std::array<char, 32> seconds{};
    std::snprintf(seconds.data(), seconds.size(), "%010lld", static_cast<long long>(wall_time()));
    const std::string stem = std::string("events.out.tfevents.") + seconds.data() + "." +
                             host.data() + "." + std::to_string(::getpid());
    for (int attempt = 0; !file_.valid(); ++attempt) {
      path_ = folder / (stem + (attempt == 0 ? "" : "." + std::to_string(attempt)));
      file_ = file_detail::Descriptor(
          ::open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0666));
      if (!file_.valid() && errno != EEXIST) file_detail::fail("creating", path_, errno);
    }
    std::string head = detail::event(wall_time(), 0);
    detail::append_message(head, 3, "brain.Event:2");
    std::string records = tf_record(head);
    if (first_step > 0) {
      constexpr std::string_view started("\x08\x01", 2);  // SessionLog { 1 status: START }
      std::string start = detail::event(wall_time(), first_step);
      detail::append_message(start, 7, started);
      records += tf_record(start);
    }
    write(records);
  }

  const std::filesystem::path& path() const { return path_; }

  /// All scalars of one step, as one event.
  void add(long step, std::span<const Scalar> scalars) {
    std::string summary;
    for (const Scalar& scalar : scalars) {
      std::string value;
      detail::append_message(value, 1, scalar.tag);
      detail::append_varint(value, 2U << 3 | 5U);
      detail::append_little_endian(
          value, std::bit_cast<std::uint32_t>(static_cast<float>(scalar.value)));
      detail::append_message(summary, 1, value);
    }
    std::string event = detail::event(wall_time(), step);
    detail::append_message(event, 5, summary);
    write(tf_record(event));
  }
  void add(long step, std::string_view tag, double value) {
    const Scalar scalar{tag, value};
    add(step, std::span(&scalar, 1));
  }

 private:
  static double wall_time() {
    return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch())
        .count();
  }
  void write(std::string_view bytes) {
    file_detail::write_all(file_.get(), bytes.data(), bytes.size(), path_);
  }

  std::filesystem::path path_;
  file_detail::Descriptor file_;
};

}  // namespace ocelli::train
