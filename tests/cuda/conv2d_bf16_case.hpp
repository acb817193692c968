// Numbers of the bf16 convolutions' tests on their way between float, what tensors are stored in,
// and the device.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <vector>

#include "agree.hpp"
#include "cpu/convolution.hpp"
#include "ocelli/simt/device_array.hpp"

namespace ocelli::test {

template <class S>
std::vector<S> stored(const std::vector<float>& x) {
  std::vector<S> y(x.size());
  std::transform(x.begin(), x.end(), y.begin(), [](float v) { return S(v); });
  return y;
}
template <class S>
std::vector<float> widened(const std::vector<S>& x) {
  std::vector<float> y(x.size());
  std::transform(x.begin(), x.end(), y.begin(), [](S v) { return static_cast<float>(v); });
  return y;
}

/// Writes one value into all of a device array.
template <class T>
void set_all(simt::DeviceArray<T>& device, T value) {
  const std::vector<T> host(device.size(), value);
  simt::upload(device.data(), host.data(), host.size() * sizeof(T));
  simt::synchronize();
}

}  // namespace ocelli::test
