// Pinned: memory of the host that copies to and from a device use without a stop between.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstring>
#include <type_traits>
#include <utility>

#include "ocelli/core/buffer.hpp"
#include "ocelli/simt/device.hpp"

namespace ocelli::cuda {

/// `size()` zeroed values of a plain type, aligned to 64 bytes at least; the pages stay in place.
template <class T>
class Pinned {
  static_assert(std::is_trivially_copyable_v<T>, "pinned: T must be trivially copyable");

 public:
  Pinned() = default;
  /// @throws DeviceError where the system does not lock that much
  explicit Pinned(std::size_t count) : size_(count) {
    if (count > 0) data_ = static_cast<T*>(take(count * sizeof(T)));
  }
  ~Pinned() { release(data_); }
  Pinned(Pinned&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  Pinned& operator=(Pinned&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
  }

  T* data() { return data_; }
  const T* data() const { return data_; }
  std::size_t size() const { return size_; }

 private:
#ifdef __CUDACC__
  static void* take(std::size_t bytes) {
    void* p = nullptr;
    simt::check(cudaHostAlloc(&p, bytes, cudaHostAllocDefault), "cudaHostAlloc");
    std::memset(p, 0, bytes);
    return p;
  }
  static void release(void* p) { (void)cudaFreeHost(p); }
#else
  static void* take(std::size_t bytes) {
    simt::refuse_in_capture("cudaHostAlloc");
    return HostMemory::allocate(bytes);
  }
  static void release(void* p) { HostMemory::release(p); }
#endif

  T* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace ocelli::cuda
