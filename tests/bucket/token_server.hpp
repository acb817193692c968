// TokenServer: a token server on this machine, whose answers the test writes.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <functional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>

namespace ocelli::test {

/// Answers one request after the other on a free port, each on a connection of its own.
class TokenServer {
 public:
  struct Answer {
    int status = 200;
    std::string body;
  };
  /// @param number  of the request, from 1
  using Respond =
      std::function<Answer(int number, const std::string& head, const std::string& form)>;

  explicit TokenServer(Respond respond)
      : respond_(std::move(respond)), listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in place{};
    place.sin_family = AF_INET;
    place.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof place;
    auto* address = reinterpret_cast<sockaddr*>(&place);
    if (listener_ < 0 || ::bind(listener_, address, size) != 0 || ::listen(listener_, 64) != 0 ||
        ::getsockname(listener_, address, &size) != 0)
      throw std::runtime_error("no port for the token server");
    port_ = ntohs(place.sin_port);
    thread_ = std::thread([this] { serve(); });
  }
  ~TokenServer() {
    stopping_ = true;
    ::shutdown(listener_, SHUT_RDWR);  // accept() then returns
    thread_.join();
    ::close(listener_);
  }
  TokenServer(const TokenServer&) = delete;
  TokenServer& operator=(const TokenServer&) = delete;

  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_) + "/token"; }
  int requests() const { return requests_; }

  /// What IAM says: a token and its life.
  static Answer token(const std::string& text, int seconds = 3600) {
    return {
        200, R"({"access_token":")" + text + R"(","refresh_token":"R","token_type":"Bearer",)" +
                 R"("expires_in":)" + std::to_string(seconds) + R"(,"scope":"s"})"};
  }

 private:
  void serve() {
    while (!stopping_) {
      const int connection = ::accept(listener_, nullptr, nullptr);
      if (connection < 0) continue;
      answer(connection);
      ::close(connection);
    }
  }

  void answer(int connection) {
    std::string text;
    std::size_t head = std::string::npos, length = 0;
    while (head == std::string::npos || text.size() < head + 4 + length) {
      char piece[4096];
      const ssize_t got = ::recv(connection, piece, sizeof piece, 0);
      if (got <= 0) return;
      text.append(piece, static_cast<std::size_t>(got));
      if (head != std::string::npos || (head = text.find("\r\n\r\n")) == std::string::npos)
        continue;
      const std::size_t field = text.find("Content-Length: ");
      if (field < head) length = std::strtoul(text.c_str() + field + 16, nullptr, 10);
    }
    const Answer said = respond_(++requests_, text.substr(0, head), text.substr(head + 4));
    const std::string reply =
        "HTTP/1.1 " + std::to_string(said.status) +
        " Said\r\nConnection: close\r\nContent-Length: " + std::to_string(said.body.size()) +
        "\r\n\r\n" + said.body;
    for (std::size_t done = 0; done < reply.size();) {
      const ssize_t sent =
          ::send(connection, reply.data() + done, reply.size() - done, MSG_NOSIGNAL);
      if (sent <= 0) return;
      done += static_cast<std::size_t>(sent);
    }
  }

  Respond respond_;
  int listener_;
  int port_ = 0;
  std::atomic<bool> stopping_{false};
  std::atomic<int> requests_{0};
  std::thread thread_;
};

}  // namespace ocelli::test
