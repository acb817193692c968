// Tests of printing a check report.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/data/check_text.hpp"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "support/message_of.hpp"

namespace ocelli::data {
namespace {

CheckReport report() {
  CheckReport report;
  report.root = "bucket";
  report.format = "voc";
  report.labelled = 2, report.objects = 3;
  report.classes = {{"cat", 2, 3, 0, 0, 0, {0, 0, 1, 2, 0, 0, 0, 0}}};
  report.picture_sizes = {{{8, 6}, 2}};
  for (int line = 1; line <= 3; ++line) {
    report.findings.push_back(
        {Finding::Severity::dropped, "box_without_area", "a.xml:" + std::to_string(line),
         "it has no area"});
  }
  report.findings.push_back({Finding::Severity::note, "odd", "b\xFF", "no UTF-8"});
  return report;
}

TEST_CASE("check_text: a page of text") {
  const std::string text = to_text(report(), 2);
  for (const char* part :
       {"bucket (voc)\n2 pictures: 2 labelled, 0 negative, 0 unlabelled; 3 objects", "2 of 8 x 6\n",
        "dropped box_without_area: 3\n  a.xml:1: it has no area\n", "  and 1 more\n"}) {
    CAPTURE(part);
    CHECK(test::says(text, part));
  }
  CHECK(test::says(to_text(CheckReport{}), "no faults found"));
}

TEST_CASE("check_text: JSON") {
  const auto json = nlohmann::json::parse(to_json(report()));
  CHECK(json.at("classes").at(0).at("objects") == 3);
  CHECK(json.at("classes").at(0).at("sizes").size() == json.at("object_size_limits").size() + 1);
  CHECK(json.at("counts").at("dropped").at("box_without_area") == 3);
  CHECK(json.at("findings").at(1).at("where") == "a.xml:2");
  CHECK(json.at("findings").at(3).at("where") == "b\xEF\xBF\xBD");
}

}  // namespace
}  // namespace ocelli::data
