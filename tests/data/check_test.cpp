// Tests of checking a data set.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/data/check.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "ocelli/data/open.hpp"
#include "support/label_fixtures.hpp"

namespace ocelli::data {
namespace {

/// Pictures a and b are equal, c ends too early, d and e are sound; d is not labelled.
void fill(MemorySource& source) {
  source.put("images/a.png", test::png(6, 8));
  source.put("images/b.png", test::png(6, 8));
  auto cut = test::png(6, 8, 7);
  cut.resize(cut.size() - 9);
  source.put("images/c.png", cut);
  source.put("images/d.png", test::png(6, 8, 9));
  source.put("images/e.png", test::png(64, 48));
  source.put("l.json", R"({"images":[{"id":1,"file_name":"a.png"},{"id":2,"file_name":"b.png"},
{"id":3,"file_name":"c.png"},{"id":5,"file_name":"e.png"}],
"categories":[{"id":1,"name":"cat"},{"id":2,"name":"dog"}],
"annotations":[{"id":1,"image_id":1,"category_id":1,"bbox":[2,1,4,3],"segmentation":[[2,1,6,1,6,4]]},
{"id":2,"image_id":1,"category_id":1,"bbox":[2,1,4,3]},
{"id":3,"image_id":5,"category_id":1,"bbox":[0,0,40,40]},
{"id":4,"image_id":5,"category_id":1,"iscrowd":1,"bbox":[3,3,0,2]}]})");
}

std::size_t count(const CheckReport& report, const std::string& reason) {
  return static_cast<std::size_t>(std::count_if(
      report.findings.begin(), report.findings.end(),
      [&](const Finding& finding) { return finding.reason == reason; }));
}

TEST_CASE("check: counts, sizes, and everything that is wrong") {
  MemorySource source;
  fill(source);
  const CheckReport report = check(open(source, {.keep_going = true}), source, 2);
  CHECK(report.labelled == 2);
  CHECK(report.negative == 2);
  CHECK(report.unlabelled == 1);
  CHECK(report.objects == 3);
  CHECK(report.polygons == 1);
  REQUIRE(report.classes.size() == 2);
  CHECK(report.classes[0].objects == 3);
  CHECK(report.classes[0].pictures == 2);
  CHECK(report.classes[0].sizes == std::array<std::size_t, 8>{2, 0, 0, 1, 0, 0, 0, 0});
  CHECK(report.picture_sizes.at({8, 6}) == 4);
  CHECK(report.picture_sizes.at({48, 64}) == 1);
  CHECK(report.objects_per_picture.at(2) == 1);
  REQUIRE(report.duplicates.size() == 1);
  CHECK(report.duplicates[0] == std::vector<std::string>{"images/a.png", "images/b.png"});
  CHECK(count(report, "box_without_area") == 1);  // the reader's
  CHECK(count(report, "picture_unreadable") == 1);
  CHECK(count(report, "object_twice") == 1);
  CHECK(count(report, "class_unused") == 1);
  CHECK(count(report, "picture_content_twice") == 1);
  CHECK(report.count(Finding::Severity::error) == 1);
  for (const Finding& finding : report.findings) {
    if (finding.reason != "picture_unreadable") continue;
    CHECK(finding.where == "images/c.png");
    CHECK(finding.text.find("the PNG ends too early") != std::string::npos);
  }
}

TEST_CASE("check: pictures that training and validation share") {
  MemorySource train, validation("other");
  fill(train);
  validation.put("x.png", test::png(6, 8, 9));
  validation.put("y.png", test::png(6, 8, 10));
  const auto report_of = [](const MemorySource& source, const std::vector<std::string>& keys) {
    Dataset data;
    data.root = source.name();
    for (const std::string& key : keys) {
      data.pictures.emplace_back();
      data.pictures.back().key = key;
    }
    return check(data, source, 1);
  };
  const auto leaks = find_leaks(
      report_of(train, {"images/d.png", "images/a.png"}),
      report_of(validation, {"x.png", "y.png"}));
  REQUIRE(leaks.size() == 1);
  CHECK(leaks[0].first == "images/d.png");
  CHECK(leaks[0].second == "x.png");
  CHECK(find_leaks(report_of(train, {"images/d.png"}), report_of(train, {"images/e.png"})).empty());
}

}  // namespace
}  // namespace ocelli::data
