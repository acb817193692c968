// Http's driver: the one thread that owns curl's multi handle.
//
// A caller waits in perform() and takes what has arrived; when it is slower than the line, the
// transfer is paused, so that a transfer holds a bounded number of bytes.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <curl/curl.h>
#include <signal.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cctype>
#include <condition_variable>
#include <deque>
#include <exception>
#include <iterator>
#include <mutex>
#include <string_view>
#include <thread>
#include <utility>

#include "ocelli/bucket/http.hpp"
#include "ocelli/bucket/http_sockets.hpp"
#include "ocelli/core/error.hpp"

namespace ocelli::bucket {

namespace http_detail {

// A transfer is paused while this much of it waits for the caller, who is woken for a quarter of
// it.
inline constexpr std::size_t most_waiting = 512u << 10, worth_waking = most_waiting / 4;
// Of a body that is kept: listings and errors. A thousand keys of 1,024 bytes fit several times.
inline constexpr std::size_t longest_kept_body = 64u << 20;
inline constexpr long curl_buffer = 128 << 10;

inline void initialise_curl() {
  static const CURLcode code = curl_global_init(CURL_GLOBAL_DEFAULT);
  if (code != CURLE_OK) throw StoreError("libcurl cannot start", {}, "check its installation");
}

template <class Value>
void set(CURL* easy, CURLoption option, Value value) {
  if (curl_easy_setopt(easy, option, value) != CURLE_OK)
    throw StoreError(
        "libcurl refuses option " + std::to_string(static_cast<int>(option)), {},
        "check its version and the CA bundle");
}

}  // namespace http_detail

class HttpClient::Driver {
  using Clock = std::chrono::steady_clock;

  /// One request on its way. Lives on the stack of perform().
  struct Job {
    Job(Driver& owner, const HttpRequest& what, bool stream)
        : driver(owner), request(what), streamed(stream) {}

    Driver& driver;
    const HttpRequest& request;
    const bool streamed;
    HttpResponse response;

    // Guarded by the driver's mutex.
    std::vector<std::byte> arrived;
    bool head_there = false, paused = false, done = false;
    std::condition_variable changed;

    // The driver's alone, until the job is done.
    std::exception_ptr fault;
    CURL* easy = nullptr;
    curl_socket_t socket = CURL_SOCKET_BAD;
    curl_slist* headers = nullptr;
    std::uint64_t sent = 0;
    curl_off_t moved = 0;
    Clock::time_point last_move{};
    bool connected = false, too_long = false;
    std::array<char, CURL_ERROR_SIZE> words{};
  };

 public:
  explicit Driver(const HttpOptions& options) : options_(options) {
    http_detail::initialise_curl();
    multi_ = curl_multi_init();
    if (!multi_) throw StoreError("libcurl cannot start", {}, "check its installation");
    const long most = std::max(options_.connections, 1);
    curl_multi_setopt(multi_, CURLMOPT_MAX_TOTAL_CONNECTIONS, most);
    curl_multi_setopt(multi_, CURLMOPT_MAXCONNECTS, most);
    curl_multi_setopt(multi_, CURLMOPT_PIPELINING, static_cast<long>(CURLPIPE_NOTHING));
    // Signals are for the program's own threads; and a connection that breaks must not end it.
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    thread_ = std::thread([this] { drive(); });
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
  }

  ~Driver() {
    {
      const std::lock_guard lock(mutex_);
      stop_ = true;
    }
    curl_multi_wakeup(multi_);
    thread_.join();
    for (CURL* easy : idle_) curl_easy_cleanup(easy);
    curl_multi_cleanup(multi_);
  }

  Driver(const Driver&) = delete;
  Driver& operator=(const Driver&) = delete;

