// Files appear whole or not at all, and a failure says where and what to do.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/core/file.hpp"

#include <doctest/doctest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <chrono>
#include <fstream>
#include <string>

#include "support/in_child.hpp"
#include "support/message_of.hpp"
#include "support/temporary_folder.hpp"

using namespace ocelli;
using namespace ocelli::test;

namespace {

int entries_in(const std::filesystem::path& folder) {
  int count = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(folder)) ++count;
  return count;
}

}  // namespace

TEST_CASE("file: what is written is read, and replaces what was there") {
  const TemporaryFolder folder;
  const std::string bytes("a\0b\n", 4);
  write_file(folder / "x", bytes);
  CHECK(read_file(folder / "x") == bytes);
  write_file(folder / "x", std::string(100000, 'q'), Durability::buffered);
  CHECK(read_file(folder / "x") == std::string(100000, 'q'));
  write_file(folder / "x", "");
  CHECK(read_file(folder / "x").empty());
  CHECK(entries_in(folder.path()) == 1);
}

TEST_CASE("file: without a commit nothing changes") {
  const TemporaryFolder folder;
  write_file(folder / "x", "old");
  {
    AtomicFile file(folder / "x");
    file.write("new");
    CHECK(entries_in(folder.path()) == 2);
    CHECK(read_file(folder / "x") == "old");
  }
  CHECK(read_file(folder / "x") == "old");
  CHECK(entries_in(folder.path()) == 1);
}

TEST_CASE("file: a drive that is full leaves the old file, and the message says what to do") {
  const TemporaryFolder folder;
  const std::filesystem::path path = folder / "x";
  write_file(path, "old");
  CHECK(in_child([&] {
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit small{1000, 1000};
    ::setrlimit(RLIMIT_FSIZE, &small);
    const std::string message =
        message_of<StoreError>([&] { write_file(path, std::string(5000, 'n')); });
    return says(message, path.string()) && says(message, "ulimit -f");
  }));
  CHECK(read_file(path) == "old");
  CHECK(entries_in(folder.path()) == 1);

  if (std::filesystem::exists("/dev/full")) {
    const file_detail::Descriptor full(::open("/dev/full", O_WRONLY));
    const std::string message =
        message_of<StoreError>([&] { file_detail::write_all(full.get(), "abc", 3, "/dev/full"); });
    CHECK(says(message, "/dev/full"));
    CHECK(says(message, "free space"));
  } else {
    MESSAGE("SKIPPED: there is no /dev/full");
  }
}

TEST_CASE("file: what cannot be opened is named") {
  const TemporaryFolder folder;
  CHECK(says(message_of<StoreError>([&] { read_file(folder / "none"); }), "none: opening failed"));
  CHECK(says(message_of<StoreError>([&] { read_file(folder.path()); }), "directory"));
  CHECK(
      says(message_of<StoreError>([&] { write_file(folder / "none/x", "a"); }), "check the path"));
  write_file(folder / "x", "12345");
  CHECK(read_file(folder / "x", 5) == "12345");
  CHECK(says(message_of<StoreError>([&] { read_file(folder / "x", 4); }), "longer than 4 bytes"));
  CHECK(says(message_of<StoreError>([&] { make_folder(folder / "x"); }), "creating the folder"));
  make_folder(folder / "a/b/c");
  make_folder(folder / "a/b/c");
  CHECK(std::filesystem::is_directory(folder / "a/b/c"));
  if (::geteuid() == 0) {
    MESSAGE("SKIPPED: nobody denies root a permission");
  } else {
    std::filesystem::permissions(folder / "a", std::filesystem::perms::owner_read);
    CHECK(
        says(message_of<StoreError>([&] { write_file(folder / "a/x", "a"); }), "write permission"));
    std::filesystem::permissions(folder / "a", std::filesystem::perms::owner_all);
  }
}

TEST_CASE("file: retry ends with success or with the last error") {
  const Retry quick{3, std::chrono::milliseconds(0)};
  int calls = 0;
  CHECK(with_retry(quick, [&] {
          if (++calls < 3) throw StoreError("not yet");
          return 7;
        }) == 7);
  CHECK(calls == 3);
  calls = 0;
  CHECK_THROWS_AS(with_retry(quick, [&] { ++calls, throw StoreError("never"); }), StoreError);
  CHECK(calls == 3);
  calls = 0;
  CHECK_THROWS_AS(with_retry(quick, [&] { ++calls, throw DataError("other"); }), DataError);
  CHECK(calls == 1);
}

TEST_CASE("file: temporary files of dead writers go, of living ones stay") {
  const TemporaryFolder folder;
  const pid_t child = ::fork();
  if (child == 0) {
    AtomicFile file(folder / "step-1.safetensors");
    file.write("half");
    ::_exit(0);  // dies without a word, like a killed process
  }
  ::waitpid(child, nullptr, 0);
  write_file(folder / ".other.tmp-1", "process 1 lives");
  write_file(folder / "kept.tmp-99999999", "no name of ours");
  write_file(folder / ".kept.tmp-x", "no name of ours");
  write_file(folder / ".kept.tmp-99999999-x", "no name of ours");
  write_file(folder / ".kept.tmp-99999999-", "no name of ours");
  CHECK(entries_in(folder.path()) == 6);
  const auto removed = remove_stale_temporaries(folder.path());
  REQUIRE(removed.size() == 1);
  CHECK(removed[0].filename().string().starts_with(
      ".step-1.safetensors.tmp-" + std::to_string(child) + "-"));
  CHECK(entries_in(folder.path()) == 5);
}

TEST_CASE("file: two writers of one file do not meet") {
  const TemporaryFolder folder;
  AtomicFile first(folder / "a"), second(folder / "a");
  first.write("first");
  second.write("the second");
  CHECK(entries_in(folder.path()) == 2);
  second.commit();
  CHECK(read_file(folder / "a") == "the second");
  first.commit();
  CHECK(read_file(folder / "a") == "first");
  CHECK(entries_in(folder.path()) == 1);
  // One of another machine, with the same process number.
  const std::filesystem::path next = file_detail::temporary_beside(folder / "a");
  const std::string digits = next.string().substr(next.string().rfind('-') + 1);
  const std::string theirs = next.string().substr(0, next.string().size() - digits.size()) +
                             std::to_string(std::stoul(digits) + 1);
  std::ofstream(theirs) << "theirs";
  write_file(folder / "a", "third");
  CHECK(read_file(folder / "a") == "third");
  CHECK(read_file(theirs) == "theirs");
  std::filesystem::remove(theirs);
  // The longest name that there may be.
  const std::string longest(255, 'n');
  write_file(folder / longest, "x");
  CHECK(read_file(folder / longest) == "x");
}
