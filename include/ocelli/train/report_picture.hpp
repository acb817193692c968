// ReportPicture from pixels: scaled down once, kept as JPEG.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "ocelli/core/error.hpp"
#include "ocelli/data/image.hpp"
#include "ocelli/data/image_writer.hpp"
#include "ocelli/data/resize.hpp"
#include "ocelli/eval/classification.hpp"
#include "ocelli/eval/picture.hpp"
#include "ocelli/train/report_data.hpp"

namespace ocelli::train {

/// A smaller copy, averaged; the picture itself when it fits already.
/// @param longest  pixels of the longer side, at least 1
inline data::Image shrunk(const data::Image& image, int longest) {
  const int side = std::max(image.height, image.width);
  if (side <= longest) return image;
  const auto scaled = [&](int size) {
    return std::max(1, static_cast<int>(std::lround(static_cast<double>(size) * longest / side)));
  };
  data::Image small = data::make_image(scaled(image.height), scaled(image.width));
  std::vector<float> values(small.pixels.size());
  data::Resizer{}(
      data::Pixels<std::uint8_t>{image.pixels.data(), image.height, image.width},
      {.height = image.height, .width = image.width}, small.height, small.width, values.data(),
      {.multiply = 1, .add = 0}, data::Resampling::area);
  for (std::size_t i = 0; i < values.size(); ++i)
    small.pixels[i] = static_cast<std::uint8_t>(std::clamp(values[i] + 0.5F, 0.0F, 255.0F));
  return small;
}

/// @param truths   in pixels of `image`
/// @param longest  of the embedded JPEG: 480 pixels are about 30 KB
inline ReportPicture report_picture(
    std::string key, const data::Image& image, std::vector<eval::GroundTruth> truths,
    int longest = 480, int quality = 82) {
  ReportPicture picture{.key = std::move(key), .height = image.height, .width = image.width};
  picture.jpeg = data::encode_jpeg(shrunk(image, longest), quality);
  picture.truths = std::move(truths);
  return picture;
}

/// The box around all of a picture: where a label of the whole is shown.
inline PixelBox whole_of(int height, int width) {
  return {0, 0, static_cast<float>(height), static_cast<float>(width)};
}
/// What a classifier said of a picture of a size: its best classes, the surest first.
inline ReportFound found_as_whole(const eval::ClassifiedPicture& said, int height, int width) {
  ReportFound found;
  for (const eval::ScoredClass& one : said.best)
    found.detections.push_back({whole_of(height, width), one.index + 1, one.score});
  found.score = static_cast<double>(said.truth_score);
  return found;
}

/// The part of a picture around a box, with what lies around it, for galleries of mistakes. Truths
/// and detections are moved into the crop's own pixels; those outside it are left out.
/// @param around  share of the box's longer side that is shown on each side of it
inline ReportGallery::Item report_crop(
    const ReportPicture& named, const data::Image& image, const PixelBox& box,
    const ReportFound& found, float around = 1.0F, int longest = 240) {
  const float margin = std::max(around * std::max(box.height(), box.width()), 12.0F);
  const auto low = [&](float at, int size) {
    return std::clamp(static_cast<int>(std::floor(at - margin)), 0, size - 1);
  };
  const auto high = [&](float at, int size, int first) {
    return std::clamp(static_cast<int>(std::ceil(at + margin)), first + 1, size);
  };
  const int top = low(box.ymin, image.height), left = low(box.xmin, image.width);
  const int bottom = high(box.ymax, image.height, top), right = high(box.xmax, image.width, left);
  data::Image part = data::make_image(bottom - top, right - left);
  for (int y = 0; y < part.height; ++y)
    std::copy_n(image.at(top + y, left), static_cast<std::size_t>(part.width) * 3, part.at(y, 0));

  const auto moved = [&](PixelBox inside, auto&& keep) {
    inside.ymin -= static_cast<float>(top), inside.ymax -= static_cast<float>(top);
    inside.xmin -= static_cast<float>(left), inside.xmax -= static_cast<float>(left);
    if (inside.ymax > 0 && inside.xmax > 0 && inside.ymin < static_cast<float>(part.height) &&
        inside.xmin < static_cast<float>(part.width))
      keep(inside);
  };
  std::vector<eval::GroundTruth> truths;
  for (eval::GroundTruth truth : named.truths)
    moved(truth.box, [&](const PixelBox& inside) {
      truth.box = inside;
      truths.push_back(truth);
    });
  ReportGallery::Item item{.picture = report_picture(named.key, part, std::move(truths), longest)};
  item.found.score = found.score;
  for (eval::DetectedBox detection : found.detections)
    moved(detection.box, [&](const PixelBox& inside) {
      detection.box = inside;
      item.found.detections.push_back(detection);
    });
  return item;
}

}  // namespace ocelli::train
