// OpCall: everything a backend needs to run one operation, as pointers; and Operand, a tensor as an
// operation reads it.
//
// Batch norm and its activation need no tensor of their own: whoever reads their result can apply
//     act(scale[c] * y + shift[c])
// to the convolution's output y while loading it. The plan decides where (a "deferred" norm); an
// Operand carries the scale and shift then. So training keeps one tensor per convolution, not two.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "ocelli/core/shape.hpp"
#include "ocelli/op/activation.hpp"
#include "ocelli/op/op.hpp"

namespace ocelli {

enum class Mode : int { train, infer };

/// A tensor [pixels, channels] as an operation reads it: data, or act(scale[c] * data + shift[c]).
template <class T>
struct Operand {
  const T* data = nullptr;
  const T* scale = nullptr;  ///< [channels], or null: data is the value itself
  const T* shift = nullptr;  ///< [channels], with scale
  Activation activation = Activation::none;

  constexpr bool deferred() const { return scale != nullptr; }
  /// Value at element `i` (pixel * channels + c) of channel c.
  constexpr T at(long i, int c) const {
    return scale ? activate(activation, scale[c] * data[i] + shift[c]) : data[i];
  }
};

/// Batch norm's settings that change no shape.
struct NormOptions {
  double decay = 0.9997;   ///< d of M <- d * M + (1 - d) * batch
  double epsilon = 0.001;  ///< added to the variance
};

/// What an operation's random numbers are a function of, beside the operation.
struct Draw {
  std::uint64_t seed = 0;  ///< of the run
  std::uint32_t step = 0;  ///< number of the batch in the run
};

/// One operation over a batch. Values are [batch, H, W, C]. Forward writes `out`; backward reads
/// `dout`, overwrites or adds to each non-null `din[k]`, and adds to each non-null parameter
/// gradient.
template <class T>
struct OpCall {
  const OpDesc* op = nullptr;
  int batch = 0;
  Mode mode = Mode::train;

  Shape in_shape[kMaxInputs];
  Shape out_shape;
  Operand<T> in[kMaxInputs];
  T* out = nullptr;  ///< null: a deferred batch norm, which only makes scale and shift

  const T* dout = nullptr;  ///< gradient of the output
  T* din[kMaxInputs] = {};  ///< gradient of input k; null: not wanted. Batch norm's may be dout
  bool accumulate[kMaxInputs] = {};  ///< add to din[k] rather than overwrite it

  const T* weight = nullptr;  ///< or gamma; null: none
  const T* bias = nullptr;    ///< or beta; null: none
  T* dweight = nullptr;       ///< added to; null: frozen
  T* dbias = nullptr;         ///< added to; null: frozen
  Activation epilogue =
      Activation::none;  ///< of a convolution with a folded batch norm (inference)

  NormOptions norm;
  T* moving_mean = nullptr;      ///< [C], updated by batch_norm forward in training
  T* moving_variance = nullptr;  ///< [C], likewise
  T* batch_norm = nullptr;  ///< [4, C]: mean, 1/sqrt(variance + epsilon), scale, shift; written by
                            ///< forward, read by backward and by who reads a deferred norm

  std::uint64_t seed = 0;  ///< of dropout
  std::uint32_t step = 0;  ///< of dropout
  /// Not null: seed and step lie here, in the backend's memory, and are read when the operation
  /// runs.
  const Draw* draw = nullptr;

  /// The seed and the step, for a backend whose memory is the host's.
  constexpr Draw drawn() const { return draw != nullptr ? *draw : Draw{seed, step}; }
};

}  // namespace ocelli
