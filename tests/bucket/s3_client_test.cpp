// S3Client: addresses, logins, redirects, clocks, and what is tried again.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/bucket/s3_client.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <latch>
#include <string>
#include <thread>
#include <vector>

#include "bucket/s3_script.hpp"
#include "support/message_of.hpp"

using namespace ocelli;
using namespace ocelli::bucket;
using namespace ocelli::test;

namespace {

S3Request about(const std::string& key, const std::string& method = "GET") {
  S3Request request;
  request.method = method;
  request.bucket = "cats";
  request.key = key;
  return request;
}

/// Gives another token after each renewal.
class Renewable : public CredentialsProvider {
 public:
  Credentials get() override {
    Credentials keys;
    keys.bearer = Secret("token-" + std::to_string(renewed));
    return keys;
  }
  bool renew() override { return ++renewed <= most; }
  std::string origin() const override { return "the test"; }
  int renewed = 0, most = 1;
};

}  // namespace

TEST_CASE("s3_client: bucket and key in the path, the query sorted, everything signed") {
  const ScriptedServer server([](const HttpMessage&, int) { return said(200, "x"); });
  S3Client client(scripted_options(server.endpoint() + "/base/"));
  S3Request request = about("a b/+//../ü");
  request.query = {{"uploadId", "x/y"}, {"partNumber", "1"}};
  request.headers = {{"x-amz-meta-a", "1"}};
  CHECK(client.demand(request).http.body == "x");
  const HttpMessage asked = server.requests().at(0);
  CHECK(asked.word(1) == "/base/cats/a%20b/%2B//../%C3%BC?partNumber=1&uploadId=x%2Fy");
  CHECK(asked.header("Host") == server.endpoint().substr(7));
  CHECK(asked.header("x-amz-security-token") == secret_words[2]);
  const std::string authorization = asked.header("Authorization");
  CHECK(says(
      authorization,
      "/us-east-1/s3/aws4_request, SignedHeaders=host;x-amz-content-sha256;"
      "x-amz-date;x-amz-meta-a;x-amz-security-token, Signature="));
  // Over plain http the body's own hash is signed.
  const BytesBody body("abc");
  S3Request put = about("k", "PUT");
  put.body = &body;
  put.size = 3;
  client.demand(put);
  CHECK(server.requests().at(1).header("x-amz-content-sha256") == Sha256::hex_of("abc"));
  CHECK(server.requests().at(1).body == "abc");
}

TEST_CASE("s3_client: the bucket in the host's name, where that is asked for") {
  const ScriptedServer server([](const HttpMessage&, int) { return said(200); });
  const std::string port = server.endpoint().substr(server.endpoint().rfind(':'));
  S3Options options = scripted_options("http://localhost" + port);
  options.addressing = S3Options::Addressing::virtual_host;
  S3Client client(options);
  client.demand(about("k"));
  CHECK(server.requests().at(0).word(1) == "/k");
  CHECK(server.requests().at(0).header("Host") == "cats.localhost" + port);
}

TEST_CASE("s3_client: without credentials nothing is signed") {
  const ScriptedServer server([](const HttpMessage&, int) { return refused(403, "AccessDenied"); });
  S3Options options = scripted_options(server.endpoint());
  options.credentials = nullptr;
  S3Client client(options);
  const std::string message = message_of<AccessError>([&] { client.demand(about("k")); });
  CHECK(server.requests().at(0).header("Authorization") == "");
  CHECK(
      message ==
      "s3://cats/k: access is denied without credentials (HTTP 403, AccessDenied, "
      "request tx-7); give credentials, or make the bucket public");
}

TEST_CASE("s3_client: names that could lead elsewhere are refused") {
  S3Options options = scripted_options("http://127.0.0.1:1");
  for (const char* name : {"a/b", "a.example.com/", "..", "a b", "a@b", "a?b", "a%2fb"}) {
    options.bucket = name;
    CHECK_THROWS_AS(S3Client{options}, ConfigError);
  }
  options.bucket = "cats";
  options.region = "a.b/c";
  CHECK_THROWS_AS(S3Client{options}, ConfigError);
  options.region = "us-east-1";
  options.endpoint = "example.com";
  CHECK_THROWS_AS(S3Client{options}, ConfigError);
  options.endpoint = "https://example.com?x=1";
  CHECK_THROWS_AS(S3Client{options}, ConfigError);
}

