// Tests of joining label files.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/data/label_merge.hpp"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "support/message_of.hpp"

namespace ocelli::data {
namespace {

using test::message_of;
using test::says;
using Json = nlohmann::ordered_json;
using Names = std::vector<std::string>;

const std::string stored =
    R"({"version":"1.0","type":"localization","labels":["cat","dog"],"owner":{"z":1},)"
    R"("annotations":{"a.jpg":[{"label":"cat","x":0,"y":0,"x2":1,"y2":1,"id":7,"seen":true}],)"
    R"("b.jpg":[{"label":"bird"}],"none.jpg":[]},"after":null})";
const std::string newer =
    R"({"version":"1.0","type":"localization","labels":["fish","cat"],"owner":2,"tool":"x",)"
    R"("annotations":{"c.jpg":[{"label":"owl","x":0,"y":0,"x2":0.5,"y2":1,"own":[1]}],)"
    R"("b.jpg":[{"label":"cat"}],"none.jpg":[{"label":"cat"}]}})";

MergedLabels merge(const std::string& name, const std::string& one, const std::string& other) {
  return merge_label_files("sub/" + name, {one, "there/" + name}, {other, "here/" + name});
}
MergedLabels merge_json(const std::string& one, const std::string& other) {
  return merge(annotations_json_name, one, other);
}
std::string fault(const std::string& name, const std::string& one, const std::string& other) {
  return message_of<DataError>([&] { merge(name, one, other); });
}
std::string json_fault(const std::string& one, const std::string& other) {
  return fault(annotations_json_name, one, other);
}
/// A document of one picture.
std::string document(const std::string& type, const std::string& entry) {
  return "{" + (type.empty() ? "" : R"("type":")" + type + "\",") +
         R"("labels":[],"annotations":{)" + (entry.empty() ? "" : R"("p.jpg":[)" + entry + "]") +
         "}}";
}
const std::string whole = R"({"label":"cat"})";
const std::string box = R"({"label":"cat","x":0,"y":0,"x2":1,"y2":1})";

TEST_CASE("label_merge: which files") {
  for (const char* name : {"_annotations.json", "a/_annotations.csv", "a/b/_labels.csv", "_type"})
    CHECK(is_label_file(name));
  for (const char* name : {"annotations.json", "_annotations.json.bak", "_type/a.jpg", ""})
    CHECK_FALSE(is_label_file(name));
  CHECK(says(fault("a.txt", "x", "y"), "this is no label file"));
}

TEST_CASE("label_merge: JSON, newer pictures and labels join; all else stays") {
  const MergedLabels merged = merge_json(stored, newer);
  const Json json = Json::parse(merged.text);
  CHECK(json["labels"] == Json({"cat", "dog", "bird", "fish", "owl"}));
  Json expected = Json::parse(stored)["annotations"];
  expected["b.jpg"] = Json::parse(newer)["annotations"]["b.jpg"];
  expected["none.jpg"] = Json::parse(newer)["annotations"]["none.jpg"];
  expected["c.jpg"] = Json::parse(newer)["annotations"]["c.jpg"];
  CHECK(json["annotations"].dump() == expected.dump());  // in this order
  CHECK(json["owner"] == Json({{"z", 1}}));
  CHECK(json.contains("after"));
  CHECK(json["tool"] == "x");
  CHECK(merged.counts.pictures == 3);
  CHECK(merged.counts.labelled_before == 1);  // none.jpg had no entry
  CHECK(merged.counts.labels == Names{"fish", "owl"});
  // Once more, and of what is the same.
  const MergedLabels again = merge_json(merged.text, newer);
  CHECK(again.text == merged.text);
  CHECK(again.counts.labels.empty());
  CHECK(merge_json(stored, stored).text == stored);
  CHECK(merge_json("no JSON", "no JSON").text == "no JSON");
}

TEST_CASE("label_merge: JSON, a type is taken over, and one that differs is refused") {
  CHECK(
      Json::parse(merge_json(document("", ""), document("localization", box)).text)["type"] ==
      "localization");
  CHECK(
      Json::parse(merge_json(document("", box), document("localization", "")).text)["type"] ==
      "localization");
  CHECK_NOTHROW(merge_json(document("localization", box), document("", whole)));
  CHECK_NOTHROW(merge_json(document("classification", whole), document("", whole)));
  struct Two {
    std::string one, other;
  };
  for (const Two& two : std::vector<Two>{
           {document("localization", ""), document("classification", "")},
           {document("classification", ""), document("localization", "")},
           {document("classification", whole), document("", box)},
           {document("", box), document("classification", "")},
           {document("", whole), document("localization", "")},
           {document("", whole), document("", box)}}) {
    CAPTURE(two.one);
    CAPTURE(two.other);
    const std::string text = json_fault(two.one, two.other);
    CHECK_MESSAGE(says(text, "there/_annotations.json: the labels here are those of "), text);
    CHECK_MESSAGE(says(text, "here/_annotations.json of "), text);
  }
  CHECK(says(
      json_fault(document("classification", ""), document("classification", box)), "has no boxes"));
}

TEST_CASE("label_merge: JSON that cannot be merged") {
  const std::string v2 = R"({"version":"v2","labels":{},"images":{},"annotations":{}})";
  CHECK(says(json_fault(v2, newer), "there/_annotations.json: labels of version v2"));
  CHECK(says(json_fault(stored, v2), "here/_annotations.json: labels of version v2"));
  CHECK(says(json_fault("{", newer), "there/_annotations.json:1"));
  CHECK(says(json_fault(stored, "[]"), "here/_annotations.json"));
  // A faulty entry would take the place of a sound one; one that is there harms nobody further.
  const std::string faulty = R"({"annotations":{"a.jpg":[{"label":"cat","x":0}]}})";
  const std::string text = json_fault(stored, faulty);
  CHECK_MESSAGE(says(text, "here/_annotations.json:1: entry 0 of \"a.jpg\""), text);
  CHECK(Json::parse(merge_json(faulty, newer).text)["annotations"]["a.jpg"][0]["x"] == 0);
}

TEST_CASE("label_merge: CSV rows") {
  const std::string rows = "a.jpg,cat\r\nb.jpg,dog,more\r\na.jpg,owl\r\nalone\r\n";
  const MergedLabels merged =
      merge(annotations_csv_name, rows, "c.jpg,fish,x\n\na.jpg,dog\na.jpg,cat\n\"d,e.jpg\",dog\n");
  CHECK(
      merged.text ==
      "a.jpg,dog\r\na.jpg,cat\r\nb.jpg,dog,more\r\nalone\r\nc.jpg,fish,x\r\n\"d,e.jpg\",dog\r\n");
  CHECK(merged.counts.pictures == 3);
  CHECK(merged.counts.labelled_before == 1);
  CHECK(merged.counts.labels == Names{"fish"});
  CHECK(merge(annotations_csv_name, "", "a.jpg,cat\n").text == "a.jpg,cat\n");
  CHECK(says(
      fault(annotations_csv_name, rows, "a.jpg\n"), "here/_annotations.csv:1: \"a.jpg\" stands"));
  CHECK(says(fault(annotations_csv_name, "a,\"", "a.jpg,cat\n"), "there/_annotations.csv:1"));
}

TEST_CASE("label_merge: the list of labels, and the type") {
  const MergedLabels merged = merge(labels_csv_name, "cat\ndog\n", "fish\ncat\n");
  CHECK(merged.text == "cat\ndog\nfish\n");
  CHECK(merged.counts.labels == Names{"fish"});
  CHECK(says(fault(labels_csv_name, "\"", "fish\n"), "there/_labels.csv:1"));
  CHECK(says(fault(labels_csv_name, "cat\n", "\""), "here/_labels.csv:1"));

  CHECK(merge(type_name, "classification\n", "classification").text == "classification\n");
  CHECK(merge(type_name, " \n", "localization").text == "localization");
  CHECK(merge(type_name, "localization", "").text == "localization");
  CHECK(says(
      fault(type_name, "classification\n", "localization"),
      "there/_type: the type is \"classification\", and \"localization\" in here/_type"));
}

}  // namespace
}  // namespace ocelli::data
