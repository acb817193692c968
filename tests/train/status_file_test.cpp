// The status is written by itself, always whole, and a failure stops nothing.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/train/status_file.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <string>
#include <thread>

#include "support/message_of.hpp"
#include "support/temporary_folder.hpp"

using namespace ocelli;
using namespace ocelli::train;
using namespace ocelli::test;

TEST_CASE(
    "status_file: the newest state is there without anybody's doing, and at the end at once") {
  const TemporaryFolder folder;
  const auto path = folder / "status.json";
  {
    StatusFile status(path, std::chrono::milliseconds(1));
    status.update({{"state", "training"}, {"step", 1}});
    std::error_code code;
    while (!std::filesystem::exists(path, code)) std::this_thread::yield();
    for (int step = 2; step < 50; ++step) {
      status.update({{"state", "training"}, {"step", step}});
      const auto json = nlohmann::json::parse(read_file(path));  // whole at any moment
      CHECK(json["step"].get<int>() <= step);
      CHECK(json["updated"].get<long>() > 1'500'000'000);
    }
    status.finish({{"state", "finished"}, {"step", 50}});
    CHECK(nlohmann::json::parse(read_file(path))["state"] == "finished");
  }
  CHECK(nlohmann::json::parse(read_file(path))["step"] == 50);
}

TEST_CASE("status_file: a failure is kept for who asks") {
  const TemporaryFolder folder;
  StatusFile status(folder / "none/status.json", std::chrono::milliseconds(1));
  status.update({{"state", "training"}});
  while (status.error().empty()) std::this_thread::yield();
  CHECK(says(status.error(), "none/status.json"));
  CHECK_THROWS_AS(status.finish({{"state", "finished"}}), StoreError);
}
