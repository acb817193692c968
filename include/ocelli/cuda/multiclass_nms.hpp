// multiclass_nms on the device: two launches. Kernels: ocelli/kernels/multiclass_nms.cuh.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "ocelli/box/multiclass_nms.hpp"
#include "ocelli/cuda/work_arrays.hpp"
#include "ocelli/kernels/multiclass_nms.cuh"

namespace ocelli::cuda {

/// Extents of a call.
struct NmsShape {
  int batch, rows, classes;
};

/// The arrays that NMS works in.
struct NmsBuffers {
  kernel::KeptBox* kept;
  std::int32_t* counts;
  kernel::NmsSpill spill;
  std::uint64_t* join_spill;
  int per_class, room;

  NmsBuffers(WorkArrays& space, const NmsShape& shape, const MulticlassNmsOptions& options) {
    const long blocks = static_cast<long>(shape.batch) * shape.classes;
    const int padded = kernel::padded_keys(shape.rows);
    per_class = std::min(shape.rows, options.max_detections_per_class);
    room = kernel::padded_keys(std::max(2048, options.max_total_detections + kernel::kNmsThreads));
    kept = space.take<kernel::KeptBox>(blocks * per_class);
    counts = space.take<std::int32_t>(blocks);
    spill = {};
    if (padded > kernel::kSharedKeys) spill.keys = space.take<std::uint64_t>(blocks * padded);
    if (per_class > kernel::kSharedKept) {
      spill.kept = space.take<Box>(blocks * per_class);
      spill.areas = space.take<float>(blocks * per_class);
    }
    join_spill = room > kernel::kSharedKeys
                     ? space.take<std::uint64_t>(static_cast<long>(shape.batch) * room)
                     : nullptr;
  }
};

inline std::size_t multiclass_nms_workspace(
    const NmsShape& shape, const MulticlassNmsOptions& options) {
  WorkArrays space;
  const NmsBuffers buffers(space, shape, options);
  return space.bytes();
}

/// Where the detections of a batch go; device memory.
struct DetectionBatch {
  Detection* found;       ///< [batch, max_total_detections], by falling score
  std::int32_t* counts;   ///< [batch]
  std::int32_t* sources;  ///< [batch, max_total_detections]: rows of the boxes; or null
};

/// NMS of each class, then one list a picture, as MulticlassNms gives it.
/// @param boxes        [batch, rows], or [batch, rows, classes] with class_boxes; aligned to 16
/// bytes
/// @param scores       [batch, classes, rows]; NaN is no candidate
/// @param windows      [batch] in device memory, or null: all pictures have `window`
/// @param workspace    multiclass_nms_workspace() bytes, aligned to 256
/// Throws ConfigError for options out of range.
inline void multiclass_nms(
    simt::Stream stream, const NmsShape& shape, const Box* boxes, bool class_boxes,
    const float* scores, const MulticlassNmsOptions& options, const Box& window, const Box* windows,
    void* workspace, const DetectionBatch& out) {
  options.check();
  if (shape.batch == 0) return;
  WorkArrays space(workspace);
  const NmsBuffers buffers(space, shape, options);
  const kernel::NmsExtent extent{shape.rows, shape.classes, class_boxes};
  const kernel::NmsRule rule{
      static_cast<float>(options.score_threshold), static_cast<float>(options.iou_threshold),
      buffers.per_class, options.max_total_detections, options.change_coordinate_frame};
  const int padded = kernel::padded_keys(shape.rows);
  std::size_t bytes = 0;
  if (buffers.spill.keys == nullptr) bytes += static_cast<std::size_t>(padded) * 8;
  bytes = (bytes + 15) / 16 * 16;  // the boxes behind a single key
  if (buffers.spill.kept == nullptr) bytes += static_cast<std::size_t>(buffers.per_class) * 20;
  if (shape.classes > 0)
    simt::launch(
        kernel::class_nms,
        dim3(static_cast<unsigned>(shape.classes), static_cast<unsigned>(shape.batch)),
        kernel::kNmsThreads, bytes, stream, boxes, scores, extent, padded, rule, buffers.spill,
        buffers.kept, buffers.counts);
  const std::size_t join_bytes =
      buffers.join_spill != nullptr ? 0 : static_cast<std::size_t>(buffers.room) * 8;
  simt::launch(
      kernel::join_detections, static_cast<unsigned>(shape.batch), kernel::kNmsThreads, join_bytes,
      stream, boxes, extent, rule, buffers.kept, buffers.counts, buffers.room, buffers.join_spill,
      window, windows, out.found, out.sources, out.counts);
}

}  // namespace ocelli::cuda
