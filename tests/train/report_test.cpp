// Tests of the report: its JSON read back, hostile text, and the file.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/train/report.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <filesystem>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>

#include "ocelli/draw/boxes.hpp"
#include "ocelli/train/report_picture.hpp"

namespace {

using namespace ocelli;
using namespace ocelli::train;

/// The data that the page's script would read.
nlohmann::json data_of(const std::string& html) {
  const std::string begin = "<script type=\"application/json\" id=\"data\">";
  const std::size_t from = html.find(begin) + begin.size();
  REQUIRE(from > begin.size());
  return nlohmann::json::parse(html.substr(from, html.find("</script>", from) - from));
}

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t found = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1))
    ++found;
  return found;
}

ReportData example() {
  ReportData report;
  report.title = "test";
  report.labels = {"cat", "dog"};
  ReportPicture picture{.key = "a.jpg", .height = 100, .width = 200};
  picture.jpeg = {std::byte{0xFF}, std::byte{0xD8}, std::byte{0xFF}, std::byte{0xE0}};
  picture.truths = {{.box = {10, 20, 50, 100}, .label = 2, .difficult = true}};
  report.pictures = {picture};
  ReportFound found{.score = 0.5};
  found.detections = {
      {{0, 0, 100, 200}, 1, 0.25F}, {{25, 50, 75, 150}, 2, 0.875F}, {{0, 0, 1, 1}, 1, 0.01F}};
  report.pages = {{.step = 100, .found = {found}}, {.step = 200, .found = {{}}}};
  report.evaluations = {{.step = 100, .numbers = {0.25, -1}, .classes = {0.5, -1}}};
  report.confusion = {0, 1, 2, 3, 4, 5, 6, 7, 8};
  return report;
}

TEST_CASE("report: the data arrives") {
  const nlohmann::json data = data_of(report_html(example()));
  CHECK(data["title"] == "test");
  CHECK(data["classes"][1]["name"] == "dog");
  CHECK(data["classes"][0]["color"] == "#e65046");
  const auto& picture = data["book"]["pictures"][0];
  CHECK(picture["src"] == "data:image/jpeg;base64,/9j/4A==");
  CHECK(picture["truths"][0] == nlohmann::json({2, 2, 1000, 1000, 5000, 5000}));
  const auto& first = data["book"]["pages"][0];
  CHECK(first["step"] == 100);
  CHECK(first["p"][0]["s"] == 0.5);
  REQUIRE(first["p"][0]["d"].size() == 2);  // the third is below least_score
  CHECK(first["p"][0]["d"][0] == nlohmann::json({2, 875, 2500, 2500, 7500, 7500}));
  CHECK(first["p"][0]["d"][1] == nlohmann::json({1, 250, 0, 0, 10000, 10000}));
  CHECK(data["book"]["pages"].size() == 2);
  CHECK(data["evaluations"][0]["n"][0] == 0.25);
  CHECK(data["evaluations"][0]["n"][1] == -1);
  CHECK(data["evaluations"][0]["c"] == nlohmann::json({0.5, -1}));
  CHECK(data["confusion"]["counts"][8] == 8);
}

TEST_CASE("report: text of users cannot leave the data") {
  ReportData report = example();
  const std::string hostile = "</script><script>alert(1)</script><!-- \"'&\\ \n\t";
  report.title = hostile;
  report.subtitle = "bad \xff\xc3 bytes, \xed\xa0\x80, good \xc3\xa4 \xf0\x9f\x90\x88";
  report.labels[0] = hostile;
  report.pictures[0].key = hostile;
  report.config = {{hostile, hostile}};
  report.galleries = {
      {.title = hostile, .note = hostile, .items = {{.picture = report.pictures[0]}}}};
  const std::string html = report_html(report);
  CHECK(html.find("alert(1)</script>") == std::string::npos);
  CHECK(count(html, "<script") == 2);
  CHECK(count(html, "</script>") == 2);
  CHECK(count(html, "<!--") == 0);
  const nlohmann::json data = data_of(html);
  CHECK(data["title"] == hostile);
  CHECK(data["classes"][0]["name"] == hostile);
  CHECK(data["book"]["pictures"][0]["key"] == hostile);
  CHECK(data["config"][0][1] == hostile);
  const std::string lost = "\xef\xbf\xbd";
  CHECK(
      data["subtitle"] ==
      "bad " + lost + lost + " bytes, " + lost + lost + lost + ", good \xc3\xa4 \xf0\x9f\x90\x88");
}

TEST_CASE("report: nothing comes from the network") {
  const std::string html = report_html(example());
  CHECK(
      count(html, "http") == count(html, "http://www.w3.org/2000/svg"));  // a name, not an address
  CHECK(count(html, "<link") == count(html, "<link rel=\"icon\" href=\"data:,\">"));
  CHECK(count(html, "@import") == 0);
  CHECK(count(html, "fetch(") == 0);
}

