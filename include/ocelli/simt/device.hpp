// The door for device code: one kernel source for nvcc and, through the emulator, for every other
// C++20 compiler. Beside what is defined here a kernel uses CUDA's own names (threadIdx,
// __syncthreads, __shfl_xor_sync, atomicAdd, float4, rsqrtf ...) and the wrappers of `ptx::`.
//
//   OCELLI_KERNEL name(arguments) { ... }      a kernel, maybe a template
//   OCELLI_KERNEL_BOUNDS(threads) name(...)    ... that is never launched with more threads
//   OCELLI_DEVICE, OCELLI_HOST_DEVICE          functions that kernels call
//   OCELLI_SHARED(type, name, [dims])          static shared memory, aligned to 16 bytes
//   OCELLI_DYNAMIC_SHARED(type, name)          type* name, as many bytes as the launch says
//   OCELLI_UNROLL                              before a loop
//   simt::launch(kernel, grid, block, dynamic_bytes, stream, arguments...)
//   simt::load<float4>(p), simt::store(p, v)   vector accesses, checked for alignment here
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ocelli/core/bfloat16.hpp"  // IWYU pragma: export

#ifdef __CUDACC__
#include "ocelli/simt/cuda.hpp"      // IWYU pragma: export
#include "ocelli/simt/ptx_cuda.hpp"  // IWYU pragma: export
#else
#ifdef __CUDA_RUNTIME_H__
#error "ocelli/simt/device.hpp: without nvcc it is the emulator, which replaces cuda_runtime.h"
#endif
#include "ocelli/simt/builtins.hpp"      // IWYU pragma: export
#include "ocelli/simt/capture.hpp"       // IWYU pragma: export
#include "ocelli/simt/declarations.hpp"  // IWYU pragma: export
#include "ocelli/simt/intrinsics.hpp"    // IWYU pragma: export
#include "ocelli/simt/launch.hpp"        // IWYU pragma: export
#include "ocelli/simt/memory.hpp"        // IWYU pragma: export
#include "ocelli/simt/ptx_emulated.hpp"  // IWYU pragma: export
#include "ocelli/simt/vector_types.hpp"  // IWYU pragma: export
#endif
