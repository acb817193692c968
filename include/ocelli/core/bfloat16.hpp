// bfloat16: the upper half of a float, 8 bits of exponent and 7 of mantissa, in two bytes. The same
// bits on the host, on the emulator and on a GPU.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <cstring>

#ifdef __CUDACC__
#define OCELLI_BOTH __host__ __device__
#else
#define OCELLI_BOTH
#endif

namespace ocelli {

/// A number for storage and for tensor cores; arithmetic is done in float.
struct alignas(2) bfloat16 {
  std::uint16_t bits;

  bfloat16() = default;  // not initialised, as shared memory wants it
  /// Rounds to the nearest, ties to even; beyond the largest becomes infinite, any NaN 0x7FFF.
  OCELLI_BOTH explicit bfloat16(float value) {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
    asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(bits) : "f"(value));
#else
    std::uint32_t u;
    memcpy(&u, &value, sizeof u);
    if ((u & 0x7FFFFFFFu) > 0x7F800000u)
      bits = 0x7FFF;
    else
      bits = static_cast<std::uint16_t>((u + 0x7FFFu + (u >> 16 & 1u)) >> 16);
#endif
  }
  OCELLI_BOTH explicit operator float() const {
    const std::uint32_t u = static_cast<std::uint32_t>(bits) << 16;
    float value;
    memcpy(&value, &u, sizeof value);
    return value;
  }
  OCELLI_BOTH static bfloat16 from_bits(std::uint16_t bits) {
    bfloat16 b;
    b.bits = bits;
    return b;
  }
};
static_assert(sizeof(bfloat16) == 2);

/// Two of them as tensor cores take them: the first in the lower half.
OCELLI_BOTH inline std::uint32_t pack(bfloat16 low, bfloat16 high) {
  return low.bits | static_cast<std::uint32_t>(high.bits) << 16;
}
OCELLI_BOTH inline bfloat16 low_half(std::uint32_t two) {
  return bfloat16::from_bits(static_cast<std::uint16_t>(two & 0xFFFFu));
}
OCELLI_BOTH inline bfloat16 high_half(std::uint32_t two) {
  return bfloat16::from_bits(static_cast<std::uint16_t>(two >> 16));
}

/// The two floats rounded to bfloat16, as pack() has them.
OCELLI_BOTH inline std::uint32_t pack_rounded(float low, float high) {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
  std::uint32_t two;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(two) : "f"(high), "f"(low));
  return two;
#else
  return pack(bfloat16(low), bfloat16(high));
#endif
}

}  // namespace ocelli

#undef OCELLI_BOTH
