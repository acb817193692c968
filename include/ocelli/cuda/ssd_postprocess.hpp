// ssd_postprocess on the device: from a batch's codes and logits to its detections, four launches.
// Kernels: ocelli/kernels/ssd_postprocess.cuh, coder.cuh, multiclass_nms.cuh.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

#include "ocelli/cuda/coder.hpp"
#include "ocelli/cuda/multiclass_nms.hpp"
#include "ocelli/kernels/ssd_postprocess.cuh"

namespace ocelli::cuda {

/// scores [batch, classes, anchors] = sigmoid of logits [batch, anchors, classes + 1] without
/// column 0.
inline void ssd_scores(
    simt::Stream stream, int batch, const float* logits, int anchors, int classes, float* scores) {
  if (batch == 0 || anchors == 0 || classes == 0) return;
  constexpr int kTile = kernel::kScoreTile;
  simt::launch(
      kernel::ssd_scores,
      dim3(
          static_cast<unsigned>((anchors + kTile - 1) / kTile),
          static_cast<unsigned>((classes + kTile - 1) / kTile), static_cast<unsigned>(batch)),
      dim3(kTile, kernel::kScoreRows), 0, stream, logits, anchors, classes, scores);
}

/// The arrays that the postprocessing works in.
struct SsdPostprocessBuffers {
  Box* boxes;
  float* scores;
  unsigned char* nms;

  SsdPostprocessBuffers(
      WorkArrays& space, const NmsShape& shape, const MulticlassNmsOptions& options) {
    const long rows = static_cast<long>(shape.batch) * shape.rows;
    boxes = space.take<Box>(rows);
    scores = space.take<float>(rows * shape.classes);
    nms = space.take<unsigned char>(static_cast<long>(multiclass_nms_workspace(shape, options)));
  }
};

/// @param shape  rows: the anchors
inline std::size_t ssd_postprocess_workspace(
    const NmsShape& shape, const MulticlassNmsOptions& options) {
  WorkArrays space;
  const SsdPostprocessBuffers buffers(space, shape, options);
  return space.bytes();
}

/// The detections of a batch, as SsdPostprocess gives them. Device memory, aligned to 16 bytes.
/// @param shape      rows: the anchors
/// @param codes      [batch, anchors, 4]   @param logits  [batch, anchors, classes + 1]
/// @param windows    [batch], or null: boxes are clipped to the picture
/// @param workspace  ssd_postprocess_workspace() bytes, aligned to 256
/// Throws ConfigError for options out of range.
inline void ssd_postprocess(
    simt::Stream stream, const NmsShape& shape, const Box* anchors, const float* codes,
    const float* logits, const BoxCoder<float>& coder, const MulticlassNmsOptions& options,
    const Box* windows, void* workspace, const DetectionBatch& out) {
  coder.check();
  WorkArrays space(workspace);
  const SsdPostprocessBuffers buffers(space, shape, options);
  decode_boxes(stream, shape.batch, anchors, shape.rows, codes, coder, buffers.boxes);
  ssd_scores(stream, shape.batch, logits, shape.rows, shape.classes, buffers.scores);
  multiclass_nms(
      stream, shape, buffers.boxes, false, buffers.scores, options, {0, 0, 1, 1}, windows,
      buffers.nms, out);
}

}  // namespace ocelli::cuda
