// resize: each place of a batch from its picture's bytes, cropped, mirrored and zoomed as its plan
// says, bilinear as TensorFlow 1 does it. Formula: ocelli/data/resize.hpp.
//
// resize_pictures   tiling   one thread = one pixel of the batch, three channels
//                   bytes    batch * (12 * pixels + sizeof(AugmentPlan) + sizeof(StoredPicture))
//                            + 3 * source, source being the source pixels that are read: at most
//                            4 a pixel, and no more than the crops have;
//                            + 24 * batch * blocks with sums
//                   FLOPs    (33 + 10) * batch * pixels: places 10, three times 9 to mix and 2 to
//                            scale; 6 more with sums
//                   bound    2 FLOP/byte: memory
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "ocelli/kernels/augment_plan.cuh"
#include "ocelli/kernels/floor.cuh"
#include "ocelli/kernels/photometric.cuh"
#include "ocelli/kernels/reduce.cuh"

namespace ocelli::kernel {

constexpr Floor resize_pictures_floor(long batch, long pixels, long source, long blocks) {
  return {
      batch * (12 * pixels + static_cast<long>(sizeof(AugmentPlan) + sizeof(StoredPicture))) +
          3 * source + 24 * batch * blocks,
      (43 + (blocks > 0 ? 6 : 0)) * batch * pixels};
}

/// The two source positions along one axis and the share of the second. -1 is the canvas before the
/// picture, `size` the canvas after it.
struct Taps {
  int a, b;
  float f;
};

/// @param begin, extent  of the crop along the axis, in pixels of the picture; mirrored with `flip`
OCELLI_DEVICE Taps taps_of(int i, int out, int begin, int extent, bool flip, int size) {
  const long s = static_cast<long>(i) * extent;  // in units of 1 / out: exact
  const int low = static_cast<int>(s / out);
  const int high = low + 1 < extent ? low + 1 : extent - 1;
  const auto place = [&](int v) {
    const int p = flip ? begin + extent - 1 - v : begin + v;
    return p < -1 ? -1 : p > size ? size : p;
  };
  return {
      place(low), place(high),
      __fdiv_rn(static_cast<float>(static_cast<int>(s % out)), static_cast<float>(out))};
}

/// images [batch, out_height, out_width, 3]. Grid (pixels / 256, batch).
/// @param sums  [batch, blocks, 3]: channel sums of a block; or null: then the values are in the
///              net's range, else in 0 .. 255 with the brightness done, for photometric.cuh
OCELLI_KERNEL_BOUNDS(kPixelThreads)
resize_pictures(
    PictureStore store, const AugmentPlan* plans, int out_height, int out_width, ValueScale scale,
    float* images, double* sums) {
  const int pixels = out_height * out_width;
  const int at = static_cast<int>(blockIdx.x) * kPixelThreads + thread_id();
  const AugmentPlan& plan = plans[blockIdx.y];
  Colour colour{{0, 0, 0}};
  if (at < pixels) {
    const StoredPicture& from = store.pictures[plan.picture];
    const int top = -plan.canvas_top +
                    (plan.flip_y != 0 ? plan.canvas_height - plan.top - plan.height : plan.top);
    const int left = -plan.canvas_left +
                     (plan.flip_x != 0 ? plan.canvas_width - plan.left - plan.width : plan.left);
    const Taps y =
        taps_of(at / out_width, out_height, top, plan.height, plan.flip_y != 0, from.height);
    const Taps x =
        taps_of(at % out_width, out_width, left, plan.width, plan.flip_x != 0, from.width);
    const auto inside = [](int p, int size) { return p >= 0 && p < size; };
    const bool both = inside(y.a, from.height) && inside(y.b, from.height);
    const std::uint8_t* source = store.pixels + from.pixels;
    for (int c = 0; c < 3; ++c) {
      const auto pixel = [&](int row, int column) {
        if (!inside(row, from.height)) return plan.fill[c];
        return static_cast<float>(source[(static_cast<long>(row) * from.width + column) * 3 + c]);
      };
      const auto mixed_rows = [&](int column) {
        if (!inside(column, from.width)) return plan.fill[c];
        const float u = pixel(y.a, column), v = pixel(y.b, column);
        if (both) return u + y.f * (v - u);
        float sum = (1 - y.f) * u;  // with the canvas's colour, as weights: the host's rounding
        if (y.f != 0) sum += y.f * v;
        return sum;
      };
      const float a = mixed_rows(x.a), b = mixed_rows(x.b);
      colour.v[c] = a + x.f * (b - a);
    }
    if ((plan.colours & kBrightness) != 0)
      for (int c = 0; c < 3; ++c) colour.v[c] = to_range(colour.v[c] + plan.shift);
    float* p = images + (static_cast<long>(blockIdx.y) * pixels + at) * 3;
    for (int c = 0; c < 3; ++c)
      p[c] = sums != nullptr ? colour.v[c] : colour.v[c] * scale.multiply + scale.add;
  }
  if (sums == nullptr) return;
  double* of_block = sums + (static_cast<long>(blockIdx.y) * gridDim.x + blockIdx.x) * 3;
  for (int c = 0; c < 3; ++c) {
    const double sum = block_sum<kPixelThreads>(static_cast<double>(colour.v[c]));
    if (thread_id() == 0) of_block[c] = sum;
  }
}

}  // namespace ocelli::kernel
