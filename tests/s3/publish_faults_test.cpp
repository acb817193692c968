// Publishing and watching over lines that break in every way: no wrong model is loaded, none that
// was published is lost, and the watcher ends with the last one.
// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <mutex>
#include <vector>

#include "s3/publish_schedule.hpp"

using namespace ocelli;
using namespace ocelli::test;

TEST_CASE("publish faults: schedules over publishing and watching") {
  if (!gateway_there()) return;
  const int count = schedules(60);
  const FreshBucket fresh("publish");
  bucket::S3Store direct(fresh.options);
  warm_up(fresh.options);
  std::mutex mutex;
  PublishSchedule::Result sum;
  side_by_side(count, [&](int n) {
    PublishSchedule::Plan plan;
    plan.seed = static_cast<std::uint64_t>(n) + 1;
    if (!wanted(plan.seed)) return;
    plan.share = std::vector<double>{0.05, 0.15, 0.3, 0.5}[static_cast<std::size_t>(n) % 4];
    plan.faults = n % 3 == 0 ? honest_faults() : all_faults();
    plan.publishers = n % 5 == 0 ? 2 : 1;
    plan.beside = n % 2 == 0;
    const PublishSchedule::Result one = PublishSchedule(direct, plan).run();
    const std::lock_guard lock(mutex);
    sum.wrong.insert(sum.wrong.end(), one.wrong.begin(), one.wrong.end());
    sum.published += one.published;
    sum.failed += one.failed;
    sum.conditions += one.conditions;
    sum.loaded += one.loaded;
    sum.failed_polls += one.failed_polls;
  });
  for (std::size_t i = 0; i < std::min<std::size_t>(sum.wrong.size(), 40); ++i)
    FAIL_CHECK(sum.wrong[i]);
  CHECK(sum.wrong.empty());
  if (!environment("OCELLI_TEST_SEED").empty()) return;
  // They are what they shall be: some of all of it.
  CHECK(sum.published > count);
  CHECK(sum.failed > count / 10);
  CHECK(sum.loaded > count);
  CHECK(sum.failed_polls > count / 10);
  MESSAGE(
      sum.published << " changes published, " << sum.failed << " failed, " << sum.conditions
                    << " came second; " << sum.loaded << " models loaded, " << sum.failed_polls
                    << " polls failed");
}
