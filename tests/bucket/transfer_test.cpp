// Where bytes come from, and files that appear whole or not at all.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/bucket/transfer.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

#include "support/message_of.hpp"
#include "support/temporary_folder.hpp"

using namespace ocelli;
using namespace ocelli::bucket;
using namespace ocelli::test;

namespace {

std::string part(const Body& body, std::uint64_t offset, std::size_t size) {
  std::string text(size, '?');
  body.read(offset, std::as_writable_bytes(std::span(text)));
  return text;
}
void send(Sink& sink, std::string_view text) { sink.write(std::as_bytes(std::span(text))); }

}  // namespace

TEST_CASE("transfer: bodies are read from any place, again and again") {
  const TemporaryFolder folder;
  write_file(folder / "a", "0123456789");
  const BytesBody bytes("0123456789");
  const FileBody file(folder / "a");
  for (const Body* body : {static_cast<const Body*>(&bytes), static_cast<const Body*>(&file)}) {
    CHECK(body->size() == 10);
    CHECK(part(*body, 7, 3) == "789");
    CHECK(part(*body, 0, 10) == "0123456789");
    CHECK(part(*body, 10, 0).empty());
  }
}

TEST_CASE("transfer: a file that is none, or becomes shorter, is named") {
  const TemporaryFolder folder;
  CHECK(says(message_of<StoreError>([&] { FileBody body(folder / "gone"); }), "gone"));
  CHECK(says(message_of<StoreError>([&] { FileBody body(folder.path()); }), "not a file"));
  write_file(folder / "a", "0123456789");
  const FileBody body(folder / "a");
  std::filesystem::resize_file(folder / "a", 4);
  CHECK(part(body, 0, 4) == "0123");
  CHECK(says(message_of<StoreError>([&] { part(body, 0, 10); }), "became shorter"));
}

TEST_CASE("transfer: what came before begin() is void") {
  const TemporaryFolder folder;
  BytesSink bytes;
  FileSink file(folder / "a");
  for (Sink* sink : {static_cast<Sink*>(&bytes), static_cast<Sink*>(&file)}) {
    sink->begin({"a", 6, "1", 0});
    send(*sink, "thrown away");
    sink->begin({"a", 6, "2", 0});
    send(*sink, "kep");
    send(*sink, "t");
  }
  CHECK(bytes.bytes.size() == 4);
  CHECK_FALSE(std::filesystem::exists(folder / "a"));  // not before commit()
  file.commit();
  CHECK(read_file(folder / "a") == "kept");
}

TEST_CASE("transfer: without commit() the old file stays, and nothing beside it") {
  const TemporaryFolder folder;
  write_file(folder / "a", "old");
  {
    FileSink sink(folder / "a");
    sink.begin({"a", 3, "1", 0});
    send(sink, "new");
  }
  CHECK(read_file(folder / "a") == "old");
  int entries = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(folder.path()))
    ++entries;
  CHECK(entries == 1);
  FileSink empty(folder / "b");
  CHECK(says(message_of<StoreError>([&] { empty.commit(); }), "nothing was received"));
}
