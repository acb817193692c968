// Tests of ObjectCache: what is found again, what goes, what damage and odd keys do.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/bucket/object_cache.hpp"

#include <doctest/doctest.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
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

std::vector<std::byte> bytes_of(std::string_view text) {
  const auto view = std::as_bytes(std::span(text));
  return {view.begin(), view.end()};
}
/// `size` bytes that tell whose they are.
std::vector<std::byte> picture(int number, std::size_t size = 1000) {
  std::vector<std::byte> bytes(size);
  for (std::size_t i = 0; i < size; ++i)
    bytes[i] = static_cast<std::byte>(static_cast<std::size_t>(number) * 31 + i * 7);
  return bytes;
}
CachedObject object(int number, const std::string& etag = "e") {
  return {"https://here/cats", "p" + std::to_string(number) + ".jpg", etag, 0};
}

std::vector<std::filesystem::path> entries_of(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder / "objects"))
    if (entry.is_regular_file()) files.push_back(entry.path());
  return files;
}
std::uint64_t size_of(const std::filesystem::path& folder) {
  std::uint64_t total = 0;
  for (const auto& file : entries_of(folder)) total += std::filesystem::file_size(file);
  return total;
}

TEST_CASE("object_cache: each version of each object of each bucket by itself") {
  const TemporaryFolder folder;
  ObjectCache cache({folder / "c", {}, {}});
  const CachedObject a{"https://one/cats", "k", "1", 0};
  CHECK_FALSE(cache.get(a));
  CHECK_FALSE(cache.contains(a));
  cache.put(a, bytes_of("a"));
  CHECK(cache.get(a) == bytes_of("a"));
  CHECK(cache.contains(a));
  CHECK_FALSE(cache.get({"https://two/cats", "k", "1", 0}));
  CHECK_FALSE(cache.get({"https://one/cat", "sk", "1", 0}));
  CHECK_FALSE(cache.get({"https://one/cats", "k2", "1", 0}));
  CHECK_FALSE(cache.get({"https://one/cats", "k", "2", 0}));
  CHECK_FALSE(cache.get({"https://one/cats", "k", "1", 100}));
  cache.put({"https://one/cats", "k", "1", 100}, bytes_of("head"));
  CHECK(cache.get(a) == bytes_of("a"));
  CHECK(cache.get({"https://one/cats", "k", "1", 100}) == bytes_of("head"));
  cache.put({"s", "empty", "", 0}, {});
  REQUIRE(cache.get({"s", "empty", "", 0}));
  CHECK(cache.get({"s", "empty", "", 0})->empty());
  // Another process, later.
  CHECK(ObjectCache({folder / "c", {}, {}}).get(a) == bytes_of("a"));
  CHECK(cache.bytes() == size_of(folder / "c"));
}

TEST_CASE("object_cache: odd keys never lead out of the folder") {
  const TemporaryFolder folder;
  ObjectCache cache({folder / "c", {}, {}});
  const std::vector<std::string> keys = {
      "a b",
      "a+b",
      "\xC3\xBCml\xC3\xA4ut.jpg",
      "a=b",
      "100%.jpg",
      "a//b",
      "~x",
      "a&b?c#d",
      "/leading",
      "'()*!.jpg",
      ":@,;$",
      "../../../escape",
      "a/./b",
      "trailing/",
      "..",
      ".",
      "",
      std::string(1024, 'x'),
      std::string("nul\0l", 5)};
  for (const std::string& key : keys) cache.put({"s", key, "..", 0}, bytes_of("of " + key));
  for (const std::string& key : keys) {
    CAPTURE(key);
    CHECK(cache.get({"s", key, "..", 0}) == bytes_of("of " + key));
  }
  CHECK(entries_of(folder / "c").size() == keys.size());
  std::size_t outside = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder.path()))
    outside += entry.path().filename() != "c";
  CHECK(outside == 0);
}

