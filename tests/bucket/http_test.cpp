// HttpClient against servers that answer, cut, stall and say nothing.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/bucket/http.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <numeric>
#include <string>
#include <thread>
#include <vector>

#include "bucket/scripted_server.hpp"
#include "support/message_of.hpp"

using namespace ocelli;
using namespace ocelli::bucket;
using namespace ocelli::test;

namespace {

HttpRequest get(const ScriptedServer& server, const std::string& path) {
  HttpRequest request;
  request.url = server.endpoint() + path;
  return request;
}

Answer text(const std::string& body) {
  Answer answer;
  answer.body = body;
  return answer;
}

}  // namespace

TEST_CASE("http: a request goes out as it was given, and the answer comes back") {
  const ScriptedServer server([](const HttpMessage&, int) {
    Answer answer = text("hello");
    answer.headers = {{"X-Two", "  two words "}, {"ETag", "\"e\""}};
    return answer;
  });
  HttpClient client;
  HttpRequest request = get(server, "/a/../b//%2E?x=1&y=");
  request.headers = {"X-One: 1", "Authorization: nobody"};
  const HttpResponse response = client.perform(request);
  CHECK(response.good());
  CHECK(response.body == "hello");
  CHECK(response.header("x-two") == "two words");
  CHECK(response.header("etag") == "\"e\"");
  CHECK(response.header("none") == "");
  const HttpMessage sent = server.requests().at(0);
  CHECK(sent.start == "GET /a/../b//%2E?x=1&y= HTTP/1.1");
  CHECK(sent.header("X-One") == "1");
  CHECK(sent.header("Content-Type") == "");
  CHECK(sent.header("Accept-Encoding") == "");

  request.headers = {"X-One: 1\r\nX-Smuggled: 2"};
  CHECK(says(message_of<StoreError>([&] { client.perform(request); }), "line break"));
  CHECK(client.perform(get(server, "/")).good());  // it still works
}

TEST_CASE("http: bodies are sent, of a part and of nothing") {
  const ScriptedServer server([](const HttpMessage& asked, int) { return text(asked.body); });
  HttpClient client;
  std::string bytes(3'000'000, '\0');
  std::iota(bytes.begin(), bytes.end(), '\0');
  const BytesBody body(bytes);
  for (const char* method : {"PUT", "POST"}) {
    HttpRequest request = get(server, "/");
    request.method = method;
    request.body = &body;
    request.body_offset = 5;
    request.body_size = bytes.size() - 10;
    CHECK(client.perform(request).body == bytes.substr(5, bytes.size() - 10));
    request.body = nullptr;
    request.body_size = 0;
    CHECK(client.perform(request).good());
  }
  HttpRequest removal = get(server, "/gone");
  removal.method = "DELETE";
  CHECK(client.perform(removal).good());
  HttpRequest head = get(server, "/");
  head.method = "HEAD";
  head.head_only = true;
  CHECK(client.perform(head).good());
  const auto requests = server.requests();
  REQUIRE(requests.size() == 6);
  for (const HttpMessage& asked : requests) CHECK(asked.header("Expect") == "");
  CHECK(requests[0].word(0) == "PUT");
  CHECK(requests[1].header("Content-Length") == "0");
  CHECK(requests[2].word(0) == "POST");
  CHECK(requests[3].header("Content-Length") == "0");
  CHECK(requests[4].word(0) == "DELETE");
  CHECK(requests[5].word(0) == "HEAD");
  CHECK(server.connections() == 1);
}

