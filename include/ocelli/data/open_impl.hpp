// How open() recognises a format and reads it.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cctype>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ocelli/core/error.hpp"
#include "ocelli/data/cloud_annotations.hpp"
#include "ocelli/data/cloud_csv.hpp"
#include "ocelli/data/coco.hpp"
#include "ocelli/data/cvat.hpp"
#include "ocelli/data/findings.hpp"
#include "ocelli/data/open.hpp"
#include "ocelli/data/project_files.hpp"
#include "ocelli/data/text.hpp"
#include "ocelli/data/voc.hpp"
#include "ocelli/data/yolo.hpp"

namespace ocelli::data {

namespace detail {

/// The beginning of a file, enough to see its kind.
inline std::string head_of(const Source& source, const std::string& key) {
  return std::string(as_text(source.read_head(key, 65536)));
}
inline bool mentions(const std::string& text, std::string_view word) {
  return text.find(word) != std::string::npos;
}
/// By what stands in its first 64 KiB; COCO files may begin with any of their lists.
inline bool looks_like_coco(const std::string& head) {
  return mentions(head, "\"file_name\"") || mentions(head, "\"image_id\"") ||
         mentions(head, "\"supercategory\"") ||
         (mentions(head, "\"images\"") && mentions(head, "\"categories\""));
}

inline bool looks_like_yolo(const std::vector<std::string>& keys) {
  bool names = false, texts = false;
  for (const std::string_view key : keys) {
    names = names || key.ends_with(".names") || file_name_of(key) == "classes.txt";
    texts = texts || (key.ends_with(".txt") && file_name_of(key) != "classes.txt");
  }
  return names && texts;
}

}  // namespace detail

OCELLI_INLINE Recognised recognise(const Source& source, const std::string& format) {
  const std::vector<std::string> keys = source.keys();
  Recognised cloud{"cloud-annotations", {}}, table{"cloud-annotations-csv", {}}, voc{"voc", {}},
      cvat{"cvat", {}}, coco{"coco", {}};
  const auto tried = [&](const char* name) { return format.empty() || format == name; };
  for (const std::string& key : keys) {
    const std::string extension = lower_ascii(extension_of(key));
    if (tried("cloud-annotations") && file_name_of(key) == annotations_json_name) {
      cloud.label_files.push_back(key);
    } else if (tried("cloud-annotations-csv") && file_name_of(key) == annotations_csv_name) {
      const std::string json = std::string(folder_of(key)) + annotations_json_name;
      if (format.empty() && source.exists(json)) continue;  // whose reader tells of both
      table.label_files.push_back(key);
    } else if (extension == ".xml" && (tried("voc") || tried("cvat"))) {
      if (!voc.label_files.empty() && format != "cvat") continue;  // one is enough to know
      const std::string head = detail::head_of(source, key);
      if (detail::mentions(head, "<annotations")) {
        cvat.label_files.push_back(key);
      } else if (detail::mentions(head, "<annotation")) {
        voc.label_files.push_back(key);
      }
    } else if (
        extension == ".json" && tried("coco") &&
        detail::looks_like_coco(detail::head_of(source, key))) {
      coco.label_files.push_back(key);
    }
  }
  if (!cloud.label_files.empty() && cloud.label_files[0] == annotations_json_name) return cloud;
  if (!table.label_files.empty() && table.label_files[0] == annotations_csv_name) return table;
  std::vector<Recognised> found;
  for (Recognised* one : {&cloud, &table, &voc, &cvat, &coco}) {
    if (tried(one->format.c_str()) && !one->label_files.empty()) found.push_back(*one);
  }
  if (found.size() > 1) {
    throw DataError(
        "labels of several formats: " + found[0].format + " (" + found[0].label_files[0] +
            ") and " + found[1].format + " (" + found[1].label_files[0] + ")",
        source.name(), "name the format, or open a label file itself");
  }
  if (!found.empty()) return found[0];
  if (tried("yolo") && (format == "yolo" || detail::looks_like_yolo(keys))) return {"yolo", {}};
  return {};
}

namespace detail {

/// Throws when labels could not be trusted; what was repaired or dropped is left in the findings.
inline void refuse_faulty(const Dataset& data) {
  std::size_t errors = 0;
  bool unreadable = false;
  std::string text;
  for (const Finding& finding : data.findings) {
    if (finding.severity != Finding::Severity::error) continue;
    unreadable = unreadable || finding.reason == unreadable_reason;
    if (++errors <= 5) text += "\n  " + finding.where + ": " + finding.text;
  }
  if (errors == 0) return;
  if (errors > 5) text += "\n  and " + std::to_string(errors - 5) + " more";
  throw DataError(
      std::to_string(errors) + (errors == 1 ? " fault" : " faults") + " in the labels:" + text,
      data.root,
      unreadable ? "correct them (`ocelli check` lists all); pictures that cannot be read can be "
                   "left out with --skip-bad"
                 : "correct them (`ocelli check` lists all)");
}

inline std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

/// The label file of a subset: SPLIT.json, instances_SPLIT2017.json, SPLIT/_annotations.coco.json.
inline std::string label_file_of(
    const Source& source, const Recognised& found, const std::string& split) {
  std::vector<std::string> fit;
  for (const std::string& key : found.label_files) {
    const std::string stem(stem_of(key));
    // The name between other letters ("retrain") does not count.
    const std::size_t at = stem.find(split);
    const auto letter = [&](std::size_t i) {
      return i < stem.size() && std::isalpha(static_cast<unsigned char>(stem[i])) != 0;
    };
    const bool in_name =
        at != std::string::npos && (at == 0 || !letter(at - 1)) && !letter(at + split.size());
    const bool in_folder = ("/" + key).find("/" + split + "/") != std::string::npos;
    if (split.empty() || key == split || in_name || in_folder) fit.push_back(key);
  }
  if (fit.size() == 1) return fit[0];
  if (fit.empty()) {
    throw DataError(
        "there is no " + found.format + " label file for the subset \"" + split + "\"",
        source.name(), "there are: " + joined(found.label_files));
  }
  throw DataError(
      "there are several " + found.format + " label files: " + joined(fit), source.name(),
      "name one of them as the subset, or open it directly");
}

inline Dataset read_as(const Source& source, const Recognised& found, const OpenOptions& options) {
  Dataset data;
  if (found.format == "voc") {
    data = read_voc(source, options);
  } else if (found.format == "yolo") {
    data = read_yolo(source, options);
  } else if (found.format == "coco") {
    const bool alone = found.label_files.size() == 1;
    // Where several files share a folder, a picture of another subset is not unlabelled.
    data = read_coco(source, label_file_of(source, found, options.split), options, alone);
  } else {
    if (!options.split.empty()) {
      throw DataError(
          "the format " + found.format + " knows no subsets like \"" + options.split + "\"",
          source.name(), "split it by percentage, or with a list of pictures");
    }
    // The project of a bucket is the one at its root; others may lie in folders below.
    const bool bucket = found.format.starts_with("cloud-annotations");
    const bool at_root = bucket && folder_of(found.label_files[0]).empty();
    const std::string key = at_root ? found.label_files[0] : label_file_of(source, found, "");
    data = found.format == "cvat"                    ? read_cvat(source, key, options)
           : found.format == "cloud-annotations-csv" ? read_cloud_csv(source, key, options)
                                                     : read_cloud_annotations(source, key, options);
    Findings findings(data.findings, false);
    for (std::size_t i = 1; at_root && i < found.label_files.size(); ++i) {
      findings.note(
          "labels_elsewhere", found.label_files[i],
          "these labels are not read: those at the root are, in " + key);
    }
  }
  if (!options.keep_going) refuse_faulty(data);
  return data;
}

}  // namespace detail

OCELLI_INLINE Dataset open(const Source& source, const OpenOptions& options) {
  if (!options.format.empty() && options.format != "voc" && options.format != "coco" &&
      options.format != "cloud-annotations" && options.format != "cloud-annotations-csv" &&
      options.format != "yolo" && options.format != "cvat") {
    throw ConfigError(
        "the format \"" + options.format + "\" is not known", "format",
        "voc, coco, cloud-annotations, cloud-annotations-csv, yolo and cvat are");
  }
  const Recognised found = recognise(source, options.format);
  if (!found.format.empty()) return detail::read_as(source, found, options);
  throw DataError(
      options.format.empty() ? "no labels were recognised"
                             : "no labels of the format " + options.format + " were found",
      source.name(),
      "looked for _annotations.json and _annotations.csv (Cloud Annotations), Annotations/*.xml "
      "(Pascal VOC), an .xml "
      "with <annotations> (CVAT), a .json with \"images\" and \"annotations\" (COCO), obj.names or "
      "classes.txt with .txt files (YOLO)");
}

OCELLI_INLINE Dataset
open(const std::string& address, const OpenOptions& options, const SourceOptions& where) {
  const DataPlace place = data_place(address);
  const std::unique_ptr<Source> source = open_source(place.root, where);
  return place.label_file.empty() ? open(*source, options)
                                  : open_label_file(*source, place.label_file, options);
}

OCELLI_INLINE Dataset
open_label_file(const Source& source, const std::string& key, const OpenOptions& options) {
  const std::string extension = lower_ascii(extension_of(key));
  std::string format = options.format;
  const std::string head = detail::head_of(source, key);
  if (format.empty()) {
    if (file_name_of(key) == annotations_json_name)
      format = "cloud-annotations";
    else if (extension == ".csv")
      format = "cloud-annotations-csv";
    else if (extension == ".xml" && detail::mentions(head, "<annotations"))
      format = "cvat";
    else if (extension == ".json")
      format = detail::looks_like_coco(head) ? "coco" : "cloud-annotations";
  }
  if (format != "coco" && format != "cvat" && format != "cloud-annotations" &&
      format != "cloud-annotations-csv") {
    throw DataError(
        "not a label file for many pictures", source.name() + "/" + key,
        "for Pascal VOC and YOLO give the folder that holds labels and pictures");
  }
  OpenOptions whole = options;
  whole.split.clear();  // the file is the subset
  return detail::read_as(source, {format, {key}}, whole);
}

}  // namespace ocelli::data
