// An array in device memory that frees itself, on a GPU and on the emulator.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <type_traits>
#include <utility>
#include <vector>

#include "ocelli/simt/device.hpp"

namespace ocelli::simt {

/// `size()` values of a plain type. Not initialised unless made from values.
template <class T>
class DeviceArray {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  explicit DeviceArray(std::size_t size)
      : size_(size), data_(static_cast<T*>(allocate(size * sizeof(T)))) {}
  explicit DeviceArray(const std::vector<T>& values) : DeviceArray(values.size()) {
    upload(data_, values.data(), size_ * sizeof(T));
  }
  ~DeviceArray() { release(data_); }
  DeviceArray(const DeviceArray&) = delete;
  DeviceArray& operator=(const DeviceArray&) = delete;

  T* data() { return data_; }
  const T* data() const { return data_; }
  std::size_t size() const { return size_; }
  /// A copy on the host.
  std::vector<T> values() const {
    std::vector<T> host(size_);
    download(host.data(), data_, size_ * sizeof(T));
    return host;
  }

 private:
  std::size_t size_;
  T* data_;
};

}  // namespace ocelli::simt
