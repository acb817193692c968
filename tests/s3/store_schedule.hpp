// A schedule: a few dozen operations on a store whose line to the server breaks as a seed says, and
// all that is wrong with what came of them.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "s3/fault_line.hpp"
#include "s3/ledger.hpp"

namespace ocelli::test {

struct ScheduleResult {
  std::vector<std::string> wrong;        ///< sentences; none is as it should be
  int done = 0, failed = 0;              ///< operations that had an answer, and that failed
  std::chrono::milliseconds longest{0};  ///< operation
  std::map<Fault, int> faults;
};

class StoreSchedule {
 public:
  struct Plan {
    std::uint64_t seed = 0;
    double share = 0.25;        ///< of the requests that break
    std::vector<Fault> faults;  ///< in which ways
    int operations = 20;
  };

  /// Below the prefix "s<seed>/" of the bucket.
  /// @param direct  a store without the proxy
  StoreSchedule(bucket::S3Store& direct, const Plan& plan)
      : plan_(plan),
        line_(direct.bucket(), seeded(plan.seed, plan.share, plan.faults)),
        direct_(direct),
        random_(static_cast<std::mt19937::result_type>(plan.seed)),
        prefix_("s" + std::to_string(plan.seed) + "/") {}

  ScheduleResult run() {
    for (int i = 0; i < plan_.operations; ++i) step();
    result_.faults = proxy_.counts();
    proxy_.settle();
    // The line holds again, so everything works, through the same store.
    proxy_.set_schedule({});
    plan_.share = 0;
    recover();
    for (const std::string& key : ledger_.keys()) get(key);
    list();
    inspect();
    return std::move(result_);
  }

 private:
  using Clock = std::chrono::steady_clock;
  enum class Kind { returned, threw, absent, condition };

  std::size_t below(std::size_t n) { return random_() % n; }
  std::string any_key() { return prefix_ + "k" + std::to_string(below(5)); }
  std::string new_bytes() {
    const std::size_t size = below(3) == 0 ? (64u << 10) + below(250u << 10) : below(20000);
    return noise((plan_.seed << 16) + ++versions_, size);
  }
  void complain(const std::string& what) {
    result_.wrong.push_back("seed " + std::to_string(plan_.seed) + ": " + what);
  }

  /// Does it, within the time that its requests may take.
  Kind attempt(const std::string& name, const std::function<void()>& work) {
    const auto begin = Clock::now();
    const std::size_t requests = proxy_.log().size();
    Kind kind = Kind::threw;
    try {
      if (plan_.share == 0)
        patiently(work);
      else
        work();
      kind = Kind::returned;
    } catch (const bucket::NotFoundError&) {
      kind = Kind::absent;
    } catch (const bucket::ConditionError&) {
      kind = Kind::condition;
    } catch (const StoreError& fault) {
      if (plan_.share == 0) complain(name + " failed on a good line: " + fault.what());
    } catch (const std::exception& fault) {
      complain(name + " threw something else: " + fault.what());
    }
    const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - begin);
    result_.longest = std::max(result_.longest, took);
    // 300 ms: the client's patience with a request, the pauses of the proxy, and the backoff. The
    // rest is for a machine that has other things to do.
    const auto allowed = std::chrono::milliseconds(300 * (proxy_.log().size() - requests) + 10000);
    if (took > allowed)
      complain(
          name + " took " + std::to_string(took.count()) + " ms, and " +
          std::to_string(allowed.count()) + " are too many");
    ++(kind == Kind::threw ? result_.failed : result_.done);
    proxy_.settle();
    return kind;
  }

  void step() {
    switch (below(12)) {
      case 0:
      case 1:
      case 2:
        return put();
      case 3:
        return put_if_absent();
      case 4:
        return copy();
      case 5:
        return remove();
      case 6:
        return list();
      case 7:
        return get_many();
      case 8:
        return head();
      case 9:
        return get_part();
      default:
        return get(any_key());
    }
  }

  void put() {
    const std::string key = any_key(), bytes = new_bytes();
    bucket::ObjectInfo info;
    const Kind kind = attempt("put " + key, [&] { info = store_.put(key, bytes); });
    if (kind == Kind::returned) {
      if (info.size != bytes.size()) complain("put " + key + " tells another size");
      ledger_.sure(key, bytes);
    } else {
      if (kind != Kind::threw) complain("put " + key + " finds a condition where there is none");
      ledger_.perhaps(key, bytes);
    }
  }

  void put_if_absent() {
    const std::string key = any_key(), bytes = new_bytes();
    bucket::PutOptions options;
    options.if_absent = true;
    const Kind kind = attempt("put new " + key, [&] { store_.put(key, bytes, options); });
    if (kind == Kind::returned) {
      if (!ledger_.may_be_absent(key)) complain("put new " + key + " replaces what was there");
      ledger_.sure(key, bytes);
    } else if (kind == Kind::condition) {
      // Somebody else's object, or its own by an earlier attempt whose answer was lost.
      if (ledger_.may_be_absent(key)) ledger_.perhaps(key, bytes);
    } else {
      if (kind == Kind::absent) complain("put new " + key + " does not find it");
      if (ledger_.may_be_absent(key)) ledger_.perhaps(key, bytes);
    }
  }

  void copy() {
    const std::string from = any_key(), to = any_key();
    if (from == to) return;
    const Kind kind = attempt("copy " + from + " " + to, [&] { store_.copy(from, to); });
    const std::vector<Ledger::State> sources = ledger_.states(from);
    if (kind == Kind::absent) {
      if (!ledger_.may_be_absent(from)) complain("copy does not find " + from);
      return;
    }
    if (kind == Kind::condition) complain("copy finds a condition where there is none");
    if (kind == Kind::returned && !ledger_.may_be_there(from))
      complain("copy returns without a source " + from);
    bool sure = kind == Kind::returned;
    for (const Ledger::State& source : sources) {
      if (!source) continue;
      if (sure)
        ledger_.sure(to, source);
      else
        ledger_.perhaps(to, source);
      sure = false;
    }
  }

