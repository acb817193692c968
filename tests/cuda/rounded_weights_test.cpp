// Rounded copies of slabs of weights.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/cuda/rounded_weights.hpp"

#include <doctest/doctest.h>

#include <vector>

#include "ocelli/simt/device_array.hpp"

namespace ocelli::cuda {
namespace {

float value_at(const bfloat16* device) {
  bfloat16 value;
  simt::download(&value, device, sizeof value);
  return static_cast<float>(value);
}

}  // namespace

TEST_CASE("cuda rounded_weights: a copy follows its slab when it is told to") {
  simt::DeviceArray<float> slab(std::vector<float>(20, 1.0f + 0x1p-10f));
  const simt::DeviceArray<float> other(std::vector<float>(8, 2.0f));
  RoundedWeights rounded;
  rounded.reserve(slab.data(), 20);
  rounded.reserve(other.data(), 8);
  CHECK(rounded.bytes() == 56);
  CHECK(rounded.find(slab.data(), 20) == nullptr);  // not filled yet
  rounded.refresh(nullptr, slab.data());
  const bfloat16* const copy = rounded.find(slab.data(), 20);
  REQUIRE(copy != nullptr);
  CHECK(value_at(copy + 19) == 1.0f);
  CHECK(rounded.find(slab.data() + 5, 15) == copy + 5);
  CHECK(rounded.find(slab.data() + 5, 16) == nullptr);  // beyond its end
  CHECK(rounded.find(other.data(), 8) == nullptr);
  const float changed = -3.0f;
  simt::upload(slab.data() + 3, &changed, sizeof changed);
  simt::synchronize();
  rounded.refresh(nullptr, other.data());
  CHECK(value_at(copy + 3) == 1.0f);
  rounded.refresh(nullptr, slab.data());
  CHECK(value_at(copy + 3) == -3.0f);
}

TEST_CASE("cuda rounded_weights: two users of a slab share its copy") {
  const simt::DeviceArray<float> slab(std::vector<float>(4));
  RoundedWeights rounded;
  rounded.reserve(slab.data(), 4);
  rounded.reserve(slab.data(), 4);
  CHECK(rounded.bytes() == 8);
  rounded.refresh(nullptr, slab.data());
  rounded.forget(slab.data());
  CHECK(rounded.find(slab.data(), 4) != nullptr);
  rounded.forget(slab.data());
  CHECK(rounded.find(slab.data(), 4) == nullptr);
  CHECK(rounded.bytes() == 0);
  rounded.forget(slab.data());  // no harm
  rounded.refresh(nullptr, slab.data());
}

}  // namespace ocelli::cuda
