// Sockets of this machine alone, for servers and proxies inside a test.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace ocelli::test {

/// A socket that closes itself.
class Socket {
 public:
  Socket() = default;
  explicit Socket(int fd) : fd_(fd) {}
  Socket(Socket&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Socket& operator=(Socket&& other) noexcept {
    if (this != &other) {
      close();
      fd_ = std::exchange(other.fd_, -1);
    }
    return *this;
  }
  ~Socket() { close(); }

  bool valid() const { return fd_ >= 0; }
  int fd() const { return fd_; }
  void close() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }
  /// When it closes, the other side gets a reset instead of an end.
  void reset_at_close() {
    const linger now{1, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  }

 private:
  int fd_ = -1;
};

namespace loopback_detail {
inline sockaddr_in address(int port) {
  sockaddr_in result{};
  result.sin_family = AF_INET;
  result.sin_port = htons(static_cast<std::uint16_t>(port));
  result.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return result;
}
inline Socket tcp_socket() {
  Socket result(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!result.valid()) throw std::runtime_error("no socket");
  return result;
}
inline void no_delay(int fd) {
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}
}  // namespace loopback_detail

/// Waits for connections on a free port.
class Listener {
 public:
  Listener() : socket_(loopback_detail::tcp_socket()) {
    sockaddr_in at = loopback_detail::address(0);
    socklen_t size = sizeof at;
    if (::bind(socket_.fd(), reinterpret_cast<sockaddr*>(&at), size) != 0 ||
        ::listen(socket_.fd(), 128) != 0 ||
        ::getsockname(socket_.fd(), reinterpret_cast<sockaddr*>(&at), &size) != 0)
      throw std::runtime_error("no port to listen on");
    port_ = ntohs(at.sin_port);
  }
  int port() const { return port_; }
  std::string endpoint() const { return "http://127.0.0.1:" + std::to_string(port_); }
  /// Invalid after stop().
  Socket accept() {
    while (true) {
      Socket result(::accept4(socket_.fd(), nullptr, nullptr, SOCK_CLOEXEC));
      if (result.valid()) loopback_detail::no_delay(result.fd());
      if (result.valid() || (errno != EINTR && errno != ECONNABORTED)) return result;
    }
  }
  /// accept() returns, in any thread.
  void stop() { ::shutdown(socket_.fd(), SHUT_RDWR); }

 private:
  Socket socket_;
  int port_ = 0;
};

/// The port on this side.
inline int port_of(const Socket& socket) {
  sockaddr_in at{};
  socklen_t size = sizeof at;
  ::getsockname(socket.fd(), reinterpret_cast<sockaddr*>(&at), &size);
  return ntohs(at.sin_port);
}

/// Invalid when nobody listens there.
inline Socket connect_to(int port) {
  Socket result = loopback_detail::tcp_socket();
  sockaddr_in at = loopback_detail::address(port);
  if (::connect(result.fd(), reinterpret_cast<sockaddr*>(&at), sizeof at) != 0) return Socket();
  loopback_detail::no_delay(result.fd());
  return result;
}

/// False when the other side is gone.
inline bool send_all(const Socket& to, std::string_view text) {
  while (!text.empty()) {
    const ssize_t sent = ::send(to.fd(), text.data(), text.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) return false;
    text.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

/// Reads a socket by lines and by counts. Everything returns false at the end of the connection.
class Reader {
 public:
  explicit Reader(const Socket& socket) : socket_(socket) {}

  /// Without its line break.
  bool line(std::string& text) {
    std::size_t end = 0;
    while ((end = held_.find('\n')) == std::string::npos)
      if (!more()) return false;
    text = held_.substr(0, end);
    if (!text.empty() && text.back() == '\r') text.pop_back();
    held_.erase(0, end + 1);
    return true;
  }
  /// Appends; what was there before the end is appended too.
  bool bytes(std::size_t count, std::string& text) {
    while (count > 0) {
      if (held_.empty() && !more()) return false;
      const std::size_t take = std::min(count, held_.size());
      text.append(held_, 0, take);
      held_.erase(0, take);
      count -= take;
    }
    return true;
  }
  void rest(std::string& text) {
    do {
      text += held_;
      held_.clear();
    } while (more());
  }

 private:
  bool more() {
    char buffer[65536];
    while (true) {
      const ssize_t got = ::recv(socket_.fd(), buffer, sizeof buffer, 0);
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) return false;
      held_.append(buffer, static_cast<std::size_t>(got));
      return true;
    }
  }

  const Socket& socket_;
  std::string held_;
};

}  // namespace ocelli::test
