// HttpSockets: the connections that curl has open: how many, and which of them a transfer uses.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <curl/curl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <vector>

namespace ocelli::bucket {

/// Belongs to the thread that drives curl; the counts may be read by others.
class HttpSockets {
 public:
  /// CURLOPT_OPENSOCKETFUNCTION and CURLOPT_CLOSESOCKETFUNCTION, with an HttpSockets as their data.
  static curl_socket_t on_open(void* user, curlsocktype, curl_sockaddr* address) {
    HttpSockets& sockets = *static_cast<HttpSockets*>(user);
    const curl_socket_t number =
        ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
    if (number < 0) return CURL_SOCKET_BAD;
    ++sockets.opened_;
    sockets.open_.push_back({number, 0});
    sockets.most_open_ =
        std::max(sockets.most_open_.load(), static_cast<int>(sockets.open_.size()));
    return number;
  }
  static int on_close(void* user, curl_socket_t number) {
    std::erase_if(static_cast<HttpSockets*>(user)->open_, [&](const Socket& open) {
      return open.number == number;
    });
    return ::close(number);
  }

  /// The one with that port on this side: curl tells no more of a transfer's until it is over.
  curl_socket_t of_port(int local_port) {
    for (Socket& open : open_) {
      if (open.local_port == 0) {
        sockaddr_storage address{};
        socklen_t size = sizeof address;
        if (::getsockname(open.number, reinterpret_cast<sockaddr*>(&address), &size) != 0) continue;
        // The port stands at the same place in addresses of both kinds.
        if (address.ss_family == AF_INET || address.ss_family == AF_INET6)
          open.local_port = ntohs(reinterpret_cast<const sockaddr_in*>(&address)->sin_port);
      }
      if (open.local_port == local_port) return open.number;
    }
    return CURL_SOCKET_BAD;
  }

  /// Against servers that hold the body back until their headers are acknowledged (Nagle's
  /// algorithm): without it each of their answers takes 40 ms. The system forgets it, so it is said
  /// again with each piece.
  static void acknowledge(curl_socket_t number) {
#ifdef TCP_QUICKACK
    const int on = 1;
    if (number >= 0) ::setsockopt(number, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on);
#endif
  }

  std::uint64_t opened() const { return opened_; }
  int most_open() const { return most_open_; }

 private:
  struct Socket {
    curl_socket_t number;
    int local_port;  ///< 0: not known yet
  };
  std::vector<Socket> open_;
  std::atomic<std::uint64_t> opened_{0};
  std::atomic<int> most_open_{0};
};

}  // namespace ocelli::bucket
