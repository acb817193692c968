// S3Download: bodies that break are resumed; objects that change begin again.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/bucket/s3_download.hpp"

#include <doctest/doctest.h>

#include <string>

#include "bucket/s3_script.hpp"
#include "ocelli/bucket/s3_store.hpp"
#include "support/message_of.hpp"

using namespace ocelli;
using namespace ocelli::bucket;
using namespace ocelli::test;

namespace {

struct CountingSink : Sink {
  void begin(const ObjectInfo& info) override {
    ++begun;
    last = info;
    text.clear();
  }
  void write(std::span<const std::byte> bytes) override {
    text.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  }
  int begun = 0;
  ObjectInfo last;
  std::string text;
};

Answer cut(Answer answer, std::size_t after) {
  answer.announced = answer.body.size();
  answer.body.resize(std::min(after, answer.body.size()));
  answer.ends = true;
  return answer;
}

std::string long_text() {
  std::string text;
  for (int i = 0; text.size() < 3'000'000; ++i) text += std::to_string(i) + ",";
  return text;
}

}  // namespace

TEST_CASE("s3_download: a body that is cut goes on where it broke") {
  const std::string text = "0123456789abcdefghij";
  const ScriptedServer server([&](const HttpMessage& asked, int number) {
    const Answer whole = object(asked, text, "e1");
    return number < 3 ? cut(whole, 5) : whole;
  });
  S3Store store(scripted_options(server.endpoint()));
  CountingSink sink;
  const auto info = store.get("k", sink);
  CHECK(sink.text == text);
  CHECK(sink.begun == 1);
  CHECK(info->size == 20);
  CHECK(info->etag == "e1");
  CHECK(info->modified == 1369353600);
  const auto requests = server.requests();
  REQUIRE(requests.size() == 4);
  CHECK(requests[0].header("Range") == "bytes=0-");
  CHECK(requests[1].header("Range") == "bytes=5-19");
  CHECK(requests[1].header("If-Match") == "\"e1\"");
  CHECK(requests[3].header("Range") == "bytes=15-19");
}

TEST_CASE("s3_download: a part that is cut goes on within the part") {
  const std::string text = "0123456789abcdefghij";
  const ScriptedServer server([&](const HttpMessage& asked, int number) {
    const Answer part = object(asked, text, "e1");
    return number < 1 ? cut(part, 2) : part;
  });
  S3Store store(scripted_options(server.endpoint()));
  CountingSink sink;
  GetOptions options;
  options.offset = 4;
  options.length = 6;
  store.get("k", sink, options);
  CHECK(sink.text == "456789");
  CHECK(server.requests().at(1).header("Range") == "bytes=6-9");
}

TEST_CASE("s3_download: an object that changes meanwhile begins again") {
  const ScriptedServer server([&](const HttpMessage& asked, int number) {
    if (number == 0) return cut(object(asked, "the old bytes", "e1"), 5);
    if (asked.header("If-Match") == "\"e1\"") return refused(412, "PreconditionFailed");
    return object(asked, "new", "e2");
  });
  S3Store store(scripted_options(server.endpoint()));
  CountingSink sink;
  CHECK(store.get("k", sink)->etag == "e2");
  CHECK(sink.text == "new");
  CHECK(sink.begun == 2);
  CHECK(sink.last.size == 3);
  CHECK(server.requests().at(2).header("Range") == "bytes=0-");

  // Unless the caller wants that very object.
  const ScriptedServer strict([&](const HttpMessage& asked, int number) {
    if (number == 0) return cut(object(asked, "the old bytes", "e1"), 5);
    return refused(412, "PreconditionFailed");
  });
  S3Store other(scripted_options(strict.endpoint()));
  GetOptions options;
  options.if_match = "e1";
  CHECK_THROWS_AS(other.get("k", sink, options), ConditionError);
  CHECK(strict.requests().size() == 2);
}

TEST_CASE("s3_download: a server that forgets the range, or the object's etag, begins again") {
  const ScriptedServer forgetful([&](const HttpMessage& asked, int number) {
    HttpMessage plain = asked;
    plain.remove_header("Range");
    const Answer whole = object(plain, "0123456789", "e1");
    return number == 0 ? cut(whole, 5) : whole;
  });
  S3Store store(scripted_options(forgetful.endpoint()));
  CountingSink sink;
  store.get("k", sink);
  CHECK(sink.text == "0123456789");
  CHECK(sink.begun == 2);
  GetOptions part;
  part.offset = 3;
  CHECK(says(
      message_of<StoreError>([&] { store.get("k", sink, part); }),
      "s3://cats/k: the server sends other bytes than those that were asked for"));

  const ScriptedServer nameless([&](const HttpMessage& asked, int number) {
    Answer whole = object(asked, "0123456789", "e1");
    whole.headers.erase(whole.headers.begin());  // the etag
    return number == 0 ? cut(whole, 5) : whole;
  });
  S3Store other(scripted_options(nameless.endpoint()));
  other.get("k", sink);
  CHECK(sink.text == "0123456789");
  CHECK(nameless.requests().at(1).header("Range") == "bytes=0-");
}

TEST_CASE("s3_download: a long transfer in many pieces is not given up, a hopeless one is") {
  const std::string text = long_text();
  const ScriptedServer server([&](const HttpMessage& asked, int) {
    const Answer rest = object(asked, text, "e1");
    return rest.body.size() > 200'000 ? cut(rest, 200'000) : rest;
  });
  S3Options options = scripted_options(server.endpoint());
  options.attempts = 7;  // each MiB takes six
  S3Store store(options);
  CountingSink sink;
  store.get("k", sink);
  CHECK(sink.text == text);
  CHECK(sink.begun == 1);
  CHECK(server.requests().size() > 14);

  options.attempts = 3;
  S3Store impatient(options);
  CHECK_THROWS_AS(impatient.get("k", sink), StoreError);
}

TEST_CASE("s3_download: more bytes than announced are no object") {
  const ScriptedServer server([&](const HttpMessage& asked, int) {
    HttpMessage plain = asked;
    plain.remove_header("Range");
    Answer answer = object(plain, "0123456789", "e1");
    answer.headers.emplace_back("Content-Range", "bytes 2-3/10");  // but all ten are sent
    answer.status = 206;
    return answer;
  });
  S3Store store(scripted_options(server.endpoint()));
  CountingSink sink;
  GetOptions options;
  options.offset = 2;
  options.length = 2;
  CHECK_THROWS_AS(store.get("k", sink, options), StoreError);
  CHECK(sink.text.size() <= 2);
}
