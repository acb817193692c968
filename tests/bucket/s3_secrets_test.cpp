// No key, token or signature leaves by an error of S3Store, whatever a server sends back.
// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <set>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "ocelli/bucket/s3_store.hpp"
#include "s3/http_message.hpp"
#include "s3/loopback.hpp"

using namespace ocelli;
using namespace ocelli::test;

namespace {

const std::string secret_key = "secretKey/0+MustNotBeSeen0123456789abcde";
const std::string session_token = "sessionTokenMustNotBeSeen/+==0123456789";
const std::string bearer_token = "bearerTokenMustNotBeSeen.0123456789-abc";
const std::string key_id = "AKIAMUSTNOTBESEEN001";

/// Answers as servers do that explain a signature: with all that they were sent.
class Gossip {
 public:
  enum class Way { refuses, objects, expired, breaks, no_xml, redirects, wrong_length, count };

  explicit Gossip(Way way) : way_(way), thread_([this] { serve(); }) {}
  ~Gossip() {
    listener_.stop();
    thread_.join();
  }
  Gossip(const Gossip&) = delete;
  Gossip& operator=(const Gossip&) = delete;
  std::string endpoint() const { return listener_.endpoint(); }
  /// The signatures of the requests.
  std::set<std::string> signatures() const {
    const std::lock_guard lock(mutex_);
    return signatures_;
  }

 private:
  void serve() {
    while (true) {
      const Socket client = listener_.accept();
      if (!client.valid()) return;
      Reader from(client);
      HttpMessage request;
      while (read_head(from, request) && read_body(from, request) && answer(client, request)) {
      }
    }
  }

  bool answer(const Socket& client, const HttpMessage& request) {
    const std::string login = request.header("Authorization");
    const std::size_t at = login.find("Signature=");
    const std::string signature = at == std::string::npos ? "none" : login.substr(at + 10);
    if (at != std::string::npos) {
      const std::lock_guard lock(mutex_);
      signatures_.insert(signature);
    }
    const auto element = [](const std::string& name, const std::string& text) {
      return "<" + name + ">" + text + "</" + name + ">";
    };
    const std::string all = login + " " + request.header("x-amz-security-token");
    std::string status = "403 Forbidden", code = "SignatureDoesNotMatch", location;
    if (way_ == Way::objects) status = "400 Bad Request", code = "InvalidArgument";
    if (way_ == Way::expired) status = "400 Bad Request", code = "ExpiredToken";
    if (way_ == Way::breaks) status = "500 Internal Server Error", code = "InternalError";
    if (way_ == Way::redirects) {
      status = "307 Temporary Redirect", code = "TemporaryRedirect";
      location = "Location: " + listener_.endpoint() + request.word(1) +
                 "?X-Amz-Signature=" + signature + "&Authorization=" + bearer_token + "\r\n";
    }
    if (way_ == Way::no_xml || way_ == Way::wrong_length) status = "200 OK";
    std::string body =
        element("Code", code) + element("Message", all) + element("AWSAccessKeyId", key_id) +
        element("StringToSign", "AWS4-HMAC-SHA256 " + all) +
        element("SignatureProvided", signature) + element("CanonicalRequest", request.head());
    body = way_ == Way::no_xml ? request.head() : element("Error", body);
    const std::size_t length = body.size() + (way_ == Way::wrong_length ? 10 : 0);
    send_all(
        client, "HTTP/1.1 " + status + "\r\nServer: " + signature + "\r\n" + location + "ETag: \"" +
                    signature + "\"\r\nContent-Length: " + std::to_string(length) + "\r\n\r\n" +
                    (request.word(0) == "HEAD" ? "" : body));
    return way_ != Way::wrong_length;
  }

