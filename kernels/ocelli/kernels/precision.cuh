// Precision: in what a product's factors are multiplied. Sums are float in all of them.
// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace ocelli {

enum class Precision : int {
  float32,  ///< 24 bits of mantissa, on the ordinary units
  tf32,     ///< 11 bits, on the tensor cores
  bf16,     ///< 8 bits, on the tensor cores
};

constexpr const char* name(Precision precision) {
  switch (precision) {
    case Precision::float32:
      return "float32";
    case Precision::tf32:
      return "tf32";
    case Precision::bf16:
      return "bf16";
  }
  return "?";
}

}  // namespace ocelli
