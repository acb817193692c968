// The store in memory keeps the rules that all stores keep.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/bucket/memory_store.hpp"

#include <doctest/doctest.h>

#include <exception>
#include <optional>
#include <span>
#include <string>
#include <vector>

using namespace ocelli::bucket;

namespace {

std::string text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
std::string part(
    MemoryStore& store, std::uint64_t offset, std::optional<std::uint64_t> length = {}) {
  BytesSink sink;
  GetOptions options;
  options.offset = offset;
  options.length = length;
  REQUIRE(store.get("a", sink, options));
  return text_of(sink.bytes);
}
GetOptions if_match(const std::string& etag) {
  GetOptions options;
  options.if_match = etag;
  return options;
}
GetOptions if_none_match(const std::string& etag) {
  GetOptions options;
  options.if_none_match = etag;
  return options;
}
PutOptions put_if_match(const std::string& etag) {
  PutOptions options;
  options.if_match = etag;
  return options;
}
PutOptions put_if_absent() {
  PutOptions options;
  options.if_absent = true;
  return options;
}

}  // namespace

TEST_CASE("memory_store: what was put is there, whole, until it is removed") {
  MemoryStore store("cats");
  CHECK(store.name() == "memory://cats");
  CHECK(store.bucket() == "cats");
  CHECK_FALSE(store.head("a"));
  CHECK_THROWS_AS(store.get("a"), NotFoundError);

  const ObjectInfo first = store.put("a", "0123456789");
  CHECK(first.key == "a");
  CHECK(first.size == 10);
  CHECK(store.head("a")->etag == first.etag);
  CHECK(text_of(store.get("a")) == "0123456789");
  CHECK(store.put("a", "0123456789").etag != first.etag);  // another version

  store.remove("a");
  store.remove("a");
  CHECK_FALSE(store.head("a"));
}

TEST_CASE("memory_store: parts end where the object ends") {
  MemoryStore store;
  store.put("a", "0123456789");
  CHECK(part(store, 3, 4) == "3456");
  CHECK(part(store, 8, 4) == "89");
  CHECK(part(store, 8) == "89");
  CHECK(part(store, 20).empty());
  CHECK(part(store, 2, 0).empty());
}

TEST_CASE("memory_store: conditions") {
  MemoryStore store;
  const std::string old = store.put("a", "one").etag;
  CHECK_THROWS_AS(store.put("a", "two", put_if_absent()), ConditionError);
  const std::string now = store.put("a", "two", put_if_match(old)).etag;
  CHECK_THROWS_AS(store.put("a", "three", put_if_match(old)), ConditionError);
  CHECK_THROWS_AS(store.put("b", "new", put_if_match(old)), ConditionError);
  CHECK(text_of(store.get("a")) == "two");

  BytesSink sink;
  CHECK_FALSE(store.get("a", sink, if_none_match(now)));
  CHECK(store.get("a", sink, if_none_match(old)));
  CHECK(store.get("a", sink, if_match(now)));
  CHECK_THROWS_AS(store.get("a", sink, if_match(old)), ConditionError);

  CHECK_THROWS_AS(store.copy("a", "c", old), ConditionError);
  CHECK_THROWS_AS(store.copy("nothing", "c"), NotFoundError);
  CHECK(store.copy("a", "c", now).key == "c");
  CHECK(text_of(store.get("c")) == "two");
}

TEST_CASE("memory_store: a listing is in the order of bytes, below its prefix") {
  MemoryStore store;
  for (const char* key : {"b", "a/2", "a", "a/10", "a-", "\xC3\xA9"}) store.put(key, "");
  std::vector<std::string> keys;
  for (const ObjectInfo& info : store.list()) keys.push_back(info.key);
  CHECK(keys == std::vector<std::string>{"a", "a-", "a/10", "a/2", "b", "\xC3\xA9"});
  CHECK(store.list("a/").size() == 2);
  CHECK(store.list("z").empty());
}

TEST_CASE("object_store: several at once, each with its bytes or its fault") {
  MemoryStore store;
  store.put("a", "one");
  store.put("c", "three");
  const std::vector<std::string> keys = {"a", "b", "c"};
  std::vector<std::string> got(3);
  int faults = 0;
  store.get_many(keys, [&](Fetched&& fetched) {
    got[fetched.index] = text_of(fetched.bytes);
    if (!fetched.fault) return;
    ++faults;
    CHECK(fetched.index == 1);
    CHECK_THROWS_AS(std::rethrow_exception(fetched.fault), NotFoundError);
  });
  CHECK(faults == 1);
  CHECK(got == std::vector<std::string>{"one", "", "three"});
  int told = 0;
  CHECK_THROWS_AS(
      store.get_many(
          keys,
          [&](Fetched&&) {
            ++told;
            throw std::runtime_error("enough");
          }),
      std::runtime_error);
  CHECK(told == 1);
}
