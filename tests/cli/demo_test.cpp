// The demo of a classifier learns what it promises.
// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "cli/run_program.hpp"
#include "support/temporary_folder.hpp"

using namespace ocelli::test;

TEST_CASE("demo: whole pictures are told apart, 95 of 100 that were not seen [slow]") {
  const TemporaryFolder folder;
  const Outcome outcome =
      run_program("demo --task classification --out " + (folder / "demo").string());
  REQUIRE_MESSAGE(outcome.code == 0, outcome.text);
  CHECK(last_json(outcome).at("accuracy") >= 0.95);
}
