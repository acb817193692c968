// Tests of projects: what is listed, added, labelled and saved.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/data/project.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <regex>
#include <set>
#include <string>
#include <vector>

#include "ocelli/bucket/memory_store.hpp"
#include "ocelli/core/file.hpp"
#include "support/label_fixtures.hpp"
#include "support/message_of.hpp"
#include "support/temporary_folder.hpp"
#include "tricky_store.hpp"

namespace ocelli::data {
namespace {

using bucket::MemoryStore;
using test::bucket_with;
using test::json;
using test::message_of;
using test::picture;
using test::says;
using test::text_of;
using test::told;
using test::two;
using Names = std::vector<std::string>;
using Which = Project::Which;

std::string without_ids(const std::string& text) {
  return std::regex_replace(text, std::regex(R"(,"id":"[0-9a-f-]{36}")"), "");
}

TEST_CASE("project: what there is") {
  auto store = bucket_with({"b.jpg", "a.JPEG", "sub/c 1+\xC3\xA9.png"}, two);
  store->put("notes.txt", "x");
  const Project project(store);
  CHECK(project.name() == "memory://cats");
  CHECK(project.label_file() == json);
  CHECK(project.labels() == Names{"cat", "dog"});
  CHECK(project.type() == "localization");
  CHECK(project.images() == Names{"a.JPEG", "b.jpg", "sub/c 1+\xC3\xA9.png"});
  CHECK(project.images(Which::labelled) == Names{"b.jpg"});
  CHECK(project.images(Which::unlabelled) == Names{"a.JPEG", "sub/c 1+\xC3\xA9.png"});
  CHECK(project.images_with("dog") == Names{"b.jpg"});
  CHECK(project.images_with("cat").empty());  // its only picture is not there
  CHECK(project.missing_images() == Names{"gone.jpg"});
  CHECK_FALSE(project.changed());

  const Dataset data = project.dataset();
  CHECK(data.root == "memory://cats");
  REQUIRE(data.pictures.size() == 3);
  CHECK(data.pictures[0].key == "b.jpg");
  CHECK(data.pictures[0].objects[0].box == PixelBox{0, 0, 3, 8});
  CHECK(says(told(data, "picture_missing"), "dropped _annotations.json:1: the picture \"gone.jpg"));
  MemorySource cached;  // the same pictures, from elsewhere
  cached.put("b.jpg", test::png(60, 80));
  CHECK(project.dataset(cached).pictures.size() == 1);
  CHECK(project.dataset(cached).pictures[0].width == 80);
}

TEST_CASE("project: pictures are stored by content, under names of their own") {
  const auto store = std::make_shared<MemoryStore>();
  Project project(store);
  const std::regex jpg("[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\\.jpg");
  const auto turned = test::turned_jpeg(6, 8, 6);
  const std::string key = project.add_image(turned);
  CHECK(std::regex_match(key, jpg));
  CHECK(store->get(key) == turned);  // untouched, with its EXIF
  CHECK(project.add_image(test::png(6, 8)).ends_with(".png"));
  CHECK(project.images().size() == 2);
  CHECK_FALSE(project.changed());

  CHECK(says(
      message_of<DataError>([&] { project.add_image(test::bytes_of("GIF89a..."), "a.jpg"); }),
      "a.jpg: a GIF"));
  auto cut = turned;
  cut.resize(cut.size() - 20);
  CHECK(says(
      message_of<DataError>([&] { project.add_image(cut, "c.jpg"); }),
      "c.jpg: the JPEG ends too early"));
  CHECK_THROWS_AS(project.add_image({}), DataError);
  CHECK(project.images().size() == 2);
}

TEST_CASE("project: files are added in their order, and none when one is no picture") {
  const test::TemporaryFolder folder;
  std::vector<std::filesystem::path> files;
  for (int i = 0; i < 20; ++i) {
    const auto bytes = test::png(6, 8, static_cast<std::uint8_t>(i));
    files.push_back(folder / ("DSC " + std::to_string(i) + ".JPG"));  // named wrongly
    write_file(files.back(), as_text(bytes), Durability::buffered);
  }
  auto store = bucket_with({});
  Project project(store, "new/pictures");
  std::set<std::size_t> told_of;
  const Names keys =
      project.add_images(files, [&](std::size_t i, const std::string&) { told_of.insert(i); });
  REQUIRE(keys.size() == 20);
  CHECK(told_of.size() == 20);
  for (std::size_t i = 0; i < 20; ++i) {
    CHECK(keys[i].ends_with(".png"));
    CHECK(store->get("new/pictures/" + keys[i]) == test::png(6, 8, static_cast<std::uint8_t>(i)));
  }
  CHECK(project.images().size() == 20);

  write_file(folder / "bad.jpg", "no picture");
  files.push_back(folder / "bad.jpg");
  CHECK(says(
      message_of<DataError>([&] { project.add_images(files); }),
      "bad.jpg: not a picture that can be read"));
  CHECK(project.images().size() == 20);
  files.back() = folder / "none.jpg";
  CHECK_THROWS_AS(project.add_images(files), StoreError);
  CHECK(project.add_images({}).empty());
  // A store that fails on the way: what was told of is there, nothing else.
  files.pop_back();
  std::atomic<int> left = 5;
  store->before = [&](const std::string&) {
    if (--left < 0) throw StoreError("full", "the bucket");
  };
  std::set<std::string> stored;
  CHECK_THROWS_AS(
      project.add_images(files, [&](std::size_t, const std::string& key) { stored.insert(key); }),
      StoreError);
  CHECK(stored.size() == 5);
  CHECK(project.images().size() == 25);
}

TEST_CASE("project: a new one, labelled and saved") {
  auto store = bucket_with({"a.jpg", "b.jpg"});
  Project project(store);
  CHECK(project.type() == "");
  CHECK(project.labels().empty());
  CHECK(project.dataset().pictures.size() == 2);
  project.save();
  CHECK(store->puts == 0);  // nothing was changed
  project.annotate("b.jpg", {{"cat", {{0.25, 0, 1, 0.5}}}, {"dog"}});
  project.annotate("b.jpg", {{"cat"}});
  CHECK(project.changed());
  CHECK(project.type() == "localization");
  CHECK(project.dataset().pictures[0].tags == std::vector<int>{1, 2});
  CHECK_FALSE(store->head(json).has_value());
  project.save();
  CHECK_FALSE(project.changed());
  CHECK(store->puts == 1);
  CHECK(
      without_ids(text_of(*store, json)) ==
      R"({"version":"1.0","type":"localization","labels":["cat","dog"],"annotations":{"b.jpg":[{"label":"cat"},{"label":"cat","x":0.25,"y":0,"x2":1,"y2":0.5},{"label":"dog"}]}})");
  CHECK(Project(store).dataset().pictures[0].objects.size() == 1);

  auto tags = bucket_with({"a.jpg"});
  Project whole(tags);
  whole.annotate("a.jpg", {{"cat"}});
  CHECK(whole.type() == "classification");
  CHECK_THROWS_AS(whole.annotate("a.jpg", {{"cat", {{0, 0, 1, 1}}}}), DataError);
  whole.save();
  CHECK(says(text_of(*tags, json), "\"type\":\"classification\""));
}

TEST_CASE("project: what is not understood survives a save") {
  auto store = bucket_with({"a.jpg", "b.jpg"}, two);
  Project project(store);
  project.annotate("a.jpg", {{"owl"}});
  project.save();
  std::string expected = two;
  expected.insert(expected.find("\"dog\"]") + 5, ",\"owl\"");
  expected.insert(expected.find("},\"tail\""), ",\"a.jpg\":[{\"label\":\"owl\"}]");
  expected.replace(expected.find("1e-7"), 4, "1e-07");
  CHECK(without_ids(text_of(*store, json)) == expected);
  // A change that changes nothing is not written.
  store->puts = 0;
  project.add_label("owl");
  CHECK(project.changed());
  project.save();
  CHECK(store->puts == 0);
  // There and back again.
  project.remove_entries("a.jpg");
  project.remove_label("owl");
  project.save();
  CHECK(nlohmann::json::parse(text_of(*store, json)) == nlohmann::json::parse(two));
}

TEST_CASE("project: entries and labels are removed") {
  auto store = bucket_with({"a.jpg", "b.jpg"}, two);
  Project project(store);
  project.annotate("b.jpg", {{"dog"}, {"cat"}});
  const auto entries = project.entries("b.jpg");
  REQUIRE(entries.size() == 3);
  project.remove_entry("b.jpg", entries[1]);
  CHECK(project.entries("b.jpg").size() == 2);
  CHECK(
      message_of<DataError>([&] { project.remove_entry("b.jpg", entries[1]); }) ==
      "memory://cats: \"b.jpg\" has no such entry of \"cat\"; entries() lists those that there "
      "are");
  project.remove_label("dog");
  CHECK(project.labels() == Names{"cat"});
  CHECK(project.images(Which::labelled).empty());
  CHECK(says(
      message_of<DataError>([&] { project.remove_label("dog"); }),
      "memory://cats: there is no label \"dog\"; labels() lists"));
  project.add_label("owl");
  project.remove_entries("b.jpg");  // it has none
  project.save();
  CHECK(Project(store).labels() == Names{"cat", "owl"});
}

TEST_CASE("project: what does not fit is refused, and changes nothing") {
  auto store = bucket_with({"a.jpg"}, two);
  store->put("notes.txt", "x");
  Project project(store);
  CHECK(message_of<DataError>([&] {
          project.annotate("z.jpg", {{"cat"}});
        }) == "memory://cats: there is no picture \"z.jpg\"; images() lists those that there are");
  CHECK(says(
      message_of<DataError>([&] { project.annotate("notes.txt", {{"cat"}}); }),
      "\"notes.txt\" is no picture"));
  CHECK_THROWS_AS(project.annotate("a.jpg", {{"cat"}, {""}}), DataError);
  CHECK_THROWS_AS(project.annotate("a.jpg", {{"cat"}, {"dog", {{0, 0, 0, 0}}}}), DataError);
  CHECK_THROWS_AS(project.annotate("a.jpg", {{"cat"}, {"\xFF"}}), DataError);
  CHECK_THROWS_AS(project.add_label(""), DataError);
  CHECK_THROWS_AS(project.set_type("video"), DataError);
  CHECK_FALSE(project.changed());
  CHECK(project.entries("a.jpg").empty());
  store->put("z.jpg", "added by somebody else since");
  CHECK_NOTHROW(project.annotate("z.jpg", {{"cat"}}));
}

TEST_CASE("project: labels in CSV files stay there") {
  auto store = bucket_with({"a.jpg", "b,1.jpg"});
  store->put("_annotations.csv", "a.jpg,cat\r\n");
  store->put("_labels.csv", "cat\r\nowl\r\n");
  Project project(store);
  CHECK(project.label_file() == "_annotations.csv");
  CHECK(project.type() == "classification");
  CHECK(project.labels() == Names{"cat", "owl"});
  CHECK(project.images(Which::unlabelled) == Names{"b,1.jpg"});
  CHECK(project.dataset().labels == Names{"cat"});
  project.annotate("b,1.jpg", {{"dog"}, {"cat"}});
  CHECK(project.dataset().labels == Names{"cat", "dog"});
  CHECK(says(
      message_of<DataError>([&] {
        project.annotate("a.jpg", {{"cat", {{0, 0, 1, 1}}}});
      }),
      "a project of classification has no boxes"));
  project.save();
  CHECK(
      text_of(*store, "_annotations.csv") == "a.jpg,cat\r\n\"b,1.jpg\",dog\r\n\"b,1.jpg\",cat\r\n");
  CHECK(text_of(*store, "_labels.csv") == "cat\r\nowl\r\ndog\r\n");
  CHECK_FALSE(store->head(json));
  CHECK_FALSE(store->head("_type"));
  project.remove_label("cat");
  project.save();
  CHECK(text_of(*store, "_annotations.csv") == "\"b,1.jpg\",dog\r\n");
}

TEST_CASE("project: a new one in CSV files has all three") {
  auto store = bucket_with({"p/a.jpg"});
  Project project(store, "p/", LabelFile::csv);
  CHECK(project.type() == "classification");
  project.annotate("a.jpg", {{"cat"}});
  project.save();
  CHECK(text_of(*store, "p/_annotations.csv") == "a.jpg,cat\n");
  CHECK(text_of(*store, "p/_labels.csv") == "cat\n");
  CHECK(text_of(*store, "p/_type") == "classification");
  const Dataset data = Project(store, "p").dataset();
  CHECK(data.pictures[0].tags == std::vector<int>{1});
  CHECK(data.findings.empty());
}

TEST_CASE("project: the type beside the labels") {
  auto store = bucket_with({"a.jpg"});
  store->put("_type", "classification\n");
  Project project(store);
  CHECK(project.type() == "classification");
  CHECK_THROWS_AS(project.annotate("a.jpg", {{"cat", {{0, 0, 1, 1}}}}), DataError);
  project.annotate("a.jpg", {{"cat"}});
  project.save();
  CHECK(says(text_of(*store, json), "\"type\":\"classification\""));
  CHECK(text_of(*store, "_type") == "classification\n");
  project.set_type("localization");
  project.save();
  CHECK(text_of(*store, "_type") == "localization");  // the two agree
  CHECK(says(text_of(*store, json), "\"type\":\"localization\""));
}

TEST_CASE("project: version v2 is read, and refused when it is changed") {
  auto store = bucket_with({"a.jpg"}, R"({"version":"v2","labels":{"l":{"name":"cat"}},
"images":{"a.jpg":{"annotations":["k"]}},"annotations":{"k":{"label":"l","targets":[]}}})");
  Project project(store);
  CHECK(project.images_with("cat") == Names{"a.jpg"});
  CHECK(project.dataset().pictures[0].tags == std::vector<int>{1});
  CHECK(says(
      message_of<DataError>([&] { project.annotate("a.jpg", {{"dog"}}); }),
      "memory://cats/_annotations.json: labels of version v2 are read, not written"));
  CHECK_NOTHROW(project.save());
}

TEST_CASE("project: labels that could not be written back are refused at once") {
  auto store = bucket_with({}, "{\"annotations\":\n{\"a.jpg\":[{\"label\":\"c\",\"x\":NaN}]}}");
  CHECK(says(
      message_of<DataError>([&] { Project project(store); }),
      "memory://cats/_annotations.json:2: holds what JSON has not"));
}

TEST_CASE("project: the split of the notebooks") {
  auto store = bucket_with({"a.jpg", "b.jpg", "c.jpg", "d.jpg", "e.jpg", "f.jpg"});
  Project project(store);
  for (const char* key : {"a.jpg", "b.jpg", "c.jpg", "d.jpg", "e.jpg"}) {
    project.annotate(key, {{"cat"}});
  }
  const Split split = project.split();
  Names train, validation;
  for (const Picture& one : split.train.pictures) train.push_back(one.key);
  for (const Picture& one : split.validation.pictures) validation.push_back(one.key);
  CHECK(train == Names{"d.jpg", "b.jpg", "c.jpg"});
  CHECK(validation == Names{"e.jpg", "a.jpg"});
  CHECK(split.unlabelled == 1);
  CHECK(split.train.type == "classification");
}

}  // namespace
}  // namespace ocelli::data