TEST_CASE("object_cache: what is damaged is absent, and goes") {
  const TemporaryFolder folder;
  ObjectCache cache({folder.path(), {}, {}});
  const auto damage = [&](auto&& work) {
    cache.put(object(1), picture(1));
    const auto files = entries_of(folder.path());
    REQUIRE(files.size() == 1);
    std::string text = read_file(files[0]);
    work(text);
    std::ofstream(files[0], std::ios::binary) << text;
    CHECK_FALSE(cache.get(object(1)));
    CHECK(entries_of(folder.path()).empty());
    cache.put(object(1), picture(1));
    CHECK(cache.get(object(1)) == picture(1));
    std::filesystem::remove(files[0]);
    CHECK_FALSE(cache.get(object(1)));  // by hand: absent
  };
  damage([](std::string& text) { text.pop_back(); });
  damage([](std::string& text) { text += 'x'; });
  damage([](std::string& text) { text.back() = static_cast<char>(text.back() ^ 1); });
  damage([](std::string& text) { text.clear(); });
  damage([](std::string& text) { text[0] = 'x'; });
  damage([](std::string& text) { text.replace(8, 16, 16, '\xFF'); });  // sizes
}

TEST_CASE("object_cache: the least recently used go, and the limit holds") {
  const TemporaryFolder folder;
  constexpr std::uint64_t limit = 20'000;
  ObjectCache cache({folder.path(), limit, {}});
  const auto wait = [] { std::this_thread::sleep_for(std::chrono::milliseconds(10)); };
  cache.put(object(0), picture(0));
  wait();
  for (int i = 1; i < 10; ++i) cache.put(object(i), picture(i));
  wait();
  CHECK(cache.get(object(0)));  // used again
  wait();
  for (int i = 10; i < 21; ++i) {
    cache.put(object(i), picture(i));
    CHECK(size_of(folder.path()) <= limit);
    CHECK(cache.bytes() == size_of(folder.path()));
  }
  CHECK(cache.get(object(0)) == picture(0));
  CHECK_FALSE(cache.get(object(1)));
  CHECK(cache.get(object(20)) == picture(20));
  cache.put(object(99), picture(99, limit));  // larger than all
  CHECK_FALSE(cache.get(object(99)));
  CHECK(cache.get(object(20)));
  // One that fills it alone.
  cache.put(object(98), picture(98, limit - 200));
  CHECK(cache.get(object(98)));
  CHECK(entries_of(folder.path()).size() == 1);
}

TEST_CASE("object_cache: counts anew when its count is lost, and clears up after killed writers") {
  const TemporaryFolder folder;
  std::uint64_t before = 0;
  {
    ObjectCache cache({folder.path(), {}, {}});
    for (int i = 0; i < 5; ++i) cache.put(object(i), picture(i));
    before = cache.bytes();
    CHECK(before > 5000);
  }
  const auto beside = entries_of(folder.path())[0].parent_path() / ".x.tmp-1-1";
  write_file(beside, "half");
  const timespec old[2] = {{1'000'000'000, 0}, {1'000'000'000, 0}};
  REQUIRE(::utimensat(AT_FDCWD, beside.c_str(), old, 0) == 0);
  for (const char* text : {"", "garbage", "123"}) {
    write_file(folder / "usage", text);
    ObjectCache cache({folder.path(), {}, {}});
    CHECK(cache.bytes() == before);
  }
  CHECK_FALSE(std::filesystem::exists(beside));
}

TEST_CASE("object_cache: nobody else may read the copies") {
  const TemporaryFolder folder;
  const ObjectCache cache({folder / "deep/er", {}, {}});
  struct stat info {};
  REQUIRE(::stat((folder / "deep/er").c_str(), &info) == 0);
  CHECK((info.st_mode & 0777) == 0700);
  REQUIRE(::stat((folder / "deep/er/objects").c_str(), &info) == 0);
  CHECK((info.st_mode & 0777) == 0700);
}

