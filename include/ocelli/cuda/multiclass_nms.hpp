// multiclass_nms on the device: a block for each class of each picture, or where those are few and
// long all blocks for one after another; then a launch that joins the classes. Kernels:
// ocelli/kernels/multiclass_nms.cuh, grid_nms.cuh.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>

#include "ocelli/box/multiclass_nms.hpp"
#include "ocelli/cuda/grid.hpp"
#include "ocelli/cuda/work_arrays.hpp"
#include "ocelli/kernels/grid_nms.cuh"
#include "ocelli/kernels/multiclass_nms.cuh"

namespace ocelli::cuda {

/// Extents of a call.
struct NmsShape {
  int batch, rows, classes;
};

/// How a class's boxes are gone through; both give the same bits.
enum class NmsWay : int {
  block,  ///< one block a class: for short lists, or so many that their blocks fill a device
  grid,   ///< all blocks for one class after another: a few long lists
};

/// Most bytes of the mask by which the lists of one launch are compared.
inline constexpr long kNmsMaskBytes = 256L << 20;

/// Bytes of the mask of one list.
constexpr long nms_mask_bytes(int rows) { return 8L * rows * kernel::nms_tiles(rows); }

/// The way for a shape: over the grid where a block could not sort within a multiprocessor's memory
/// at its ease and the lists' blocks would leave most of a device idle.
constexpr NmsWay multiclass_nms_way(const NmsShape& shape) {
  const long lists = static_cast<long>(shape.batch) * shape.classes;
  return shape.rows > kernel::kSharedKeys / 2 && lists < kBusyBlocks &&
                 nms_mask_bytes(shape.rows) <= kNmsMaskBytes
             ? NmsWay::grid
             : NmsWay::block;
}

/// Lists that one turn over the grid takes: as many as the mask's bytes allow.
constexpr int nms_lists_at_once(const NmsShape& shape) {
  const long lists = static_cast<long>(shape.batch) * shape.classes;
  const long fit = kNmsMaskBytes / std::max(1L, nms_mask_bytes(shape.rows));
  return static_cast<int>(std::min({std::max(1L, fit), std::max(1L, lists), 65535L}));
}

/// The arrays that NMS works in.
struct NmsBuffers {
  kernel::KeptBox* kept;
  std::int32_t* counts;
  kernel::NmsSpill spill;
  kernel::ListArrays lists;
  std::uint64_t* join_spill;
  int per_class, room;
  int at_once;  ///< lists of one turn over the grid