  void remove() {
    const std::string key = any_key();
    const Kind kind = attempt("remove " + key, [&] { store_.remove(key); });
    if (kind == Kind::returned)
      ledger_.sure(key, std::nullopt);
    else
      ledger_.perhaps(key, std::nullopt);
    if (kind == Kind::absent || kind == Kind::condition)
      complain("remove " + key + " does not find it");
  }

  void check_absent(const std::string& name, const std::string& key, Kind kind) {
    if (kind == Kind::absent && !ledger_.may_be_absent(key))
      complain(name + " does not find " + key);
    if (kind == Kind::condition) complain(name + " finds a condition where there is none");
  }

  void get(const std::string& key) {
    std::vector<std::byte> bytes;
    const Kind kind = attempt("get " + key, [&] { bytes = store_.get(key); });
    check_absent("get", key, kind);
    if (kind == Kind::returned && !ledger_.may_be(key, text_of(bytes)))
      complain(
          "get " + key + " gives " + std::to_string(bytes.size()) + " bytes that it never had");
  }

  void get_part() {
    const std::string key = any_key();
    bucket::GetOptions options;
    options.offset = below(2) == 0 ? below(1000) : below(100000);
    if (below(2) == 0) options.length = 1 + below(100000);
    for (const Ledger::State& state : ledger_.states(key))
      if (state && state->size() <= options.offset) return;  // there is nothing to be had
    bucket::BytesSink sink;
    const Kind kind = attempt("get a part of " + key, [&] { store_.get(key, sink, options); });
    check_absent("get a part", key, kind);
    if (kind == Kind::returned &&
        !ledger_.may_have(
            key, options.offset, options.length.value_or(std::string::npos), text_of(sink.bytes)))
      complain("get a part of " + key + " gives bytes that it never had");
  }

  void get_many() {
    std::vector<std::string> keys;
    for (int i = 0; i < 5; ++i) keys.push_back(prefix_ + "k" + std::to_string(i));
    std::vector<int> times(keys.size());
    const Kind kind = attempt("get many", [&] {
      store_.get_many(keys, [&](bucket::Fetched&& fetched) {
        ++times.at(fetched.index);
        const std::string& key = keys[fetched.index];
        if (!fetched.fault) {
          if (!ledger_.may_be(key, text_of(fetched.bytes)))
            complain("get many gives bytes that " + key + " never had");
          return;
        }
        try {
          std::rethrow_exception(fetched.fault);
        } catch (const bucket::NotFoundError&) {
          if (!ledger_.may_be_absent(key)) complain("get many does not find " + key);
        } catch (const bucket::ConditionError&) {
          complain("get many finds a condition where there is none");
        } catch (const StoreError&) {
        } catch (const std::exception& fault) {
          complain(std::string("get many gives another error: ") + fault.what());
        }
      });
    });
    if (kind != Kind::returned) complain("get many threw what it should hand over");
    if (std::count(times.begin(), times.end(), 1) != 5)
      complain("get many: not each key came once");
  }

  void head() {
    const std::string key = any_key();
    std::optional<bucket::ObjectInfo> info;
    const Kind kind = attempt("head " + key, [&] { info = store_.head(key); });
    if (kind == Kind::absent || kind == Kind::condition) complain("head " + key + " throws that");
    if (kind != Kind::returned) return;
    if (!info && !ledger_.may_be_absent(key)) complain("head does not find " + key);
    if (!info) return;
    bool fits = false;
    for (const Ledger::State& state : ledger_.states(key))
      fits = fits || (state && state->size() == info->size);
    if (!fits) complain("head " + key + " tells a size that it never had");
  }

  void list() {
    std::vector<bucket::ObjectInfo> infos;
    const Kind kind = attempt("list", [&] { infos = store_.list(prefix_); });
    if (kind == Kind::absent || kind == Kind::condition) complain("list throws that");
    if (kind != Kind::returned) return;
    for (std::size_t i = 0; i < infos.size(); ++i) {
      if (!ledger_.may_be_there(infos[i].key)) complain("list has " + infos[i].key);
      if (i > 0 && infos[i - 1].key >= infos[i].key) complain("list is not in order");
    }
    for (const std::string& key : ledger_.keys())
      if (!ledger_.may_be_absent(key) &&
          std::none_of(
              infos.begin(), infos.end(), [&](const auto& info) { return info.key == key; }))
        complain("list lacks " + key);
  }

  /// A date that was a lie costs one operation, which learns the right one.
  void recover() {
    try {
      store_.head(prefix_);
    } catch (const StoreError&) {
    }
  }

  /// What is there now, without the proxy.
  void inspect() {
    for (const std::string& key : ledger_.keys()) {
      try {
        if (!ledger_.may_be(key, text_of(direct_.get(key)))) complain(key + " is torn");
      } catch (const bucket::NotFoundError&) {
        if (!ledger_.may_be_absent(key)) complain(key + " is lost");
      }
    }
  }

  Plan plan_;
  FaultLine line_;
  FaultProxy& proxy_ = line_.proxy;
  bucket::S3Store& store_ = line_.store;
  bucket::S3Store& direct_;
  std::mt19937 random_;
  std::string prefix_;
  std::uint64_t versions_ = 0;
  Ledger ledger_;
  ScheduleResult result_;
};

}  // namespace ocelli::test
