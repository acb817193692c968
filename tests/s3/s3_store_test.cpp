// S3Store against a real server: every operation, odd keys, long listings, conditions and parts.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/bucket/s3_store.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "s3/fresh_bucket.hpp"
#include "s3/gateway.hpp"
#include "support/message_of.hpp"

using namespace ocelli;
using namespace ocelli::bucket;
using namespace ocelli::test;

namespace {

std::string text_of(const std::vector<std::byte>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::string bytes_of(std::size_t size, unsigned seed) {
  std::string text(size, '\0');
  for (std::size_t i = 0; i < size; ++i) {
    seed = seed * 1664525u + 1013904223u;
    text[i] = static_cast<char>(seed >> 24);
  }
  return text;
}

}  // namespace

TEST_CASE("s3_store: fifteen odd keys make the round trip") {
  if (!gateway_there()) return;
  const FreshBucket fresh("keys");
  S3Store store(fresh.options);
  const std::vector<std::string> keys = {
      "a b.jpg", "a+b.jpg",  "snö/日本 😀.jpg", "a=b",     "100%25 %.jpg", "a//b", "~a~",
      "a&b?c#d", "/leading", "'(a)*!",         "a:@,;$b", "x/../y.jpg",   ".",    "trailing/",
      ".."};
  CHECK(keys.size() == 15);
  for (const std::string& key : keys) {
    CAPTURE(key);
    const std::string text = "of " + key;
    const ObjectInfo put = store.put(key, text);
    CHECK(put.size == text.size());
    CHECK(text_of(store.get(key)) == text);
    const auto head = store.head(key);
    REQUIRE(head);
    CHECK(head->size == text.size());
    CHECK(head->etag == put.etag);
    CHECK(head->key == key);
    CHECK(head->modified > 1'600'000'000);
    const auto found = store.list(key);
    REQUIRE(!found.empty());
    CHECK(found[0].key == key);
    CHECK(found[0].etag == put.etag);
    CHECK(found[0].modified == head->modified);
    const std::string copied = "copy of/" + key;
    CHECK(store.copy(key, copied, put.etag).etag == put.etag);
    CHECK(text_of(store.get(copied)) == text);
    CHECK(store.copy(copied, key).size == text.size());
  }
  std::vector<std::string> sorted = keys;
  for (const std::string& key : keys) sorted.push_back("copy of/" + key);
  std::sort(sorted.begin(), sorted.end());
  std::vector<std::string> listed;
  for (const ObjectInfo& object : store.list("")) listed.push_back(object.key);
  CHECK(listed == sorted);
  for (const std::string& key : sorted) store.remove(key);
  CHECK(store.list("").empty());
  for (const std::string& key : keys) CHECK_FALSE(store.head(key));
}

TEST_CASE("s3_store: five thousand objects are listed completely and in order [slow]") {
  if (!gateway_there()) return;
  const FreshBucket fresh("pages");
  S3Store store(fresh.options);
  constexpr int count = 5000;
  const auto key = [](int i) { return "p/" + std::to_string(i * 7919 % 100'000) + " ü+.jpg"; };
  std::atomic<int> next{0};
  std::vector<std::thread> crew;
  for (int t = 0; t < 16; ++t)
    crew.emplace_back([&] {
      for (int i = next++; i < count; i = next++) store.put(key(i), std::to_string(i));
    });
  for (std::thread& thread : crew) thread.join();
  store.put("q", "not below p/");

  std::vector<std::string> expected, listed;
  for (int i = 0; i < count; ++i) expected.push_back(key(i));
  std::sort(expected.begin(), expected.end());
  int pages = 0;
  store.list("p/", [&](std::span<const ObjectInfo> page) {
    ++pages;
    for (const ObjectInfo& object : page) listed.push_back(object.key);
  });
  CHECK(pages >= 5);
  CHECK(listed == expected);
  CHECK(store.counts().most_open <= 16);

  // As many are fetched at once, each once, and they are removed the same way.
  std::vector<int> arrived(expected.size());
  store.get_many(expected, [&](Fetched&& fetched) {
    REQUIRE_FALSE(fetched.fault);
    ++arrived[fetched.index];
    CHECK(key(std::stoi(text_of(fetched.bytes))) == expected[fetched.index]);
  });
  CHECK(std::all_of(arrived.begin(), arrived.end(), [](int n) { return n == 1; }));
  CHECK(store.counts().most_open <= 16);
  next = 0;
  crew.clear();
  for (int t = 0; t < 16; ++t)
    crew.emplace_back([&] {
      for (int i = next++; i < count; i = next++) store.remove(key(i));
    });
  for (std::thread& thread : crew) thread.join();
  CHECK(store.list("p/").empty());
}

TEST_CASE("s3_store: parts of an object") {
  if (!gateway_there()) return;
  const FreshBucket fresh("ranges");
  S3Store store(fresh.options);
  store.put("a", "0123456789");
  const auto part = [&](std::uint64_t offset, std::optional<std::uint64_t> length) {
    BytesSink sink;
    GetOptions options;
    options.offset = offset;
    options.length = length;
    const auto info = store.get("a", sink, options);
    CHECK(info->size == 10);
    return text_of(sink.bytes);
  };
  CHECK(part(0, {}) == "0123456789");
  CHECK(part(3, {}) == "3456789");
  CHECK(part(3, 4) == "3456");
  CHECK(part(8, 100) == "89");
  CHECK(part(9, 1) == "9");
  CHECK(part(10, {}) == "");
  CHECK(part(11, 5) == "");
  CHECK(part(2, 0) == "");
  store.put("empty", "");
  CHECK(store.get("empty").empty());
  BytesSink sink;
  GetOptions some;
  some.length = 5;
  CHECK(store.get("empty", sink, some)->size == 0);
}

TEST_CASE("s3_store: conditions") {
  if (!gateway_there()) return;
  const FreshBucket fresh("conditions");
  S3Store store(fresh.options);
  PutOptions absent, matching;
  absent.if_absent = true;
  const ObjectInfo first = store.put("a", "one", absent);
  const std::string there = message_of<ConditionError>([&] { store.put("a", "two", absent); });
  CHECK(says(there, "s3://" + fresh.options.bucket + "/a: there is such an object already"));
  CHECK(text_of(store.get("a")) == "one");

  matching.if_match = first.etag;
  const ObjectInfo second = store.put("a", "two", matching);
  CHECK(second.etag != first.etag);
  CHECK_THROWS_AS(store.put("a", "three", matching), ConditionError);
  matching.if_match = second.etag;
  CHECK_THROWS_AS(store.put("none", "x", matching), ConditionError);
  CHECK_FALSE(store.head("none"));

  BytesSink sink;
  GetOptions options;
  options.if_none_match = second.etag;
  CHECK_FALSE(store.get("a", sink, options));
  options.if_none_match = first.etag;
  CHECK(store.get("a", sink, options)->etag == second.etag);
  CHECK(text_of(sink.bytes) == "two");
  options.if_none_match = "";
  options.if_match = first.etag;
  CHECK_THROWS_AS(store.get("a", sink, options), ConditionError);
  CHECK_THROWS_AS(store.copy("a", "b", first.etag), ConditionError);
  CHECK_FALSE(store.head("b"));
  CHECK(store.copy("a", "b", second.etag).size == 3);
}

TEST_CASE("s3_store: an object in parts appears whole, or not at all") {
  if (!gateway_there()) return;
  const FreshBucket fresh("parts");
  S3Options options = fresh.options;
  options.part_size = 5u << 20;  // the least that servers take
  options.copy_size = 8u << 20;
  S3Store store(options);
  const std::string text = bytes_of((17u << 20) + 12'345, 1);
  PutOptions typed;
  typed.content_type = "image/png";
  const ObjectInfo put = store.put("big", BytesBody(text), typed);
  CHECK(put.size == text.size());
  CHECK(says(put.etag, "-4"));
  CHECK(text_of(store.get("big")) == text);
  CHECK(store.head("big")->etag == put.etag);

  const ObjectInfo copied = store.copy("big", "big copy");  // in parts too
  CHECK(says(copied.etag, "-3"));
  CHECK(store.head("big copy")->etag == copied.etag);
  CHECK(text_of(store.get("big copy")) == text);

  PutOptions absent;
  absent.if_absent = true;
  CHECK_THROWS_AS(store.put("big", BytesBody(text), absent), ConditionError);

  // A body that ends in an error leaves neither an object nor parts.
  struct Torn : Body {
    std::uint64_t size() const override { return 20u << 20; }
    void read(std::uint64_t offset, std::span<std::byte> out) const override {
      if (offset > (12u << 20)) throw StoreError("the drive is gone", "/drive/x");
      std::fill(out.begin(), out.end(), std::byte{7});
    }
  };
  CHECK(says(message_of<StoreError>([&] { store.put("torn", Torn()); }), "the drive is gone"));
  CHECK_FALSE(store.head("torn"));
  S3Client client(options);
  S3Request uploads;
  uploads.bucket = options.bucket;
  uploads.query = {{"uploads", ""}};
  const std::string open = client.demand(uploads).http.body;
  CHECK(says(open, "<ListMultipartUploadsResult"));
  CHECK_FALSE(says(open, "<UploadId>"));
}

TEST_CASE("s3_store: what a sink or a taker throws ends the transfer and leaves") {
  if (!gateway_there()) return;
  const FreshBucket fresh("thrown");
  S3Store store(fresh.options);
  const std::string text = bytes_of(3u << 20, 5);
  std::vector<std::string> keys;
  for (int i = 0; i < 40; ++i) keys.push_back("k" + std::to_string(i));
  for (const std::string& key : keys) store.put(key, text);
  struct Full : Sink {
    void begin(const ObjectInfo&) override {}
    void write(std::span<const std::byte>) override {
      CHECK(std::this_thread::get_id() == owner);
      throw DataError("full");
    }
    std::thread::id owner = std::this_thread::get_id();
  } full;
  CHECK_THROWS_AS(store.get("k0", full), DataError);
  int taken = 0;
  const auto give_up = [&](Fetched&&) {
    if (++taken == 3) throw DataError("enough");
  };
  CHECK_THROWS_AS(store.get_many(keys, give_up), DataError);
  CHECK(taken == 3);
  CHECK(text_of(store.get("k39")) == text);  // the store still works
}

TEST_CASE("s3_store: one that is missing among many is reported in its place") {
  if (!gateway_there()) return;
  const FreshBucket fresh("missing");
  S3Store store(fresh.options);
  store.put("a", "1");
  store.put("c", "3");
  const std::vector<std::string> keys = {"a", "b", "c"};
  std::vector<std::string> got(3);
  store.get_many(keys, [&](Fetched&& fetched) {
    try {
      if (fetched.fault) std::rethrow_exception(fetched.fault);
      got[fetched.index] = text_of(fetched.bytes);
    } catch (const NotFoundError& error) {
      got[fetched.index] = error.what();
    }
  });
  CHECK(got[0] == "1");
  CHECK(says(got[1], fresh.options.bucket + "/b: there is no such object (HTTP 404, NoSuchKey"));
  CHECK(got[2] == "3");
}
