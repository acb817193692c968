// Tests of results.csv.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/train/results_csv.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <limits>
#include <string>
#include <vector>

namespace {

using namespace ocelli;
using namespace ocelli::train;

struct Folder {
  std::filesystem::path path = std::filesystem::temp_directory_path() / "ocelli_results_csv_test";
  Folder() { std::filesystem::remove_all(path); }
  ~Folder() { std::filesystem::remove_all(path); }
};

const std::vector<std::string> kColumns = {"loss", "AP50, cat"};

void append(ResultsCsv& table, long step, double loss, double ap) {
  const std::vector<double> values = {loss, ap};
  table.append(step, values);
}

TEST_CASE("results_csv: rows as they are added") {
  const Folder folder;
  const auto path = folder.path / "run" / "results.csv";
  ResultsCsv table(path, kColumns);
  append(table, 100, 0.1, 0.25);
  append(table, 200, std::numeric_limits<double>::quiet_NaN(), 1e-20);
  CHECK(read_file(path) == "step,loss,\"AP50, cat\"\n100,0.1,0.25\n200,,1e-20\n");
  const std::vector<double> short_row = {1};
  CHECK_THROWS_AS(table.append(300, short_row), ShapeError);
}

TEST_CASE("results_csv: a resumed run goes on from its step") {
  const Folder folder;
  const auto path = folder.path / "results.csv";
  {
    ResultsCsv table(path, kColumns);
    append(table, 100, 3, 0);
    append(table, 200, 2, 0);
    append(table, 300, 1, 0);
  }
  // The process was killed within a row.
  write_file(path, read_file(path) + "400,0.");
  {
    ResultsCsv table(path, kColumns, 200);
    append(table, 300, 1.5, 0);
  }
  CHECK(read_file(path) == "step,loss,\"AP50, cat\"\n100,3,0\n200,2,0\n300,1.5,0\n");
  { ResultsCsv again(path, kColumns); }
  CHECK(read_file(path) == "step,loss,\"AP50, cat\"\n");
}

TEST_CASE("results_csv: a table of other columns is not lost") {
  const Folder folder;
  const auto path = folder.path / "results.csv";
  { ResultsCsv table(path, kColumns); }
  CHECK_THROWS_AS(ResultsCsv(path, {"loss"}, 100), ConfigError);
  write_file(path, read_file(path) + "hello\n");
  CHECK_THROWS_AS(ResultsCsv(path, kColumns, 100), ConfigError);
  CHECK(read_file(path).ends_with("hello\n"));
}

}  // namespace
