// Tokens: asked for once, renewed in time by one, kept when the server fails.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/bucket/iam.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <future>
#include <string>
#include <thread>
#include <vector>

#include "bucket/token_server.hpp"
#include "ocelli/bucket/object_store.hpp"
#include "support/message_of.hpp"

using namespace ocelli;
using namespace ocelli::bucket;
using namespace ocelli::test;
using namespace std::chrono_literals;

namespace {

/// A clock that the test moves, and pauses that take no time.
struct IamCase {
  std::atomic<std::int64_t> seconds{1'700'000'000};
  std::vector<std::chrono::milliseconds> pauses;

  IamOptions options(const std::string& url) {
    IamOptions iam;
    iam.api_key = Secret("KEY+/1");
    iam.instance = "crn:1::";
    iam.origin = "the test";
    iam.url = url;
    iam.now = [this] {
      return std::chrono::system_clock::time_point(std::chrono::seconds(seconds.load()));
    };
    iam.pause = [this](std::chrono::milliseconds time) { pauses.push_back(time); };
    return iam;
  }
};

std::string numbered(int number) { return "TOKEN" + std::to_string(number); }
TokenServer::Respond numbered_tokens() {
  return [](int number, const std::string&, const std::string&) {
    return TokenServer::token(numbered(number));
  };
}

}  // namespace

TEST_CASE("iam: an API key becomes a token") {
  std::string head, form;
  TokenServer server([&](int, const std::string& h, const std::string& f) {
    head = h, form = f;
    return TokenServer::token("TOKEN");
  });
  IamCase c;
  IamProvider provider(c.options(server.url()));
  CHECK(server.requests() == 0);
  const Credentials credentials = provider.get();
  CHECK(credentials.bearer.reveal() == "TOKEN");
  CHECK(credentials.instance == "crn:1::");
  CHECK(credentials.access_key_id.empty());
  CHECK(provider.origin() == "the test");
  CHECK(head.starts_with("POST /token HTTP/1.1\r\n"));
  CHECK(says(head, "Content-Type: application/x-www-form-urlencoded"));
  CHECK(says(head, "Accept: application/json"));
  CHECK(form == "grant_type=urn%3Aibm%3Aparams%3Aoauth%3Agrant-type%3Aapikey&apikey=KEY%2B%2F1");
}

TEST_CASE("iam: many callers, one request") {
  TokenServer server([](int number, const std::string&, const std::string&) {
    std::this_thread::sleep_for(50ms);  // so that the others come meanwhile
    return TokenServer::token(numbered(number));
  });
  IamCase c;
  IamProvider provider(c.options(server.url()));
  std::atomic<int> right{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 16; ++i)
    threads.emplace_back([&] { right += provider.get().bearer.reveal() == "TOKEN1"; });
  for (std::thread& thread : threads) thread.join();
  CHECK(right == 16);
  CHECK(server.requests() == 1);
}

TEST_CASE("iam: after 80 % of its life one asks, the others go on") {
  std::promise<void> arrived, release;
  TokenServer server([&](int number, const std::string&, const std::string&) {
    if (number == 2) {
      arrived.set_value();
      release.get_future().wait();
    }
    return TokenServer::token(numbered(number));
  });
  IamCase c;
  IamProvider provider(c.options(server.url()));
  CHECK(provider.get().bearer.reveal() == "TOKEN1");
  c.seconds += 2879;  // of 3600
  CHECK(provider.get().bearer.reveal() == "TOKEN1");
  CHECK(server.requests() == 1);
  c.seconds += 1;
  std::string asked;
  std::thread asking([&] { asked = provider.get().bearer.reveal(); });
  arrived.get_future().wait();
  CHECK(provider.get().bearer.reveal() == "TOKEN1");  // while the server thinks
  release.set_value();
  asking.join();
  CHECK(asked == "TOKEN2");
  CHECK(provider.get().bearer.reveal() == "TOKEN2");
  CHECK(server.requests() == 2);
}

TEST_CASE("iam: a token that has expired is never handed out") {
  std::atomic<bool> broken{false};
  TokenServer server([&](int number, const std::string&, const std::string&) {
    return broken ? TokenServer::Answer{500, ""} : TokenServer::token(numbered(number));
  });
  IamCase c;
  IamProvider provider(c.options(server.url()));
  provider.get();
  c.seconds += 3600;
  CHECK(provider.get().bearer.reveal() == "TOKEN2");
  c.seconds += 3600;
  broken = true;
  CHECK(says(message_of<StoreError>([&] { provider.get(); }), "answers with HTTP 500"));
  broken = false;
  CHECK(provider.get().bearer.reveal() == "TOKEN8");  // five attempts were in vain
}

TEST_CASE("iam: when the next token cannot be had, the old one serves until its end") {
  std::atomic<bool> broken{false};
  TokenServer server([&](int number, const std::string&, const std::string&) {
    return broken ? TokenServer::Answer{503, ""} : TokenServer::token(numbered(number));
  });
  IamCase c;
  IamProvider provider(c.options(server.url()));
  provider.get();
  broken = true;
  c.seconds += 3000;
  CHECK(provider.get().bearer.reveal() == "TOKEN1");
  CHECK(server.requests() == 2);  // a single attempt
  CHECK(c.pauses.empty());
  c.seconds += 149;
  CHECK(provider.get().bearer.reveal() == "TOKEN1");
  CHECK(server.requests() == 2);  // left alone for a quarter of what is left
  c.seconds += 1;
  CHECK(provider.get().bearer.reveal() == "TOKEN1");
  CHECK(server.requests() == 3);
  broken = false;
  c.seconds += 400;
  CHECK(provider.get().bearer.reveal() == "TOKEN4");
}

TEST_CASE("iam: a wrong key is said at once, without the key") {
  TokenServer server([&](int, const std::string&, const std::string& form) {
    return TokenServer::Answer{
        400, R"({"errorCode":"BXNIM0415E","errorMessage":"Provided API key KEY+/1 of )" + form +
                 R"( could not be found"})"};
  });
  IamCase c;
  IamProvider provider(c.options(server.url()));
  const std::string message = message_of<AccessError>([&] { provider.get(); });
  CHECK(
      says(message, server.url() + ": the API key is refused (HTTP 400: Provided API key *** of"));
  CHECK(says(message, "apikey=*** could not be found); check the key in the test"));
  CHECK(server.requests() == 1);
  CHECK(c.pauses.empty());
}