  const Way way_;
  Listener listener_;
  mutable std::mutex mutex_;
  std::set<std::string> signatures_;
  std::thread thread_;
};

bucket::S3Options options_for(const std::string& endpoint, bool bearer) {
  bucket::Credentials keys;
  if (bearer) {
    keys.bearer = bucket::Secret(bearer_token);
  } else {
    keys.access_key_id = key_id;
    keys.secret_access_key = bucket::Secret(secret_key);
    keys.session_token = bucket::Secret(session_token);
  }
  bucket::S3Options options;
  options.bucket = "b";
  options.endpoint = endpoint;
  options.credentials = std::make_shared<bucket::FixedCredentials>(keys);
  options.attempts = 2;
  options.connections = 1;  // the server has one thread
  options.part_size = 1000;
  options.backoff = std::chrono::milliseconds(1);
  options.longest_backoff = std::chrono::milliseconds(2);
  options.stall_timeout = std::chrono::milliseconds(500);
  return options;
}

/// What everything that can fail says.
std::vector<std::string> messages(const bucket::S3Options& options) {
  std::vector<std::string> said;
  const auto listen = [&](const auto& work) {
    try {
      work();
    } catch (const std::exception& fault) {
      said.emplace_back(fault.what());
    }
  };
  {
    bucket::S3Store store(options);
    listen([&] { store.get("k"); });
    listen([&] { store.head("k"); });
    listen([&] { store.list(""); });
    listen([&] { store.put("k", "text"); });
    listen([&] { store.put("k", std::string(5000, 'x')); });
    listen([&] { store.remove("k"); });
    listen([&] { store.copy("k", "l"); });
    listen([&] {
      const std::vector<std::string> keys{"k", "l"};
      store.get_many(keys, [&](bucket::Fetched&& one) {
        listen([&] {
          if (one.fault) std::rethrow_exception(one.fault);
        });
      });
    });
  }
  listen([&] { bucket::list_buckets(options); });
  listen([&] { bucket::create_bucket(options); });
  listen([&] { bucket::remove_bucket(options); });
  return said;
}

void check_discreet(const std::vector<std::string>& said, const std::set<std::string>& signatures) {
  std::vector<std::string> secrets{secret_key,      session_token, bearer_token, key_id,
                                   "Authorization", "AWS4-HMAC",   "Signature="};
  secrets.insert(secrets.end(), signatures.begin(), signatures.end());
  for (const std::string& message : said)
    for (const std::string& secret : secrets) {
      CAPTURE(message);
      CHECK(message.find(secret) == std::string::npos);
    }
}

}  // namespace

TEST_CASE("s3 secrets: a server that tells all that it was sent") {
  for (int way = 0; way < static_cast<int>(Gossip::Way::count); ++way)
    for (const bool bearer : {false, true}) {
      CAPTURE(way);
      CAPTURE(bearer);
      const Gossip server(static_cast<Gossip::Way>(way));
      const std::vector<std::string> said = messages(options_for(server.endpoint(), bearer));
      CHECK(said.size() >= 4);
      CHECK(server.signatures().size() >= (bearer ? 0u : 5u));
      check_discreet(said, server.signatures());
    }
}

TEST_CASE("s3 secrets: no server, and one that is not allowed to see the token") {
  int port = 0;
  {
    const Listener listener;
    port = listener.port();
  }
  const std::string nobody = "http://127.0.0.1:" + std::to_string(port);
  for (const bool bearer : {false, true}) {
    const std::vector<std::string> said = messages(options_for(nobody, bearer));
    CHECK(said.size() == 12);
    check_discreet(said, {});
  }
  check_discreet(messages(options_for("http://192.0.2.1", true)), {});
  // An endpoint with a login in it is refused, without a word of the login.
  const std::vector<std::string> endpoints{
      "http://" + key_id + ":" + bearer_token + "@127.0.0.1/", "ftp://x:" + bearer_token + "@y"};
  for (const std::string& endpoint : endpoints) {
    std::string message;
    try {
      bucket::S3Store store(options_for(endpoint, false));
      store.head("k");
    } catch (const Error& fault) {
      message = fault.what();
    }
    CAPTURE(message);
    CHECK(!message.empty());
    CHECK(message.find(bearer_token) == std::string::npos);
  }
}

TEST_CASE("s3 secrets: streams show stars") {
  std::ostringstream out;
  out << bucket::Secret(secret_key) << bucket::Secret(session_token) << bucket::Secret();
  CHECK(out.str() == "******(none)");
}
