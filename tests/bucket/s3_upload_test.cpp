// S3Upload: writes whose answers are lost, and uploads in parts that fail.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/bucket/s3_upload.hpp"

#include <doctest/doctest.h>

#include <map>
#include <mutex>
#include <string>

#include "bucket/s3_script.hpp"
#include "ocelli/bucket/s3_store.hpp"
#include "support/message_of.hpp"

using namespace ocelli;
using namespace ocelli::bucket;
using namespace ocelli::test;

namespace {

/// One object, written under conditions, whose first answers are lost after the work is done.
struct Forgetful {
  std::mutex mutex;
  std::string bytes, mark;
  bool there = false;
  int lost = 0, version = 1;

  void lose_next() {
    const std::lock_guard lock(mutex);
    lost = 1;
  }
  std::string stored() {
    const std::lock_guard lock(mutex);
    return bytes;
  }

  Answer operator()(const HttpMessage& asked) {
    const std::lock_guard lock(mutex);
    const std::string etag = "v" + std::to_string(version);
    if (asked.word(0) == "HEAD") {
      if (!there) return said(404);
      Answer answer = object(asked, bytes, etag);
      if (!mark.empty()) answer.headers.emplace_back("x-amz-meta-ocelli-write", mark);
      return answer;
    }
    const std::string match = asked.header("If-Match");
    if ((asked.header("If-None-Match") == "*" && there) || (!match.empty() && match != etag))
      return refused(412, "PreconditionFailed");
    bytes = asked.body;
    mark = asked.header("x-amz-meta-ocelli-write");
    there = true;
    Answer answer = said(200);
    answer.headers = {{"ETag", "\"v" + std::to_string(++version) + "\""}};
    if (lost-- > 0) answer.nothing = true;
    return answer;
  }
};

}  // namespace

TEST_CASE("s3_upload: a write whose answer was lost is known by its mark") {
  Forgetful bucket;
  const ScriptedServer server([&](const HttpMessage& asked, int) { return bucket(asked); });
  S3Store store(scripted_options(server.endpoint()));
  PutOptions absent;
  absent.if_absent = true;
  bucket.lose_next();
  const ObjectInfo first = store.put("k", "one", absent);
  CHECK(first.etag == "v2");
  CHECK(first.size == 3);
  CHECK(bucket.stored() == "one");
  // The same bytes of another writer are not ours.
  CHECK_THROWS_AS(store.put("k", "one", absent), ConditionError);
  PutOptions matching;
  matching.if_match = "v2";
  bucket.lose_next();
  CHECK(store.put("k", "two", matching).etag == "v3");
  CHECK(bucket.stored() == "two");
  bucket.lose_next();
  CHECK_THROWS_AS(store.put("k", "three", matching), ConditionError);
  CHECK(bucket.stored() == "two");
}

TEST_CASE("s3_upload: somebody else's object under a lost answer is not ours") {
  Forgetful bucket;
  const ScriptedServer server([&](const HttpMessage& asked, int number) {
    if (number > 0) return bucket(asked);
    const std::lock_guard lock(bucket.mutex);
    bucket.there = true;  // another writer came first; and this answer is lost
    bucket.bytes = "one";
    Answer nothing;
    nothing.nothing = true;
    return nothing;
  });
  S3Store store(scripted_options(server.endpoint()));
  PutOptions absent;
  absent.if_absent = true;
  CHECK(message_of<ConditionError>([&] {
          store.put("k", "one", absent);
        }) == "s3://cats/k: there is such an object already; read it, or take another key");
}

namespace {

/// A server of one upload in parts.
struct Parts {
  std::mutex mutex;
  std::map<int, std::string> parts;
  std::string object, mark;
  int aborted = 0, completed = 0, begun = 0;
  bool lose_complete = false, refuse_third = false, tell_etag = true;

  template <class Value>
  Value seen(Value Parts::*member) {
    const std::lock_guard lock(mutex);
    return this->*member;
  }

