// The copies around a library's product in race mode: no two threads touch the same memory without
// a barrier between, and nothing is read before it was written.
// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <vector>

#include "ocelli/cuda/engine_copies.hpp"
#include "ocelli/cuda/memory.hpp"

using namespace ocelli;

TEST_CASE("cuda race: the copies around a library's product") {
  cuda::Memory<float> x(2 * 5 * 3 * 8), outer(2 * 7 * 4 * 8), turned(40 * 35), scale(8);
  const auto size = [](const cuda::Memory<float>& m) { return static_cast<long>(m.size()); };
  cuda::fill_for_trial(nullptr, 1, size(x), x.data());
  cuda::fill_for_trial(nullptr, 2, size(scale), scale.data());
  const kernel::Border border{5, 3, 7, 4, 1, 0};
  const Operand<float> read{x.data(), scale.data(), scale.data(), Activation::relu};
  cuda::copy_into_border(nullptr, read, 2, 8, border, outer.data());
  cuda::copy_out_of_border(nullptr, outer.data(), 2, 8, border, true, x.data());
  cuda::finish_rows(nullptr, scale.data(), Activation::relu6, 2 * 15, 8, x.data());
  cuda::Memory<float> matrix(40 * 35);
  cuda::fill_for_trial(nullptr, 3, size(matrix), matrix.data());
  cuda::transpose_matrix(nullptr, matrix.data(), 40, 35, false, turned.data());
  cuda::transpose_matrix(nullptr, matrix.data(), 40, 35, true, turned.data());
  CHECK(turned.data()[1] == 2 * matrix.data()[35]);
}
