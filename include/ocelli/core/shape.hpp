// Shape: the extents of one picture's tensor, height x width x channels (NHWC without the N).
// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace ocelli {

/// An extent that only the data can tell, as in Eigen.
inline constexpr int Dynamic = -1;

/// Extents of one picture's tensor; the batch is known to the executor alone.
struct Shape {
  int height = 0;
  int width = 0;
  int channels = 0;

  constexpr long pixels() const { return long(height) * width; }
  constexpr long size() const { return pixels() * channels; }
  friend constexpr bool operator==(const Shape&, const Shape&) = default;
};

/// Rounds up to a multiple of `step` (> 0).
constexpr long round_up(long value, long step) { return (value + step - 1) / step * step; }

}  // namespace ocelli
