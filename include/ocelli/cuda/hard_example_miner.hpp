// hard_example_miner on the device: three launches. Kernels:
// ocelli/kernels/hard_example_miner.cuh.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

#include "ocelli/cuda/work_arrays.hpp"
#include "ocelli/kernels/hard_example_miner.cuh"
#include "ocelli/loss/hard_example_miner.hpp"

namespace ocelli::cuda {

/// The arrays that mining works in.
struct MinerBuffers {
  std::uint64_t* spill;  ///< null where the keys fit into shared memory
  std::int32_t* order;
  Box* sorted;
  float* areas;
  std::uint32_t* flags;

  MinerBuffers(WorkArrays& space, int batch, int anchors) {
    const long all = static_cast<long>(batch) * anchors;
    const int padded = kernel::padded_keys(anchors);
    spill = padded > kernel::kSharedKeys
                ? space.take<std::uint64_t>(static_cast<long>(batch) * padded)
                : nullptr;
    order = space.take<std::int32_t>(all);
    sorted = space.take<Box>(all);
    areas = space.take<float>(all);
    flags = space.take<std::uint32_t>(static_cast<long>(batch) * kernel::flag_words(anchors));
  }
};

inline std::size_t hard_example_workspace(int batch, int anchors) {
  WorkArrays space;
  const MinerBuffers buffers(space, batch, anchors);
  return space.bytes();
}

/// The anchors of each picture that count, as HardExampleMiner chooses them.
/// @param boxes         [batch, anchors] decoded predictions, aligned to 16 bytes
/// @param class_losses  [batch, anchors]   @param box_losses  [batch, anchors]
/// @param match         [batch, anchors]
/// @param workspace     hard_example_workspace(batch, anchors) bytes, aligned to 256
/// @param kept          [batch, anchors]: those that stay, by falling loss
/// @param mined         [batch]: how many
/// Throws ConfigError for options out of range.
inline void mine_hard_examples(
    simt::Stream stream, int batch, int anchors, const Box* boxes, const float* class_losses,
    const float* box_losses, const std::int32_t* match, const MinerOptions& options,
    void* workspace, std::int32_t* kept, kernel::MinedPicture* mined) {
  options.check();
  if (batch == 0 || anchors == 0) return;
  WorkArrays space(workspace);
  const MinerBuffers buffers(space, batch, anchors);
  const kernel::MiningRule rule{
      static_cast<kernel::MinedLoss>(options.loss_type),
      static_cast<float>(options.classification_weight),
      static_cast<float>(options.localization_weight),
      static_cast<float>(options.iou_threshold),
      options.num_hard_examples > 0 ? options.num_hard_examples : anchors,
      options.max_negatives_per_positive,
      options.min_negatives_per_image};
  const auto pictures = static_cast<unsigned>(batch);
  const int padded = kernel::padded_keys(anchors);
  const std::size_t key_bytes =
      buffers.spill != nullptr ? 0 : static_cast<std::size_t>(padded) * sizeof(std::uint64_t);
  simt::launch(
      kernel::order_by_loss, pictures, kernel::kMinerThreads, key_bytes, stream, boxes,
      class_losses, box_losses, anchors, padded, rule, buffers.spill, buffers.order, buffers.sorted,
      buffers.areas);
  const int tiles = (anchors + kernel::kDuplicateThreads - 1) / kernel::kDuplicateThreads;
  simt::launch(
      kernel::flag_duplicates, dim3(static_cast<unsigned>(tiles), pictures),
      kernel::kDuplicateThreads, 0, stream, buffers.sorted, buffers.areas, anchors,
      rule.iou_threshold, buffers.flags);
  const std::size_t flag_bytes =
      static_cast<std::size_t>(kernel::flag_words(anchors)) * 2 * sizeof(std::uint32_t);
  simt::launch(
      kernel::keep_hard_examples, pictures, kernel::kKeepThreads, flag_bytes, stream, buffers.order,
      buffers.sorted, buffers.areas, buffers.flags, match, anchors, rule, kept, mined);
}

}  // namespace ocelli::cuda
