// The log of a resumed training has each step's line once.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/train/json_log.hpp"

#include <doctest/doctest.h>

#include <limits>
#include <string>

#include "support/message_of.hpp"
#include "support/temporary_folder.hpp"

using namespace ocelli;
using namespace ocelli::train;
using namespace ocelli::test;

TEST_CASE("json_log: lines are appended, a line a call") {
  const TemporaryFolder folder;
  JsonLog log(folder / "log.jsonl");
  log.append(1, {{"loss", 0.5}, {"step", 99}});
  log.append(2, {{"loss", std::numeric_limits<double>::quiet_NaN()}, {"name", "a\nb"}});
  log.flush();
  CHECK(
      read_file(folder / "log.jsonl") ==
      "{\"step\":1,\"loss\":0.5}\n{\"step\":2,\"loss\":null,\"name\":\"a\\nb\"}\n");
}

TEST_CASE("json_log: on resume, later lines and broken ones go, the rest is untouched") {
  const TemporaryFolder folder;
  const auto path = folder / "log.jsonl";
  const std::string kept = "{\"step\":0}\n{\"step\":5, \"a\":1}\n{\"step\":5,\"eval\":2}\n";
  write_file(
      path,
      "{\"step\":0}\n{\"step\":5, \"a\":1}\nnonsense\n[1]\n{\"step\":5,\"eval\":2}\n"
      "{\"step\":6}\n{\"step\":7}\n{\"step\":5");
  {
    JsonLog log(path, 5);
    CHECK(log.removed() == 5);
    CHECK(read_file(path) == kept);
    log.append(6, nlohmann::ordered_json::object());
  }
  CHECK(read_file(path) == kept + "{\"step\":6}\n");
  CHECK(JsonLog::read(path).size() == 4);
  CHECK(JsonLog(path, 6).removed() == 0);
  CHECK(read_file(path) == kept + "{\"step\":6}\n");
  const JsonLog fresh(path);
  CHECK(read_file(path).empty());
}

TEST_CASE("json_log: reading leaves out a last line that is cut short") {
  const TemporaryFolder folder;
  write_file(folder / "log.jsonl", "{\"step\":1}\n{\"step\":2}");
  CHECK(JsonLog::read(folder / "log.jsonl").size() == 1);
  CHECK(says(
      message_of<StoreError>([&] { JsonLog log(folder / "none/log.jsonl"); }), "none/log.jsonl"));
}
