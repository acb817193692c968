// Tests of FolderStore: keys and files, conditions between processes, what is refused.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/bucket/folder_store.hpp"

#include <doctest/doctest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "support/message_of.hpp"
#include "support/temporary_folder.hpp"

namespace ocelli::bucket {
namespace {

using test::message_of;
using test::says;
using test::TemporaryFolder;

std::string text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
std::string text_of(ObjectStore& store, const std::string& key) { return text_of(store.get(key)); }

std::vector<std::string> keys_of(ObjectStore& store, const std::string& prefix = {}) {
  std::vector<std::string> keys;
  for (const ObjectInfo& info : store.list(prefix)) keys.push_back(info.key);
  return keys;
}

/// What `work` returns, from a process of its own.
template <class Work>
int in_child(Work&& work) {
  const pid_t child = ::fork();
  if (child == 0) {
    int result = 99;
    try {
      result = work();
    } catch (...) {
    }
    ::_exit(result);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST_CASE("folder_store: objects are files, and the other way round") {
  const TemporaryFolder folder;
  std::filesystem::create_directory(folder / "cats");
  FolderStore store(folder / "cats/");
  CHECK(store.bucket() == "cats");
  CHECK(store.list().empty());
  const ObjectInfo put = store.put("a b/\xC3\xA9+%.jpg", "picture");
  CHECK(put.key == "a b/\xC3\xA9+%.jpg");
  CHECK(put.size == 7);
  CHECK(read_file(folder / "cats" / "a b/\xC3\xA9+%.jpg") == "picture");
  write_file(folder / "cats/~.txt", "by hand");
  write_file(folder / "cats/.hidden", "by hand");
  std::filesystem::create_directory(folder / "cats/empty");
  CHECK(keys_of(store) == std::vector<std::string>{"a b/\xC3\xA9+%.jpg", "~.txt"});
  const auto head = store.head(put.key);
  REQUIRE(head);
  CHECK(head->etag == put.etag);
  CHECK(head->size == 7);
  CHECK(head->modified > 1'600'000'000);
  CHECK(store.list("a")[0].etag == put.etag);
  CHECK_FALSE(store.head("none"));
  CHECK_FALSE(store.head("a b"));
  CHECK(text_of(store, "~.txt") == "by hand");
  CHECK(text_of(store, ".hidden") == "by hand");
}

TEST_CASE("folder_store: a listing by prefix, by the bytes of the keys, each folder once") {
  const TemporaryFolder folder;
  FolderStore store(folder.path(), Durability::buffered);
  for (const char* key : {"b/2", "b/10", "b-", "ba", "b.c/x", "a", "B"}) store.put(key, key);
  std::filesystem::create_directory_symlink(folder.path(), folder / "loop");
  std::filesystem::create_symlink(folder / "nowhere", folder / "dangling");
  std::filesystem::create_symlink(folder / "a", folder / "link");
  CHECK(
      keys_of(store) ==
      std::vector<std::string>{"B", "a", "b-", "b.c/x", "b/10", "b/2", "ba", "link"});
  CHECK(keys_of(store, "b/") == std::vector<std::string>{"b/10", "b/2"});
  CHECK(keys_of(store, "b/1") == std::vector<std::string>{"b/10"});
  CHECK(keys_of(store, "b") == std::vector<std::string>{"b-", "b.c/x", "b/10", "b/2", "ba"});
  CHECK(keys_of(store, "none/at/all").empty());
  CHECK(keys_of(store, "../").empty());
}

TEST_CASE("folder_store: ranges, and conditions of reading") {
  const TemporaryFolder folder;
  FolderStore store(folder.path());
  const ObjectInfo info = store.put("k", "0123456789");
  const auto part = [&](std::uint64_t offset, std::optional<std::uint64_t> length) {
    BytesSink sink;
    const auto got = store.get("k", sink, {offset, length, {}, {}});
    CHECK(got->size == 10);
    return text_of(sink.bytes);
  };
  CHECK(part(0, 4) == "0123");
  CHECK(part(7, 100) == "789");
  CHECK(part(3, {}) == "3456789");
  CHECK(part(10, 1).empty());
  CHECK(part(99, {}).empty());
  BytesSink sink;
  CHECK(store.get("k", sink, {0, {}, info.etag, {}}));
  CHECK_FALSE(store.get("k", sink, {0, {}, {}, info.etag}));
  CHECK_THROWS_AS(store.get("k", sink, {0, {}, "other", {}}), ConditionError);
  // More than one piece.
  const std::string large(3'000'001, 'x');
  store.put("large", large + "y");
  CHECK(text_of(store, "large") == large + "y");
}

TEST_CASE("folder_store: an etag changes with every version, of the same size too") {
  const TemporaryFolder folder;
  FolderStore store(folder.path(), Durability::buffered);
  std::set<std::string> etags;
  std::set<long> times;  // not only when the file's number differs, which is given away again
  for (int i = 0; i < 300; ++i) {
    etags.insert(store.put("k", std::to_string(100 + i)).etag);
    struct stat info {};
    REQUIRE(::stat((folder / "k").c_str(), &info) == 0);
    times.insert(info.st_mtim.tv_sec * 1'000'000'000 + info.st_mtim.tv_nsec);
  }
  CHECK(etags.size() == 300);
  CHECK(times.size() == 300);
  // By another program, in place.
  const std::string before = store.head("k")->etag;
  std::this_thread::sleep_for(std::chrono::milliseconds(20));  // several ticks
  std::ofstream(folder / "k") << "400";
  CHECK(store.head("k")->etag != before);
}

TEST_CASE("folder_store: conditions of writing") {
  const TemporaryFolder folder;
  FolderStore store(folder.path());
  const ObjectInfo first = store.put("k", "one", {{}, true, {}});
  CHECK_THROWS_AS(store.put("k", "two", {{}, true, {}}), ConditionError);
  const ObjectInfo second = store.put("k", "two", {{}, false, first.etag});
  CHECK_THROWS_AS(store.put("k", "three", {{}, false, first.etag}), ConditionError);
  CHECK_THROWS_AS(store.put("none", "three", {{}, false, first.etag}), ConditionError);
  CHECK(text_of(store, "k") == "two");
  CHECK(store.copy("k", "there/k", second.etag).size == 3);
  CHECK(text_of(store, "there/k") == "two");
  CHECK_THROWS_AS(store.copy("k", "k2", first.etag), ConditionError);
  CHECK_FALSE(store.head("k2"));
  store.copy("k", "k");  // onto itself
  CHECK(text_of(store, "k") == "two");
  CHECK(keys_of(store) == std::vector<std::string>{"k", "there/k"});
}

TEST_CASE("folder_store: removing takes empty folders along, but never the root") {
  const TemporaryFolder folder;
  FolderStore store(folder.path());
  store.put("a/b/c/x", "x");
  store.put("a/y", "y");
  store.remove("a/b/c/x");
  CHECK_FALSE(std::filesystem::exists(folder / "a/b"));
  CHECK(std::filesystem::exists(folder / "a/y"));
  store.remove("a/y");
  CHECK_FALSE(std::filesystem::exists(folder / "a"));
  CHECK(std::filesystem::exists(folder.path()));
  store.remove("a/y");  // no error
  store.remove("none/at/all");
  std::filesystem::create_directories(folder / "kept/inside");
  store.remove("kept");  // a folder is no object
  CHECK(std::filesystem::exists(folder / "kept/inside"));
}

TEST_CASE("folder_store: names that lead out are refused") {
  const TemporaryFolder folder;
  std::filesystem::create_directory(folder / "in");
  write_file(folder / "secret", "x");
  FolderStore store(folder / "in");
  for (const char* key :
       {"../secret", "a/../../secret", "/etc/passwd", "", ".", "..", "a//b", "a/"}) {
    CAPTURE(key);
    CHECK_FALSE(store.head(key));
    CHECK(says(message_of<StoreError>([&] { store.get(key); }), "leads out of the folder"));
    CHECK(says(message_of<StoreError>([&] { store.put(key, "x"); }), "leads out of the folder"));
    CHECK(says(message_of<StoreError>([&] { store.remove(key); }), "leads out of the folder"));
    CHECK(says(message_of<StoreError>([&] { store.copy("a", key); }), "no such file"));
  }
  CHECK(read_file(folder / "secret") == "x");
}

TEST_CASE("folder_store: what cannot be is told in a sentence") {
  const TemporaryFolder folder;
  FolderStore store(folder.path());
  CHECK(message_of<NotFoundError>([&] {
          store.get("a.jpg");
        }) == (folder / "a.jpg").string() + ": no such file; check the name");
  CHECK(message_of<StoreError>([&] {
          FolderStore(folder / "none");
        }) == (folder / "none").string() + ": no such folder; check the path");
  store.put("a/b", "x");
  CHECK_THROWS_AS(store.get("a"), NotFoundError);
  CHECK_THROWS_AS(store.get("a/b/c"), NotFoundError);
  CHECK(
      says(message_of<StoreError>([&] { store.put("a", "x"); }), "there is a folder of this name"));
  CHECK(
      says(message_of<StoreError>([&] { store.put("a/b/c", "x"); }), "creating the folder failed"));
  REQUIRE(::mkfifo((folder / "pipe").c_str(), 0600) == 0);
  CHECK_THROWS_AS(store.get("pipe"), NotFoundError);  // and waits for no writer
  CHECK(keys_of(store) == std::vector<std::string>{"a/b"});
}

TEST_CASE("folder_store: a folder that may only be read") {
  const TemporaryFolder folder;
  write_file(folder / "a", "text");
  ::chmod(folder.path().c_str(), 0555);
  const int result = in_child([&] {
    if (::geteuid() == 0 && ::seteuid(65534) != 0) return 90;
    FolderStore store(folder.path());
    if (text_of(store, "a") != "text" || store.list().size() != 1) return 91;
    const std::string advice =
        ": writing into the folder failed (Permission denied); check the "
        "permissions";
    if (message_of<AccessError>([&] { store.put("b", "x"); }) != folder.path().string() + advice)
      return 92;
    if (message_of<AccessError>([&] { store.remove("a"); }) != folder.path().string() + advice)
      return 93;
    return 0;
  });
  ::chmod(folder.path().c_str(), 0755);
  CHECK(result == 0);
  CHECK(read_file(folder / "a") == "text");
}

TEST_CASE("folder_store: a full disk leaves the old object and nothing else") {
  const TemporaryFolder folder;
  FolderStore(folder.path()).put("k", "old");
  const int result = in_child([&] {
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{100'000, 100'000};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    FolderStore store(folder.path());
    const std::string message =
        message_of<StoreError>([&] { store.put("k", std::string(200'000, 'x')); });
    return says(message, "writing failed (File too large)") ? 0 : 1;
  });
  CHECK(result == 0);
  FolderStore store(folder.path());
  CHECK(text_of(store, "k") == "old");
  std::size_t entries = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder.path()))
    entries += entry.path().filename() != ".ocelli.lock";
  CHECK(entries == 1);
}

TEST_CASE("folder_store: writers of several processes and threads take turns") {
  const TemporaryFolder folder;
  FolderStore store(folder.path());
  store.put("count", "0");
  constexpr int processes = 3, threads = 2, rounds = 20;
  // Each adds one to a number, which only a condition that holds makes right.
  const auto add = [&folder] {
    FolderStore own(folder.path());  // which takes its time between the condition and the rename
    for (int done = 0; done < rounds;) {
      BytesSink sink;
      const ObjectInfo info = *own.get("count", sink);
      try {
        own.put(
            "count", std::to_string(std::stoi(text_of(sink.bytes)) + 1), {{}, false, info.etag});
        ++done;
      } catch (const ConditionError&) {  // another one was first
      }
    }
  };
  std::vector<pid_t> children;
  for (int p = 0; p < processes; ++p) {
    const pid_t child = ::fork();
    if (child == 0) {
      int result = 0;
      try {
        std::vector<std::thread> workers;
        std::atomic<bool> failed{false};
        for (int t = 0; t < threads; ++t)
          workers.emplace_back([&] {
            try {
              add();
            } catch (...) {
              failed = true;
            }
          });
        for (std::thread& worker : workers) worker.join();
        result = failed ? 1 : 0;
      } catch (...) {
        result = 2;
      }
      ::_exit(result);
    }
    children.push_back(child);
  }
  for (const pid_t child : children) {
    int status = 0;
    ::waitpid(child, &status, 0);
    CHECK(status == 0);
  }
  CHECK(text_of(store, "count") == std::to_string(processes * threads * rounds));
  CHECK(keys_of(store) == std::vector<std::string>{"count"});
}

TEST_CASE("folder_store: only one of many creates an object that must not be there") {
  const TemporaryFolder folder;
  FolderStore store(folder.path(), Durability::buffered);
  for (int round = 0; round < 20; ++round) {
    const std::string key = "deep/er/" + std::to_string(round);
    std::atomic<int> winners{0}, losers{0};
    std::vector<std::thread> workers;
    for (int t = 0; t < 4; ++t)
      workers.emplace_back([&, t] {
        try {
          store.put(key, std::to_string(t), {{}, true, {}});
          ++winners;
        } catch (const ConditionError&) {
          ++losers;
        }
      });
    for (std::thread& worker : workers) worker.join();
    CHECK(winners == 1);
    CHECK(losers == 3);
  }
}

TEST_CASE("folder_store: folders that come and go under the writers") {
  const TemporaryFolder folder;
  FolderStore store(folder.path(), Durability::buffered);
  std::atomic<int> faults{0};
  std::vector<std::thread> workers;
  for (int t = 0; t < 4; ++t)
    workers.emplace_back([&, t] {
      try {
        for (int i = 0; i < 50; ++i) {
          const std::string key = "a/b/" + std::to_string(t);
          store.put(key, "x");
          store.remove(key);
        }
      } catch (const std::exception&) {
        ++faults;
      }
    });
  for (std::thread& worker : workers) worker.join();
  CHECK(faults == 0);
  CHECK_FALSE(std::filesystem::exists(folder / "a"));
}

}  // namespace
}  // namespace ocelli::bucket
