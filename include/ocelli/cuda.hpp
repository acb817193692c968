// The door of programs that train on a GPU: compile them with nvcc. With any other compiler the
// same programs run, slowly, on the emulator of ocelli/simt.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ocelli/cuda/backend.hpp"         // IWYU pragma: export
#include "ocelli/cuda/device.hpp"          // IWYU pragma: export
#include "ocelli/cuda/ssd_finder.hpp"      // IWYU pragma: export
#include "ocelli/cuda/step_math.hpp"       // IWYU pragma: export
#include "ocelli/cuda/step_math_bf16.hpp"  // IWYU pragma: export
#include "ocelli/ocelli.hpp"               // IWYU pragma: export

namespace ocelli {

/// The device of a training: the calling thread's current GPU, the first if nothing was chosen
/// with cuda::use_device.
struct Cuda {
  using Backend = CudaBackend;
};

/// The same with the net's values in bfloat16; weights and what the optimizer keeps stay float.
struct CudaBf16 {
  using Backend = CudaBackendBf16;
};

#ifdef OCELLI_COMPILED
extern template class train::Session<CudaBackend>;
extern template class train::Session<CudaBackendBf16>;
#endif

}  // namespace ocelli
