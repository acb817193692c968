// Buffer: one aligned block of memory that is taken once and never grows, on the host or a device.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <span>
#include <string>
#include <type_traits>

#include "ocelli/core/error.hpp"

namespace ocelli {

/// Where a buffer lives. All functions are complete when they return; sizes are in bytes.
template <class M>
concept Memory = requires(void* to, const void* from, std::size_t bytes) {
  { M::allocate(bytes) } -> std::same_as<void*>;  ///< aligned to 64 bytes, of zeroes; or throws
  M::release(to);
  M::zero(to, bytes);
  M::to_host(to, from, bytes);
  M::from_host(to, from, bytes);
  { M::is_host } -> std::convertible_to<bool>;  ///< may the host follow the addresses?
};

/// This machine's own memory.
struct HostMemory {
  static constexpr bool is_host = true;
  /// 64: a cache line, and the widest vector.
  static constexpr std::size_t kAlignment = 64;

  /// Throws std::bad_alloc.
  static void* allocate(std::size_t bytes) {
    const std::size_t whole = (bytes + kAlignment - 1) / kAlignment * kAlignment;
    void* const data = std::aligned_alloc(kAlignment, whole);
    if (data == nullptr) throw std::bad_alloc();
    std::memset(data, 0, whole);
    return data;
  }
  static void release(void* data) { std::free(data); }
  static void zero(void* data, std::size_t bytes) { std::memset(data, 0, bytes); }
  static void to_host(void* to, const void* from, std::size_t bytes) {
    std::memcpy(to, from, bytes);
  }
  static void from_host(void* to, const void* from, std::size_t bytes) {
    std::memcpy(to, from, bytes);
  }
};

/// `count` zeroed values of a trivial T, aligned to 64 bytes.
template <class T, Memory M = HostMemory>
class Buffer {
  static_assert(std::is_trivially_copyable_v<T>, "buffer: T must be trivially copyable");

 public:
  Buffer() = default;
  /// Throws what the memory throws when there is none left.
  explicit Buffer(std::size_t count) : size_(count) {
    if (count > 0) data_.reset(static_cast<T*>(M::allocate(count * sizeof(T))));
  }

  T* data() { return data_.get(); }
  const T* data() const { return data_.get(); }
  std::size_t size() const { return size_; }
  std::span<T> span() requires(M::is_host) { return {data_.get(), size_}; }
  std::span<const T> span() const requires(M::is_host) { return {data_.get(), size_}; }
  T& operator[](std::size_t i) requires(M::is_host) { return data_.get()[i]; }
  const T& operator[](std::size_t i) const requires(M::is_host) { return data_.get()[i]; }
  void zero() {
    if (size_ > 0) M::zero(data_.get(), size_ * sizeof(T));
  }

 private:
  struct Release {
    void operator()(T* pointer) const { M::release(pointer); }
  };
  std::unique_ptr<T, Release> data_;
  std::size_t size_ = 0;
};

namespace detail {
inline void check_sizes(std::size_t to, std::size_t from) {
  if (to != from)
    throw ShapeError(
        "a copy of " + std::to_string(from) + " values into a buffer of " + std::to_string(to),
        "buffer");
}
}  // namespace detail

/// Copies all values, between the host and any memory. Throws ShapeError where the sizes differ.
template <class T, Memory M>
void copy(Buffer<T, M>& to, const Buffer<T>& from) {
  detail::check_sizes(to.size(), from.size());
  if (from.size() > 0) M::from_host(to.data(), from.data(), from.size() * sizeof(T));
}
template <class T, Memory M>
void copy(Buffer<T>& to, const Buffer<T, M>& from) requires(!std::same_as<M, HostMemory>) {
  detail::check_sizes(to.size(), from.size());
  if (from.size() > 0) M::to_host(to.data(), from.data(), from.size() * sizeof(T));
}

}  // namespace ocelli
