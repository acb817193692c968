// augment_plan: what was drawn for one place of a batch, and the pictures it is drawn from. The
// steps stand in one order, that of data::Augmentation::ssd_distort; any of them may be left out:
//
//   zoom out   the picture lies somewhere on a larger canvas            data/geometry.hpp, Expand
//   mirror     the canvas, along x, along y                             HorizontalFlip,
//   VerticalFlip crop       a rectangle of the mirrored canvas data/random_crop.hpp resize     to
//   the net's size, bilinear                              data/resize.hpp colours    brightness,
//   contrast, hue, saturation                    data/photometric.hpp
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "ocelli/box/box.hpp"
#include "ocelli/simt/device.hpp"

namespace ocelli::kernel {

/// One picture in device memory.
struct StoredPicture {
  long pixels;  ///< where its [height, width, 3] bytes begin in PictureStore::pixels
  int height, width;
  int first_object, objects;
  float mean[3];  ///< colour, 0 .. 255
};

/// All pictures that training uses. Boxes in pixels of the stored picture; no crowds.
struct PictureStore {
  const std::uint8_t* pixels;
  const StoredPicture* pictures;  ///< [count]
  const PixelBox* boxes;
  const std::int32_t* labels;
  int count;
};

/// Which colour steps happen.
enum ColourStep : std::uint32_t { kBrightness = 1, kContrast = 2, kHue = 4, kSaturation = 8 };

struct AugmentPlan {
  int picture;                       ///< in PictureStore::pictures
  int canvas_top, canvas_left;       ///< where on the canvas the picture lies
  int canvas_height, canvas_width;   ///< pixels; the picture's own without zooming out
  float fill[3];                     ///< colour of the canvas, 0 .. 255
  std::int32_t flip_x, flip_y;       ///< 0 or 1
  int top, left, height, width;      ///< of the mirrored canvas; all of it without a crop
  std::int32_t cropped;              ///< 1: boxes are cut, and dropped below min_overlap
  float min_overlap;                 ///< part of a box's area that must be inside
  std::uint32_t colours;             ///< of ColourStep
  float shift;                       ///< brightness: added, of 255
  float contrast, turn, saturation;  ///< factor; sixths of the circle; factor
};

/// Nothing drawn: the whole picture.
OCELLI_DEVICE AugmentPlan plain_plan(int picture, const StoredPicture& from) {
  AugmentPlan plan{};
  plan.picture = picture;
  plan.canvas_height = plan.height = from.height;
  plan.canvas_width = plan.width = from.width;
  return plan;
}

/// A box of the picture as it lies on the mirrored canvas.
OCELLI_DEVICE PixelBox on_canvas(const PixelBox& box, const AugmentPlan& plan) {
  const float dy = static_cast<float>(plan.canvas_top), dx = static_cast<float>(plan.canvas_left);
  PixelBox moved{
      __fadd_rn(box.ymin, dy), __fadd_rn(box.xmin, dx), __fadd_rn(box.ymax, dy),
      __fadd_rn(box.xmax, dx)};
  if (plan.flip_x != 0) {
    const float w = static_cast<float>(plan.canvas_width), xmin = moved.xmin;
    moved.xmin = __fsub_rn(w, moved.xmax);
    moved.xmax = __fsub_rn(w, xmin);
  }
  if (plan.flip_y != 0) {
    const float h = static_cast<float>(plan.canvas_height), ymin = moved.ymin;
    moved.ymin = __fsub_rn(h, moved.ymax);
    moved.ymax = __fsub_rn(h, ymin);
  }
  return moved;
}

}  // namespace ocelli::kernel
