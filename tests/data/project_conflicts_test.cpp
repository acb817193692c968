// Tests of projects that several people change at once, over a store whose answers can be lost.
// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <atomic>
#include <functional>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "ocelli/data/project.hpp"
#include "support/message_of.hpp"
#include "tricky_store.hpp"

namespace ocelli::data {
namespace {

using test::bucket_with;
using test::json;
using test::message_of;
using test::says;
using test::text_of;
using test::two;
using Names = std::vector<std::string>;
using Which = Project::Which;

TEST_CASE("project: what somebody else saved meanwhile is kept") {
  auto store = bucket_with({"a.jpg", "b.jpg", "c.jpg"}, two);
  Project mine(store), theirs(store);
  mine.annotate("a.jpg", {{"owl", {{0, 0, 1, 1}}}});
  mine.remove_entries("b.jpg");
  theirs.annotate("a.jpg", {{"fox"}});
  theirs.annotate("b.jpg", {{"fox"}});
  theirs.annotate("c.jpg", {{"fox"}});
  theirs.save();
  mine.save();
  const Project now(store);
  CHECK(now.labels() == Names{"cat", "dog", "fox", "owl"});
  REQUIRE(now.entries("a.jpg").size() == 2);
  CHECK(now.entries("a.jpg")[0].label == "owl");  // the newest first
  REQUIRE(now.entries("b.jpg").size() == 1);      // theirs was not there when mine were removed
  CHECK(now.entries("b.jpg")[0].label == "fox");
  CHECK(now.images(Which::labelled) == Names{"a.jpg", "b.jpg", "c.jpg"});
  CHECK(says(text_of(*store, json), "\"tail\":{\"k\":1e-07}"));
  // Both who make a new project.
  auto empty = bucket_with({"a.jpg", "b.jpg"});
  Project one(empty), other(empty);
  one.annotate("a.jpg", {{"cat"}});
  other.annotate("b.jpg", {{"dog"}});
  one.save(), other.save();
  CHECK(Project(empty).images(Which::labelled) == Names{"a.jpg", "b.jpg"});
}

TEST_CASE("project: many at once lose nothing") {
  Names pictures;
  for (int i = 0; i < 40; ++i) pictures.push_back(std::to_string(i) + ".jpg");
  for (const LabelFile file : {LabelFile::json, LabelFile::csv}) {
    auto store = bucket_with(pictures);
    std::vector<std::thread> people;
    std::atomic<int> failed = 0;
    for (int person = 0; person < 4; ++person) {
      people.emplace_back([&, person] {
        try {
          Project project(store, "", file);
          for (int i = 0; i < 40; ++i) {
            // Every picture by everybody, in other orders.
            project.annotate(
                std::to_string((i * 7 + person * 10) % 40) + ".jpg",
                {{"label " + std::to_string(person)}});
            if (i % 4 == 3) project.save();
          }
        } catch (...) {
          ++failed;
        }
      });
    }
    for (std::thread& one : people) one.join();
    CHECK(failed == 0);
    const Project project(store);
    CHECK(project.labels().size() == 4);
    for (const std::string& key : pictures) {
      std::set<std::string> seen;
      const auto entries = project.entries(key);
      for (const LabelEntry& entry : entries) seen.insert(entry.label);
      CAPTURE(key);
      CHECK(seen.size() == 4);
      CHECK(entries.size() == 4);  // each once
    }
  }
}

TEST_CASE("project: an answer that was lost does not save twice") {
  auto store = bucket_with({"a.jpg"}, two);
  Project project(store);
  project.annotate("a.jpg", {{"cat"}, {"cat"}});
  project.annotate("a.jpg", {{"cat", {{0, 0, 1, 1}}}});
  bool once = true;
  // The object is written, and the store tells of a conflict with its own first attempt.
  store->after = [&](const std::string&) {
    if (std::exchange(once, false)) throw bucket::ConditionError("another one by now", "x");
  };
  project.save();
  CHECK_FALSE(project.changed());
  CHECK(Project(store).entries("a.jpg").size() == 3);
  // And when somebody else has saved on top of it.
  once = true;
  store->after = [&](const std::string& key) {
    if (key != json || !std::exchange(once, false)) return;
    Project theirs(store);
    theirs.annotate("a.jpg", {{"fox"}});
    theirs.save();
    throw bucket::ConditionError("another one by now", "x");
  };
  project.annotate("a.jpg", {{"owl"}});
  project.save();
  CHECK(Project(store).entries("a.jpg").size() == 5);
  // Of two entries that nothing tells apart one is removed, not both.
  auto twins = bucket_with(
      {"a.jpg"}, R"({"labels":["cat"],"annotations":{"a.jpg":[{"label":"cat"},{"label":"cat"}]}})");
  Project other(twins);
  other.remove_entry("a.jpg", {"cat"});
  once = true;
  twins->after = [&](const std::string&) {
    if (std::exchange(once, false)) throw bucket::ConditionError("another one by now", "x");
  };
  other.save();
  CHECK(Project(twins).entries("a.jpg").size() == 1);
  // A failure is told; the changes are kept, and saved by the next save() alone.
  once = true;
  store->after = [&](const std::string&) {
    if (std::exchange(once, false)) throw StoreError("no answer", "x");
  };
  project.annotate("a.jpg", {{"elk"}});
  CHECK_THROWS_AS(project.save(), StoreError);
  CHECK(project.changed());
  project.save();
  CHECK_FALSE(project.changed());
  CHECK(Project(store).entries("a.jpg").size() == 6);
}

TEST_CASE("project: a change that no longer fits is told, and kept") {
  auto store = bucket_with({"a.jpg"});
  Project project(store);
  project.annotate("a.jpg", {{"cat", {{0, 0, 1, 1}}}});
  Project theirs(store);
  theirs.set_type("classification");
  theirs.save();
  CHECK(says(
      message_of<DataError>([&] { project.save(); }),
      "memory://cats/_annotations.json: a project of classification has no boxes"));
  CHECK(project.changed());
  CHECK(project.entries("a.jpg").size() == 1);
  CHECK(Project(store).entries("a.jpg").empty());
}

TEST_CASE("project: when others never stop, saving gives up and says so") {
  auto store = bucket_with({"a.jpg"}, two);
  Project project(store);
  project.annotate("a.jpg", {{"cat"}});
  store->before = [&](const std::string& key) {
    store->put_quietly(key, text_of(*store, key) + " ");
  };
  CHECK(
      message_of<bucket::ConditionError>([&] { project.save(); }) ==
      "memory://cats/_annotations.json: others have changed the labels 20 times while they were to "
      "be written; save again; nothing is lost");
  CHECK(project.changed());
  store->before = [](const std::string&) {};
  project.save();
  CHECK(Project(store).entries("a.jpg").size() == 1);
}

}  // namespace
}  // namespace ocelli::data
