// The phases of conv2d's data gradient: pixels of x that meet the same taps.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ocelli/op/conv2d.hpp"
#include "ocelli/simt/device.hpp"

namespace ocelli::kernel {

struct PhasePixel {
  int n, h, w;
};

/// The pixels (h, w) of x with equal h % stride and w % stride, and the taps (u, v) that reach
/// them: those where h + pad - u * dilation is a multiple of the stride.
struct Phase {
  int down, across;            ///< h % stride, w % stride
  int height, width;           ///< pixels of a picture in the phase
  int first_u, first_v, step;  ///< taps first, first + step, ...
  int taps_down, taps_across;

  OCELLI_DEVICE Phase(const Conv2dGeometry& g, int phase)
      : down(phase / g.stride),
        across(phase % g.stride),
        height((g.height - down + g.stride - 1) / g.stride),
        width((g.width - across + g.stride - 1) / g.stride),
        first_u(g.kernel_height),
        first_v(g.kernel_width),
        step(1) {
    while (step * g.dilation % g.stride != 0) ++step;
    for (int u = 0; u < step && first_u == g.kernel_height; ++u)
      if (u < g.kernel_height && (down + g.pad_top - u * g.dilation) % g.stride == 0) first_u = u;
    for (int v = 0; v < step && first_v == g.kernel_width; ++v)
      if (v < g.kernel_width && (across + g.pad_left - v * g.dilation) % g.stride == 0) first_v = v;
    taps_down = (g.kernel_height - first_u + step - 1) / step;
    taps_across = (g.kernel_width - first_v + step - 1) / step;
  }

  OCELLI_DEVICE int taps() const { return taps_down * taps_across; }
  /// Pixel `row` of the phase, counted over the batch.
  OCELLI_DEVICE PhasePixel pixel(const Conv2dGeometry& g, int row) const {
    const int n = row / (height * width), rest = row % (height * width);
    return {n, rest / width * g.stride + down, rest % width * g.stride + across};
  }
};

}  // namespace ocelli::kernel
