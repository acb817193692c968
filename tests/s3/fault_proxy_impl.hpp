// FaultProxy's work: one thread that accepts on each port, one for each connection.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <condition_variable>
#include <cstdlib>
#include <ctime>
#include <list>
#include <memory>
#include <mutex>
#include <set>
#include <thread>
#include <utility>

#include "s3/fault_proxy.hpp"
#include "s3/http_message.hpp"
#include "s3/loopback.hpp"

namespace ocelli::test {

inline std::string name_of(Fault fault) {
  static constexpr std::array<const char*, fault_count> names{
      "none",         "close",     "reset",   "cut request",    "lost answer",    "cut head",
      "cut answer",   "pause",     "stall",   "stalled answer", "stalled upload", "500",
      "503",          "slow down", "429",     "redirect",       "skewed",         "wrong date",
      "error in 200", "twice",     "shorter", "late error",     "login page"};
  return names[static_cast<std::size_t>(fault)];
}

inline std::vector<Fault> all_faults() {
  std::vector<Fault> result;
  for (int i = 1; i < fault_count; ++i) result.push_back(static_cast<Fault>(i));
  return result;
}
inline std::vector<Fault> honest_faults() {
  std::vector<Fault> result = all_faults();
  std::erase_if(result, [](Fault one) {
    return one == Fault::shorter || one == Fault::wrong_date || one == Fault::login_page;
  });
  return result;
}

namespace fault_detail {

/// "PUT k?partNumber=1&uploadId" of "PUT /bucket/k?partNumber=1&uploadId=2~x".
inline std::string lasting_name(const Asked& asked) {
  const std::size_t query = std::min(asked.target.find('?'), asked.target.size());
  const std::string path = asked.target.substr(0, query);
  const std::size_t key = std::min(path.find('/', 1), path.size());
  std::string name = asked.method + (asked.copies ? " copy " : " ") + path.substr(key);
  for (std::size_t at = query; at < asked.target.size();) {
    const std::size_t end = std::min(asked.target.find('&', at + 1), asked.target.size());
    const std::string part = asked.target.substr(at, end - at);
    const bool same = part.find("partNumber") != std::string::npos;
    name += same ? part : part.substr(0, part.find('='));
    at = end;
  }
  return name;
}

/// FNV-1a, then the finish of SplitMix64: a few bits more make another number altogether.
inline std::uint64_t mix(std::uint64_t seed, const std::string& text) {
  std::uint64_t h = 14695981039346656037u ^ (seed * 0x9e3779b97f4a7c15u);
  for (const char c : text) h = (h ^ static_cast<unsigned char>(c)) * 1099511628211u;
  h = (h ^ (h >> 30)) * 0xbf58476d1ce4e5b9u;
  h = (h ^ (h >> 27)) * 0x94d049bb133111ebu;
  return h ^ (h >> 31);
}
inline double unit(std::uint64_t bits) { return static_cast<double>(bits >> 11) * 0x1p-53; }

}  // namespace fault_detail

inline Schedule seeded(std::uint64_t seed, double share, std::vector<Fault> among) {
  return [=](const Asked& asked) {
    using namespace fault_detail;
    const std::string name = lasting_name(asked) + ' ' + std::to_string(asked.before);
    Deed deed;
    if (!among.empty() && unit(mix(3 * seed, name)) < share)
      deed.fault = among[mix(3 * seed + 1, name) % among.size()];
    deed.where = unit(mix(3 * seed + 2, name));
    return deed;
  };
}

class FaultProxy::Work {
  using Clock = std::chrono::steady_clock;

 public:
  Work(const std::string& upstream, Schedule schedule, Options options)
      : options_(options),
        upstream_(std::atoi(upstream.substr(upstream.rfind(':') + 1).c_str())),
        schedule_(std::move(schedule)) {
    for (Listener& listener : listeners_)
      acceptors_.emplace_back([this, &listener] { accept(listener); });
  }

