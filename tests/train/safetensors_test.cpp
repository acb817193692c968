// The header of a safetensors file: what is read, and all that is refused.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/train/safetensors.hpp"

#include <doctest/doctest.h>

#include <string>

#include "support/message_of.hpp"

using namespace ocelli;
using namespace ocelli::train;
using namespace ocelli::test;

namespace {

/// A file of others: the length, the given JSON as it is, and `data` bytes.
std::string file_of(const std::string& json, std::size_t data) {
  std::string bytes(8, '\0');
  for (std::size_t k = 0; k < 8; ++k) bytes[k] = static_cast<char>(json.size() >> (8 * k));
  return bytes + json + std::string(data, '\1');
}

std::string refusal(const std::string& json, std::size_t data) {
  return message_of<CheckpointError>([&] { parse_safetensors(file_of(json, data), "w.st"); });
}

}  // namespace

TEST_CASE("safetensors: by hand") {
  const std::string json =
      R"({"b":{"dtype":"F32","shape":[2,1],"data_offsets":[2,10]},)"
      R"( "a":{"shape":[2],"dtype":"U8","data_offsets":[0,2]},"__metadata__":{"k":"v"},)"
      R"("empty":{"dtype":"I64","shape":[0,5],"data_offsets":[2,2]},)"
      R"("one":{"dtype":"F64","shape":[],"data_offsets":[10,18]}}   )";
  const SafetensorsHeader header = parse_safetensors(file_of(json, 18), "w.st");
  REQUIRE(header.tensors.size() == 4);
  CHECK(header.tensors[0].name == "a");  // in the order of the data
  CHECK(header.tensors[1].name == "empty");
  CHECK(header.tensors[1].count() == 0);
  CHECK(header.tensors[2].name == "b");
  CHECK(header.tensors[2].dtype == TensorDtype::f32);
  CHECK(header.tensors[2].shape == TensorShape{2, 1});
  CHECK(header.tensors[3].count() == 1);
  CHECK(header.metadata == Metadata{{"k", "v"}});
  CHECK(header.data_begin == 8 + json.size());
  CHECK_FALSE(header.checksummed);
  CHECK(parse_safetensors(file_of("{}", 0), "w.st").tensors.empty());
}

TEST_CASE("safetensors: what is wrong is said, with the file's name") {
  const auto tensor = [](const std::string& rest) { return "{\"t\":{" + rest + "}}"; };
  const std::string good = R"("dtype":"F32","shape":[2],"data_offsets":[0,8])";
  CHECK(parse_safetensors(file_of(tensor(good), 8), "w.st").tensors.size() == 1);

  CHECK(says(refusal(tensor(good), 8 - 1), "w.st: tensor \"t\" lies outside the data"));
  CHECK(says(refusal(tensor(good), 9), "the tensors have 8 bytes, the file holds 9"));
  CHECK(says(refusal("{", 0), "is not JSON"));
  CHECK(says(refusal("", 0), "is not JSON"));
  CHECK(says(refusal("[]", 0), "no JSON object"));
  CHECK(says(refusal("{} x", 0), "is not JSON"));
  CHECK(says(refusal("{\"t\":[[[[[[]]]]]]}", 0), "nested too deeply"));
  CHECK(says(refusal("{\"t\":{" + good + "},\"t\":{" + good + "}}", 8), "\"t\" is there twice"));
  CHECK(says(
      refusal(tensor(R"("dtype":"F32","shape":[2],"shape":[2],"data_offsets":[0,8])"), 8),
      "\"shape\" is there twice"));
  CHECK(says(refusal(R"({"__metadata__":{"a":"1","a":"2"}})", 0), "\"a\" is there twice"));
  CHECK(says(refusal(R"({"__metadata__":{"a":1}})", 0), "metadata \"a\" is no text"));
  CHECK(says(refusal(R"({"__metadata__":[]})", 0), "the metadata is no JSON object"));
  CHECK(says(refusal(R"({"t":5})", 0), "needs dtype, shape and data_offsets"));
  CHECK(says(refusal(tensor(R"("dtype":"F32","shape":[2])"), 8), "needs dtype"));
  CHECK(says(refusal(tensor(good + ",\"x\":1"), 8), "and nothing else"));
  CHECK(says(
      refusal(tensor(R"("dtype":"F31","shape":[2],"data_offsets":[0,8])"), 8),
      "unknown dtype \"F31\""));
  CHECK(says(refusal(tensor(R"("dtype":4,"shape":[2],"data_offsets":[0,8])"), 8), "no text"));
  CHECK(says(refusal(tensor(R"("dtype":"F32","shape":2,"data_offsets":[0,8])"), 8), "no list"));
  CHECK(says(
      refusal(tensor(R"("dtype":"F32","shape":[-2],"data_offsets":[0,8])"), 8),
      "an extent is not"));
  CHECK(says(
      refusal(tensor(R"("dtype":"F32","shape":[2.0],"data_offsets":[0,8])"), 8),
      "an extent is not"));
  CHECK(says(
      refusal(tensor(R"("dtype":"F32","shape":[3],"data_offsets":[0,8])"), 8),
      "has 8 bytes, but F32[3] needs 12"));
  CHECK(says(
      refusal(tensor(R"("dtype":"F32","shape":[2],"data_offsets":[0])"), 8), "two data_offsets"));
  CHECK(says(
      refusal(tensor(R"("dtype":"F32","shape":[2],"data_offsets":[8,0])"), 8), "outside the data"));
  CHECK(says(
      refusal(tensor(R"("dtype":"F32","shape":[2],"data_offsets":[0,-8])"), 8),
      "an offset is not"));
  // 2^32 * 2^32 values would wrap round to none
  CHECK(says(
      refusal(tensor(R"("dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0])"), 0),
      "beyond 2^63"));
  CHECK(says(
      refusal(tensor(R"("dtype":"F32","shape":[18446744073709551615],"data_offsets":[0,4])"), 4),
      "beyond 2^63"));
  // a hole, and an overlap
  const std::string two = R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":)";
  CHECK(says(
      refusal(two + R"({"dtype":"U8","shape":[2],"data_offsets":[3,5]}})", 5),
      "\"b\" begins at byte 3 of the data instead of 2"));
  CHECK(says(
      refusal(two + R"({"dtype":"U8","shape":[2],"data_offsets":[1,3]}})", 3),
      "\"b\" begins at byte 1 of the data instead of 2"));
  // lengths
  CHECK(says(
      message_of<CheckpointError>([] { parse_safetensors("1234567", "w.st"); }), "shorter than 8"));
  std::string huge = file_of("{}", 0);
  huge[7] = '\x7f';
  CHECK(says(
      message_of<CheckpointError>([&] { parse_safetensors(huge, "w.st"); }),
      "the header is said to have"));
}

TEST_CASE("safetensors: a file that says it is ocelli's must hold its checksum") {
  CHECK(says(refusal(R"({"__metadata__":{"ocelli_format":"1"}})", 0), "checksum"));
  CHECK(says(
      refusal(R"({"__metadata__":{"ocelli_checksum":"0000000000000000"}})", 0),
      "number is missing"));
  CHECK(says(
      refusal(R"({"__metadata__":{"ocelli_format":"2","ocelli_checksum":"0000000000000000"}})", 0),
      "format 2 is newer than this program"));
  CHECK(says(
      refusal(R"({"__metadata__":{"ocelli_format":"1","ocelli_checksum":"00"}})", 0), "malformed"));
}
