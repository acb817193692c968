// What the floors of conv2d's products share.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ocelli/kernels/floor.cuh"
#include "ocelli/op/conv2d.hpp"

namespace ocelli::kernel {

/// Values of x and y.
constexpr long conv2d_values(const Conv2dGeometry& g, long batch) {
  return batch * g.pixels() * g.channels + batch * g.out_pixels() * g.out_channels;
}

}  // namespace ocelli::kernel
