// Memory: one block of device memory that is taken once and never grows; core's Buffer for a
// device.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <type_traits>
#include <utility>

#include "ocelli/core/error.hpp"
#include "ocelli/simt/device.hpp"

namespace ocelli::cuda {

/// `count` values of a trivial T in device memory, aligned to 256 bytes and not initialised.
template <class T>
class Memory {
  static_assert(std::is_trivially_copyable_v<T>, "memory: T must be trivially copyable");

 public:
  Memory() = default;
  /// @throws DeviceError where there is not that much
  explicit Memory(std::size_t count) : size_(count) {
    if (count > 0) data_ = static_cast<T*>(simt::allocate(count * sizeof(T)));
  }
  ~Memory() { simt::release(data_); }
  Memory(Memory&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  /// Frees what was held.
  Memory& operator=(Memory&& other) noexcept {
    Memory taken(std::move(other));
    std::swap(data_, taken.data_);
    std::swap(size_, taken.size_);
    return *this;
  }

  T* data() { return data_; }
  const T* data() const { return data_; }
  std::size_t size() const { return size_; }

  /// Fills it with zero bytes.
  void zero(simt::Stream stream = nullptr) {
    if (size_ > 0) simt::fill(data_, 0, size_ * sizeof(T), stream);
  }
  /// Copies `count` values of the host to place `at`. They must live until the stream has done it.
  void upload(const T* host, std::size_t count, std::size_t at = 0, simt::Stream stream = nullptr) {
    check(count, at);
    if (count > 0) simt::upload(data_ + at, host, count * sizeof(T), stream);
  }
  /// Copies `count` values from place `at` to the host, and waits for them.
  void download(
      T* host, std::size_t count, std::size_t at = 0, simt::Stream stream = nullptr) const {
    check(count, at);
    if (count > 0) simt::download(host, data_ + at, count * sizeof(T), stream);
  }

 private:
  void check(std::size_t count, std::size_t at) const {
    if (at > size_ || count > size_ - at)
      throw DeviceError(
          "a copy of " + std::to_string(count) + " values at " + std::to_string(at) + " of " +
              std::to_string(size_),
          "device memory");
  }

  T* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace ocelli::cuda
