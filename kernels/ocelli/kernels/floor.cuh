// Floor: what a kernel cannot do without, from which its share of the machine's speed is told.
// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace ocelli::kernel {

/// Bytes that must be read or written at least once, and floating point operations (a multiply-add
/// is 2) of one launch.
struct Floor {
  long bytes, flops;
  friend constexpr bool operator==(const Floor&, const Floor&) = default;
};

/// Of a tensor's value; T in the formulas of floors.
template <class T>
inline constexpr long kBytes = static_cast<long>(sizeof(T));

}  // namespace ocelli::kernel