TEST_CASE("iam: 500 and 429 are tried again, with longer and longer pauses") {
  TokenServer server([&](int number, const std::string&, const std::string&) {
    if (number < 4) return TokenServer::Answer{number == 2 ? 429 : 500, "oops"};
    return TokenServer::token("TOKEN");
  });
  IamCase c;
  IamProvider provider(c.options(server.url()));
  CHECK(provider.get().bearer.reveal() == "TOKEN");
  CHECK(server.requests() == 4);
  REQUIRE(c.pauses.size() == 3);
  auto longest = 250ms;
  for (const std::chrono::milliseconds pause : c.pauses) {
    CHECK(pause <= longest);
    CHECK(pause >= longest / 2);
    longest *= 2;
  }
}

TEST_CASE("iam: what is no answer of a token server") {
  TokenServer::Answer answer;
  TokenServer server([&](int, const std::string&, const std::string&) { return answer; });
  IamCase c;
  const auto message = [&](int status, const std::string& body) {
    answer = {status, body};
    IamProvider provider(c.options(server.url()));
    const std::string words = message_of<StoreError>([&] { provider.get(); });
    CHECK_FALSE(says(words, "HUSH"));
    return words;
  };
  CHECK(
      says(message(500, ""), "no token: the token server answers with HTTP 500; try again later"));
  CHECK(server.requests() == 5);
  CHECK(says(message(302, ""), "HTTP 302; check the address"));
  CHECK(says(message(404, "<html>"), "HTTP 404; check the address"));
  CHECK(says(message(200, "HUSH"), "holds no access_token"));
  CHECK(says(message(200, "[]"), "holds no access_token"));
  CHECK(says(message(200, R"({"access_token":"HUSH HUSH","expires_in":1})"), "malformed token"));
  CHECK(says(message(200, R"({"access_token":"HUSH"})"), "does not say when it will"));
  CHECK(says(message(200, R"({"access_token":"HUSH","expires_in":-1})"), "does not say when"));
  CHECK(says(message(200, R"({"access_token":"HUSH","expiration":1})"), "has expired already"));
  CHECK(says(message(200, R"({"access_token":"HUSH","expires_in":"3"})"), "does not say when"));
}

