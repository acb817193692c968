// Whole files: round trips, every damage found, and a foreign reader and writer in Python.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/train/safetensors_file.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cstdlib>
#include <string>

#include "support/message_of.hpp"
#include "support/temporary_folder.hpp"

using namespace ocelli;
using namespace ocelli::train;
using namespace ocelli::test;

namespace {

const std::array<float, 6> weights = {0, 1.5f, -2, 3e-38f, 2e38f, -0.0f};
const std::array<std::int64_t, 2> counts = {-1, std::int64_t{1} << 62};
const std::array<unsigned char, 3> bytes = {0, 128, 255};
const double scalar = 0.1;

std::vector<TensorView> example() {
  return {
      {"bytes \"quoted\" \xC3\xA9", TensorDtype::u8, {3}, bytes.data()},
      {"block/conv/weight", TensorDtype::f32, {1, 2, 3}, weights.data()},
      {"counts", TensorDtype::i64, {2}, counts.data()},
      {"nothing", TensorDtype::f32, {0, 4}, nullptr},
      {"scalar", TensorDtype::f64, {}, &scalar},
  };
}

const Metadata notes = {{"step", "7"}, {"text", "line\n\"quote\" \\ \xE2\x82\xAC"}};

}  // namespace

TEST_CASE("safetensors_file: what is written is read") {
  const TemporaryFolder folder;
  const std::uint64_t size = write_safetensors(folder / "w.safetensors", example(), notes);
  CHECK(size == std::filesystem::file_size(folder / "w.safetensors"));
  const SafetensorsReader reader(folder / "w.safetensors");
  CHECK(reader.header().checksummed);
  CHECK(reader.header().data_begin % 64 == 0);
  CHECK(reader.tensors().size() == 5);
  CHECK(reader.tensors()[1].name == "block/conv/weight");  // in the order of the writing
  CHECK(reader.at("block/conv/weight").shape == TensorShape{1, 2, 3});
  CHECK(reader.floats("block/conv/weight") == std::vector<float>(weights.begin(), weights.end()));
  CHECK(reader.integers("counts") == std::vector<std::int64_t>(counts.begin(), counts.end()));
  CHECK(reader.integers("bytes \"quoted\" \xC3\xA9") == std::vector<std::int64_t>{0, 128, 255});
  CHECK(reader.floats("nothing").empty());
  double value = 0;
  reader.read_floats(reader.at("scalar"), std::span(&value, 1));
  CHECK(value == 0.1);
  CHECK(reader.metadata("step") == "7");
  CHECK(reader.metadata("text") == notes.at("text"));

  write_safetensors(folder / "again.safetensors", example(), notes);
  CHECK(read_file(folder / "again.safetensors") == read_file(folder / "w.safetensors"));
  CHECK(write_safetensors(folder / "empty.safetensors", {}) % 64 == 0);
  CHECK(SafetensorsReader(folder / "empty.safetensors").tensors().empty());
}

TEST_CASE("safetensors_file: what is asked for wrongly is said") {
  const TemporaryFolder folder;
  write_safetensors(folder / "w.safetensors", example(), notes);
  const SafetensorsReader reader(folder / "w.safetensors");
  CHECK(says(message_of<CheckpointError>([&] { reader.at("x"); }), "no tensor \"x\""));
  CHECK(says(message_of<CheckpointError>([&] { reader.metadata("x"); }), "no \"x\""));
  CHECK(says(message_of<CheckpointError>([&] { reader.floats("counts"); }), "holds I64"));
  CHECK(says(message_of<CheckpointError>([&] { reader.integers("scalar"); }), "holds F64"));
  std::array<float, 2> few{};
  CHECK(says(
      message_of<CheckpointError>(
          [&] { reader.read_floats(reader.at("scalar"), std::span<float>(few)); }),
      "has 1 values, expected 2"));
  std::vector<TensorView> twice = {example()[0], example()[0]};
  CHECK(says(
      message_of<CheckpointError>([&] { write_safetensors(folder / "t", twice); }), "is taken"));
  twice = {{"\xff", TensorDtype::u8, {3}, bytes.data()}};
  CHECK(says(
      message_of<CheckpointError>([&] { write_safetensors(folder / "t", twice); }), "not UTF-8"));
  CHECK_FALSE(std::filesystem::exists(folder / "t"));
}

TEST_CASE("safetensors_file: any file cut short and any changed byte is found") {
  const TemporaryFolder folder;
  write_safetensors(folder / "w.safetensors", example(), notes);
  const std::string whole = read_file(folder / "w.safetensors");
  for (std::size_t size = 0; size < whole.size(); ++size)
    CHECK_THROWS_AS(SafetensorsReader(whole.substr(0, size), "cut"), CheckpointError);
  CHECK_THROWS_AS(SafetensorsReader(whole + '\0', "longer"), CheckpointError);
  for (std::size_t at = 0; at < whole.size(); ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string damaged = whole;
      damaged[at] = static_cast<char>(damaged[at] ^ (1 << bit));
      CAPTURE(at);
      CHECK_THROWS_AS(SafetensorsReader(std::move(damaged), "flipped"), CheckpointError);
    }
  }
}

TEST_CASE("safetensors_file: half precision") {
  std::string json = R"({"bf":{"dtype":"BF16","shape":[2],"data_offsets":[16,20]},)"
                     R"("h":{"dtype":"F16","shape":[8],"data_offsets":[0,16]}})";
  const std::array<std::uint16_t, 10> values = {0x0000, 0x3C00, 0xC000, 0x7BFF, 0x0001,
                                                0x0400, 0x7C00, 0x8000, 0x3F80, 0xC049};
  std::string file(8, '\0');
  file[0] = static_cast<char>(json.size());
  file += json;
  file.append(reinterpret_cast<const char*>(values.data()), sizeof values);
  const SafetensorsReader reader(file, "half");
  CHECK(
      reader.floats("h") ==
      std::vector<float>{
          0, 1, -2, 65504, 0x1p-24f, 0x1p-14f, std::numeric_limits<float>::infinity(), -0.0f});
  CHECK(reader.floats("bf") == std::vector<float>{1, -3.140625f});
}

TEST_CASE("safetensors_file: Python reads ours, and we read Python's") {
  const TemporaryFolder folder;
  const std::string script = "tests/train/safetensors_check.py";
  REQUIRE(std::filesystem::exists(script));
  if (std::system("python3 --version > /dev/null 2>&1") != 0) {
    MESSAGE("SKIPPED: there is no python3 to check safetensors files with");
    return;
  }
  write_safetensors(folder / "ours.safetensors", example(), notes);
  const std::string command = "python3 " + script + " " + (folder / "ours.safetensors").string() +
                              " " + (folder / "theirs.safetensors").string();
  REQUIRE(std::system(command.c_str()) == 0);
  const SafetensorsReader theirs(folder / "theirs.safetensors");
  CHECK_FALSE(theirs.header().checksummed);
  CHECK(theirs.metadata("format") == "np");
  CHECK(theirs.floats("ramp") == std::vector<float>{0, 0.5f, 1, 1.5f, 2, 2.5f});
  CHECK(theirs.at("ramp").shape == TensorShape{2, 3});
  CHECK(theirs.integers("odd") == std::vector<std::int64_t>{-5, 7});
}
