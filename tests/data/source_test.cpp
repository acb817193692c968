// Tests of sources: what is listed, what is read, and that no key leads outside.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/data/source.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "support/message_of.hpp"
#include "support/temporary_folder.hpp"

namespace ocelli::data {
namespace {

using test::message_of;
using test::says;

TEST_CASE("source: a folder's files, sorted, with blanks and other alphabets") {
  const test::TemporaryFolder folder;
  std::filesystem::create_directories(folder / "b c");
  for (const char* name : {"z.txt", "b c/\xC3\xA9 1.jpg", "b c/a.jpg", ".hidden"}) {
    std::ofstream(folder / name) << "text of " << name;
  }
  std::filesystem::create_directory_symlink(folder.path(), folder / "loop");
  const FolderSource source(folder.path().string());
  CHECK(source.keys() == std::vector<std::string>{"b c/a.jpg", "b c/\xC3\xA9 1.jpg", "z.txt"});
  CHECK(as_text(source.read("b c/\xC3\xA9 1.jpg")) == "text of b c/\xC3\xA9 1.jpg");
  CHECK(as_text(source.read_head("z.txt", 4)) == "text");
  CHECK(source.exists("z.txt"));
  CHECK_FALSE(source.exists("b c"));
}

TEST_CASE("source: no key leads out of the folder") {
  const test::TemporaryFolder folder;
  std::filesystem::create_directory(folder / "in");
  std::ofstream(folder / "secret") << "x";
  const FolderSource source((folder / "in").string());
  for (const char* key : {"../secret", "a/../../secret", "/etc/passwd", "", "./a", "a//b", "a/"}) {
    CHECK_FALSE(source.exists(key));
    CHECK(says(message_of<StoreError>([&] { source.read(key); }), "leads out of the folder"));
  }
}

TEST_CASE("source: what is not there is named") {
  const test::TemporaryFolder folder;
  const FolderSource source(folder.path().string());
  CHECK(message_of<StoreError>([&] {
          source.read("a.xml");
        }) == (folder / "a.xml").string() + ": no such file; check the name");
  CHECK(message_of<StoreError>([&] {
          FolderSource((folder / "none").string());
        }) == (folder / "none").string() + ": no such folder; check the path");
  CHECK(
      message_of<StoreError>([] { MemorySource("bucket").read("a"); }) == "bucket/a: no such file");
}

}  // namespace
}  // namespace ocelli::data
