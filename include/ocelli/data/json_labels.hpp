// JsonLabels: `_annotations.json` as a document that can be changed. What it does not know stays as
// it is: other fields, the order of members, the value of every number.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "ocelli/core/error.hpp"
#include "ocelli/data/cloud_annotations_file.hpp"
#include "ocelli/data/label_document.hpp"

namespace ocelli::data {

namespace detail {

using Json = nlohmann::ordered_json;

/// Parses what can be written back as it was.
/// @throws DataError for two members of one name, nesting beyond 200, NaN, numbers beyond double,
/// bytes that are no UTF-8
inline Json parse_rewritable(std::string_view text, const std::string& name) {
  std::vector<std::set<std::string>> open;  // the names of the objects around the place
  const auto watch = [&](int depth, Json::parse_event_t event, Json& value) {
    if (depth > 200) {
      throw DataError("nested too deeply to be written back", name, "write the file again");
    }
    if (event == Json::parse_event_t::object_start) open.emplace_back();
    if (event == Json::parse_event_t::object_end) open.pop_back();
    if (event == Json::parse_event_t::key) {
      const auto key = value.get<std::string>();
      if (!open.back().insert(key).second) {
        throw DataError(
            "\"" + key + "\" is there twice in one object, and only one could be written back",
            name, "join the two by hand");
      }
    }
    return true;
  };
  try {
    return Json::parse(text, watch);
  } catch (const Json::parse_error& error) {
    const auto end = text.begin() + static_cast<std::ptrdiff_t>(std::min(error.byte, text.size()));
    throw DataError(
        "holds what JSON has not (NaN, Infinity, bytes that are no UTF-8), so it cannot be written "
        "back",
        name + ":" + std::to_string(std::count(text.begin(), end, '\n') + 1), "correct it");
  } catch (const Json::out_of_range& error) {  // which knows no place
    const std::string told = error.what();
    throw DataError(
        "holds a number that no double takes, so it cannot be written back: " +
            told.substr(std::min(told.find('\''), told.size())),
        name, "correct it");
  }
}

}  // namespace detail

/// A document of version 1.0.
class JsonLabels : public LabelDocument {
 public:
  /// A new project.
  explicit JsonLabels(std::string name) : name_(std::move(name)) {
    json_ = {{"version", "1.0"}, {"labels", Json::array()}, {"annotations", Json::object()}};
  }
  /// @throws DataError naming file and line, when the text is no such document
  JsonLabels(std::string_view text, std::string name) : name_(std::move(name)) {
    std::vector<Finding> list;
    Findings findings(list, false);
    parse_cloud_annotations(text, name_, findings);  // whose messages know their lines
    json_ = detail::parse_rewritable(text, name_);
    const std::size_t line = text.find_first_not_of("\r\n", text.find('\n'));
    const std::size_t member = text.find_first_not_of(' ', line);
    // Indented as it was; the tool writes one line.
    if (line != std::string_view::npos && member != std::string_view::npos && member > line) {
      indent_ = static_cast<int>(std::min<std::size_t>(member - line, 8));
    }
    if (text.ends_with('\n')) end_ = "\n";
  }

  std::string type() const override {
    const auto type = json_.find("type");
    return type != json_.end() && type->is_string() ? type->get<std::string>() : std::string();
  }

  std::vector<std::string> labels() const override {
    std::vector<std::string> labels;
    std::unordered_set<std::string> seen;
    const auto take = [&](const std::string& label) {
      if (seen.insert(label).second) labels.push_back(label);
    };
    if (const auto list = json_.find("labels"); list != json_.end()) {
      for (const Json& label : *list) take(label.get<std::string>());
    }
    for (const auto& [key, entries] : json_.at("annotations").items()) {
      if (!entries.is_array()) continue;
      for (const Json& entry : entries) {
        if (const auto read = read_entry(entry)) take(read->label);
      }
    }
    return labels;
  }

  std::vector<std::string> keys() const override {
    std::vector<std::string> keys;
    for (const auto& [key, entries] : json_.at("annotations").items()) {
      if (entries.is_array() && !entries.empty()) keys.push_back(key);
    }
    return keys;
  }

  std::vector<LabelEntry> entries(const std::string& key) const override {
    std::vector<LabelEntry> read;
    const auto found = json_.at("annotations").find(key);
    if (found == json_.at("annotations").end() || !found->is_array()) return read;
    for (const Json& entry : *found) {
      if (auto one = read_entry(entry)) read.push_back(std::move(*one));
    }
    return read;
  }

  void set_type(const std::string& type) override {
    if (!json_.contains("type")) {
      Json with_type = Json::object();  // behind the version, where the tool has it
      for (auto& [name, value] : json_.items()) {
        if (name != "version" && !with_type.contains("type")) with_type["type"] = type;
        with_type[name] = std::move(value);
      }
      json_ = std::move(with_type);
    }
    json_["type"] = type;
  }

