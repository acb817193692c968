// Tests of findings: counted by reason, thrown in strict mode.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/data/findings.hpp"

#include <doctest/doctest.h>

#include <vector>

#include "support/message_of.hpp"

namespace ocelli::data {
namespace {

TEST_CASE("findings: are counted by severity and reason") {
  std::vector<Finding> list;
  Findings findings(list, false);
  findings.note("b", "x:1", "text");
  findings.dropped("a", "x:2", "text");
  findings.dropped("a", "x:3", "text");
  const auto counts = count_by_reason(list);
  CHECK(counts.size() == 2);
  CHECK(counts.at({Finding::Severity::dropped, "a"}) == 2);
  CHECK(list[2].where == "x:3");
}

TEST_CASE("findings: strict stops at the first that is more than a note") {
  std::vector<Finding> list;
  Findings findings(list, true);
  findings.note("b", "x:1", "text");
  CHECK(test::message_of<DataError>([&] {
          findings.repaired("a", "x:2", "a box was clipped");
        }) == "x:2: a box was clipped; correct it, or read without strict");
  CHECK_THROWS_AS(findings.dropped("a", "x:2", "t"), DataError);
  CHECK_THROWS_AS(findings.error("a", "x:2", "t"), DataError);
  CHECK(list.size() == 1);
}

}  // namespace
}  // namespace ocelli::data
