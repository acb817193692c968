// Http's driver: the one thread that owns curl's multi handle.
//
// A caller waits in perform() and takes what has arrived; when it is slower than the line, the
// transfer is paused, so that a transfer holds a bounded number of bytes.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <curl/curl.h>
#include <signal.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <exception>
#include <iterator>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "ocelli/bucket/http.hpp"
#include "ocelli/bucket/http_sockets.hpp"
#include "ocelli/bucket/http_transfer.hpp"
#include "ocelli/core/error.hpp"

namespace ocelli::bucket {

namespace http_detail {

inline void initialise_curl() {
  static const CURLcode code = curl_global_init(CURL_GLOBAL_DEFAULT);
  if (code != CURLE_OK) throw StoreError("libcurl cannot start", {}, "check its installation");
}

}  // namespace http_detail

class HttpClient::Driver {
  using Clock = std::chrono::steady_clock;

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
    HttpTransfer job(mutex_, sockets_, options_, request, static_cast<bool>(on_data));
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
      const bool tell = !told && job.streamed && job.head_there && job.successful();
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
  void wake() { curl_multi_wakeup(multi_); }

  // --- the thread -------------------------------------------------------------------------------

  void drive() {
    while (true) {
      std::vector<HttpTransfer*> fresh, resumed, cancelled;
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
      for (HttpTransfer* job : fresh) start(*job);
      for (HttpTransfer* job : resumed) {
        if (!active(job)) continue;
        job->last_move = Clock::now();
        curl_easy_pause(job->easy, CURLPAUSE_CONT);
      }
      for (HttpTransfer* job : cancelled)
        if (active(job)) finish(*job, CURLE_ABORTED_BY_CALLBACK);
      int running = 0;
      curl_multi_perform(multi_, &running);
      int left = 0;
      while (CURLMsg* message = curl_multi_info_read(multi_, &left)) {
        if (message->msg != CURLMSG_DONE) continue;
        const CURLcode code = message->data.result;
        HttpTransfer* job = nullptr;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &job);
        finish(*job, code);
      }
      const int wait = end_stalled();
      if (!work_waits()) curl_multi_poll(multi_, nullptr, 0, wait, nullptr);
    }
    while (!active_.empty()) finish(*active_.back(), CURLE_ABORTED_BY_CALLBACK);
    const std::lock_guard lock(mutex_);
    for (HttpTransfer* job : waiting_) {
      job->response.transport = CURLE_ABORTED_BY_CALLBACK;
      job->response.fault = "the client has ended";
      job->done = true;
      job->changed.notify_all();
    }
  }

  bool active(const HttpTransfer* job) const {
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
    std::vector<HttpTransfer*> stalled;
    for (HttpTransfer* job : active_) {
      {
        const std::lock_guard lock(mutex_);
        if (!job->connected || job->paused ||
            std::find(resumed_.begin(), resumed_.end(), job) != resumed_.end())
          continue;
      }
      const auto left =
          std::chrono::ceil<milliseconds>(job->last_move + options_.stall_timeout - now);
      if (left.count() <= 0)
        stalled.push_back(job);
      else
        next = std::min(next, left);
    }
    for (HttpTransfer* job : stalled) {
      const std::string words =
          "no byte for " + std::to_string(options_.stall_timeout.count()) + " ms";
      words.copy(job->words.data(), job->words.size() - 1);
      finish(*job, CURLE_OPERATION_TIMEDOUT);
    }
    return static_cast<int>(next.count());
  }

  void start(HttpTransfer& job) {
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
      job.configure();
      if (curl_multi_add_handle(multi_, job.easy) != CURLM_OK)
        throw StoreError("libcurl refuses a transfer", {}, "check its version");
      ready = true;
    } catch (...) {
      job.fault = std::current_exception();
    }
    if (!ready) finish(job, CURLE_FAILED_INIT);  // not before this thread has let go of the error
  }

  void finish(HttpTransfer& job, CURLcode code) {
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
    // The next request of this job's owner may lie at the same address.
    std::erase(resumed_, &job);
    std::erase(cancelled_, &job);
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

  const HttpOptions options_;
  CURLM* multi_ = nullptr;
  std::thread thread_;
  std::atomic<std::uint64_t> requests_{0};
  HttpSockets sockets_;

  std::mutex mutex_;
  bool stop_ = false;
  std::deque<HttpTransfer*> waiting_;
  std::vector<HttpTransfer*> resumed_, cancelled_;

  // The thread's alone.
  std::vector<HttpTransfer*> active_;
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
