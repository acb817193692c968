// coder on the device. Kernels: ocelli/kernels/coder.cuh.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ocelli/kernels/coder.cuh"

namespace ocelli::cuda {

inline dim3 coder_grid(int batch, int count) {
  return dim3(
      static_cast<unsigned>((count + kernel::kCoderThreads - 1) / kernel::kCoderThreads),
      static_cast<unsigned>(batch));
}

/// codes [batch, count, 4]: the targets of the matched anchors, 0 for the others. Device memory,
/// boxes and codes aligned to 16 bytes.
inline void encode_targets(
    simt::Stream stream, int batch, const Box* anchors, int count, const kernel::GroundTruth& truth,
    const std::int32_t* match, const BoxCoder<float>& coder, float* codes) {
  if (batch == 0 || count == 0) return;
  simt::launch(
      kernel::encode_targets, coder_grid(batch, count), kernel::kCoderThreads, 0, stream, anchors,
      count, truth, match, coder, codes);
}

/// boxes [batch, count] of codes [batch, count, 4].
inline void decode_boxes(
    simt::Stream stream, int batch, const Box* anchors, int count, const float* codes,
    const BoxCoder<float>& coder, Box* boxes) {
  if (batch == 0 || count == 0) return;
  simt::launch(
      kernel::decode_boxes, coder_grid(batch, count), kernel::kCoderThreads, 0, stream, anchors,
      count, codes, coder, boxes);
}

}  // namespace ocelli::cuda