  void add_label(const std::string& label) override {
    check_text(label);
    Json& list = json_["labels"];
    if (!list.is_array()) list = Json::array();
    if (std::find(list.begin(), list.end(), Json(label)) == list.end()) list.push_back(label);
  }

  void remove_label(const std::string& label) override {
    if (const auto list = json_.find("labels"); list != json_.end()) {
      erase_from(*list, [&](const Json& listed) { return listed == label; });
    }
    for (const std::string& key : keys()) {
      erase_entries(key, [&](const Json& entry) {
        return entry.is_object() && entry.contains("label") && entry["label"] == label;
      });
    }
  }

  void add(const std::string& key, const std::vector<LabelEntry>& entries) override {
    check_text(key);
    for (const LabelEntry& entry : entries) {
      check_text(entry.label);
      if (entry.box && type() == "classification") {
        throw DataError(
            "a project of classification has no boxes", name_,
            "leave the box out, or make it a project of localization");
      }
    }
    Json& annotations = json_["annotations"];
    const auto found = annotations.find(key);
    if (found != annotations.end() && !found->is_array()) {
      throw DataError("the entries of \"" + key + "\" are not a list", name_, "correct the file");
    }
    std::unordered_set<std::string> ids;
    Json all = Json::array();
    if (found != annotations.end()) {
      for (const Json& entry : *found) {
        if (entry.is_object() && entry.contains("id")) ids.insert(entry["id"].dump());
      }
    }
    for (const LabelEntry& entry : entries) {
      add_label(entry.label);
      if (entry.id.empty() || !ids.contains(entry.id)) all.push_back(written(entry));
    }
    if (found != annotations.end()) all.insert(all.end(), found->begin(), found->end());
    if (!all.empty()) annotations[key] = std::move(all);
  }

  void remove(const std::string& key, const LabelEntry& entry) override {
    bool done = false;
    erase_entries(key, [&](const Json& json) {
      const auto read = read_entry(json);
      const bool same = !done && read && read->label == entry.label && read->box == entry.box &&
                        (entry.id.empty() || read->id == entry.id);
      done = done || same;
      return same;
    });
  }

  /// Takes over what a newer document says. The entries of its pictures replace those of the same
  /// pictures; its new pictures and labels follow those that are here; a field of a name that is
  /// not here is added. All else stays. To do it again changes nothing.
  /// @throws DataError when the types of the two do not fit; nothing is changed then
  LabelMerge merge(const JsonLabels& newer) {
    require_fitting(newer);
    LabelMerge merged;
    // Listed, as they keep their places then, whatever follows and whatever is replaced.
    for (const std::string& label : labels()) add_label(label);
    const auto listed = labels();
    const std::unordered_set<std::string> known(listed.begin(), listed.end());
    for (const std::string& label : newer.labels()) {
      if (!known.contains(label)) merged.labels.push_back(label);
      add_label(label);
    }
    if (type().empty() && !newer.type().empty()) set_type(newer.type());
    // An ordered object looks for a key by walking: of many pictures for too long.
    Json::object_t::Container& here = json_["annotations"].get_ref<Json::object_t&>();
    std::unordered_map<std::string, std::size_t> places;
    for (std::size_t i = 0; i < here.size(); ++i) places.emplace(here[i].first, i);
    for (const auto& [key, entries] : newer.json_.at("annotations").items()) {
      ++merged.pictures;
      const auto [place, fresh] = places.emplace(key, here.size());
      if (fresh) {
        here.emplace_back(key, entries);
        continue;
      }
      Json& replaced = here[place->second].second;
      if (!replaced.empty()) ++merged.labelled_before;
      replaced = entries;
    }
    for (const auto& [name, value] : newer.json_.items()) {
      if (!json_.contains(name)) json_[name] = value;
    }
    return merged;
  }

  std::string text() const override { return json_.dump(indent_) + end_; }

 private:
  using Json = detail::Json;

  /// As the entries look that can be read; "" when there are none.
  std::string type_of_entries() const {
    std::string seen;
    for (const Json& entries : json_.at("annotations")) {
      if (!entries.is_array()) continue;
      for (const Json& entry : entries) {
        const auto read = read_entry(entry);
        if (read && read->box) return "localization";
        if (read) seen = "classification";
      }
    }
    return seen;
  }
  void require_fitting(const JsonLabels& newer) const {
    const std::string looks = newer.type_of_entries();
    const std::string here = type().empty() ? type_of_entries() : type();
    const std::string there = newer.type().empty() ? looks : newer.type();
    const bool both = !here.empty() && !there.empty();
    // Where objects have boxes, a picture may have a label as a whole too.
    const bool whole_pictures = here == "localization" && newer.type().empty();
    if (both && here != there && !whole_pictures) {
      throw DataError(
          "the labels here are those of " + here + ", and those of " + newer.name_ + " of " + there,
          name_, "keep the two in folders of their own, or correct the type");
    }
    if (there == "classification" && looks == "localization") {
      throw DataError(
          "a project of classification has no boxes", newer.name_,
          "leave the boxes out, or make it a project of localization");
    }
  }