TEST_CASE("s3_client: busy servers and broken lines are tried again, refusals are not") {
  for (const int status : {429, 500, 502, 503, 504}) {
    const ScriptedServer server([&](const HttpMessage&, int number) {
      return number < 3 ? refused(status, "SlowDown") : said(200, "x");
    });
    S3Client client(scripted_options(server.endpoint()));
    const S3Reply reply = client.send(about("k"));
    CHECK(reply.good());
    CHECK(reply.attempts == 4);
    CHECK(reply.unsure);
  }
  for (const int status : {400, 401, 403, 404, 405, 409, 411, 416, 501}) {
    const ScriptedServer server(
        [&](const HttpMessage&, int) { return refused(status, "Whatever"); });
    S3Client client(scripted_options(server.endpoint()));
    CHECK(client.send(about("k")).attempts == 1);
    CHECK(server.requests().size() == 1);
  }
  const ScriptedServer broken([](const HttpMessage&, int number) {
    Answer answer = said(200, "half");
    if (number == 0) answer.nothing = true;
    if (number == 1) answer.announced = 10, answer.ends = true;
    if (number == 2) answer.announced = 10, answer.stalls = true;
    return answer;
  });
  S3Client client(scripted_options(broken.endpoint()));
  CHECK(client.send(about("k")).http.body == "half");
  CHECK(broken.requests().size() == 4);

  const ScriptedServer busy([](const HttpMessage&, int) { return refused(503, "SlowDown"); });
  S3Client patient(scripted_options(busy.endpoint()));
  CHECK(
      message_of<StoreError>([&] { patient.demand(about("k")); }) ==
      "s3://cats/k: the server is busy or out of order (HTTP 503, SlowDown, request tx-7, 4 "
      "attempts); try again later");
}

TEST_CASE("s3_client: an error within an answer of status 200 is one") {
  const ScriptedServer server([](const HttpMessage& asked, int number) {
    if (asked.word(1) == "/cats/gone") return refused(200, "NoSuchKey");
    return number == 0 ? refused(200, "InternalError") : said(200, "<Result/>");
  });
  S3Client client(scripted_options(server.endpoint()));
  S3Request request = about("k", "PUT");
  request.error_in_body = true;
  CHECK(client.demand(request).attempts == 2);
  request.key = "gone";
  CHECK_THROWS_AS(client.demand(request), NotFoundError);
  CHECK(server.requests().size() == 3);
}

TEST_CASE("s3_client: Retry-After is honoured, but not longer than the longest wait") {
  const auto time_with = [](const std::string& after, std::chrono::milliseconds longest) {
    const ScriptedServer server([&](const HttpMessage&, int number) {
      Answer answer = number == 0 ? refused(503, "SlowDown") : said(200);
      if (number == 0) answer.headers.emplace_back("Retry-After", after);
      return answer;
    });
    S3Options options = scripted_options(server.endpoint());
    options.longest_backoff = longest;
    S3Client client(options);
    const auto begin = std::chrono::steady_clock::now();
    client.demand(about("k"));
    return std::chrono::steady_clock::now() - begin;
  };
  // Lower bounds alone: a busy machine may take longer over anything.
  CHECK(time_with("3600", std::chrono::milliseconds(100)) >= std::chrono::milliseconds(100));
  CHECK(time_with("1", std::chrono::seconds(5)) >= std::chrono::seconds(1));
  CHECK(
      time_with("Fri, 31 Dec 2100 00:00:00 GMT", std::chrono::milliseconds(100)) >=
      std::chrono::milliseconds(100));
}