TEST_CASE("object_cache: a full disk ends the keeping with one warning") {
  const TemporaryFolder folder;
  const pid_t child = ::fork();
  if (child == 0) {
    int result = 0;
    try {
      int warnings = 0;
      std::string text;
      ObjectCache cache({folder.path(), {}, [&](const std::string& warning) {
                           ++warnings;
                           text = warning;
                         }});
      cache.put(object(0), picture(0));
      ::signal(SIGXFSZ, SIG_IGN);
      const rlimit limit{50'000, 50'000};
      ::setrlimit(RLIMIT_FSIZE, &limit);
      for (int i = 1; i < 5; ++i) cache.put(object(i), picture(i, 100'000));
      cache.put(object(9), picture(9));  // would fit, but it has given up
      if (warnings != 1) result = 1;
      if (!says(text, "copies of objects are no longer kept: ")) result = 2;
      if (!says(text, "File too large")) result = 3;
      if (!cache.off() || cache.get(object(0)) != picture(0)) result = 4;  // is still read
      if (entries_of(folder.path()).size() != 1) result = 5;  // and nothing half written is left
    } catch (...) {
      result = 6;
    }
    ::_exit(result);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  CHECK(status == 0);
}

TEST_CASE("object_cache: where it is") {
  const auto with = [](const char* own, const char* base, const char* home) {
    const auto set = [](const char* name, const char* value) {
      value == nullptr ? ::unsetenv(name) : ::setenv(name, value, 1);
    };
    const char* old_home = std::getenv("HOME");
    const std::string kept = old_home == nullptr ? "" : old_home;
    set("OCELLI_CACHE", own);
    set("XDG_CACHE_HOME", base);
    set("HOME", home);
    std::string result;
    try {
      result = default_cache_folder();
    } catch (const StoreError& error) {
      result = error.what();
    }
    set("OCELLI_CACHE", nullptr);
    set("XDG_CACHE_HOME", nullptr);
    set("HOME", kept.empty() ? nullptr : kept.c_str());
    return result;
  };
  CHECK(with("/own", "/base", "/users/a") == "/own");
  CHECK(with("", "/base", "/users/a") == "/base/ocelli");
  CHECK(with(nullptr, "relative", "/users/a") == "/users/a/.cache/ocelli");
  CHECK(with(nullptr, nullptr, "/users/a") == "/users/a/.cache/ocelli");
  CHECK(says(with(nullptr, nullptr, nullptr), "set OCELLI_CACHE"));
  CHECK(says(
      message_of<StoreError>([] {
        ObjectCache({"/proc/none/cache", {}, {}});
      }),
      "/proc/none"));
}

TEST_CASE("object_cache: writers at once count together") {
  const TemporaryFolder folder;
  std::vector<pid_t> children;
  for (int p = 0; p < 3; ++p) {
    const pid_t child = ::fork();
    if (child == 0) {
      ObjectCache cache({folder.path(), {}, {}});
      std::vector<std::thread> threads;
      for (int t = 0; t < 3; ++t)
        threads.emplace_back([&, t] {
          for (int i = 0; i < 150; ++i) cache.put(object(1000 * (3 * p + t) + i), picture(i, 10));
        });
      for (std::thread& thread : threads) thread.join();
      ::_exit(cache.off() ? 1 : 0);
    }
    children.push_back(child);
  }
  for (const pid_t child : children) {
    int status = 0;
    ::waitpid(child, &status, 0);
    CHECK(status == 0);
  }
  CHECK(entries_of(folder.path()).size() == 3 * 3 * 150);
  CHECK(ObjectCache({folder.path(), {}, {}}).bytes() == size_of(folder.path()));
}

/// What a process or thread of the next test does: reads and writes the same few objects.
bool hammer(ObjectCache& cache, unsigned seed) {
  for (int round = 0; round < 300; ++round) {
    seed = seed * 1664525u + 1013904223u;
    const int number = static_cast<int>(seed >> 24) % 40;
    const auto size = static_cast<std::size_t>(500 + number * 50);
    if (const auto found = cache.get(object(number))) {
      if (*found != picture(number, size)) return false;  // torn, or another one's
    } else {
      cache.put(object(number), picture(number, size));
    }
  }
  return !cache.off();
}

TEST_CASE("object_cache: processes and threads at once") {
  const TemporaryFolder folder;
  constexpr std::uint64_t limit = 30'000;  // about half of what they want to keep
  const auto work = [&](unsigned seed) {
    ObjectCache cache({folder.path(), limit, {}});
    std::atomic<bool> good{true};
    std::vector<std::thread> threads;
    for (unsigned t = 0; t < 3; ++t)
      threads.emplace_back([&, t] {
        if (!hammer(cache, seed * 10 + t)) good = false;
      });
    for (std::thread& thread : threads) thread.join();
    return good.load();
  };
  std::vector<pid_t> children;
  for (unsigned p = 0; p < 3; ++p) {
    const pid_t child = ::fork();
    if (child == 0) {
      int result = 2;
      try {
        result = work(p) ? 0 : 1;
      } catch (...) {
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
  const ObjectCache cache({folder.path(), limit, {}});
  CHECK(cache.bytes() == size_of(folder.path()));
  CHECK(size_of(folder.path()) <= limit);
  CHECK(entries_of(folder.path()).size() > 5);
}

}  // namespace
}  // namespace ocelli::bucket
