// Numbers on their way from float to bfloat16 and back.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/cuda/convert.hpp"

#include <doctest/doctest.h>

#include <cstddef>

#include "kernel_case.hpp"

using namespace ocelli;
using namespace ocelli::kernel_test;

TEST_CASE("cuda convert: rounds to bfloat16 and widens again, wherever the numbers lie") {
  for (const std::size_t count : {1u, 7u, 1024u, 1028u})
    for (const long crooked : {0, 1}) {
      CAPTURE(count);
      CAPTURE(crooked);
      const long size = static_cast<long>(count) - crooked;
      const std::vector<float> x = numbers(count, 1);
      const std::vector<float> back = in_any_order([&] {
        const DeviceArray<float> from(x);
        DeviceArray<bfloat16> half(count);
        DeviceArray<float> to(std::vector<float>(count, 7.0f));
        cuda::convert(nullptr, from.data() + crooked, size, half.data() + crooked);
        cuda::convert(nullptr, half.data() + crooked, size, to.data() + crooked);
        return to.values();
      });
      for (std::size_t i = 0; i < count; ++i)
        CHECK(back[i] == (i == 0 && crooked == 1 ? 7.0f : static_cast<float>(bfloat16(x[i]))));
    }
}

TEST_CASE("cuda convert: the floor") {
  CHECK(kernel::convert_floor<float, bfloat16>(70) == kernel::Floor{70 * 4 + 70 * 2, 0});
  CHECK(kernel::convert_floor<bfloat16, float>(70) == kernel::Floor{70 * 2 + 70 * 4, 0});
}
