// The words of device.hpp under nvcc: the real thing.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#ifdef __CUDACC__

#include <cstddef>
#include <string>

#include "ocelli/core/error.hpp"

// Static, since nvcc ignores inline for kernels and several files may include one.
#define OCELLI_KERNEL [[maybe_unused]] static __global__ void
#define OCELLI_KERNEL_BOUNDS(...) \
  [[maybe_unused]] static __global__ void __launch_bounds__(__VA_ARGS__)
#define OCELLI_DEVICE __device__ inline
#define OCELLI_HOST_DEVICE __host__ __device__ inline
#define OCELLI_UNROLL _Pragma("unroll")
#define OCELLI_SHARED(type, name, ...) __shared__ __align__(16) type name __VA_ARGS__
#define OCELLI_DYNAMIC_SHARED(type, name)                                       \
  extern __shared__ __align__(16) unsigned char ocelli_dynamic_shared_memory[]; \
  type* const name = reinterpret_cast<type*>(ocelli_dynamic_shared_memory)

namespace ocelli::simt {

using Stream = cudaStream_t;

/// @throws DeviceError unless `code` is success
inline void check(cudaError_t code, const char* call, const std::string& where = {}) {
  if (code == cudaSuccess) return;
  (void)cudaGetLastError();  // forgets it: the next launch would be blamed
  throw DeviceError(
      std::string(call) + ": " + cudaGetErrorName(code) + ", " + cudaGetErrorString(code), where);
}

/// Starts a kernel on a stream.
/// @param dynamic_bytes  what OCELLI_DYNAMIC_SHARED gives, bytes; beyond 48 KiB where the device
/// can
/// @throws DeviceError with the kernel's name where the device refuses it
template <class... P, class... A>
void launch(
    void (*kernel)(P...), dim3 grid, dim3 block, std::size_t dynamic_bytes, Stream stream,
    A&&... arguments) {
  static_assert(sizeof...(P) == sizeof...(A), "launch: the kernel has another number of arguments");
  const auto* function = reinterpret_cast<const void*>(kernel);
  const auto named = [function](cudaError_t code, const char* call) {
    if (code == cudaSuccess) return;
    const char* name = nullptr;
    if (cudaFuncGetName(&name, function) != cudaSuccess) name = nullptr;
    check(code, call, name == nullptr ? std::string("kernel") : std::string("kernel ") + name);
  };
  // Beyond 48 KiB, static and dynamic together, a kernel has to ask.
  if (dynamic_bytes > 0)
    named(
        cudaFuncSetAttribute(
            function, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(dynamic_bytes)),
        "dynamic shared memory");
  kernel<<<grid, block, dynamic_bytes, stream>>>(static_cast<P>(arguments)...);
  named(cudaGetLastError(), "launch");
}

inline void* allocate(std::size_t bytes) {
  void* p = nullptr;
  check(cudaMalloc(&p, bytes), "cudaMalloc");
  return p;
}
inline void release(void* p) { (void)cudaFree(p); }
inline void upload(void* device, const void* host, std::size_t bytes, Stream stream = nullptr) {
  check(cudaMemcpyAsync(device, host, bytes, cudaMemcpyHostToDevice, stream), "cudaMemcpyAsync");
}
inline void download(void* host, const void* device, std::size_t bytes, Stream stream = nullptr) {
  check(cudaMemcpyAsync(host, device, bytes, cudaMemcpyDeviceToHost, stream), "cudaMemcpyAsync");
  check(cudaStreamSynchronize(stream), "cudaStreamSynchronize");
}
inline void download_later(
    void* host, const void* device, std::size_t bytes, Stream stream = nullptr) {
  check(cudaMemcpyAsync(host, device, bytes, cudaMemcpyDeviceToHost, stream), "cudaMemcpyAsync");
}
inline void fill(void* device, int byte, std::size_t bytes, Stream stream = nullptr) {
  check(cudaMemsetAsync(device, byte, bytes, stream), "cudaMemsetAsync");
}
inline void synchronize(Stream stream = nullptr) {
  check(cudaStreamSynchronize(stream), "cudaStreamSynchronize");
}

template <class V, class T>
__device__ inline V load(const T* p) {
  return *reinterpret_cast<const V*>(p);
}
template <class V, class T>
__device__ inline void store(T* p, V v) {
  *reinterpret_cast<V*>(p) = v;
}

}  // namespace ocelli::simt

#endif  // __CUDACC__