TEST_CASE("report: numbers that are not finite are left out") {
  ReportData report;
  const double nan = std::numeric_limits<double>::quiet_NaN();
  report.log = {
      {.step = 1, .loss = nan, .learning_rate = 1e-7, .images_per_second = 1e300 * 1e300}};
  const nlohmann::json data = data_of(report_html(report));
  CHECK(data["log"]["loss"][0].is_null());
  CHECK(data["log"]["images_per_second"][0].is_null());
  CHECK(data["log"]["learning_rate"][0] == 1e-7);
}

TEST_CASE("report: a long log is shortened by means") {
  ReportData report;
  for (long step = 1; step <= 9000; ++step)
    report.log.push_back({.step = step, .loss = static_cast<double>(step)});
  const nlohmann::json log = data_of(report_html(report))["log"];
  REQUIRE(log["step"].size() == 1800);
  CHECK(log["step"][0] == 5);
  CHECK(log["loss"][0] == 3);
  CHECK(log["step"][1799] == 9000);
}

TEST_CASE("report: the surest detections are kept") {
  ReportData report = example();
  report.detections_per_picture = 1;
  const nlohmann::json data = data_of(report_html(report));
  REQUIRE(data["book"]["pages"][0]["p"][0]["d"].size() == 1);
  CHECK(data["book"]["pages"][0]["p"][0]["d"][0][1] == 875);
}

TEST_CASE("report: sizes that do not fit") {
  ReportData report = example();
  report.confusion.pop_back();
  CHECK_THROWS_AS(report_html(report), ConfigError);
  report = example();
  report.pages[0].found.clear();
  CHECK_THROWS_WITH_AS(
      report_html(report),
      "report: the page of step 100 has 0 pictures, the book 1; give every page a result for each "
      "picture of the book",
      ConfigError);
  report = example();
  report.pages[1].step = 100;
  CHECK_THROWS_AS(report_html(report), ConfigError);
}

TEST_CASE("report: the file is replaced whole") {
  const auto folder = std::filesystem::temp_directory_path() / "ocelli_report_test";
  std::filesystem::remove_all(folder);
  const auto path = folder / "report" / "index.html";
  write_report(path, ReportData{});
  const std::string first = read_file(path);
  write_report(path, example());
  CHECK(read_file(path) == report_html(example()));
  CHECK(read_file(path) != first);
  long files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder / "report")) {
    CHECK(entry.path().filename() == "index.html");
    ++files;
  }
  CHECK(files == 1);
  std::filesystem::remove_all(folder);
}

TEST_CASE("report: pictures are scaled down and keep their boxes") {
  data::Image image = data::make_image(500, 1000);
  for (std::size_t i = 0; i < image.pixels.size(); ++i) image.pixels[i] = 200;
  const ReportPicture picture =
      report_picture("big.jpg", image, {{.box = {0, 0, 500, 1000}, .label = 1}});
  CHECK(picture.width == 1000);
  CHECK(picture.height == 500);
  const data::Image small = data::decode(picture.jpeg, "big.jpg");
  CHECK(small.width == 480);
  CHECK(small.height == 240);
  CHECK(std::abs(static_cast<int>(small.pixels[0]) - 200) <= 2);
  CHECK(shrunk(small, 480).width == 480);
  CHECK(shrunk(data::make_image(1, 9000), 100).height == 1);
}

TEST_CASE("report: a crop shows the box and what lies around it") {
  data::Image image = data::make_image(100, 100);
  draw::Canvas(image).rectangle({40, 60, 50, 80}, {255, 255, 255});
  ReportPicture named{.key = "a.jpg"};
  named.truths = {{.box = {40, 60, 50, 80}, .label = 1}, {.box = {0, 0, 5, 5}, .label = 2}};
  ReportFound found{.score = 0.25};
  found.detections = {{{42, 62, 50, 80}, 1, 0.5F}};
  const ReportGallery::Item item = report_crop(named, image, {40, 60, 50, 80}, found);
  // A margin of the longer side, 20, cut at the right edge: rows 20 .. 70, columns 40 .. 100.
  CHECK(item.picture.height == 50);
  CHECK(item.picture.width == 60);
  REQUIRE(item.picture.truths.size() == 1);
  CHECK(item.picture.truths[0].box == PixelBox{20, 20, 30, 40});
  CHECK(item.found.detections[0].box == PixelBox{22, 22, 30, 40});
  CHECK(item.found.score == 0.25);
  const data::Image shown = data::decode(item.picture.jpeg, "crop");
  CHECK(shown.at(25, 30)[0] > 200);
  CHECK(shown.at(5, 5)[0] < 50);
}

}  // namespace
