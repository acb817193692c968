// Weights: what a model has learned: the parameter slab and the moving statistics.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ocelli/core/buffer.hpp"
#include "ocelli/net/model.hpp"

namespace ocelli {

/// Offsets are the layout's. Parameters start as zero, moving means as 0, moving variances as 1.
template <class T, Memory M = HostMemory>
struct Weights {
  explicit Weights(const ModelView& model)
      : params(static_cast<std::size_t>(model.layout.param_floats)),
        moving(static_cast<std::size_t>(2 * model.layout.norm_floats)) {
    const auto half = static_cast<std::size_t>(model.layout.norm_floats);
    Buffer<T> start(moving.size());
    for (std::size_t i = half; i < start.size(); ++i) start[i] = T(1);
    copy(moving, start);
  }

  Buffer<T, M> params;  ///< [param_floats]
  Buffer<T, M> moving;  ///< [2 * norm_floats]: means, then variances
};

}  // namespace ocelli