  NmsBuffers(
      WorkArrays& space, const NmsShape& shape, const MulticlassNmsOptions& options, NmsWay way) {
    const long blocks = static_cast<long>(shape.batch) * shape.classes;
    const int padded = kernel::padded_keys(shape.rows);
    per_class = std::min(shape.rows, options.max_detections_per_class);
    room = kernel::padded_keys(std::max(2048, options.max_total_detections + kernel::kNmsThreads));
    kept = space.take<kernel::KeptBox>(blocks * per_class);
    counts = space.take<std::int32_t>(blocks);
    at_once = way == NmsWay::grid ? nms_lists_at_once(shape) : 0;
    spill = {};
    lists = {};
    if (way == NmsWay::block) {
      if (padded > kernel::kSharedKeys) spill.keys = space.take<std::uint64_t>(blocks * padded);
      if (per_class > kernel::kSharedKept) {
        spill.kept = space.take<Box>(blocks * per_class);
        spill.areas = space.take<float>(blocks * per_class);
      }
    } else {
      const long places = static_cast<long>(at_once) * shape.rows;
      lists.keys = space.take<std::uint64_t>(places);
      lists.ranks = space.take<std::int32_t>(places);
      lists.order = space.take<std::uint64_t>(places);
      lists.boxes = space.take<Box>(places);
      lists.areas = space.take<float>(places);
      lists.mask = space.take<std::uint64_t>(places * kernel::nms_tiles(shape.rows));
      lists.counts = space.take<std::int32_t>(at_once);
    }
    join_spill = room > kernel::kSharedKeys
                     ? space.take<std::uint64_t>(static_cast<long>(shape.batch) * room)
                     : nullptr;
  }
};

inline std::size_t multiclass_nms_workspace(
    const NmsShape& shape, const MulticlassNmsOptions& options, NmsWay way) {
  WorkArrays space;
  const NmsBuffers buffers(space, shape, options, way);
  return space.bytes();
}
inline std::size_t multiclass_nms_workspace(
    const NmsShape& shape, const MulticlassNmsOptions& options) {
  return multiclass_nms_workspace(shape, options, multiclass_nms_way(shape));
}

/// Where the detections of a batch go; device memory.
struct DetectionBatch {
  Detection* found;       ///< [batch, max_total_detections], by falling score
  std::int32_t* counts;   ///< [batch]
  std::int32_t* sources;  ///< [batch, max_total_detections]: rows of the boxes; or null
};

namespace detail {

/// NMS of each class, a block each.
inline void nms_by_blocks(
    simt::Stream stream, const NmsShape& shape, const Box* boxes, const float* scores,
    const kernel::NmsExtent& extent, const kernel::NmsRule& rule, const NmsBuffers& buffers) {
  const int padded = kernel::padded_keys(shape.rows);
  std::size_t bytes = 0;
  if (buffers.spill.keys == nullptr) bytes += static_cast<std::size_t>(padded) * 8;
  bytes = (bytes + 15) / 16 * 16;  // the boxes behind a single key
  if (buffers.spill.kept == nullptr) bytes += static_cast<std::size_t>(buffers.per_class) * 20;
  simt::launch(
      kernel::class_nms,
      dim3(static_cast<unsigned>(shape.classes), static_cast<unsigned>(shape.batch)),
      kernel::kNmsThreads, bytes, stream, boxes, scores, extent, padded, rule, buffers.spill,
      buffers.kept, buffers.counts);
}

/// NMS of each class over all blocks, some lists a turn. The grids are for all rows: how many of
/// them are candidates, the device alone knows, and blocks without any end at once.
inline void nms_over_grid(
    simt::Stream stream, const NmsShape& shape, const Box* boxes, const float* scores,
    const kernel::NmsExtent& extent, const kernel::NmsRule& rule, const NmsBuffers& buffers) {
  const int all = shape.batch * shape.classes, at_once = buffers.at_once;
  const int rows = shape.rows, tiles = kernel::nms_tiles(rows);
  const unsigned across = blocks(rows, kernel::kListThreads);
  const kernel::ListArrays& lists = buffers.lists;
  for (int first = 0; first < all; first += at_once) {
    const auto count = static_cast<unsigned>(std::min(at_once, all - first));
    simt::fill(lists.counts, 0, count * sizeof(std::int32_t), stream);
    simt::launch(
        kernel::gather_list, dim3(across, 1, count), kernel::kListThreads, 0, stream, scores, first,
        rows, rule.score_threshold, lists);
    simt::launch(
        kernel::rank_list, dim3(across, blocks(rows, kernel::kRankKeys), count),
        kernel::kListThreads, 0, stream, rows, lists);
    simt::launch(
        kernel::place_list, dim3(across, 1, count), kernel::kListThreads, 0, stream, boxes, first,
        extent, lists);
    simt::launch(
        kernel::mask_list, dim3(static_cast<unsigned>(tiles), static_cast<unsigned>(tiles), count),
        kernel::kNmsTile, 0, stream, rows, rule.iou_threshold, lists);
    simt::launch(
        kernel::scan_list, count, kernel::kListThreads, static_cast<std::size_t>(tiles) * 8, stream,
        first, rows, rule.per_class, lists, buffers.kept, buffers.counts);
  }
}

}  // namespace detail

/// NMS of each class, then one list a picture, as MulticlassNms gives it.
/// @param boxes        [batch, rows], or [batch, rows, classes] with class_boxes; aligned to 16
/// bytes
/// @param scores       [batch, classes, rows]; NaN is no candidate
/// @param windows      [batch] in device memory, or null: all pictures have `window`
/// @param workspace    multiclass_nms_workspace() bytes for the same way, aligned to 256
/// Throws ConfigError for options out of range, ShapeError where a list is too long for the grid.
inline void multiclass_nms(
    simt::Stream stream, const NmsShape& shape, const Box* boxes, bool class_boxes,
    const float* scores, const MulticlassNmsOptions& options, const Box& window, const Box* windows,
    void* workspace, const DetectionBatch& out, NmsWay way) {
  options.check();
  if (way == NmsWay::grid && nms_mask_bytes(shape.rows) > kNmsMaskBytes)
    throw ShapeError(
        "nms: a mask of " + std::to_string(shape.rows) + " boxes is beyond " +
            std::to_string(kNmsMaskBytes) + " bytes",
        "cuda multiclass_nms", "take NmsWay::block");
  if (shape.batch == 0) return;
  WorkArrays space(workspace);
  const NmsBuffers buffers(space, shape, options, way);
  const kernel::NmsExtent extent{shape.rows, shape.classes, class_boxes};
  const kernel::NmsRule rule{
      static_cast<float>(options.score_threshold), static_cast<float>(options.iou_threshold),
      buffers.per_class, options.max_total_detections, options.change_coordinate_frame};
  if (shape.classes > 0 && way == NmsWay::grid && shape.rows > 0)
    detail::nms_over_grid(stream, shape, boxes, scores, extent, rule, buffers);
  else if (shape.classes > 0)
    detail::nms_by_blocks(stream, shape, boxes, scores, extent, rule, buffers);
  const std::size_t join_bytes =
      buffers.join_spill != nullptr ? 0 : static_cast<std::size_t>(buffers.room) * 8;
  simt::launch(
      kernel::join_detections, static_cast<unsigned>(shape.batch), kernel::kNmsThreads, join_bytes,
      stream, boxes, extent, rule, buffers.kept, buffers.counts, buffers.room, buffers.join_spill,
      window, windows, out.found, out.sources, out.counts);
}
/// The way that suits the shape.
inline void multiclass_nms(
    simt::Stream stream, const NmsShape& shape, const Box* boxes, bool class_boxes,
    const float* scores, const MulticlassNmsOptions& options, const Box& window, const Box* windows,
    void* workspace, const DetectionBatch& out) {
  multiclass_nms(
      stream, shape, boxes, class_boxes, scores, options, window, windows, workspace, out,
      multiclass_nms_way(shape));
}

}  // namespace ocelli::cuda
