// The emulator's side of the words in device.hpp: kernels, shared arrays, vector accesses.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#ifndef __CUDACC__

#include <cstdint>
#include <cstring>
#include <string>
#include <type_traits>

#include "ocelli/simt/builtins.hpp"

#define OCELLI_KERNEL inline void
#define OCELLI_KERNEL_BOUNDS(...) inline void
#define OCELLI_DEVICE inline
#define OCELLI_HOST_DEVICE inline
#define OCELLI_UNROLL

#define OCELLI_SHARED(type, name, ...)                                                       \
  using name##_shared_type = type __VA_ARGS__;                                               \
  static constexpr ::ocelli::simt::SharedKey name##_shared_key{#name, {__FILE__, __LINE__}}; \
  name##_shared_type& name = ::ocelli::simt::shared_array<name##_shared_type>(name##_shared_key)

#define OCELLI_DYNAMIC_SHARED(type, name) \
  type* const name = ::ocelli::simt::dynamic_shared<type>({__FILE__, __LINE__})

namespace ocelli::simt {

template <class T>
T& shared_array(const SharedKey& key) {
  static_assert(
      std::is_trivially_default_constructible_v<std::remove_all_extents_t<T>>,
      "shared memory is not initialised, so its type must not want to be");
  Block& b = device_block("OCELLI_SHARED");
  unsigned char* at;
  {
    const Block::Performing performing(b);
    at = b.shared.find(key, sizeof(T));
  }
  const Settings& limits = settings();
  if (at == nullptr || b.shared.static_bytes() > limits.static_shared_bytes ||
      b.shared.static_bytes() + b.shared.dynamic_bytes() > limits.shared_bytes)
    b.fail([&b, &key, &limits] {
      return Failure{
          Fault::launch_limit,
          "'" + std::string(key.name) + "' takes the block's shared memory to " +
              std::to_string(b.shared.static_bytes()) + " bytes static and " +
              std::to_string(b.shared.dynamic_bytes()) + " dynamic; there are " +
              std::to_string(limits.static_shared_bytes) + " static, and " +
              std::to_string(limits.shared_bytes) + " in all",
          "use smaller tiles, or dynamic shared memory",
          {key.site.text()}};
    });
  return *reinterpret_cast<T*>(at);
}

template <class T>
T* dynamic_shared(Site at) {
  Block& b = device_block("OCELLI_DYNAMIC_SHARED");
  b.shared.name_dynamic(at);
  return reinterpret_cast<T*>(b.shared.dynamic());
}

/// Stops the kernel where p is no multiple of `alignment`.
inline void check_alignment(const void* p, std::size_t alignment, const char* name, Site at) {
  if (reinterpret_cast<std::uintptr_t>(p) % alignment == 0) [[likely]]
    return;
  device_block(name).fail([name, alignment, at] {
    return Failure{
        Fault::misaligned,
        std::string(name) + " of an address that is no multiple of " + std::to_string(alignment),
        "check the row length and the first element's place",
        {at.text()}};
  });
}

/// The V at p, in one access: a vector type, or p's own type. Its address must be a multiple of V's
/// size, up to 16.
template <class V, class T>
V load(const T* p, Site at = Site::here()) {
  check_alignment(p, alignof(V), "load", at);
  note(p, sizeof(V), AccessKind::read, at);
  if constexpr (std::is_class_v<V>) {
    return *reinterpret_cast<const V*>(p);
  } else {
    V v;
    std::memcpy(&v, p, sizeof v);
    return v;
  }
}

/// Writes v to p, in one access. The address must be a multiple of V's size, up to 16.
template <class V, class T>
void store(T* p, V v, Site at = Site::here()) {
  check_alignment(p, alignof(V), "store", at);
  note(p, sizeof(V), AccessKind::write, at);
  if constexpr (std::is_class_v<V>)
    *reinterpret_cast<V*>(p) = v;
  else
    std::memcpy(p, &v, sizeof v);
}

}  // namespace ocelli::simt

/// Reads what no thread of the launch writes: a number or one of CUDA's vectors.
template <class T>
requires(std::is_arithmetic_v<T> || requires(T v) { v.x + v.y; }) T
    __ldg(const T* p, ocelli::simt::Site at = ocelli::simt::Site::here()) {
  return ocelli::simt::load<T>(p, at);
}

#endif  // __CUDACC__