  /// Nothing for what is no entry.
  static std::optional<LabelEntry> read_entry(const Json& json) {
    if (!json.is_object()) return {};
    const auto label = json.find("label");
    if (label == json.end() || !label->is_string() || *label == "") return {};
    LabelEntry entry{label->get<std::string>()};
    constexpr std::array<const char*, 4> names = {"x", "y", "x2", "y2"};
    std::array<double, 4> box{};
    std::size_t corners = 0;
    for (std::size_t i = 0; i < 4; ++i) {
      const auto corner = json.find(names[i]);
      if (corner == json.end()) continue;
      if (!corner->is_number()) return {};
      box[i] = corner->get<double>();
      ++corners;
    }
    if (corners != 0 && corners != 4) return {};
    if (corners == 4) entry.box = box;
    if (const auto id = json.find("id"); id != json.end()) entry.id = id->dump();
    return entry;
  }

  static Json written(const LabelEntry& entry) {
    Json json = {{"label", entry.label}};
    if (entry.box) {
      constexpr std::array<const char*, 4> names = {"x", "y", "x2", "y2"};
      for (std::size_t i = 0; i < 4; ++i) json[names[i]] = number((*entry.box)[i]);
    }
    if (!entry.id.empty()) json["id"] = Json::parse(entry.id);
    return json;
  }
  /// As JavaScript writes it: 1, not 1.0.
  static Json number(double value) {
    return value == std::floor(value) ? Json(static_cast<int>(value)) : Json(value);
  }

  void check_text(const std::string& text) const {
    try {
      static_cast<void>(Json(text).dump());
    } catch (const Json::exception&) {
      throw DataError("a name that is not UTF-8 cannot be written", name_, "rename it");
    }
  }

  template <class Wanted>
  static bool erase_from(Json& list, Wanted&& wanted) {
    if (!list.is_array()) return false;
    auto& values = list.get_ref<Json::array_t&>();
    return std::erase_if(values, wanted) > 0;
  }
  /// A picture whose last entry goes is no key any more.
  template <class Wanted>
  void erase_entries(const std::string& key, Wanted&& wanted) {
    Json& annotations = json_["annotations"];
    const auto found = annotations.find(key);
    if (found == annotations.end()) return;
    if (erase_from(*found, wanted) && found->empty()) annotations.erase(key);
  }

  std::string name_, end_;
  int indent_ = -1;
  Json json_;
};

/// A document of version v2, which is read and not written.
class V2Labels : public LabelDocument {
 public:
  V2Labels(std::string_view text, std::string name) : name_(std::move(name)) {
    std::vector<Finding> list;
    Findings findings(list, false);
    file_ = parse_cloud_annotations(text, name_, findings);
  }
  std::string type() const override { return file_.type; }
  std::vector<std::string> labels() const override {
    std::vector<std::string> labels = file_.labels;
    for (const auto& image : file_.images) {
      for (const auto& entry : image.entries) {
        if (std::find(labels.begin(), labels.end(), entry.label) == labels.end()) {
          labels.push_back(entry.label);
        }
      }
    }
    return labels;
  }
  std::vector<std::string> keys() const override {
    std::vector<std::string> keys;
    for (const auto& image : file_.images) keys.push_back(image.key);
    return keys;
  }
  std::vector<LabelEntry> entries(const std::string& key) const override {
    std::vector<LabelEntry> entries;
    for (const auto& image : file_.images) {
      if (image.key != key) continue;
      for (const auto& entry : image.entries) entries.push_back({entry.label, entry.box});
    }
    return entries;
  }
  void set_type(const std::string&) override { refuse(); }
  void add_label(const std::string&) override { refuse(); }
  void remove_label(const std::string&) override { refuse(); }
  void add(const std::string&, const std::vector<LabelEntry>&) override { refuse(); }
  void remove(const std::string&, const LabelEntry&) override { refuse(); }
  std::string text() const override { refuse(); }

 private:
  [[noreturn]] void refuse() const {
    throw DataError(
        "labels of version " + file_.version + " are read, not written", name_,
        "change them in the tool that wrote them");
  }
  std::string name_;
  CloudAnnotationsFile file_;
};

}  // namespace ocelli::data