  HttpResponse perform(const HttpRequest& request, const OnData& on_data, const OnHead& on_head) {
    Job job(*this, request, static_cast<bool>(on_data));
    std::vector<std::byte> piece;
    bool told = false;
    std::unique_lock lock(mutex_);
    if (stop_) throw StoreError("the connection's owner is gone", request.url);
    waiting_.push_back(&job);
    wake();
    for (bool done = false; !done;) {
      job.changed.wait(lock, [&] {
        return job.done || job.paused || job.arrived.size() >= http_detail::worth_waking;
      });
      done = job.done;
      piece.clear();
      piece.swap(job.arrived);
      if (std::exchange(job.paused, false) && !done) {
        resumed_.push_back(&job);
        wake();
      }
      const bool tell = !told && job.streamed && job.head_there && successful(job);
      told = told || tell;
      lock.unlock();
      try {
        if (tell && on_head) on_head(job.response);
        if (!piece.empty()) on_data(piece);
      } catch (...) {
        lock.lock();
        if (!job.done) cancelled_.push_back(&job);
        wake();
        job.changed.wait(lock, [&] { return job.done; });
        throw;
      }
      lock.lock();
    }
    if (job.fault) std::rethrow_exception(job.fault);
    return std::move(job.response);
  }

  HttpCounts counts() const { return {requests_, sockets_.opened(), sockets_.most_open()}; }

 private:
  static bool successful(const Job& job) {
    return job.response.status >= 200 && job.response.status < 300;
  }
  void wake() { curl_multi_wakeup(multi_); }

  // --- the thread -------------------------------------------------------------------------------

  void drive() {
    while (true) {
      std::vector<Job*> fresh, resumed, cancelled;
      {
        const std::lock_guard lock(mutex_);
        if (stop_) break;
        const auto most = static_cast<std::size_t>(std::max(options_.connections, 1));
        while (!waiting_.empty() && active_.size() + fresh.size() < most) {
          fresh.push_back(waiting_.front());
          waiting_.pop_front();
        }
        resumed.swap(resumed_);
        cancelled.swap(cancelled_);
      }
      for (Job* job : fresh) start(*job);
      for (Job* job : resumed) {
        if (!active(job)) continue;
        job->last_move = Clock::now();
        curl_easy_pause(job->easy, CURLPAUSE_CONT);
      }
      for (Job* job : cancelled)
        if (active(job)) finish(*job, CURLE_ABORTED_BY_CALLBACK);
      int running = 0;
      curl_multi_perform(multi_, &running);
      int left = 0;
      while (CURLMsg* message = curl_multi_info_read(multi_, &left)) {
        if (message->msg != CURLMSG_DONE) continue;
        const CURLcode code = message->data.result;
        Job* job = nullptr;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &job);
        finish(*job, code);
      }
      const int wait = end_stalled();
      if (!work_waits()) curl_multi_poll(multi_, nullptr, 0, wait, nullptr);
    }
    while (!active_.empty()) finish(*active_.back(), CURLE_ABORTED_BY_CALLBACK);
    const std::lock_guard lock(mutex_);
    for (Job* job : waiting_) {
      job->response.transport = CURLE_ABORTED_BY_CALLBACK;
      job->response.fault = "the client has ended";
      job->done = true;
      job->changed.notify_all();
    }
  }

  bool active(const Job* job) const {
    return std::find(active_.begin(), active_.end(), job) != active_.end();
  }

  bool work_waits() {
    const std::lock_guard lock(mutex_);
    return stop_ || (!waiting_.empty() &&
                     active_.size() < static_cast<std::size_t>(std::max(options_.connections, 1)));
  }

  /// Ends the transfers without a byte for too long. @return milliseconds until the next look
  int end_stalled() {
    using std::chrono::milliseconds;
    const Clock::time_point now = Clock::now();
    milliseconds next{10000};
    std::vector<Job*> stalled;
    for (Job* job : active_) {
      {
        const std::lock_guard lock(mutex_);
        if (!job->connected || job->paused) continue;
      }
      const auto left =
          std::chrono::ceil<milliseconds>(job->last_move + options_.stall_timeout - now);
      if (left.count() <= 0)
        stalled.push_back(job);
      else
        next = std::min(next, left);
    }
    for (Job* job : stalled) {
      const std::string words =
          "no byte for " + std::to_string(options_.stall_timeout.count()) + " ms";
      words.copy(job->words.data(), job->words.size() - 1);
      finish(*job, CURLE_OPERATION_TIMEDOUT);
    }
    return static_cast<int>(next.count());
  }

