// FaultProxy: stands between a client and a server of this machine and does to each request what a
// schedule says: cuts, stalls, refuses, repeats, redirects, lies.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace ocelli::test {

enum class Fault {
  none,
  // Of the connection.
  close,         ///< ends without an answer; the server sees nothing
  reset,         ///< the same, harder
  cut_request,   ///< the server gets the beginning of the request only
  lost_answer,   ///< the server gets the request, the client no answer
  cut_head,      ///< the answer ends within its headers
  cut_answer,    ///< the answer ends within its body
  pause,         ///< a while passes before the answer, and in the middle of its body
  stall,         ///< no answer for longer than the client can wait
  stall_answer,  ///< no more after the beginning of the body
  stall_upload,  ///< the request's body is not taken
  // Of the server, which sees nothing of the request.
  error_500,
  error_503,
  slow_down,        ///< 503, to come back after a second
  too_many,         ///< 429
  redirect,         ///< 307 to the proxy's other port
  skewed,           ///< RequestTimeTooSkewed, with the date of now
  wrong_date,       ///< RequestTimeTooSkewed, with the date of an hour ago
  error_within_ok,  ///< 200 with an <Error>: of copying and completing, else error_500
  // Of what is in between.
  twice,       ///< the server gets the request twice, the client the second answer
  shorter,     ///< a part of the body, with a length that fits
  late_error,  ///< the server has done it, the client sees 500
  login_page,  ///< 200 and a page of something else, as in hotels
};
inline constexpr int fault_count = static_cast<int>(Fault::login_page) + 1;
inline std::string name_of(Fault fault);

/// A request as a schedule sees it.
struct Asked {
  std::string method, target;
  bool copies = false;  ///< has x-amz-copy-source
  std::uint64_t body_size = 0;
  int before = 0;  ///< how often the same was asked: method, key and names of the query's parts
};

struct Deed {
  Fault fault = Fault::none;
  double where = 0.5;  ///< of the body, 0 to 1: where it is cut
};

using Schedule = std::function<Deed(const Asked&)>;

/// The faults of `among`, each as likely as the others, for this share of the requests. What
/// happens to a request depends on the seed and on the request, not on when it comes; so threads do
/// not matter. Buckets and upload ids, which differ from run to run, do not matter either.
inline Schedule seeded(std::uint64_t seed, double share, std::vector<Fault> among);
inline std::vector<Fault> all_faults();
/// All but those that a client cannot always see through or mend: shorter, wrong_date,
/// login_page.
inline std::vector<Fault> honest_faults();

class FaultProxy {
 public:
  struct Options {
    std::chrono::milliseconds pause{30};    ///< shorter than the client's patience
    std::chrono::milliseconds stall{2000};  ///< longer than it; ends when the client goes
  };

  /// @param upstream  "http://127.0.0.1:PORT"
  FaultProxy(const std::string& upstream, Schedule schedule, Options options);
  explicit FaultProxy(const std::string& upstream, Schedule schedule = {});
  ~FaultProxy();  ///< ends all connections
  FaultProxy(const FaultProxy&) = delete;
  FaultProxy& operator=(const FaultProxy&) = delete;

  std::string endpoint() const;        ///< "http://127.0.0.1:PORT"
  std::string other_endpoint() const;  ///< where redirects point to
  void set_schedule(Schedule schedule);

  /// Returns when the server is at work on nothing that came through here. A client that has gone
  /// gets nothing more done: what it asked before it went is either done by then or never will be.
  void settle() const;

  struct Done {
    std::string method, target;
    Fault fault;
  };
  std::vector<Done> log() const;        ///< what was done to which request, in order of arrival
  std::map<Fault, int> counts() const;  ///< requests by what was done to them
  std::uint64_t connections() const;    ///< ever
  int most_open() const;                ///< connections at once

 private:
  class Work;
  std::unique_ptr<Work> work_;
};

}  // namespace ocelli::test

#include "s3/fault_proxy_impl.hpp"