TEST_CASE("iam: the end of a token may be told as a date") {
  TokenServer server([&](int number, const std::string&, const std::string&) {
    return TokenServer::Answer{
        200, R"({"access_token":")" + numbered(number) + R"(","expiration":1700001000})"};
  });
  IamCase c;
  IamProvider provider(c.options(server.url()));
  provider.get();
  c.seconds = 1'700'000'799;
  CHECK(provider.get().bearer.reveal() == "TOKEN1");
  c.seconds = 1'700'000'800;
  CHECK(provider.get().bearer.reveal() == "TOKEN2");
}

TEST_CASE("iam: a server that is not there") {
  std::string url;
  { url = TokenServer(numbered_tokens()).url(); }  // its port is free again
  IamCase c;
  IamProvider provider(c.options(url));
  const std::string message = message_of<StoreError>([&] { provider.get(); });
  CHECK(says(message, url + ": no token: the token server cannot be reached ("));
  CHECK(c.pauses.size() == 4);
}

TEST_CASE("iam: renew asks once for all that were refused") {
  std::atomic<bool> broken{false};
  TokenServer server([&](int number, const std::string&, const std::string&) {
    return broken ? TokenServer::Answer{400, "{}"} : TokenServer::token(numbered(number));
  });
  IamCase c;
  IamProvider provider(c.options(server.url()));
  provider.get();
  CHECK(provider.renew());
  CHECK(provider.get().bearer.reveal() == "TOKEN2");

  constexpr int count = 8;
  std::atomic<int> ready{0}, renewed{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < count; ++i)
    threads.emplace_back([&] {
      provider.get();
      for (++ready; ready < count;) std::this_thread::yield();
      renewed += provider.renew() ? 1 : 0;
    });
  for (std::thread& thread : threads) thread.join();
  CHECK(renewed == count);
  CHECK(server.requests() == 3);
  CHECK(provider.get().bearer.reveal() == "TOKEN3");

  broken = true;
  CHECK_FALSE(provider.renew());
  CHECK(provider.get().bearer.reveal() == "TOKEN3");  // as far as the clock knows it is good
}

TEST_CASE("iam: API keys go over https, or stay on this machine") {
  const auto make = [](const std::string& url) {
    IamOptions options;
    options.api_key = Secret("HUSH");
    options.url = url;
    IamProvider{options};
  };
  CHECK(says(
      message_of<ConfigError>([&] { make("http://iam.example/token"); }),
      "http://iam.example: API keys are not sent over http; use an https:// address"));
  for (const char* url :
       {"http://127.0.0.1.example/", "http://localhost.example/", "http://localhost@example/",
        "http://127.0.0.1@example", "ftp://localhost", "http://[::1].example/", "http://127.evil/",
        "", "http://[::2]/"}) {
    CAPTURE(url);
    CHECK_THROWS_AS(make(url), ConfigError);
  }
  for (const char* url :
       {"http://127.0.0.1:1/", "http://localhost/", "http://[::1]:80/x", "https://iam.example/x",
        "HTTP://LOCALHOST:9"}) {
    CAPTURE(url);
    CHECK_NOTHROW(make(url));
  }
}
