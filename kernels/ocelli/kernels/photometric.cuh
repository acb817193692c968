// photometric: contrast, hue, saturation of rendered pictures, then the net's range. Rules:
// ocelli/data/photometric.hpp. Brightness is resize.cuh's, since contrast needs the mean after it.
//
//   1. colour_means    a block adds up a picture's sums, which resize.cuh left block by block
//   2. adjust_colours  a thread changes one pixel in place
//
// colour_means     tiling   one block = 256 threads = one picture
//                  bytes    24 * batch * blocks + 12 * batch          FLOPs    3 * batch * blocks
//                  bound    latency
// adjust_colours   tiling   one thread = one pixel
//                  bytes    24 * batch * pixels
//                  FLOPs    51 * batch * pixels: contrast 6, hue 29, saturation 10, scale 6
//                  bound    2 FLOP/byte: memory
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "ocelli/kernels/augment_plan.cuh"
#include "ocelli/kernels/floor.cuh"
#include "ocelli/kernels/reduce.cuh"

namespace ocelli::kernel {

inline constexpr int kPixelThreads = 256;

constexpr Floor colour_means_floor(long batch, long blocks) {
  return {24 * batch * blocks + 12 * batch, 3 * batch * blocks};
}
constexpr Floor adjust_colours_floor(long batch, long pixels) {
  return {24 * batch * pixels, 51 * batch * pixels};
}

/// One pixel, 0 .. 255.
struct Colour {
  float v[3];
};

/// What the net sees of a value: multiply * v + add.
struct ValueScale {
  float multiply, add;
};

OCELLI_DEVICE float to_range(float v) {
  const float above = 0.0f < v ? v : 0.0f;
  return above < 255.0f ? above : 255.0f;
}
OCELLI_DEVICE float highest(const Colour& p) {
  const float a = p.v[1] < p.v[2] ? p.v[2] : p.v[1];
  return p.v[0] < a ? a : p.v[0];
}
OCELLI_DEVICE float lowest(const Colour& p) {
  const float a = p.v[2] < p.v[1] ? p.v[2] : p.v[1];
  return a < p.v[0] ? a : p.v[0];
}

/// Turns the hue by `turn` sixths of the circle.
OCELLI_DEVICE Colour turned(const Colour& p, float turn) {
  const float r = p.v[0], g = p.v[1], b = p.v[2];
  const float high = highest(p), chroma = high - lowest(p);
  if (chroma <= 0) return p;
  const float hue = high == r   ? (g - b) / chroma
                    : high == g ? 2 + (b - r) / chroma
                                : 4 + (r - g) / chroma;
  const auto channel = [&](float n) {
    float k = hue + turn + n;  // hue -1 .. 5, turn -3 .. 3, n 1 .. 5
    k += k < 0 ? 6.0f : 0.0f;
    k -= k >= 6 ? 6.0f : 0.0f;
    k -= k >= 6 ? 6.0f : 0.0f;
    const float ramp = 4 - k < k ? 4 - k : k;
    const float share = ramp < 0 ? 0.0f : 1 < ramp ? 1.0f : ramp;
    return high - chroma * share;
  };
  return {{channel(5), channel(3), channel(1)}};
}

/// Multiplies the saturation, at most to 1.
OCELLI_DEVICE Colour saturated(const Colour& p, float factor) {
  const float high = highest(p), low = lowest(p);
  float scale = 1;
  if (high > low) {
    const float most = high / (high - low);
    scale = most < factor ? most : factor;
  }
  Colour q;
  for (int c = 0; c < 3; ++c) q.v[c] = high - (high - p.v[c]) * scale;
  return q;
}

/// means [batch, 3] from sums [batch, blocks, 3]. Grid (batch).
OCELLI_KERNEL_BOUNDS(kPixelThreads)
colour_means(const double* sums, int blocks, long pixels, float* means) {
  const double* of_picture = sums + static_cast<long>(blockIdx.x) * blocks * 3;
  for (int c = 0; c < 3; ++c) {
    double sum = 0;
    for (int i = thread_id(); i < blocks; i += kPixelThreads) sum += of_picture[3 * i + c];
    sum = block_sum<kPixelThreads>(sum);
    if (thread_id() == 0)
      means[3 * blockIdx.x + static_cast<unsigned>(c)] =
          static_cast<float>(sum / static_cast<double>(pixels));
  }
}

/// images [batch, pixels, 3], in place. Grid (pixels / 256, batch).
OCELLI_KERNEL_BOUNDS(kPixelThreads)
adjust_colours(
    const AugmentPlan* plans, const float* means, int pixels, ValueScale scale, float* images) {
  const int at = static_cast<int>(blockIdx.x) * kPixelThreads + thread_id();
  if (at >= pixels) return;
  const AugmentPlan& plan = plans[blockIdx.y];
  float* p = images + (static_cast<long>(blockIdx.y) * pixels + at) * 3;
  Colour colour{{p[0], p[1], p[2]}};
  if ((plan.colours & kContrast) != 0)
    for (int c = 0; c < 3; ++c) {
      const float shift = means[3 * blockIdx.y + static_cast<unsigned>(c)] * (1 - plan.contrast);
      colour.v[c] = to_range(colour.v[c] * plan.contrast + shift);
    }
  if ((plan.colours & kHue) != 0) colour = turned(colour, plan.turn);
  if ((plan.colours & kSaturation) != 0) colour = saturated(colour, plan.saturation);
  for (int c = 0; c < 3; ++c) p[c] = colour.v[c] * scale.multiply + scale.add;
}

}  // namespace ocelli::kernel
