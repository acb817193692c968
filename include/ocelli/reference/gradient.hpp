// How backward delivers a gradient: written, or added to what other readers of the tensor left.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>

#include "ocelli/op/call.hpp"

namespace ocelli::reference {

/// Element i of din[k]: overwritten or added to. din[k] must not be null.
template <class T>
inline void deliver(const OpCall<T>& call, int k, long i, T value) {
  T& slot = call.din[k][i];
  slot = call.accumulate[k] ? slot + value : value;
}

/// For loops that scatter into din[k] by adding: zeroes it first unless it is to be added to.
/// din[k] must not be null.
template <class T>
inline void zero_unless_accumulated(const OpCall<T>& call, int k) {
  if (!call.accumulate[k])
    std::fill_n(call.din[k], long(call.batch) * call.in_shape[k].size(), T(0));
}

}  // namespace ocelli::reference
