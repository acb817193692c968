// Streams, memory and devices, as far as the emulator has them.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/cuda/memory.hpp"

#include <doctest/doctest.h>

#include <utility>
#include <vector>

#include "ocelli/cuda/device.hpp"
#include "ocelli/cuda/stream.hpp"
#include "ocelli/cuda/workspace.hpp"

namespace ocelli::cuda {

TEST_CASE("cuda memory: there and back") {
  Memory<float> memory(5);
  memory.zero();
  const std::vector<float> some = {1, 2, 3};
  memory.upload(some.data(), 3, 1);
  std::vector<float> back(5);
  memory.download(back.data(), 5);
  CHECK(back == std::vector<float>{0, 1, 2, 3, 0});
  memory.download(back.data(), 2, 3);
  CHECK(back[0] == 3);
  CHECK_THROWS_AS(memory.upload(some.data(), 3, 3), DeviceError);
  CHECK_THROWS_AS(memory.download(back.data(), 1, 6), DeviceError);
}

TEST_CASE("cuda memory: moves") {
  Memory<int> a(3), b;
  const int* const at = a.data();
  b = std::move(a);
  CHECK(b.data() == at);
  CHECK(b.size() == 3);
  b = {};
  CHECK(b.data() == nullptr);
  CHECK(b.size() == 0);
}

TEST_CASE("cuda workspace: grows when it is told, and refuses what it was not told") {
  Workspace workspace;
  CHECK_THROWS_AS(workspace.get(1), Error);
  workspace.reserve(10);
  workspace.reserve(4);
  CHECK(workspace.bytes() == 40);
  CHECK(workspace.get(10) != nullptr);
  CHECK_THROWS_AS(workspace.get(11), Error);
}

TEST_CASE("cuda device: there is a first one, and no one behind the last") {
  REQUIRE(device_count() >= 1);
#ifndef __CUDACC__
  CHECK(device_count() == 1);
  CHECK(device_info(0).name.find("emulator") != std::string::npos);
#endif
  CHECK_THROWS_AS(use_device(device_count()), DeviceError);
  Stream a;
  Stream b(std::move(a));
  b.synchronize();
}

}  // namespace ocelli::cuda
