// For the files of this folder, which nvcc compiles and nothing runs: a launch over tensors of
// float and over tensors of bfloat16.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ocelli/core/bfloat16.hpp"
#include "ocelli/op/call.hpp"
#include "ocelli/simt/device.hpp"

#define OCELLI_BOTH(launch)                                 \
  template void launch(simt::Stream, const OpCall<float>&); \
  template void launch(simt::Stream, const OpCall<bfloat16>&)
#define OCELLI_BOTH_IN(Space, launch)                               \
  template void launch(simt::Stream, Space&, const OpCall<float>&); \
  template void launch(simt::Stream, Space&, const OpCall<bfloat16>&)
