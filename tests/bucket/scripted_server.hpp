// ScriptedServer: an HTTP server of the test's own, which answers what it is told to.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <list>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "s3/http_message.hpp"
#include "s3/loopback.hpp"

namespace ocelli::test {

struct Answer {
  int status = 200;
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers;
  std::size_t announced = std::string::npos;  ///< Content-Length, if another than the body's
  bool ends = false;                          ///< the connection ends behind it
  bool stalls = false;                        ///< nothing more comes behind it
  bool nothing = false;                       ///< not even the answer
  bool holds_back = false;  ///< the body waits until the head is acknowledged (Nagle's algorithm)
};

class ScriptedServer {
 public:
  using Script = std::function<Answer(const HttpMessage& request, int number)>;

  explicit ScriptedServer(Script script) : script_(std::move(script)) {
    acceptor_ = std::thread([this] { accept(); });
  }
  ~ScriptedServer() {
    {
      const std::lock_guard lock(mutex_);
      stop_ = true;
      for (const Connection& one : connections_) ::shutdown(one.socket.fd(), SHUT_RDWR);
    }
    stopped_.notify_all();
    listener_.stop();
    acceptor_.join();
    for (Connection& one : connections_) one.thread.join();
  }
  ScriptedServer(const ScriptedServer&) = delete;
  ScriptedServer& operator=(const ScriptedServer&) = delete;

  std::string endpoint() const { return listener_.endpoint(); }
  std::vector<HttpMessage> requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
  }
  int connections() const {
    const std::lock_guard lock(mutex_);
    return static_cast<int>(connections_.size());
  }

 private:
  struct Connection {
    Socket socket;
    std::thread thread;
  };

  void accept() {
    while (true) {
      Socket socket = listener_.accept();
      const std::lock_guard lock(mutex_);
      if (!socket.valid() || stop_) return;
      Connection& one = connections_.emplace_back();
      one.socket = std::move(socket);
      one.thread = std::thread([this, &one] { serve(one.socket); });
    }
  }

  void serve(const Socket& socket) {
    Reader reader(socket);
    HttpMessage request;
    while (read_head(reader, request) && read_body(reader, request)) {
      int number = 0;
      {
        const std::lock_guard lock(mutex_);
        number = static_cast<int>(requests_.size());
        requests_.push_back(request);
      }
      const Answer answer = script_(request, number);
      if (!answer.nothing) {
        std::string text = "HTTP/1.1 " + std::to_string(answer.status) + " Said\r\n";
        const std::size_t size =
            answer.announced == std::string::npos ? answer.body.size() : answer.announced;
        if (answer.status != 204 && answer.status != 304)
          text += "Content-Length: " + std::to_string(size) + "\r\n";
        for (const auto& [name, value] : answer.headers) text += name + ": " + value + "\r\n";
        text += "\r\n";
        if (answer.holds_back) {
          const int off = 0;
          ::setsockopt(socket.fd(), IPPROTO_TCP, TCP_NODELAY, &off, sizeof off);
          if (!send_all(socket, text)) return;
          text.clear();
        }
        if (request.word(0) != "HEAD") text += answer.body;
        if (!send_all(socket, text)) return;
      }
      if (answer.stalls) {
        std::unique_lock lock(mutex_);
        stopped_.wait(lock, [&] { return stop_; });
      }
      if (answer.ends || answer.nothing) {
        ::shutdown(socket.fd(), SHUT_RDWR);
        return;
      }
    }
  }

  Script script_;
  Listener listener_;
  std::thread acceptor_;
  mutable std::mutex mutex_;
  std::condition_variable stopped_;
  bool stop_ = false;
  std::vector<HttpMessage> requests_;
  std::list<Connection> connections_;
};

}  // namespace ocelli::test
