// ColumnMoments: mean and sum of squared differences of each channel of a tensor, in chunks of its
// rows, as who makes the tensor may leave them for the batch norm that reads it next.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <utility>
#include <vector>

#include "ocelli/cuda/workspace.hpp"
#include "ocelli/op/call.hpp"

namespace ocelli::cuda {

struct ColumnMoments {
  const float* moments = nullptr;  ///< [chunks, 2, channels]: mean, sum of squared differences
  int rows = 0, channels = 0;      ///< of the tensor
  int chunk = 0;                   ///< rows of a chunk; the last has what is left

  int chunks() const { return chunk == 0 ? 0 : (rows + chunk - 1) / chunk; }
  long floats() const { return 2L * chunks() * channels; }
};

/// The moments that an operation has left, and the tensor that they are of; null: none.
struct TakenMoments {
  const void* tensor = nullptr;
  ColumnMoments moments;

  /// Those of the call's input, or null.
  template <class T>
  const ColumnMoments* of(const OpCall<T>& call) const {
    const Operand<T>& in = call.in[0];
    const Shape& shape = call.in_shape[0];
    return tensor != nullptr && tensor == in.data && !in.deferred() &&
                   moments.rows == call.batch * shape.pixels() && moments.channels == shape.channels
               ? &moments
               : nullptr;
  }
};

/// Hands the moments of a tensor from the operation that makes it to the one that runs right after
/// it. In `reserve` it learns which operations have a batch norm behind them.
class MomentsHandover {
 public:
  /// In reserve: an operation that could leave these moments; no chunks: none.
  void offer(const OpDesc& op, const ColumnMoments& moments) {
    std::erase_if(wanted_, [&](const Wanted& w) { return w.op == &op; });
    last_ = {&op, op.output, moments.floats()};
  }
  /// In reserve: a batch norm that wants those of its input.
  void want(const OpDesc& norm) {
    if (last_.floats == 0 || last_.output != norm.inputs[0]) return;
    workspace_.reserve(last_.floats);
    wanted_.push_back(last_);
    last_ = {};
  }

  /// Where the operation leaves them, or null where nobody wants them.
  float* place(const OpDesc& op, const ColumnMoments& moments) {
    for (const Wanted& w : wanted_)
      if (w.op == &op && w.floats == moments.floats()) return workspace_.get(w.floats);
    return nullptr;
  }
  /// `tensor` has been made, with its moments in place().
  void leave(const void* tensor, const ColumnMoments& moments) { left_ = {tensor, moments}; }
  /// What the operation before has left; nothing is left then.
  TakenMoments take() { return std::exchange(left_, {}); }

  std::size_t bytes() const { return workspace_.bytes(); }

 private:
  struct Wanted {
    const OpDesc* op = nullptr;
    int output = -1;
    long floats = 0;
  };
  Workspace workspace_;
  std::vector<Wanted> wanted_;
  Wanted last_;
  TakenMoments left_;
};

}  // namespace ocelli::cuda
