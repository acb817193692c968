// flops: what the functions of core/fast_math.hpp cost, for the floors of the kernels that call
// them: additions, multiplications and divisions as they stand there.
// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace ocelli::kernel {

inline constexpr int kExpFlops = 23;    ///< fast_exp: 3 to split, 4 to reduce, 14 for P, 2 to scale
inline constexpr int kLog1pFlops = 16;  ///< fast_log1p: 3 to reduce, 13 for the series
inline constexpr int kSoftplusFlops = kExpFlops + kLog1pFlops + 1;
inline constexpr int kSigmoidFlops = kExpFlops + 2;

}  // namespace ocelli::kernel