TEST_CASE("s3_client: redirects are followed and signed anew, but not without end") {
  const ScriptedServer target(
      [](const HttpMessage& asked, int) { return said(200, asked.word(1)); });
  const ScriptedServer server([&](const HttpMessage& asked, int) {
    Answer answer = refused(307, "TemporaryRedirect");
    const std::string path = asked.word(1);
    answer.headers.emplace_back(
        "Location", path.starts_with("/cats/loop") ? path : target.endpoint() + path);
    return answer;
  });
  S3Client client(scripted_options(server.endpoint()));
  S3Request request = about("a b", "PUT");
  request.query = {{"partNumber", "1"}};
  const BytesBody body("abc");
  request.body = &body;
  request.size = 3;
  const S3Reply reply = client.demand(request);
  CHECK(reply.http.body == "/cats/a%20b?partNumber=1");
  const HttpMessage asked = target.requests().at(0);
  CHECK(asked.word(0) == "PUT");
  CHECK(asked.body == "abc");
  CHECK(asked.header("Host") == target.endpoint().substr(7));
  CHECK(asked.header("Authorization") != server.requests().at(0).header("Authorization"));

  const std::size_t before = server.requests().size();
  const std::string message = message_of<StoreError>([&] { client.demand(about("loop")); });
  CHECK(says(message, "s3://cats/loop: the server redirects without end"));
  CHECK(server.requests().size() - before == 6);
}

TEST_CASE("s3_client: the region that a server names is taken") {
  const ScriptedServer server([](const HttpMessage& asked, int) {
    return says(asked.header("Authorization"), "/eu-west-1/s3/")
               ? said(200)
               : refused(400, "AuthorizationHeaderMalformed", "<Region>eu-west-1</Region>");
  });
  S3Client client(scripted_options(server.endpoint()));
  client.demand(about("k"));
  CHECK(client.region() == "eu-west-1");
  client.demand(about("k"));
  CHECK(server.requests().size() == 3);
}

TEST_CASE("s3_client: a region that several requests are told of at once is taken by all") {
  constexpr int threads = 4;
  std::latch all_wrong(threads);
  const ScriptedServer server([&](const HttpMessage& asked, int) {
    if (says(asked.header("Authorization"), "/garage/s3/")) return said(200);
    all_wrong.arrive_and_wait();
    return refused(400, "AuthorizationHeaderMalformed", "<Region>garage</Region>");
  });
  S3Client client(scripted_options(server.endpoint()));
  std::atomic<int> good{0};
  std::vector<std::thread> asking;
  for (int t = 0; t < threads; ++t)
    asking.emplace_back([&] { good += client.send(about("k")).good() ? 1 : 0; });
  for (std::thread& one : asking) one.join();
  CHECK(good == threads);
  CHECK(server.requests().size() == 2 * threads);
}

TEST_CASE("s3_client: each attempt may be redirected anew") {
  const ScriptedServer target([](const HttpMessage&, int number) {
    return number < 3 ? refused(503, "SlowDown") : said(200, "there");
  });
  const ScriptedServer server([&](const HttpMessage& asked, int) {
    Answer answer = refused(307, "TemporaryRedirect");
    // Three steps, so that four attempts take more than one may have redirects.
    const std::string path = asked.word(1);
    answer.headers.emplace_back(
        "Location", path == "/cats/k"     ? "/cats/k?step=1"
                    : path.ends_with("1") ? "/cats/k?step=2"
                                          : target.endpoint() + "/cats/k");
    return answer;
  });
  S3Client client(scripted_options(server.endpoint()));
  CHECK(client.demand(about("k")).http.body == "there");
  CHECK(server.requests().size() == 12);
}

TEST_CASE("s3_client: a clock that is wrong is corrected once") {
  const ScriptedServer server([](const HttpMessage& asked, int) {
    // "20261121T12..."
    return asked.header("x-amz-date").starts_with("20261121T12")
               ? said(200)
               : refused(403, "RequestTimeTooSkewed");
  });
  S3Client client(scripted_options(server.endpoint()));
  client.demand(about("k"));
  client.demand(about("k"));
  CHECK(server.requests().size() == 3);

  const ScriptedServer stubborn(
      [](const HttpMessage&, int) { return refused(403, "RequestTimeTooSkewed"); });
  S3Client other(scripted_options(stubborn.endpoint()));
  CHECK(says(
      message_of<AccessError>([&] { other.demand(about("k")); }),
      "s3://cats/k: this machine's clock is wrong (HTTP 403, RequestTimeTooSkewed"));
  CHECK(stubborn.requests().size() == 2);
}