  void start(Job& job) {
    ++requests_;
    active_.push_back(&job);
    bool ready = false;
    try {
      if (idle_.empty()) {
        job.easy = curl_easy_init();
      } else {
        job.easy = idle_.back();
        idle_.pop_back();
      }
      if (!job.easy) throw StoreError("libcurl is out of memory", {}, "free memory");
      configure(job);
      if (curl_multi_add_handle(multi_, job.easy) != CURLM_OK)
        throw StoreError("libcurl refuses a transfer", {}, "check its version");
      ready = true;
    } catch (...) {
      job.fault = std::current_exception();
    }
    if (!ready) finish(job, CURLE_FAILED_INIT);  // not before this thread has let go of the error
  }

  void configure(Job& job) {
    using http_detail::set;
    CURL* easy = job.easy;
    const HttpRequest& request = job.request;
    set(easy, CURLOPT_PRIVATE, &job);
    set(easy, CURLOPT_ERRORBUFFER, job.words.data());
    set(easy, CURLOPT_URL, request.url.c_str());
    set(easy, CURLOPT_PATH_AS_IS, 1L);
    set(easy, CURLOPT_FOLLOWLOCATION, 0L);
    set(easy, CURLOPT_NOSIGNAL, 1L);
    set(easy, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
    set(easy, CURLOPT_HTTP_CONTENT_DECODING, 0L);
    set(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    set(easy, CURLOPT_TCP_NODELAY, 1L);
    set(easy, CURLOPT_BUFFERSIZE, http_detail::curl_buffer);
    set(easy, CURLOPT_UPLOAD_BUFFERSIZE, http_detail::curl_buffer);
    set(easy, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(options_.connect_timeout.count()));
#if LIBCURL_VERSION_NUM >= 0x075500
    set(easy, CURLOPT_PROTOCOLS_STR, options_.http_allowed ? "http,https" : "https");
#else
    set(easy, CURLOPT_PROTOCOLS,
        options_.http_allowed ? CURLPROTO_HTTP | CURLPROTO_HTTPS : CURLPROTO_HTTPS);
#endif
    if (!options_.ca_bundle.empty()) set(easy, CURLOPT_CAINFO, options_.ca_bundle.c_str());
    if (!options_.reuse_connections) {
      set(easy, CURLOPT_FRESH_CONNECT, 1L);
      set(easy, CURLOPT_FORBID_REUSE, 1L);
    }
    set(easy, CURLOPT_PREREQFUNCTION, &Driver::on_connected);
    set(easy, CURLOPT_PREREQDATA, &job);
    set(easy, CURLOPT_NOPROGRESS, 0L);
    set(easy, CURLOPT_XFERINFOFUNCTION, &Driver::on_progress);
    set(easy, CURLOPT_XFERINFODATA, &job);
    set(easy, CURLOPT_HEADERFUNCTION, &Driver::on_header);
    set(easy, CURLOPT_HEADERDATA, &job);
    set(easy, CURLOPT_WRITEFUNCTION, &Driver::on_write);
    set(easy, CURLOPT_OPENSOCKETFUNCTION, &HttpSockets::on_open);
    set(easy, CURLOPT_OPENSOCKETDATA, &sockets_);
    set(easy, CURLOPT_CLOSESOCKETFUNCTION, &HttpSockets::on_close);
    set(easy, CURLOPT_CLOSESOCKETDATA, &sockets_);
    set(easy, CURLOPT_WRITEDATA, &job);
    configure_method(job);
    bool typed = false;
    for (const std::string& header : request.headers) {
      if (header.find_first_of(std::string_view("\r\n\0", 3)) != std::string::npos)
        throw StoreError("a header has a line break in it", request.url, "remove it");
      typed = typed || header.starts_with("Content-Type:") || header.starts_with("content-type:");
      append(job, header.ends_with(':') ? header.substr(0, header.size() - 1) + ";" : header);
    }
    if (!typed) append(job, "Content-Type:");  // without a value: curl sends none
    append(job, "Expect:");
    append(job, "User-Agent: ocelli");
    set(easy, CURLOPT_HTTPHEADER, job.headers);
  }

  void configure_method(Job& job) {
    using http_detail::set;
    CURL* easy = job.easy;
    const HttpRequest& request = job.request;
    const bool sends = request.body != nullptr && request.body_size > 0;
    if (request.head_only) {
      set(easy, CURLOPT_NOBODY, 1L);
    } else if (request.method == "PUT" || request.method == "POST") {
      const auto size = static_cast<curl_off_t>(sends ? request.body_size : 0);
      if (request.method == "PUT") {
        set(easy, CURLOPT_UPLOAD, 1L);
        set(easy, CURLOPT_INFILESIZE_LARGE, size);
      } else {
        set(easy, CURLOPT_POST, 1L);
        set(easy, CURLOPT_POSTFIELDSIZE_LARGE, size);
        if (!sends) set(easy, CURLOPT_POSTFIELDS, "");
      }
      set(easy, CURLOPT_READFUNCTION, &Driver::on_read);
      set(easy, CURLOPT_READDATA, &job);
      set(easy, CURLOPT_SEEKFUNCTION, &Driver::on_seek);
      set(easy, CURLOPT_SEEKDATA, &job);
    } else if (request.method != "GET") {
      set(easy, CURLOPT_CUSTOMREQUEST, request.method.c_str());
    }
  }

  static void append(Job& job, const std::string& header) {
    curl_slist* longer = curl_slist_append(job.headers, header.c_str());
    if (!longer) throw StoreError("libcurl is out of memory", {}, "free memory");
    job.headers = longer;
  }

  void finish(Job& job, CURLcode code) {
    // curl takes headers that end too early for all headers.
    if (code == CURLE_OK && !job.head_there) code = CURLE_GOT_NOTHING;
    if (job.easy) {
      curl_multi_remove_handle(multi_, job.easy);
      // Only after a transfer that went well does a handle take all its options again.
      if (code == CURLE_OK) {
        curl_easy_reset(job.easy);  // keeps nothing of the request: neither headers nor body
        idle_.push_back(job.easy);
      } else {
        curl_easy_cleanup(job.easy);
      }
    }
    curl_slist_free_all(job.headers);
    active_.erase(std::find(active_.begin(), active_.end(), &job));
    const std::lock_guard lock(mutex_);
    job.response.transport = code;
    if (code != CURLE_OK) {
      job.response.fault = job.too_long   ? "the answer is too long"
                           : job.words[0] ? job.words.data()
                                          : curl_easy_strerror(code);
    }
    job.paused = false;
    job.done = true;
    job.changed.notify_all();  // under the lock: the job is gone as soon as its owner sees it
  }

  // --- what curl calls --------------------------------------------------------------------------

  static int on_connected(void* data, char*, char*, int, int local_port) {
    Job& job = *static_cast<Job*>(data);
    job.socket = job.driver.sockets_.of_port(local_port);
    job.connected = true;
    job.last_move = Clock::now();
    return CURL_PREREQFUNC_OK;
  }

  static int on_progress(void* data, curl_off_t, curl_off_t down, curl_off_t, curl_off_t up) {
    Job& job = *static_cast<Job*>(data);
    if (down + up != job.moved) {
      job.moved = down + up;
      job.last_move = Clock::now();
    }
    return 0;
  }

  static std::size_t on_header(char* data, std::size_t, std::size_t size, void* user) {
    Job& job = *static_cast<Job*>(user);
    if (job.head_there) return size;  // a trailer, or the caller already reads the headers
    job.last_move = Clock::now();
    std::string_view line(data, size);
    while (!line.empty() && (line.back() == '\r' || line.back() == '\n')) line.remove_suffix(1);
    if (line.starts_with("HTTP/")) {
      HttpSockets::acknowledge(job.socket);
      job.response.headers.clear();
      job.response.status = 0;
      for (std::size_t at = line.find(' ') + 1; at > 0 && at < line.size(); ++at) {
        if (line[at] < '0' || line[at] > '9') break;
        job.response.status = job.response.status * 10 + (line[at] - '0');
      }
    } else if (const std::size_t colon = line.find(':'); colon != std::string_view::npos) {
      std::string name(line.substr(0, colon));
      for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
      line.remove_prefix(colon + 1);
      while (!line.empty() && (line.front() == ' ' || line.front() == '\t')) line.remove_prefix(1);
      while (!line.empty() && (line.back() == ' ' || line.back() == '\t')) line.remove_suffix(1);
      job.response.headers[name] = line;
    } else if (line.empty() && job.response.status >= 200) {
      const std::lock_guard lock(job.driver.mutex_);
      job.head_there = true;
    }
    return size;
  }

  static std::size_t on_write(char* data, std::size_t, std::size_t size, void* user) {
    Job& job = *static_cast<Job*>(user);
    HttpSockets::acknowledge(job.socket);
    if (!job.streamed || !successful(job)) {
      if (job.response.body.size() + size > http_detail::longest_kept_body) {
        job.too_long = true;
        return 0;
      }
      job.response.body.append(data, size);
      return size;
    }
    const std::lock_guard lock(job.driver.mutex_);
    if (job.arrived.size() >= http_detail::most_waiting) {
      job.paused = true;
      job.changed.notify_all();
      return CURL_WRITEFUNC_PAUSE;
    }
    const auto* bytes = reinterpret_cast<const std::byte*>(data);
    job.arrived.insert(job.arrived.end(), bytes, bytes + size);
    if (job.arrived.size() >= http_detail::worth_waking) job.changed.notify_all();
    return size;
  }

  static std::size_t on_read(char* data, std::size_t, std::size_t size, void* user) {
    Job& job = *static_cast<Job*>(user);
    const HttpRequest& request = job.request;
    if (!request.body) return 0;
    const std::size_t take = static_cast<std::size_t>(
        std::min<std::uint64_t>(size, request.body_size - std::min(request.body_size, job.sent)));
    try {
      request.body->read(
          request.body_offset + job.sent, std::span(reinterpret_cast<std::byte*>(data), take));
    } catch (...) {
      job.fault = std::current_exception();
      return CURL_READFUNC_ABORT;
    }
    job.sent += take;
    return take;
  }

  static int on_seek(void* user, curl_off_t offset, int origin) {
    Job& job = *static_cast<Job*>(user);
    if (origin != SEEK_SET || offset < 0) return CURL_SEEKFUNC_CANTSEEK;
    job.response.resent = true;
    job.sent = static_cast<std::uint64_t>(offset);
    return CURL_SEEKFUNC_OK;
  }

  const HttpOptions options_;
  CURLM* multi_ = nullptr;
  std::thread thread_;
  std::atomic<std::uint64_t> requests_{0};
  HttpSockets sockets_;

  std::mutex mutex_;
  bool stop_ = false;
  std::deque<Job*> waiting_;
  std::vector<Job*> resumed_, cancelled_;

  // The thread's alone.
  std::vector<Job*> active_;
  std::vector<CURL*> idle_;
};

OCELLI_INLINE HttpClient::HttpClient(const HttpOptions& options)
    : driver_(std::make_unique<Driver>(options)) {}
OCELLI_INLINE HttpClient::~HttpClient() = default;
OCELLI_INLINE HttpResponse
HttpClient::perform(const HttpRequest& request, const OnData& on_data, const OnHead& on_head) {
  return driver_->perform(request, on_data, on_head);
}
OCELLI_INLINE HttpCounts HttpClient::counts() const { return driver_->counts(); }

}  // namespace ocelli::bucket
