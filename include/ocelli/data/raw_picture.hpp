// Pictures and objects as a label file has them, before they are checked against the pictures.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <vector>

#include "ocelli/data/dataset.hpp"

namespace ocelli::data {

/// An object as a label file has it.
struct RawObject {
  double x0 = 0, y0 = 0, x1 = 0, y1 = 0;  ///< corners; pixel edges, or relative to the picture
  bool relative = false;
  Object object;      ///< all but the box; the polygon in the same unit
  std::string where;  ///< "a.xml:12", or "labels.json: annotation 7"
};

/// The box around the polygon, in its unit. @return false: there are no points
inline bool set_box_from_polygon(RawObject& raw) {
  bool any = false;
  for (const Ring& ring : raw.object.polygon) {
    for (std::size_t i = 0; i + 1 < ring.size(); i += 2) {
      const double x = double{ring[i]}, y = double{ring[i + 1]};
      raw.x0 = any ? std::min(raw.x0, x) : x, raw.x1 = any ? std::max(raw.x1, x) : x;
      raw.y0 = any ? std::min(raw.y0, y) : y, raw.y1 = any ? std::max(raw.y1, y) : y;
      any = true;
    }
  }
  return any;
}

/// A picture as a label file has it.
struct RawPicture {
  std::string key;
  int stated_width = 0, stated_height = 0;  ///< 0: not stated
  std::string where;
  std::string label_source;
  std::vector<RawObject> objects;
  std::vector<int> tags;
};

}  // namespace ocelli::data
