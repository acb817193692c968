// Tests of the TensorBoard event files: records byte for byte, events read back.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/train/tensorboard.hpp"

#include <doctest/doctest.h>

#include <bit>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace ocelli;
using namespace ocelli::train;

std::string bytes_of(std::string_view hex) {
  std::string bytes;
  std::string digits;
  for (char c : hex) {
    if (c == ' ') continue;
    digits += c;
    if (digits.size() < 2) continue;
    bytes += static_cast<char>(std::stoi(digits, nullptr, 16));
    digits.clear();
  }
  return bytes;
}

template <class T>
T little_endian(std::string_view bytes) {
  REQUIRE(bytes.size() >= sizeof(T));
  T value = 0;
  for (std::size_t i = sizeof(T); i-- > 0;)
    value = static_cast<T>(value << 8 | static_cast<unsigned char>(bytes[i]));
  return value;
}

/// The fields of a protocol buffer, read independently of the writer: numbers as they are stored.
struct Field {
  unsigned number = 0, type = 0;
  std::uint64_t value = 0;
  std::string bytes;
};
std::vector<Field> fields_of(std::string_view text) {
  const auto varint = [&] {
    std::uint64_t value = 0;
    for (int shift = 0;; shift += 7) {
      REQUIRE(!text.empty());
      const auto byte = static_cast<unsigned char>(text[0]);
      text.remove_prefix(1);
      value |= static_cast<std::uint64_t>(byte & 0x7FU) << shift;
      if (byte < 0x80) return value;
    }
  };
  std::vector<Field> fields;
  while (!text.empty()) {
    const std::uint64_t tag = varint();
    Field field{static_cast<unsigned>(tag >> 3), static_cast<unsigned>(tag & 7U), 0, {}};
    if (field.type == 0) {
      field.value = varint();
    } else if (field.type == 1) {
      field.value = little_endian<std::uint64_t>(text);
      text.remove_prefix(8);
    } else if (field.type == 5) {
      field.value = little_endian<std::uint32_t>(text);
      text.remove_prefix(4);
    } else {
      REQUIRE(field.type == 2);
      const std::uint64_t size = varint();
      REQUIRE(size <= text.size());
      field.bytes = text.substr(0, size);
      text.remove_prefix(size);
    }
    fields.push_back(field);
  }
  return fields;
}

std::vector<std::string> records_of(std::string_view file) {
  std::vector<std::string> records;
  while (!file.empty()) {
    REQUIRE(file.size() >= 16);
    const auto size = little_endian<std::uint64_t>(file);
    CHECK(little_endian<std::uint32_t>(file.substr(8)) == masked_crc32c(file.substr(0, 8)));
    REQUIRE(file.size() >= 16 + size);
    records.emplace_back(file.substr(12, size));
    CHECK(little_endian<std::uint32_t>(file.substr(12 + size)) == masked_crc32c(records.back()));
    file.remove_prefix(16 + size);
  }
  return records;
}

struct Folder {
  std::filesystem::path path = std::filesystem::temp_directory_path() / "ocelli_tensorboard_test";
  Folder() { std::filesystem::remove_all(path); }
  ~Folder() { std::filesystem::remove_all(path); }
};

TEST_CASE("tensorboard: records as published") {
  CHECK(tf_record("") == bytes_of("0000000000000000 29039807 d8ea82a2"));
  const std::string example = bytes_of(
      "0a2d0a150a0c696d6167652f68656967687412051a030a01060a140a0b696d6167652f776964746812051a030a01"
      "08");
  CHECK(
      tf_record(example) == bytes_of("2f00000000000000 6d5d1d50") + example + bytes_of("880a1e13"));
}

TEST_CASE("tensorboard: events are read back") {
  const Folder folder;
  std::filesystem::path path;
  {
    EventWriter writer(folder.path);
    path = writer.path();
    const EventWriter::Scalar scalars[] = {{"loss/total", 1.5}, {"learning_rate", 0.004}};
    writer.add(100, scalars);
    writer.add(300'000'000'000, "eval/AP50", -1);
  }
  CHECK(path.filename().string().starts_with("events.out.tfevents."));
  const std::vector<std::string> records = records_of(read_file(path));
  REQUIRE(records.size() == 3);
  const std::vector<Field> head = fields_of(records[0]);
  REQUIRE(head.size() == 3);
  CHECK(head[0].number == 1);
  CHECK(std::bit_cast<double>(head[0].value) > 1.7e9);
  CHECK(head[2].number == 3);
  CHECK(head[2].bytes == "brain.Event:2");

  const std::vector<Field> event = fields_of(records[1]);
  REQUIRE(event.size() == 3);
  CHECK(event[1].number == 2);
  CHECK(event[1].value == 100);
  CHECK(event[2].number == 5);
  std::map<std::string, float> found;
  for (const Field& value : fields_of(event[2].bytes)) {
    CHECK(value.number == 1);
    const std::vector<Field> parts = fields_of(value.bytes);
    REQUIRE(parts.size() == 2);
    CHECK(parts[0].number == 1);
    CHECK(parts[1].number == 2);
    CHECK(parts[1].type == 5);
    found[parts[0].bytes] = std::bit_cast<float>(static_cast<std::uint32_t>(parts[1].value));
  }
  CHECK(found == std::map<std::string, float>{{"loss/total", 1.5F}, {"learning_rate", 0.004F}});
  CHECK(fields_of(records[2])[1].value == 300'000'000'000);
}

TEST_CASE("tensorboard: a resumed run hides what it writes again") {
  const Folder folder;
  const EventWriter first(folder.path), resumed(folder.path, 500);
  CHECK(first.path() != resumed.path());  // of the same second and process
  const std::vector<std::string> records = records_of(read_file(resumed.path()));
  REQUIRE(records.size() == 2);
  const std::vector<Field> start = fields_of(records[1]);
  CHECK(start[1].value == 500);
  CHECK(start[2].number == 7);
  CHECK(fields_of(start[2].bytes)[0].value == 1);
}

TEST_CASE("tensorboard: a folder that cannot be made") {
  const Folder folder;
  write_file(folder.path, "a file");
  CHECK_THROWS_AS(EventWriter(folder.path / "run"), StoreError);
}

}  // namespace
