// batch_norm: brings each channel of a batch to mean beta and deviation gamma, then activates.
//
//   mean, var over N, H, W (var biased)     inv = 1 / sqrt(var + epsilon)
//   y = f(gamma * (x - mean) * inv + beta) = f(scale * x + shift),  scale = gamma * inv,
//                                                                   shift = beta - mean * scale
//   moving mean      <- d * moving + (1 - d) * mean
//   moving variance  <- d * moving + (1 - d) * var * n / (n - 1),   n = N*H*W   (n = 1: var)
// Inference, and training with stored statistics, take the moving ones for mean and var.
//
// Backward, with g = dy * f'(scale * x + shift) and xhat = (x - mean) * inv:
//   dgamma = sum g * xhat     dbeta = sum g
//   dx = gamma * inv * (g - (dbeta + xhat * dgamma) / n)      stored statistics: gamma * inv * g
//
// Ioffe and Szegedy, arXiv:1502.03167; moving variance as in TensorFlow's fused kernel.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ocelli/core/shape.hpp"
#include "ocelli/op/op.hpp"

namespace ocelli {

struct BatchNormGeometry {
  long pixels;  ///< H * W of one picture
  int channels;
};

constexpr BatchNormGeometry batch_norm_geometry(const Shape& in) {
  return {in.pixels(), in.channels};
}

}  // namespace ocelli
