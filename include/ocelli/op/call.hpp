// OpCall: everything a backend needs to run one operation, as pointers; and Operand, a tensor as an
// operation reads it.
//
// Batch norm and its activation need no tensor of their own: whoever reads their result can apply
//     act(scale[c] * y + shift[c])
// to the convolution's output y while loading it. The plan decides where (a "deferred" norm); an
// Operand carries the scale and shift then. So training keeps one tensor per convolution, not two.
//
// A tensor may be stored in bfloat16 to halve its traffic. Everything that is learned or summed up
// (weights, their gradients, statistics) stays in float then, and so does arithmetic.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "ocelli/core/bfloat16.hpp"
#include "ocelli/core/shape.hpp"
#include "ocelli/op/activation.hpp"
#include "ocelli/op/op.hpp"

namespace ocelli {

enum class Mode : int { train, infer };

namespace detail {
template <class T>
struct ParamOf {
  using type = T;
};
template <>
struct ParamOf<bfloat16> {
  using type = float;
};
}  // namespace detail

/// What parameters, their gradients and statistics are, and arithmetic, where tensors are of T.
template <class T>
using ParamOf = typename detail::ParamOf<T>::type;

/// A tensor [pixels, channels] as an operation reads it: data, or act(scale[c] * data + shift[c]).
template <class T>
struct Operand {
  const T* data = nullptr;
  const ParamOf<T>* scale = nullptr;  ///< [channels], or null: data is the value itself
  const ParamOf<T>* shift = nullptr;  ///< [channels], with scale
  Activation activation = Activation::none;

  constexpr bool deferred() const { return scale != nullptr; }
  /// Value at element `i` (pixel * channels + c) of channel c.
  constexpr ParamOf<T> at(long i, int c) const {
    const auto value = static_cast<ParamOf<T>>(data[i]);
    return scale ? activate(activation, scale[c] * value + shift[c]) : value;
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
  using Param = ParamOf<T>;

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

  const Param* weight = nullptr;  ///< or gamma; null: none
  const Param* bias = nullptr;    ///< or beta; null: none
  Param* dweight = nullptr;       ///< added to; null: frozen
  Param* dbias = nullptr;         ///< added to; null: frozen
  Activation epilogue =
      Activation::none;  ///< of a convolution with a folded batch norm (inference)

  NormOptions norm;
  Param* moving_mean = nullptr;      ///< [C], updated by batch_norm forward in training
  Param* moving_variance = nullptr;  ///< [C], likewise
  Param* batch_norm = nullptr;  ///< [4, C]: mean, 1/sqrt(variance + epsilon), scale, shift; written
                                ///< by forward, read by backward and by who reads a deferred norm

  std::uint64_t seed = 0;  ///< of dropout
  std::uint32_t step = 0;  ///< of dropout
  /// Not null: seed and step lie here, in the backend's memory, and are read when the operation
  /// runs.
  const Draw* draw = nullptr;

  /// The seed and the step, for a backend whose memory is the host's.
  constexpr Draw drawn() const { return draw != nullptr ? *draw : Draw{seed, step}; }
};

}  // namespace ocelli