  Answer operator()(const HttpMessage& asked) {
    const std::lock_guard lock(mutex);
    const std::string method = asked.word(0), target = asked.word(1);
    if (method == "HEAD") {
      if (!completed) return said(404);
      Answer answer = said(200, object);
      answer.headers = {{"ETag", "\"whole-3\""}, {"x-amz-meta-ocelli-write", mark}};
      return answer;
    }
    if (method == "DELETE") return ++aborted, said(204);
    if (method == "POST" && says(target, "?uploads=")) {
      ++begun;
      mark = asked.header("x-amz-meta-ocelli-write");
      return said(
          200,
          "<InitiateMultipartUploadResult><UploadId>u1</UploadId></InitiateMultipartUploadResult>");
    }
    if (method == "PUT" && !says(target, "partNumber=")) {
      Answer answer = said(200);
      answer.headers = {{"ETag", "\"whole\""}};
      return answer;
    }
    if (method == "PUT") {
      const int part = std::stoi(target.substr(target.find("partNumber=") + 11));
      if (part == 3 && refuse_third) return refused(403, "AccessDenied");
      parts[part] = asked.body;
      Answer answer = said(200);
      answer.headers = {{"ETag", "\"p" + std::to_string(part) + "\""}};
      return answer;
    }
    if (completed) return refused(404, "NoSuchUpload");
    ++completed;
    for (const auto& [number, bytes] : parts) object += bytes;
    if (lose_complete) {
      Answer nothing;
      nothing.nothing = true;
      return nothing;
    }
    return said(
        200, std::string("<CompleteMultipartUploadResult><ETag>") + (tell_etag ? "whole-3" : "") +
                 "</ETag></CompleteMultipartUploadResult>");
  }
};

S3Options small_parts(const ScriptedServer& server) {
  S3Options options = scripted_options(server.endpoint());
  options.part_size = 1000;
  return options;
}

}  // namespace

TEST_CASE("s3_upload: parts are put together in order, also when the last answer is lost") {
  const std::string text(2500, 'x');
  for (const bool lost : {false, true}) {
    for (const bool told : {false, true}) {
      Parts bucket;
      bucket.lose_complete = lost;
      bucket.tell_etag = told;
      const ScriptedServer server([&](const HttpMessage& asked, int) { return bucket(asked); });
      S3Store store(small_parts(server));
      const ObjectInfo info = store.put("k", text);
      CHECK(info.etag == "whole-3");
      CHECK(info.size == 2500);
      CHECK(bucket.seen(&Parts::object) == text);
      CHECK(bucket.seen(&Parts::parts).size() == 3);
      CHECK(bucket.seen(&Parts::completed) == 1);
      CHECK(bucket.seen(&Parts::aborted) == 0);
    }
  }
  Parts bucket;
  const ScriptedServer server([&](const HttpMessage& asked, int) { return bucket(asked); });
  S3Store store(small_parts(server));
  store.put("k", std::string(1000, 'x'));  // not above part_size: in one piece
  CHECK(bucket.seen(&Parts::begun) == 0);
}

TEST_CASE("s3_upload: a part that is refused ends the upload, and its parts are removed") {
  Parts bucket;
  bucket.refuse_third = true;
  const ScriptedServer server([&](const HttpMessage& asked, int) { return bucket(asked); });
  S3Store store(small_parts(server));
  const std::string message =
      message_of<AccessError>([&] { store.put("k", std::string(9500, 'x')); });
  CHECK(says(message, "s3://cats/k: these credentials may not write here (HTTP 403, AccessDenied"));
  CHECK(bucket.seen(&Parts::aborted) == 1);
  CHECK(bucket.seen(&Parts::completed) == 0);
  CHECK_FALSE(shows_secrets(message));
}

TEST_CASE("s3_upload: parts are never more than ten thousand") {
  using s3_detail::part_size_for;
  constexpr std::uint64_t mib = 1u << 20;
  CHECK(part_size_for(17 * mib, 16 * mib) == 16 * mib);
  CHECK(part_size_for(160'000 * mib, 16 * mib) == 16 * mib);
  CHECK(part_size_for(160'001 * mib, 16 * mib) == 17 * mib);
  const std::uint64_t most = std::uint64_t{5} << 40;
  const std::uint64_t part = part_size_for(most, 16 * mib);
  CHECK((most + part - 1) / part <= 10'000);
}
