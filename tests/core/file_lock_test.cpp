// A lock has one holder, of all threads and processes.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/core/file_lock.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <optional>
#include <thread>
#include <vector>

#include "support/in_child.hpp"
#include "support/message_of.hpp"
#include "support/temporary_folder.hpp"

using namespace ocelli;
using namespace ocelli::test;

TEST_CASE("file_lock: a second one is not held before the first has gone") {
  const TemporaryFolder folder;
  const auto path = folder / "lock";
  std::optional<FileLock> first(std::in_place, path);
  CHECK(first->held());
  CHECK_FALSE(FileLock(path, FileLock::Wait::no).held());
  first.reset();
  CHECK(FileLock(path, FileLock::Wait::no).held());
}

TEST_CASE("file_lock: another process is kept out too, and its end lets go") {
  const TemporaryFolder folder;
  const auto path = folder / "lock";
  const auto child_gets_it = [&] {
    return in_child([&] {
      static const FileLock lock(path, FileLock::Wait::no);  // ends without its destructor
      return lock.held();
    });
  };
  {
    const FileLock mine(path);
    CHECK_FALSE(child_gets_it());
  }
  CHECK(child_gets_it());
  CHECK(FileLock(path, FileLock::Wait::no).held());
}

TEST_CASE("file_lock: one that another user has made is taken too") {
  const TemporaryFolder folder;
  const auto path = folder / "lock";
  using std::filesystem::perms;
  std::filesystem::permissions(folder.path(), perms::all);
  std::ofstream(path) << "";
  std::filesystem::permissions(path, perms::owner_read | perms::group_read | perms::others_read);
  CHECK(in_child([&] { return become_nobody() && FileLock(path, FileLock::Wait::no).held(); }));
}

TEST_CASE("file_lock: those who wait take turns") {
  const TemporaryFolder folder;
  std::atomic<int> inside{0}, most{0};
  int turns = 0;  // guarded by the lock alone
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      for (int k = 0; k < 50; ++k) {
        const FileLock lock(folder / "lock");
        const int now = ++inside;
        if (now > most) most = now;
        ++turns;
        --inside;
      }
    });
  for (std::thread& thread : threads) thread.join();
  CHECK(turns == 200);
  CHECK(most == 1);
}

TEST_CASE("file_lock: a place that takes no file is named") {
  const TemporaryFolder folder;
  CHECK(says(message_of<StoreError>([&] { FileLock lock(folder / "no/lock"); }), "no/lock"));
}
