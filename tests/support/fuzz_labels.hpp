// What the fuzz targets of the label readers share: a source of pictures around the fuzzed file,
// and what must hold of any data set that was read.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "ocelli/data/dataset.hpp"
#include "ocelli/data/image_writer.hpp"
#include "ocelli/data/source.hpp"

namespace ocelli::data {

inline std::string_view fuzz_text(const std::uint8_t* bytes, std::size_t size) {
  return {reinterpret_cast<const char*>(bytes), size};
}

/// 8 x 6 pictures under the names that the seeds of the corpus use.
inline void put_fuzz_pictures(MemorySource& source, const std::vector<std::string>& keys) {
  static const std::vector<std::byte> png = encode_png(make_image(6, 8));
  for (const std::string& key : keys) source.put(key, png);
}

/// Aborts when a data set breaks a promise of its header.
inline void require_sound(const Dataset& data) {
  const auto require = [](bool holds) {
    if (!holds) std::abort();
  };
  const auto classes = static_cast<int>(data.labels.size());
  for (const Picture& picture : data.pictures) {
    require(
        (picture.state == PictureState::labelled) ==
        !(picture.objects.empty() && picture.tags.empty()));
    for (const int tag : picture.tags) require(tag >= 1 && tag <= classes);
    for (const Object& object : picture.objects) {
      const PixelBox& box = object.box;
      require(object.label >= 1 && object.label <= classes);
      require(
          box.xmin >= 0 && box.xmin < box.xmax && box.xmax <= static_cast<float>(picture.width));
      require(
          box.ymin >= 0 && box.ymin < box.ymax && box.ymax <= static_cast<float>(picture.height));
      for (const Ring& ring : object.polygon) {
        require(ring.size() >= 6 && ring.size() % 2 == 0);
        for (const float value : ring) require(std::isfinite(value));
      }
    }
  }
}

}  // namespace ocelli::data