TEST_CASE("s3_client: an expired token is renewed once") {
  const ScriptedServer server([](const HttpMessage& asked, int) {
    return asked.header("Authorization") == "Bearer token-1" ? said(200)
                                                             : refused(401, "ExpiredToken");
  });
  S3Options options = scripted_options(server.endpoint());
  const auto provider = std::make_shared<Renewable>();
  options.credentials = provider;
  S3Client client(options);
  client.demand(about("k"));
  CHECK(provider->renewed == 1);
  provider->renewed = 5;  // a token that does not help, and no other is to be had
  const std::string message = message_of<AccessError>([&] { client.demand(about("k")); });
  CHECK(says(message, "the token has expired or is not valid"));
  CHECK(provider->renewed == 6);
  CHECK_FALSE(says(message, "token-"));
}

TEST_CASE("s3_client: the refusal of a HEAD has words too") {
  const ScriptedServer server(
      [](const HttpMessage&, int) { return refused(403, "SignatureDoesNotMatch"); });
  S3Client client(scripted_options(server.endpoint()));
  CHECK(
      message_of<AccessError>([&] { client.demand(about("k", "HEAD")); }) ==
      "s3://cats/k: the secret key does not belong to this access key (HTTP 403, "
      "SignatureDoesNotMatch, request tx-7); check the secret key from the test");
  CHECK(server.requests().at(1).header("Range") == "bytes=0-0");
}

TEST_CASE("s3_client: a token leaves over https or not at all, but for this machine") {
  S3Options options = scripted_options("http://store.example.com", bearer_credentials());
  S3Client far(options);
  CHECK(message_of<AccessError>([&] {
          far.demand(about("k"));
        }) == "s3://cats/k: a token is not sent over plain http; use an https endpoint");
  CHECK(far.counts().requests == 0);

  const ScriptedServer server([](const HttpMessage& asked, int) {
    Answer answer = refused(307, "TemporaryRedirect");
    answer.headers.emplace_back("Location", "http://store.example.com" + asked.word(1));
    return answer;
  });
  S3Client near(scripted_options(server.endpoint(), bearer_credentials()));
  CHECK(says(
      message_of<AccessError>([&] { near.demand(about("k")); }),
      "redirects to plain http, where a token is not sent"));
  CHECK(near.counts().requests == 1);
  CHECK(
      server.requests().at(0).header("Authorization") == "Bearer " + std::string(secret_words[3]));
  CHECK(server.requests().at(0).header("x-amz-date") == "");
}

TEST_CASE("s3_client: a token goes to no other server than its own") {
  const ScriptedServer thief([](const HttpMessage&, int) { return said(200, "thanks"); });
  const std::string there = thief.endpoint().substr(7), port = there.substr(there.rfind(':'));
  for (const bool location : {true, false})
    for (const std::string& where : {there, "localhost" + port, "localhost:x@" + there}) {
      CAPTURE(where);
      const ScriptedServer server([&](const HttpMessage& asked, int) {
        Answer answer =
            refused(307, "TemporaryRedirect", location ? "" : "<Endpoint>" + where + "</Endpoint>");
        if (location) answer.headers.emplace_back("Location", "http://" + where + asked.word(1));
        return answer;
      });
      S3Client client(scripted_options(server.endpoint(), bearer_credentials()));
      CHECK_THROWS_AS(client.demand(about("k")), StoreError);
      CHECK(server.requests().size() == 1);
    }
  CHECK(thief.connections() == 0);
}

TEST_CASE("s3_client: a server that repeats what it was sent cannot make a message show it") {
  const ScriptedServer server([](const HttpMessage& asked, int) {
    const std::string seen =
        asked.header("Authorization") + " " + asked.header("x-amz-security-token");
    return said(
        400, "<Error><Code>Odd " + seen + "</Code><Message>You sent " + seen +
                 "</Message><RequestId>" + seen + "</RequestId></Error>");
  });
  for (const Credentials& keys : {key_credentials(), bearer_credentials()}) {
    S3Client client(scripted_options(server.endpoint(), keys));
    const std::string message = message_of<StoreError>([&] { client.demand(about("k")); });
    CHECK(says(message, "s3://cats/k: the server refuses the request (HTTP 400): You sent"));
    CHECK_FALSE(shows_secrets(message));
  }
}
