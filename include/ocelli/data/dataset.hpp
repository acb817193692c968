// Dataset: what every label format is read into, and every consumer reads.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "ocelli/box/box.hpp"

namespace ocelli::data {

/// One outline, x and y in turn, in pixel edges; at least three points.
using Ring = std::vector<float>;

/// One labelled object of a picture, in pixel edges of the picture after EXIF rotation.
struct Object {
  PixelBox box;
  int label = 0;           ///< 1-based: the class column; Dataset::labels[label - 1]
  bool crowd = false;      ///< a region to ignore, not a target
  bool difficult = false;  ///< Pascal VOC: trained on, left out of the VOC metric
  bool truncated = false;
  bool occluded = false;
  std::vector<Ring> polygon;  ///< empty: the box is all there is
};

/// An unlabelled picture is not a negative: nobody has looked at it.
enum class PictureState : std::uint8_t { unlabelled, negative, labelled };

struct Picture {
  std::string key;            ///< path below the data set's root, '/' separated, UTF-8
  int width = 0, height = 0;  ///< pixels after EXIF rotation; 0 when not yet known
  PictureState state = PictureState::unlabelled;
  std::vector<Object> objects;
  std::vector<int> tags;     ///< whole-picture labels, 1-based
  std::string label_source;  ///< file the labels came from, for messages: "Annotations/a.xml"
};

/// Something found while reading: what, where, and what was done about it.
struct Finding {
  enum class Severity : std::uint8_t { note, repaired, dropped, error };
  Severity severity = Severity::note;
  std::string reason;  ///< a short stable name for counting: "box_without_area"
  std::string where;   ///< "Annotations/a.xml:12"
  std::string text;    ///< one sentence
};

struct Dataset {
  std::string root;                 ///< folder (or bucket prefix) that the keys are relative to
  std::string format;               ///< "voc", "coco", "cloud-annotations[-csv]", "yolo", "cvat"
  std::vector<std::string> labels;  ///< class names in order; label id = position + 1
  std::vector<Picture> pictures;    ///< in a fixed order (by key unless the format has its own)
  std::vector<Finding> findings;
  std::string type = {};  ///< "classification", "localization", or "": the format has no types
};

}  // namespace ocelli::data
