// LabelDocument: the labels of a project in the form in which they are stored, to be changed and
// written back without losing what is not understood.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "ocelli/box/box.hpp"
#include "ocelli/core/error.hpp"

namespace ocelli::data {

/// One label of a picture: of all of it, or of what is in a box.
struct LabelEntry {
  std::string label;
  /// x, y, x2, y2: the corners, relative to the picture as displayed; none: the whole picture.
  std::optional<std::array<double, 4>> box = {};
  std::string id = {};  ///< as JSON text, where an entry has one; "": none, or any
};

/// An entry for a box in pixels of a picture as displayed.
inline LabelEntry boxed_entry(std::string label, const PixelBox& box, int height, int width) {
  const auto relative = [](float v, int side) { return static_cast<double>(v) / side; };
  return {
      std::move(label),
      {{relative(box.xmin, width), relative(box.ymin, height), relative(box.xmax, width),
        relative(box.ymax, height)}}};
}

/// What a newer document brought to another one.
struct LabelMerge {
  std::size_t pictures = 0;         ///< that the newer one names
  std::size_t labelled_before = 0;  ///< of them, those whose entries were replaced
  std::vector<std::string> labels;  ///< that were not known before
};

/// Keys are relative to the folder of the label file. Nothing of the bucket is looked at here.
class LabelDocument {
 public:
  LabelDocument() = default;
  LabelDocument(const LabelDocument&) = delete;
  LabelDocument& operator=(const LabelDocument&) = delete;
  virtual ~LabelDocument() = default;

  /// As the document says it; "" when it does not.
  virtual std::string type() const = 0;
  /// In the order of the classes: as listed, then those that only entries have.
  virtual std::vector<std::string> labels() const = 0;
  /// Of the pictures that have an entry, in the order of the document.
  virtual std::vector<std::string> keys() const = 0;
  /// Of one picture, in order; entries that cannot be read are not among them.
  virtual std::vector<LabelEntry> entries(const std::string& key) const = 0;

  // Changes. Each may be made again on a later version of the same document.

  virtual void set_type(const std::string& type) = 0;
  /// A label that is there stays where it is.
  virtual void add_label(const std::string& label) = 0;
  /// And all its entries; that there is none is no error.
  virtual void remove_label(const std::string& label) = 0;
  /// At the place for new entries, in their order; one with the id of an entry that is there is not
  /// added. @throws DataError for what this document cannot hold; nothing is added then
  virtual void add(const std::string& key, const std::vector<LabelEntry>& entries) = 0;
  /// The first entry with this label, box and (if given) id; that there is none is no error.
  virtual void remove(const std::string& key, const LabelEntry& entry) = 0;

  /// The text of the label file, and of `_labels.csv` where there is one beside it.
  virtual std::string text() const = 0;
  virtual std::string labels_text() const { return {}; }
};

/// @throws DataError for a label without letters, or a box that is none
inline void check_entry(const LabelEntry& entry, const std::string& key) {
  if (entry.label.empty()) {
    throw DataError("an entry without a label", key, "give it the name of a class");
  }
  if (!entry.box) return;
  const auto& [x, y, x2, y2] = *entry.box;
  // Written so that NaN fails too.
  if (!(x >= 0 && y >= 0 && x < x2 && y < y2 && x2 <= 1 && y2 <= 1)) {
    throw DataError(
        "the box of \"" + entry.label + "\" is none: x " + std::to_string(x) + " to " +
            std::to_string(x2) + ", y " + std::to_string(y) + " to " + std::to_string(y2),
        key, "0 <= x < x2 <= 1, likewise y: give the corners relative to the picture");
  }
}

}  // namespace ocelli::data
