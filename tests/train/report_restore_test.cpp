// Tests of going on with the report of an earlier run.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/train/report_restore.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <filesystem>
#include <limits>

#include "ocelli/train/report.hpp"

namespace {

using namespace ocelli;
using namespace ocelli::train;

struct Folder {
  std::filesystem::path path =
      std::filesystem::temp_directory_path() / "ocelli_report_restore_test";
  Folder() { std::filesystem::remove_all(path); }
  ~Folder() { std::filesystem::remove_all(path); }
};

ReportData example() {
  ReportData report;
  report.labels = {"cat"};
  report.pictures = {{.key = "a </script> \xc3\xa4.jpg", .height = 100, .width = 200}};
  for (long step = 100; step <= 300; step += 100) {
    report.log.push_back({.step = step, .loss = 300.0 / static_cast<double>(step)});
    ReportEvaluation evaluation{.step = step, .numbers = {0.125, -1}, .class_ap50 = {0.5}};
    report.evaluations.push_back(evaluation);
    ReportFound found{.score = 0.25};
    found.detections = {{{10, 20, 50, static_cast<float>(step) / 4}, 1, 0.875F}};
    report.pages.push_back({.step = step, .found = {found}});
  }
  report.log[0].data_wait = std::numeric_limits<double>::quiet_NaN();
  return report;
}

TEST_CASE("report_restore: everything up to the step comes back") {
  const Folder folder;
  const auto path = folder.path / "index.html";
  const ReportData whole = example();
  write_report(path, whole);
  ReportData resumed;
  resumed.pictures = whole.pictures;
  REQUIRE(restore_report(path, 200, resumed));
  REQUIRE(resumed.log.size() == 2);
  CHECK(resumed.log[1].loss == 1.5);
  CHECK(std::isnan(resumed.log[0].data_wait));
  REQUIRE(resumed.evaluations.size() == 2);
  CHECK(resumed.evaluations[0].numbers == whole.evaluations[0].numbers);
  CHECK(resumed.evaluations[1].class_ap50 == whole.evaluations[1].class_ap50);
  REQUIRE(resumed.pages.size() == 2);
  CHECK(resumed.pages[1].step == 200);
  CHECK(resumed.pages[1].found[0].score == 0.25);
  CHECK(resumed.pages[1].found[0].detections[0].box == PixelBox{10, 20, 50, 50});
  CHECK(resumed.pages[1].found[0].detections[0].score == 0.875F);
}

TEST_CASE("report_restore: written again it is the same page") {
  const Folder folder;
  const auto path = folder.path / "index.html";
  const ReportData whole = example();
  write_report(path, whole);
  ReportData resumed;
  resumed.labels = whole.labels;
  resumed.pictures = whole.pictures;
  REQUIRE(restore_report(path, 300, resumed));
  CHECK(report_html(resumed) == report_html(whole));
}

TEST_CASE("report_restore: pages of other pictures are left out") {
  const Folder folder;
  const auto path = folder.path / "index.html";
  write_report(path, example());
  ReportData resumed;
  resumed.pictures = {{.key = "b.jpg", .height = 100, .width = 200}};
  REQUIRE(restore_report(path, 300, resumed));
  CHECK(resumed.pages.empty());
  CHECK(resumed.log.size() == 3);
}

TEST_CASE("report_restore: no file, and files of another kind") {
  const Folder folder;
  const auto path = folder.path / "index.html";
  ReportData report = example();
  CHECK(!restore_report(path, 300, report));
  CHECK(report.log.size() == 3);
  make_folder(folder.path);
  write_file(path, "<html>hello</html>");
  CHECK_THROWS_AS(restore_report(path, 300, report), DataError);
  const std::string html = report_html(report);
  write_file(path, html.substr(0, html.find("\"book\"")));
  CHECK_THROWS_AS(restore_report(path, 300, report), DataError);
  CHECK(report.log.size() == 3);
}

}  // namespace
