// conv2d's forward on the device: float32 and tf32 for tensors of float, bf16 for those of float
// and of bfloat16.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <type_traits>

#include "ocelli/cuda/conv2d_bf16_forward.hpp"
#include "ocelli/cuda/conv2d_forward.hpp"
#include "ocelli/cuda/rounded_weights.hpp"
#include "ocelli/cuda/workspace.hpp"

namespace ocelli::cuda {

/// What a convolution may share with its neighbours; nulls: it helps itself.
struct ConvShared {
  const RoundedWeights* rounded = nullptr;
  MomentsHandover* moments = nullptr;
};

/// Whether tensors of S are multiplied in bfloat16.
/// @throws Error for bfloat16 tensors with another precision
template <class S>
bool conv2d_in_bf16(Precision precision) {
  if constexpr (std::is_same_v<S, bfloat16>)
    if (precision != Precision::bf16)
      throw Error(
          std::string("convolutions of bfloat16 tensors in ") + name(precision), "cuda conv2d",
          "store tensors in float, or take bf16");
  return precision == Precision::bf16;
}

namespace detail {

/// Floats of workspace for a rounded copy of the weights.
constexpr long rounded_floats(const Conv2dGeometry& g) { return (g.weights() / 2 + 64) / 64 * 64; }

/// The weights in bfloat16: the shared copy, or one that is made in `room` now.
template <class S>
const bfloat16* rounded_weight(
    simt::Stream stream, const OpCall<S>& call, const Conv2dGeometry& g, const ConvShared& shared,
    float* room) {
  if (shared.rounded != nullptr)
    if (const bfloat16* copy = shared.rounded->find(call.weight, g.weights())) return copy;
  auto* const copy = reinterpret_cast<bfloat16*>(room);
  convert(stream, call.weight, g.weights(), copy);
  return copy;
}

}  // namespace detail

/// Floats of workspace that forward needs.
template <class S>
long conv2d_forward_floats(const OpCall<S>& call, Precision precision) {
  if (!conv2d_in_bf16<S>(precision)) return 0;
  const Conv2dGeometry g = conv2d_geometry(*call.op, call.in_shape[0], call.out_shape);
  return detail::rounded_floats(g) +
         conv2d_bf16_forward_cut(g, call.batch)
             .partial_floats(call.batch * g.out_pixels(), g.out_channels);
}

/// What forward can tell a batch norm of its output; no chunks: nothing.
template <class S>
ColumnMoments conv2d_moments(const OpCall<S>& call, Precision precision) {
  if (!conv2d_in_bf16<S>(precision) || call.mode != Mode::train) return {};
  return conv2d_bf16_moments(
      conv2d_geometry(*call.op, call.in_shape[0], call.out_shape), call.batch);
}

template <class S>
void conv2d_forward(
    simt::Stream stream, Workspace& workspace, const OpCall<S>& call, Precision precision,
    const ConvShared& shared = {}) {
  const Conv2dGeometry g = conv2d_geometry(*call.op, call.in_shape[0], call.out_shape);
  if (conv2d_in_bf16<S>(precision)) {
    float* const room = workspace.get(conv2d_forward_floats(call, precision));
    const bfloat16* const weight = detail::rounded_weight(stream, call, g, shared, room);
    ColumnMoments moments = conv2d_moments(call, precision);
    float* const place =
        shared.moments != nullptr ? shared.moments->place(*call.op, moments) : nullptr;
    conv2d_bf16_forward_with(
        stream, call, weight, conv2d_bf16_forward_cut(g, call.batch),
        room + detail::rounded_floats(g), place);
    if (place != nullptr) {
      moments.moments = place;
      shared.moments->leave(call.out, moments);
    }
    return;
  }
  if constexpr (std::is_same_v<S, float>)
    conv2d_forward_with(
        stream, call, precision, conv2d_tile(call.batch * g.out_pixels(), g.out_channels, 1));
}

}  // namespace ocelli::cuda
