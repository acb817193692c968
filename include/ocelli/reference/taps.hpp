// The walk over the taps of a window, shared by convolutions and pools.
// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace ocelli::reference {

/// Calls body(y_pixel, x_pixel, tap) for every tap that falls inside the picture, of every output
/// pixel of a batch: output pixels in order, and the taps of each in row order. Pixels are counted
/// over the batch. Geometry: that of conv2d, depthwise_conv2d or pool.
template <class Geometry, class Body>
inline void for_each_tap(const Geometry& g, int dilation, int batch, Body&& body) {
  for (int n = 0; n < batch; ++n)
    for (int i = 0; i < g.out_height; ++i)
      for (int j = 0; j < g.out_width; ++j)
        for (int u = 0; u < g.kernel_height; ++u)
          for (int v = 0; v < g.kernel_width; ++v) {
            const int h = i * g.stride + u * dilation - g.pad_top;
            const int w = j * g.stride + v * dilation - g.pad_left;
            if (h < 0 || h >= g.height || w < 0 || w >= g.width) continue;
            body(
                (long(n) * g.out_height + i) * g.out_width + j,
                (long(n) * g.height + h) * g.width + w, u * g.kernel_width + v);
          }
}

}  // namespace ocelli::reference