  ~Work() {
    {
      const std::lock_guard lock(mutex_);
      stop_ = true;
      for (const int fd : open_) ::shutdown(fd, SHUT_RDWR);
    }
    stopped_.notify_all();
    for (Listener& listener : listeners_) listener.stop();
    for (std::thread& thread : acceptors_) thread.join();
    for (Served& served : served_) served.thread.join();
  }

  Work(const Work&) = delete;
  Work& operator=(const Work&) = delete;

  const Listener& listener(std::size_t which) const { return listeners_[which]; }
  void set_schedule(Schedule schedule) {
    const std::lock_guard lock(mutex_);
    schedule_ = std::move(schedule);
  }
  std::vector<Done> log() const {
    const std::lock_guard lock(mutex_);
    return log_;
  }
  std::uint64_t connections() const { return connections_; }
  int most_open() const { return most_open_; }
  void settle() const {
    while (busy_ > 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }

 private:
  struct Served {
    std::thread thread;
    std::atomic<bool> done{false};
  };

  /// While it lives, the end of the proxy ends the socket.
  class Known {
   public:
    Known(Work& work, const Socket& socket) : work_(work), fd_(socket.fd()) {
      const std::lock_guard lock(work_.mutex_);
      work_.open_.insert(fd_);
      if (work_.stop_) ::shutdown(fd_, SHUT_RDWR);
    }
    ~Known() {
      const std::lock_guard lock(work_.mutex_);
      work_.open_.erase(fd_);
    }
    Known(const Known&) = delete;
    Known& operator=(const Known&) = delete;

   private:
    Work& work_;
    const int fd_;
  };

  struct Busy {
    explicit Busy(Work& of) : work(of) { ++work.busy_; }
    ~Busy() { --work.busy_; }
    Busy(const Busy&) = delete;
    Busy& operator=(const Busy&) = delete;
    Work& work;
  };

  void accept(Listener& listener) {
    while (true) {
      Socket client = listener.accept();
      const std::lock_guard lock(mutex_);
      if (!client.valid() || stop_) return;
      ++connections_;
      most_open_ = std::max(most_open_.load(), ++now_open_);
      served_.remove_if([](Served& one) {
        if (one.done) one.thread.join();
        return one.done.load();
      });
      Served& one = served_.emplace_back();
      one.thread = std::thread([this, &one, socket = std::move(client)]() mutable {
        serve(socket);
        socket.close();
        --now_open_;
        one.done = true;
      });
    }
  }

  void serve(Socket& client) {
    const Known known(*this, client);
    Reader from_client(client);
    HttpMessage request;
    while (read_head(from_client, request)) {
      if (!answer(client, from_client, request)) return;
    }
  }

  /// @return whether the connection goes on
  bool answer(Socket& client, Reader& from_client, HttpMessage& request) {
    const Deed deed = decide(request);
    const Fault fault = deed.fault;
    if (fault == Fault::stall_upload) return wait_for_end(client);
    if (request.header("Expect") == "100-continue") {
      request.remove_header("Expect");
      if (!send_all(client, "HTTP/1.1 100 Continue\r\n\r\n")) return false;
    }
    if (!read_body(from_client, request)) return false;

    switch (fault) {
      case Fault::close:
        return false;
      case Fault::reset:
        client.reset_at_close();
        return false;
      case Fault::cut_request:
        cut_request(request, deed.where);
        return false;
      case Fault::stall:
        return wait_for_end(client);
      case Fault::error_500:
        return refuse(client, request, "500 Internal Server Error", "InternalError");
      case Fault::error_503:
        return refuse(client, request, "503 Service Unavailable", "ServiceUnavailable");
      case Fault::slow_down:
        return refuse(client, request, "503 Slow Down", "SlowDown", {{"Retry-After", "1"}});
      case Fault::too_many:
        return refuse(client, request, "429 Too Many Requests", "TooManyRequests");
      case Fault::redirect:
        return redirect(client, request);
      case Fault::skewed:
        return refuse(
            client, request, "403 Forbidden", "RequestTimeTooSkewed", {{"Date", date(0)}});
      case Fault::wrong_date:
        return refuse(
            client, request, "403 Forbidden", "RequestTimeTooSkewed", {{"Date", date(-3600)}});
      case Fault::login_page: {
        const std::string page = "<html><body>Your room number?</body></html>";
        return send_all(
            client, "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: " +
                        std::to_string(page.size()) + "\r\n\r\n" +
                        (request.word(0) == "HEAD" ? "" : page));
      }
      case Fault::error_within_ok:
        return refuse(
            client, request, two_faced(request) ? "200 OK" : "500 Internal Server Error",
            "InternalError");
      default:
        break;
    }

    HttpMessage got;
    {
      const Busy busy(*this);
      if (gone(client)) return false;
      if (fault == Fault::twice && !forward(request, got)) return false;
      if (!forward(request, got)) return false;
    }
    const std::string method = request.word(0);
    const std::size_t size = got.body.size();
    const auto part = static_cast<std::size_t>(deed.where * static_cast<double>(size));
    switch (fault) {
      case Fault::lost_answer:
        return false;
      case Fault::late_error:
        return refuse(client, request, "500 Internal Server Error", "InternalError");
      case Fault::cut_head: {
        const std::string head = got.head();
        send_all(
            client,
            head.substr(
                0, static_cast<std::size_t>(deed.where * static_cast<double>(head.size() - 4))));
        return false;
      }
      case Fault::cut_answer:
        send_all(client, got.head() + got.body.substr(0, part));
        return false;
      case Fault::shorter:
        if (method != "HEAD" && size > 0) {
          got.body.resize(part);
          got.set_header("Content-Length", std::to_string(part));
        }
        break;
      case Fault::pause:
        if (!sleep(client, options_.pause) ||
            !send_all(client, got.head() + got.body.substr(0, part)) ||
            !sleep(client, options_.pause))
          return false;
        return send_all(client, got.body.substr(part)) && goes_on(got);
      case Fault::stall_answer:
        send_all(client, got.head() + got.body.substr(0, part));
        return part < size ? wait_for_end(client) : goes_on(got);
      default:
        break;
    }
    return send_all(client, got.head() + got.body) && goes_on(got);
  }

  Deed decide(const HttpMessage& request) {
    Asked asked{
        request.word(0), request.word(1), !request.header("x-amz-copy-source").empty(),
        std::strtoull(request.header("Content-Length").c_str(), nullptr, 10), 0};
    const std::lock_guard lock(mutex_);
    asked.before = before_[fault_detail::lasting_name(asked)]++;
    const Deed deed = schedule_ ? schedule_(asked) : Deed{};
    log_.push_back({asked.method, asked.target, deed.fault});
    return deed;
  }

  /// Copying and completing an upload may answer 200 before they have failed.
  static bool two_faced(const HttpMessage& request) {
    return !request.header("x-amz-copy-source").empty() ||
           (request.word(0) == "POST" && request.word(1).find("uploadId=") != std::string::npos);
  }
  static bool goes_on(const HttpMessage& answer) {
    return answer.header("Connection") != "close" &&
           !(answer.header("Content-Length").empty() && answer.status() / 100 == 2 &&
             answer.status() != 204);
  }
  static std::string date(int offset) {
    const std::time_t now = std::time(nullptr) + offset;
    std::tm parts{};
    ::gmtime_r(&now, &parts);
    char text[64];
    return {text, std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &parts)};
  }

