// S3Store over a line that breaks in every way: each fault alone, then hundreds of schedules of
// them. Nothing is lost or torn, nothing hangs, nothing but StoreError leaves.
// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "s3/store_schedule.hpp"
#include "support/message_of.hpp"

using namespace ocelli;
using namespace ocelli::test;
using std::chrono::milliseconds;

namespace {

/// The first request breaks. A HEAD whose refusal has no words is asked again by a GET, which then
/// is refused likewise.
Schedule once(Fault fault) {
  const auto state = std::make_shared<std::atomic<int>>(0);
  return [=](const Asked& asked) {
    int now = 0;
    if (state->compare_exchange_strong(now, 1))
      *state = asked.method == "HEAD" ? 2 : 3;
    else if (now == 2 && (fault == Fault::skewed || fault == Fault::wrong_date))
      *state = 3;
    else
      return Deed{};
    return Deed{fault, 0.6};
  };
}

Schedule always(Fault fault) {
  return [=](const Asked&) { return Deed{fault, 0.6}; };
}

TEST_CASE("faults: one fault, whichever and wherever, is not noticed") {
  if (!gateway_there()) return;
  FreshBucket fresh("single");
  bucket::S3Store direct(fresh.options);
  warm_up(fresh.options);
  const std::string small = noise(1, 5000), large = noise(2, 300000);
  direct.put("small", small);
  direct.put("large", large);

  struct Operation {
    const char* name;
    std::function<bool(bucket::S3Store&, const std::string& key)> right;
  };
  const std::vector<Operation> operations{
      {"put",
       [&](auto& store, const auto& key) { return store.put(key, small).size == small.size(); }},
      {"put in parts",
       [&](auto& store, const auto& key) { return store.put(key, large).size == large.size(); }},
      {"put new",
       [&](auto& store, const auto& key) {
         bucket::PutOptions options;
         options.if_absent = true;
         return store.put(key, small, options).size == small.size();
       }},
      {"copy",
       [&](auto& store, const auto& key) { return store.copy("small", key).size == small.size(); }},
      {"get", [&](auto& store, const auto&) { return text_of(store.get("small")) == small; }},
      {"get large", [&](auto& store, const auto&) { return text_of(store.get("large")) == large; }},
      {"get a part",
       [&](auto& store, const auto&) {
         bucket::BytesSink sink;
         bucket::GetOptions options;
         options.offset = 1000;
         options.length = 200000;
         store.get("large", sink, options);
         return text_of(sink.bytes) == large.substr(1000, 200000);
       }},
      {"get many",
       [&](auto& store, const auto&) {
         const std::vector<std::string> keys{"small", "large"};
         bool right = true;
         store.get_many(keys, [&](bucket::Fetched&& one) {
           if (one.fault) std::rethrow_exception(one.fault);
           right = right && text_of(one.bytes) == (one.index == 0 ? small : large);
         });
         return right;
       }},
      {"head", [&](auto& store, const auto&) { return store.head("small")->size == small.size(); }},
      {"list", [&](auto& store, const auto&) { return store.list("small").size() == 1; }},
      {"remove", [&](auto& store, const auto& key) {
         store.remove(key);
         return true;
       }}};

  const std::vector<Fault> faults = all_faults();
  const int count = static_cast<int>(operations.size() * faults.size());
  std::mutex mutex;
  std::vector<std::string> wrong;
  side_by_side(count, [&](int n) {
    const Operation& operation = operations[static_cast<std::size_t>(n) % operations.size()];
    const Fault fault = faults[static_cast<std::size_t>(n) / operations.size()];
    const std::string name = operation.name;
    std::string what;
    for (int turn = 0; turn < 5; ++turn) {
      what.clear();
      FaultLine line(fresh.options.bucket, once(fault));
      try {
        const std::string key = "new" + std::to_string(n) + "-" + std::to_string(turn);
        if (!operation.right(line.store, key)) what = "the result is wrong";
      } catch (const std::exception& error) {
        what = error.what();
      }
      if (what.empty() && line.proxy.counts()[fault] == 0) what = "the fault did not happen";
      if (!out_of_time(what)) break;
    }
    // A date that is wrong is believed once, and the true one is learnt by the next operation. XML
    // that ends too early is no XML; of other answers' ends nothing tells.
    if (fault == Fault::wrong_date && says(what, "clock")) what.clear();
    if (fault == Fault::shorter && says(what, "not the XML of S3")) what.clear();
    // That nobody is served is for a person to mend; but it is not taken for an answer.
    if (fault == Fault::login_page && !what.empty()) {
      const bool seen = says(what, "login page") || says(what, "is an S3 server");
      what = seen ? "" : "not seen through: " + what;
    } else if (fault == Fault::login_page) {
      what = "taken for an answer";
    }
    if (what.empty()) return;
    const std::lock_guard lock(mutex);
    wrong.push_back(name + ", " + name_of(fault) + ": " + what);
  });
  for (const std::string& one : wrong) FAIL_CHECK(one);
}

TEST_CASE("faults: a server that only fails is given up, in time and with one sentence") {
  if (!gateway_there()) return;
  FreshBucket fresh("givenup");
  bucket::S3Store direct(fresh.options);
  warm_up(fresh.options);
  const std::string large = noise(2, 300000);
  direct.put("large", large);
  const std::vector<Fault> faults = all_faults();
  std::mutex mutex;
  std::vector<std::string> wrong;
  side_by_side(static_cast<int>(faults.size()), [&](int n) {
    const Fault fault = faults[static_cast<std::size_t>(n)];
    // These let a request through, in the end or in pieces.
    if (fault == Fault::pause || fault == Fault::twice) return;
    FaultLine line(direct.bucket(), always(fault));
    bool right = true;
    const std::vector<std::pair<std::string, std::function<void()>>> operations{
        {"get", [&] { right = text_of(line.store.get("large")) == large; }},
        {"put", [&] { line.store.put("new" + std::to_string(n), large); }},
        {"list", [&] { line.store.list(""); }}};
    for (const auto& [name, operation] : operations) {
      const std::size_t before = line.proxy.log().size();
      std::string what;
      try {
        operation();
        // Cut where nothing is left to cut, a body arrives; a resumed one too, piece by piece.
        const bool fine = fault == Fault::cut_answer || fault == Fault::stall_answer ||
                          (fault == Fault::shorter && name != "get");
        if (!fine || !right) what = "did not fail";
      } catch (const StoreError& error) {
        what = error.what();
        what = what.find("s3://" + direct.bucket()) == std::string::npos
                   ? "does not say where: " + what
                   : "";
      } catch (const std::exception& error) {
        what = std::string("another error: ") + error.what();
      }
      const std::size_t requests = line.proxy.log().size() - before;
      if (what.empty() && requests > 200) what = std::to_string(requests) + " requests";
      if (what.empty()) continue;
      const std::lock_guard lock(mutex);
      wrong.push_back(name + ", always " + name_of(fault) + ": " + what);
    }
  });
  for (const std::string& one : wrong) FAIL_CHECK(one);
}

TEST_CASE("faults: an object that changes while its download is resumed is not mixed") {
  if (!gateway_there()) return;
  FreshBucket fresh("changed");
  bucket::S3Store direct(fresh.options);
  warm_up(fresh.options);
  const std::string before = noise(1, 200000), after = noise(2, 200000), shorter = noise(3, 50000);
  for (const std::string& next : {after, shorter}) {
    direct.put("k", before);
    FaultLine line(direct.bucket(), [&](const Asked& asked) {
      if (asked.before == 0) return Deed{Fault::cut_answer, 0.5};
      if (asked.before == 1) direct.put("k", next);
      return Deed{};
    });
    CHECK(text_of(line.store.get("k")) == next);
    // A reader that wants that one object and no other.
    direct.put("k", before);
    FaultLine strict(direct.bucket(), [&](const Asked& asked) {
      if (asked.before == 0) return Deed{Fault::cut_answer, 0.5};
      if (asked.before == 1) direct.put("k", next);
      return Deed{};
    });
    bucket::GetOptions options;
    options.if_match = direct.head("k")->etag;
    bucket::BytesSink sink;
    CHECK_THROWS_AS(strict.store.get("k", sink, options), bucket::ConditionError);
  }
}

TEST_CASE("faults: an upload in parts that fails leaves neither object nor parts") {
  if (!gateway_there()) return;
  FreshBucket fresh("parts");
  bucket::S3Store direct(fresh.options);
  warm_up(fresh.options);
  const std::string old = noise(1, 1000), large = noise(2, 300000);
  direct.put("k", old);
  FaultLine line(direct.bucket(), [](const Asked& asked) {
    const bool last = asked.method == "POST" && asked.target.find("uploadId=") != std::string::npos;
    return Deed{last ? Fault::error_within_ok : Fault::none, 0.5};
  });
  CHECK_THROWS_AS(line.store.put("k", large), StoreError);
  CHECK(text_of(direct.get("k")) == old);
  // Removing the bucket would fail if there were uploads; so would this.
  bucket::S3Client client(fresh.options);
  bucket::S3Request uploads;
  uploads.bucket = direct.bucket();
  uploads.query = {{"uploads", ""}};
  const std::string listed = client.demand(uploads).http.body;
  CHECK(says(listed, "ListMultipartUploadsResult"));
  CHECK(!says(listed, "<UploadId>"));
}

TEST_CASE("faults: pages of a listing") {
  if (!gateway_there()) return;
  FreshBucket fresh("pages");
  bucket::S3Store direct(fresh.options);
  warm_up(fresh.options);
  std::vector<std::string> keys(1100);  // two pages

  for (std::size_t i = 0; i < keys.size(); ++i) keys[i] = "k" + std::to_string(10000 + i);
  side_by_side(static_cast<int>(keys.size()), [&](int n) {
    direct.put(keys[static_cast<std::size_t>(n)], "");
  });
  std::atomic<int> right{0}, failed{0}, wrong{0};
  const std::vector<Fault> faults = all_faults();
  side_by_side(24, [&](int n) {
    FaultLine line(direct.bucket(), seeded(static_cast<std::uint64_t>(n), 0.4, faults));
    try {
      const std::vector<bucket::ObjectInfo> listed = line.store.list("k");
      const bool same = std::equal(
          listed.begin(), listed.end(), keys.begin(), keys.end(),
          [](const bucket::ObjectInfo& info, const std::string& key) { return info.key == key; });
      ++(same ? right : wrong);
    } catch (const StoreError&) {
      ++failed;
    }
  });
  CHECK(wrong == 0);
  CHECK(right + failed == 24);
  CHECK(right > 12);
}

TEST_CASE("faults: schedules over everything a store does") {
  if (!gateway_there()) return;
  const int count = schedules(500);
  FreshBucket fresh("schedules");
  bucket::S3Store direct(fresh.options);
  warm_up(fresh.options);
  const std::vector<Fault> honest = honest_faults(), all = all_faults();
  std::mutex mutex;
  ScheduleResult sum;
  int calm_done = 0, calm_failed = 0;
  side_by_side(count, [&](int n) {
    StoreSchedule::Plan plan;
    plan.seed = static_cast<std::uint64_t>(n) + 1;
    if (!wanted(plan.seed)) return;
    plan.share = std::vector<double>{0.05, 0.15, 0.3, 0.5, 0.8}[static_cast<std::size_t>(n) % 5];
    plan.faults = n % 2 == 0 ? honest : all;
    plan.operations = 12;
    const ScheduleResult one = StoreSchedule(direct, plan).run();
    const std::lock_guard lock(mutex);
    sum.wrong.insert(sum.wrong.end(), one.wrong.begin(), one.wrong.end());
    sum.done += one.done;
    sum.failed += one.failed;
    if (plan.share < 0.2) calm_done += one.done, calm_failed += one.failed;
    sum.longest = std::max(sum.longest, one.longest);
    for (const auto& [fault, times] : one.faults) sum.faults[fault] += times;
  });
  for (std::size_t i = 0; i < std::min<std::size_t>(sum.wrong.size(), 40); ++i)
    FAIL_CHECK(sum.wrong[i]);
  CHECK(sum.wrong.empty());
  if (!environment("OCELLI_TEST_SEED").empty()) return;
  // The schedules are what they shall be: each fault many times, and operations of both kinds.
  for (const Fault fault : all) {
    CAPTURE(name_of(fault));
    CHECK(sum.faults[fault] >= count / 10);
  }
  CHECK(sum.failed > count / 2);
  CHECK(calm_done > 10 * calm_failed);
  std::string faults;
  for (const auto& [fault, times] : sum.faults)
    faults += ", " + name_of(fault) + " " + std::to_string(times);
  MESSAGE(
      sum.done << " operations returned, " << sum.failed << " threw, the longest took "
               << sum.longest.count() << " ms; requests" << faults.substr(1));
}

}  // namespace
