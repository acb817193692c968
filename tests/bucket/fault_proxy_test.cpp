// The proxy that breaks connections for the tests of stores: that it does what it is told, to the
// server as well as to the client. The server here is a small one of the test.
// SPDX-License-Identifier: Apache-2.0
#include "s3/fault_proxy.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "s3/http_message.hpp"
#include "s3/loopback.hpp"

using namespace ocelli::test;
using std::chrono::milliseconds;

namespace {

/// Answers each whole request with its method and body, and remembers it. One connection at a time.
class Echo {
 public:
  Echo() : thread_([this] { serve(); }) {}
  ~Echo() {
    listener_.stop();
    thread_.join();
  }
  Echo(const Echo&) = delete;
  Echo& operator=(const Echo&) = delete;
  std::string endpoint() const { return listener_.endpoint(); }
  std::vector<HttpMessage> seen() const {
    const std::lock_guard lock(mutex_);
    return seen_;
  }

 private:
  void serve() {
    while (true) {
      const Socket client = listener_.accept();
      if (!client.valid()) return;
      Reader from(client);
      HttpMessage request;
      if (!read_head(from, request) || !read_body(from, request)) continue;
      {
        const std::lock_guard lock(mutex_);
        seen_.push_back(request);
      }
      const std::string method = request.word(0);
      if (request.header("Chunks").empty()) {
        const std::string body = method + ":" + request.body;
        send_all(
            client, "HTTP/1.1 200 OK\r\nETag: \"e\"\r\nContent-Length: " +
                        std::to_string(body.size()) + "\r\n\r\n" + (method == "HEAD" ? "" : body));
      } else {
        send_all(
            client,
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
            "4\r\nabcd\r\na\r\n0123456789\r\n0\r\n\r\n");
      }
    }
  }