  bool forward(const HttpMessage& request, HttpMessage& answer) {
    Socket server = connect_to(upstream_);
    if (!server.valid()) return false;
    const Known known(*this, server);
    Reader from_server(server);
    return send_all(server, request.head() + request.body) &&
           read_answer(from_server, request.word(0), answer);
  }

  void cut_request(const HttpMessage& request, double where) {
    Socket server = connect_to(upstream_);
    if (!server.valid()) return;
    const std::string text = request.head() + request.body;
    send_all(
        server, text.substr(0, static_cast<std::size_t>(where * static_cast<double>(text.size()))));
  }

  using Headers = std::vector<std::pair<std::string, std::string>>;
  bool refuse(
      Socket& client, const HttpMessage& request, const std::string& status,
      const std::string& code, Headers headers = {}, const std::string& more = {}) {
    HttpMessage answer;
    answer.start = "HTTP/1.1 " + status;
    answer.headers = std::move(headers);
    answer.headers.emplace_back("Content-Type", "application/xml");
    answer.body = "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error><Code>" + code +
                  "</Code><Message></Message><RequestId>fault-proxy</RequestId>" + more +
                  "</Error>";
    answer.headers.emplace_back("Content-Length", std::to_string(answer.body.size()));
    if (request.word(0) == "HEAD") answer.body.clear();
    return send_all(client, answer.head() + answer.body);
  }