TEST_CASE("http: a body that throws ends the request and leaves") {
  const ScriptedServer server([](const HttpMessage&, int) { return text(""); });
  struct Torn : Body {
    std::uint64_t size() const override { return 1u << 20; }
    void read(std::uint64_t offset, std::span<std::byte>) const override {
      if (offset > 200'000) throw DataError("torn");
    }
  } body;
  HttpClient client;
  HttpRequest request = get(server, "/");
  request.method = "PUT";
  request.body = &body;
  request.body_size = body.size();
  CHECK_THROWS_AS(client.perform(request), DataError);
  CHECK(client.perform(get(server, "/")).good());
}

TEST_CASE("http: pieces come in order on the caller's thread, however slow it is") {
  std::string bytes(8'000'000, '\0');
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(i * i >> 8);
  const ScriptedServer server([&](const HttpMessage& asked, int) {
    Answer answer = text(bytes);
    if (asked.word(1) == "/missing") answer.status = 404, answer.body = "none";
    return answer;
  });
  HttpClient client;
  std::string got;
  int heads = 0;
  const std::thread::id owner = std::this_thread::get_id();
  std::size_t longest = 0;
  const auto on_head = [&](const HttpResponse& response) {
    ++heads;
    CHECK(got.empty());
    CHECK(response.header("content-length") == "8000000");
  };
  const auto on_data = [&](std::span<const std::byte> piece) {
    CHECK(std::this_thread::get_id() == owner);
    got.append(reinterpret_cast<const char*>(piece.data()), piece.size());
    longest = std::max(longest, piece.size());
    if (heads == 1) std::this_thread::sleep_for(std::chrono::milliseconds(2));
  };
  const HttpResponse response = client.perform(get(server, "/"), on_data, on_head);
  CHECK(response.good());
  CHECK(response.body == "");
  CHECK(heads == 1);
  CHECK(got == bytes);
  CHECK(longest <= 1u << 20);  // so much waits at most, whatever the object's size
  // The body of a refusal is kept for its reader.
  const HttpResponse missing = client.perform(get(server, "/missing"), on_data, on_head);
  CHECK(missing.status == 404);
  CHECK(missing.body == "none");
  CHECK(heads == 1);
}

TEST_CASE("http: what the taker throws ends the transfer and leaves") {
  const std::string bytes(20'000'000, 'x');
  const ScriptedServer server([&](const HttpMessage&, int) { return text(bytes); });
  HttpClient client;
  std::size_t taken = 0;
  const auto give_up = [&](std::span<const std::byte> piece) {
    taken += piece.size();
    throw DataError("enough");
  };
  CHECK_THROWS_AS(client.perform(get(server, "/"), give_up), DataError);
  CHECK(taken < bytes.size() / 4);
  CHECK(client.perform(get(server, "/")).body == bytes);
}

TEST_CASE("http: a cut body, a stall, silence and a closed port are faults, whatever the status") {
  const ScriptedServer server([](const HttpMessage& asked, int) {
    Answer answer = text("half");
    if (asked.word(1) == "/cut") answer.announced = 8, answer.ends = true;
    if (asked.word(1) == "/stall") answer.announced = 8, answer.stalls = true;
    if (asked.word(1) == "/silence") answer.stalls = answer.nothing = true;
    return answer;
  });
  HttpOptions options;
  options.stall_timeout = std::chrono::milliseconds(150);
  HttpClient client(options);
  const HttpResponse cut = client.perform(get(server, "/cut"));
  CHECK(cut.status == 200);
  CHECK(cut.transport == 18);
  CHECK_FALSE(cut.good());
  const HttpResponse stall = client.perform(get(server, "/stall"));
  CHECK(stall.status == 200);
  CHECK(stall.transport == 28);
  CHECK(stall.fault == "no byte for 150 ms");
  const HttpResponse silence = client.perform(get(server, "/silence"));
  CHECK(silence.status == 0);
  CHECK(silence.transport == 28);
  HttpRequest closed;
  {
    const Listener gone;
    closed.url = gone.endpoint() + "/";
  }
  const HttpResponse nobody = client.perform(closed);
  CHECK(nobody.transport == 7);
  CHECK(says(nobody.fault, "Couldn't connect"));
  // After each of them the client works as before.
  HttpRequest unknown;
  unknown.url = "http://no-such-host.invalid/";
  for (int i = 0; i < 3; ++i) CHECK(client.perform(unknown).transport == 6);
  CHECK(client.perform(get(server, "/")).good());
  // What came before a stall has reached its taker.
  std::string got;
  client.perform(get(server, "/stall"), [&](std::span<const std::byte> piece) {
    got.append(reinterpret_cast<const char*>(piece.data()), piece.size());
  });
  CHECK(got == "half");
}

TEST_CASE("http: many threads share few connections, which are kept") {
  const ScriptedServer server([](const HttpMessage& asked, int) { return text(asked.word(1)); });
  const auto run = [&](bool reuse) {
    HttpOptions options;
    options.connections = 3;
    options.reuse_connections = reuse;
    HttpClient client(options);
    std::atomic<int> good{0};
    std::vector<std::thread> crew;
    for (int t = 0; t < 10; ++t)
      crew.emplace_back([&, t] {
        for (int i = 0; i < 20; ++i) {
          const std::string path = "/" + std::to_string(t) + "-" + std::to_string(i);
          if (client.perform(get(server, path)).body == path) ++good;
        }
      });
    for (std::thread& thread : crew) thread.join();
    CHECK(good == 200);
    return client.counts();
  };
  const HttpCounts kept = run(true), fresh = run(false);
  CHECK(kept.requests == 200);
  CHECK(kept.connections <= 3);
  CHECK(kept.most_open <= 3);
  CHECK(fresh.connections == 200);
  CHECK(fresh.most_open <= 3);
}

TEST_CASE("http: servers that wait for an acknowledgement get it at once") {
  const ScriptedServer server([](const HttpMessage&, int) {
    Answer answer = text("hello");
    answer.holds_back = true;
    return answer;
  });
  HttpClient client;
  // At first a system acknowledges everything at once; then it waits at least 40 ms, each time. So
  // the quickest of many shows it, on a busy machine too.
  auto quickest = std::chrono::steady_clock::duration::max();
  for (int i = 0; i < 60; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    REQUIRE(client.perform(get(server, "/")).body == "hello");
    if (i >= 30) quickest = std::min(quickest, std::chrono::steady_clock::now() - begin);
  }
  CHECK(server.connections() == 1);
  CHECK(quickest < std::chrono::milliseconds(40));
}

TEST_CASE("http: a kept connection that has died is replaced, and the body sent again") {
  const ScriptedServer server([](const HttpMessage& asked, int number) {
    Answer answer = text(asked.body);
    answer.ends = number == 0;  // without saying so
    return answer;
  });
  HttpClient client;
  CHECK(client.perform(get(server, "/")).good());
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  const std::string bytes(500'000, 'y');
  const BytesBody body(bytes);
  HttpRequest request = get(server, "/");
  request.method = "PUT";
  request.body = &body;
  request.body_size = bytes.size();
  CHECK(client.perform(request).body == bytes);
  CHECK(server.connections() == 2);
}

TEST_CASE("http: redirects are answers, and http can be forbidden") {
  const ScriptedServer server([](const HttpMessage&, int) {
    Answer answer;
    answer.status = 307;
    answer.headers = {{"Location", "http://127.0.0.1:1/elsewhere"}};
    return answer;
  });
  HttpClient client;
  const HttpResponse response = client.perform(get(server, "/"));
  CHECK(response.status == 307);
  CHECK(response.header("location") == "http://127.0.0.1:1/elsewhere");
  HttpOptions options;
  options.http_allowed = false;
  HttpClient strict(options);
  CHECK(strict.perform(get(server, "/")).transport == 1);
  CHECK(server.requests().size() == 1);
}