  Listener listener_;
  mutable std::mutex mutex_;
  std::vector<HttpMessage> seen_;
  std::thread thread_;
};

int port_of(const std::string& endpoint) {
  return std::stoi(endpoint.substr(endpoint.rfind(':') + 1));
}

std::string request_text(
    const std::string& method, const std::string& body, const std::string& more = {}) {
  return method + " /b/k HTTP/1.1\r\nHost: as.it.was:1\r\nX-Two: a  b\r\n" + more +
         (body.empty() ? "" : "Content-Length: " + std::to_string(body.size()) + "\r\n") + "\r\n" +
         body;
}

struct Answer {
  bool head = false, whole = false;
  HttpMessage message;
};
Answer ask(
    const std::string& endpoint, const std::string& method, const std::string& body = {},
    const std::string& more = {}) {
  const Socket server = connect_to(port_of(endpoint));
  REQUIRE(server.valid());
  send_all(server, request_text(method, body, more));
  Reader from(server);
  Answer answer;
  answer.whole = read_answer(from, method, answer.message);
  answer.head = answer.whole || !answer.message.headers.empty();
  return answer;
}

Schedule always(Fault fault, double where = 0.5) {
  return [=](const Asked&) { return Deed{fault, where}; };
}
Schedule first(Fault fault) {
  return [=](const Asked& asked) { return Deed{asked.before == 0 ? fault : Fault::none, 0.5}; };
}

TEST_CASE("fault proxy: passes requests and answers on as they are") {
  const Echo server;
  const FaultProxy proxy(server.endpoint());
  const Answer answer = ask(proxy.endpoint(), "PUT", "hello");
  CHECK(answer.whole);
  CHECK(answer.message.start == "HTTP/1.1 200 OK");
  CHECK(answer.message.header("etag") == "\"e\"");
  CHECK(answer.message.body == "PUT:hello");
  REQUIRE(server.seen().size() == 1);
  CHECK(server.seen()[0].head() + server.seen()[0].body == request_text("PUT", "hello"));
  const Answer head = ask(proxy.endpoint(), "HEAD");
  CHECK(head.message.header("content-length") == "5");
  const Answer chunks = ask(proxy.endpoint(), "GET", {}, "Chunks: yes\r\n");
  CHECK(chunks.message.body == "abcd0123456789");
  CHECK(chunks.message.header("content-length") == "14");
  CHECK(proxy.connections() == 3);
  CHECK(proxy.counts() == std::map<Fault, int>{{Fault::none, 3}});
}

TEST_CASE("fault proxy: keeps connections, and counts those open at once") {
  const Echo server;
  const FaultProxy proxy(server.endpoint());
  std::vector<Socket> clients;
  for (int i = 0; i < 5; ++i) {
    clients.push_back(connect_to(port_of(proxy.endpoint())));
    Reader from(clients.back());
    for (int turn = 0; turn < 3; ++turn) {
      HttpMessage answer;
      send_all(clients.back(), request_text("POST", std::to_string(turn)));
      REQUIRE(read_answer(from, "POST", answer));
      CHECK(answer.body == "POST:" + std::to_string(turn));
    }
  }
  CHECK(proxy.connections() == 5);
  CHECK(proxy.most_open() == 5);
  CHECK(proxy.log().size() == 15);
}

TEST_CASE("fault proxy: cuts what goes to the client") {
  const Echo server;
  for (const Fault fault :
       {Fault::close, Fault::reset, Fault::cut_head, Fault::lost_answer, Fault::cut_answer}) {
    CAPTURE(name_of(fault));
    const FaultProxy proxy(server.endpoint(), first(fault));
    const std::size_t before = server.seen().size();
    const Answer answer = ask(proxy.endpoint(), "PUT", "123456");
    CHECK(!answer.whole);
    const bool reached = fault != Fault::close && fault != Fault::reset;
    CHECK(server.seen().size() == before + (reached ? 1 : 0));
    if (fault == Fault::cut_answer) {
      CHECK(answer.message.header("content-length") == "10");
      CHECK(answer.message.body == "PUT:1");
    } else {
      CHECK(answer.message.body.empty());
    }
    CHECK(ask(proxy.endpoint(), "PUT", "123456").whole);
  }
}

TEST_CASE("fault proxy: cuts what goes to the server, and repeats it") {
  const Echo server;
  {
    const FaultProxy proxy(server.endpoint(), always(Fault::cut_request, 0.9));
    CHECK(!ask(proxy.endpoint(), "PUT", std::string(1000, 'x')).head);
  }
  CHECK(server.seen().empty());
  const FaultProxy proxy(server.endpoint(), always(Fault::twice));
  CHECK(ask(proxy.endpoint(), "PUT", "x").message.body == "PUT:x");
  REQUIRE(server.seen().size() == 2);
  CHECK(server.seen()[0].body == server.seen()[1].body);
}

TEST_CASE("fault proxy: answers in the server's place") {
  const Echo server;
  struct Case {
    Fault fault;
    int status;
    const char* says;
  };
  for (const Case& one : std::vector<Case>{
           {Fault::error_500, 500, "<Code>InternalError</Code>"},
           {Fault::error_503, 503, "<Code>ServiceUnavailable</Code>"},
           {Fault::slow_down, 503, "<Code>SlowDown</Code>"},
           {Fault::too_many, 429, "<Code>TooManyRequests</Code>"},
           {Fault::skewed, 403, "<Code>RequestTimeTooSkewed</Code>"},
           {Fault::wrong_date, 403, "<Code>RequestTimeTooSkewed</Code>"},
           {Fault::error_within_ok, 500, "<Code>InternalError</Code>"},
           {Fault::redirect, 307, "<Code>TemporaryRedirect</Code>"}}) {
    CAPTURE(name_of(one.fault));
    const FaultProxy proxy(server.endpoint(), always(one.fault));
    const Answer answer = ask(proxy.endpoint(), "PUT", "x");
    CHECK(answer.whole);
    CHECK(answer.message.status() == one.status);
    CHECK(answer.message.body.find(one.says) != std::string::npos);
    if (one.fault == Fault::slow_down) CHECK(answer.message.header("retry-after") == "1");
    if (one.fault == Fault::skewed || one.fault == Fault::wrong_date)
      CHECK(answer.message.header("date").ends_with(" GMT"));
    if (one.fault == Fault::redirect)
      CHECK(answer.message.header("location") == proxy.other_endpoint() + "/b/k");
    const Answer head = ask(proxy.endpoint(), "HEAD");
    CHECK(head.message.status() == one.status);
  }
  CHECK(server.seen().empty());

  const FaultProxy within(server.endpoint(), always(Fault::error_within_ok));
  const Answer copy = ask(within.endpoint(), "PUT", {}, "x-amz-copy-source: /b/a\r\n");
  CHECK(copy.message.status() == 200);
  CHECK(copy.message.body.find("<Error>") != std::string::npos);
  const FaultProxy late(server.endpoint(), always(Fault::late_error));
  CHECK(ask(late.endpoint(), "PUT", "x").message.status() == 500);
  CHECK(server.seen().size() == 1);
  // The other port leads to the same server.
  const FaultProxy proxy(server.endpoint());
  CHECK(ask(proxy.other_endpoint(), "GET").message.body == "GET:");
}

TEST_CASE("fault proxy: a login page") {
  const Echo server;
  const FaultProxy proxy(server.endpoint(), always(Fault::login_page));
  const Answer answer = ask(proxy.endpoint(), "PUT", "x");
  CHECK(answer.message.status() == 200);
  CHECK(answer.message.header("etag").empty());
  CHECK(answer.message.body.find("<html>") == 0);
  CHECK(ask(proxy.endpoint(), "HEAD").whole);
  CHECK(server.seen().empty());
}

TEST_CASE("fault proxy: shortens a body and its length") {
  const Echo server;
  const FaultProxy proxy(server.endpoint(), always(Fault::shorter, 0.25));
  const Answer answer = ask(proxy.endpoint(), "PUT", "12345678");
  CHECK(answer.whole);
  CHECK(answer.message.body == "PUT");
  CHECK(answer.message.header("content-length") == "3");
}

TEST_CASE("fault proxy: holds back until the client goes, or the time is over") {
  const Echo server;
  for (const Fault fault : {Fault::stall, Fault::stall_answer, Fault::stall_upload}) {
    CAPTURE(name_of(fault));
    const FaultProxy proxy(server.endpoint(), always(fault), {milliseconds(5), milliseconds(20)});
    const Answer answer = ask(proxy.endpoint(), "PUT", "123456");
    CHECK(!answer.whole);
    CHECK(answer.head == (fault == Fault::stall_answer));
  }
  const FaultProxy proxy(
      server.endpoint(), always(Fault::pause), {milliseconds(5), milliseconds(20)});
  CHECK(ask(proxy.endpoint(), "PUT", "123456").message.body == "PUT:123456");
  // Its own end ends a client that would wait for an hour.
  std::optional<FaultProxy> endless;
  endless.emplace(
      server.endpoint(), always(Fault::stall),
      FaultProxy::Options{milliseconds(5), milliseconds(3600000)});
  const Socket client = connect_to(port_of(endless->endpoint()));
  send_all(client, request_text("GET", {}));
  while (endless->log().empty()) std::this_thread::sleep_for(milliseconds(1));
  endless.reset();
  std::string text;
  Reader(client).rest(text);
  CHECK(text.empty());
}

TEST_CASE("fault proxy: a seed says what happens to which request") {
  const auto faults = [](std::uint64_t seed, double share, const std::string& bucket) {
    const Schedule schedule = seeded(seed, share, honest_faults());
    std::vector<int> result;
    for (int i = 0; i < 400; ++i) {
      const Asked asked{
          "GET", "/" + bucket + "/k" + std::to_string(i / 2) + "?uploadId=" + bucket, false, 0,
          i % 2};
      result.push_back(static_cast<int>(schedule(asked).fault));
    }
    return result;
  };
  const std::vector<int> some = faults(1, 0.5, "one");
  CHECK(some == faults(1, 0.5, "other"));
  CHECK(some != faults(2, 0.5, "one"));
  // 400 draws of one half: 5 standard deviations are 50.
  const auto quiet = std::count(some.begin(), some.end(), 0);
  CHECK(quiet > 150);
  CHECK(quiet < 250);
  CHECK(std::set<int>(some.begin(), some.end()).size() == honest_faults().size() + 1);
  const std::vector<int> never = faults(1, 0, "one"), all = faults(1, 1, "one");
  CHECK(std::count(never.begin(), never.end(), 0) == 400);
  CHECK(std::count(all.begin(), all.end(), 0) == 0);
}

}  // namespace