  bool redirect(Socket& client, const HttpMessage& request) {
    const Listener& other = listeners_[port_of(client) == listeners_[0].port() ? 1 : 0];
    return refuse(
        client, request, "307 Temporary Redirect", "TemporaryRedirect",
        {{"Location", other.endpoint() + request.word(1)}},
        "<Endpoint>127.0.0.1:" + std::to_string(other.port()) + "</Endpoint>");
  }

  /// False when the client or the proxy has gone meanwhile. What the client still sends stays
  /// unread.
  bool sleep(const Socket& client, std::chrono::milliseconds time) {
    const auto end = Clock::now() + time;
    std::unique_lock lock(mutex_);
    while (Clock::now() < end) {
      if (stopped_.wait_for(lock, std::chrono::milliseconds(5), [&] { return stop_; }))
        return false;
      if (gone(client)) return false;
    }
    return true;
  }
  static bool gone(const Socket& client) {
    pollfd end{client.fd(), POLLRDHUP, 0};
    return ::poll(&end, 1, 0) > 0;
  }
  bool wait_for_end(const Socket& client) {
    sleep(client, options_.stall);
    return false;
  }

  const Options options_;
  const int upstream_;
  std::array<Listener, 2> listeners_;
  std::vector<std::thread> acceptors_;
  std::atomic<std::uint64_t> connections_{0};
  std::atomic<int> now_open_{0}, most_open_{0}, busy_{0};

  mutable std::mutex mutex_;
  std::condition_variable stopped_;
  bool stop_ = false;
  Schedule schedule_;
  std::map<std::string, int> before_;
  std::vector<Done> log_;
  std::set<int> open_;
  std::list<Served> served_;
};

inline FaultProxy::FaultProxy(const std::string& upstream, Schedule schedule, Options options)
    : work_(std::make_unique<Work>(upstream, std::move(schedule), options)) {}
inline FaultProxy::FaultProxy(const std::string& upstream, Schedule schedule)
    : FaultProxy(upstream, std::move(schedule), Options()) {}
inline FaultProxy::~FaultProxy() = default;
inline std::string FaultProxy::endpoint() const { return work_->listener(0).endpoint(); }
inline std::string FaultProxy::other_endpoint() const { return work_->listener(1).endpoint(); }
inline void FaultProxy::set_schedule(Schedule schedule) {
  work_->set_schedule(std::move(schedule));
}
inline std::vector<FaultProxy::Done> FaultProxy::log() const { return work_->log(); }
inline std::map<Fault, int> FaultProxy::counts() const {
  std::map<Fault, int> result;
  for (const Done& one : log()) ++result[one.fault];
  return result;
}
inline std::uint64_t FaultProxy::connections() const { return work_->connections(); }
inline void FaultProxy::settle() const { work_->settle(); }
inline int FaultProxy::most_open() const { return work_->most_open(); }

}  // namespace ocelli::test
