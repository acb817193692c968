// ssd_loss on the device: the loss of a batch and its gradients, without a word to the host.
// Kernels: ocelli/kernels/ssd_loss.cuh.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "ocelli/core/error.hpp"
#include "ocelli/cuda/hard_example_miner.hpp"
#include "ocelli/cuda/matcher.hpp"
#include "ocelli/cuda/work_arrays.hpp"
#include "ocelli/kernels/ssd_loss.cuh"
#include "ocelli/loss/ssd_loss.hpp"

namespace ocelli::cuda {

/// Extents of a call.
struct SsdLossShape {
  int batch, anchors;
  int columns;   ///< C + 1
  int capacity;  ///< boxes a picture, most

  int blocks() const {  ///< of a picture
    const int rows = kernel::loss_rows(columns);
    return (anchors + rows - 1) / rows;
  }
};

/// The arrays of a work space, in device memory: what the last call found, for reports and tests.
struct SsdLossBuffers {
  std::int32_t* match;          ///< [batch, anchors]: a row, kNegative or kIgnored
  float* class_losses;          ///< [batch, anchors], weighted, neither normalised nor mined
  float* box_losses;            ///< [batch, anchors], the same
  std::uint8_t* role;           ///< [batch, anchors]: 1 for anchors that count
  std::int32_t* kept;           ///< [batch, anchors]: they, by falling loss; where mined
  kernel::MinedPicture* mined;  ///< [batch]; where mined
  kernel::PictureSums* sums;    ///< [batch]
  kernel::LossPart* parts;
  Box* boxes;  ///< [batch, anchors]: decoded predictions; where mined
  void* forced;
  unsigned char* miner;

  SsdLossBuffers(WorkArrays& space, const SsdLossShape& s) {
    const long all = static_cast<long>(s.batch) * s.anchors;
    match = space.take<std::int32_t>(all);
    class_losses = space.take<float>(all);
    box_losses = space.take<float>(all);
    role = space.take<std::uint8_t>(all);
    kept = space.take<std::int32_t>(all);
    mined = space.take<kernel::MinedPicture>(s.batch);
    sums = space.take<kernel::PictureSums>(s.batch);
    parts = space.take<kernel::LossPart>(static_cast<long>(s.batch) * s.blocks());
    boxes = space.take<Box>(all);
    forced = space.take<unsigned char>(static_cast<long>(match_workspace(s.batch, s.capacity)));
    miner =
        space.take<unsigned char>(static_cast<long>(hard_example_workspace(s.batch, s.anchors)));
  }
};

inline std::size_t ssd_loss_workspace(const SsdLossShape& shape) {
  WorkArrays space;
  const SsdLossBuffers buffers(space, shape);
  return space.bytes();
}

namespace detail {

template <class T, class Loss>
void ssd_loss_with(
    simt::Stream stream, const Loss& loss, const SsdLossShape& shape, const Box* anchors,
    const kernel::GroundTruth& truth, const SsdLossOptions& options, const T* codes,
    const T* logits, const SsdLossBuffers& buffers, T* d_codes, T* d_logits,
    kernel::SsdLossTotals* totals) {
  const kernel::SsdLossRule rule{
      {static_cast<float>(options.coder.y_scale), static_cast<float>(options.coder.x_scale),
       static_cast<float>(options.coder.height_scale),
       static_cast<float>(options.coder.width_scale)},
      static_cast<float>(options.smooth_l1_delta),
      static_cast<float>(options.negative_class_weight),
      options.localization_weight,
      options.classification_weight,
      options.normalize_loss_by_num_matches,
      options.normalize_loc_loss_by_codesize};
  const int rows = kernel::loss_rows(shape.columns);
  const kernel::SsdExtent extent{shape.anchors, shape.columns, rows};
  const auto pictures = static_cast<unsigned>(shape.batch);
  const dim3 grid(static_cast<unsigned>(shape.blocks()), pictures);
  const std::size_t tile =
      static_cast<std::size_t>(rows) * static_cast<std::size_t>(shape.columns) * sizeof(float);
  const bool mines = options.mine_hard_examples;
  simt::launch(
      kernel::ssd_anchor_losses<T, Loss>, grid, kernel::kLossThreads, tile, stream, anchors, extent,
      truth, buffers.match, rule, loss, codes, logits, buffers.class_losses, buffers.box_losses,
      mines ? buffers.boxes : nullptr, buffers.parts);
  if (mines)
    mine_hard_examples(
        stream, shape.batch, shape.anchors, buffers.boxes, buffers.class_losses, buffers.box_losses,
        buffers.match, options.miner, buffers.miner, buffers.kept, buffers.mined);
  simt::launch(
      kernel::ssd_picture_sums, pictures, kernel::kLossThreads, 0, stream, shape.anchors,
      buffers.parts, shape.blocks(), buffers.match, buffers.class_losses, buffers.box_losses,
      mines ? buffers.kept : nullptr, buffers.mined, buffers.role, buffers.sums);
  simt::launch(
      kernel::ssd_loss_totals, 1u, kernel::kLossThreads, 0, stream, buffers.sums, shape.batch, rule,
      totals);
  simt::launch(
      kernel::ssd_loss_gradients<T, Loss>, grid, kernel::kLossThreads, 0, stream, anchors, extent,
      truth, buffers.match, rule, loss, codes, logits, buffers.role, totals, d_codes, d_logits);
}

}  // namespace detail

/// The loss of a batch and its gradients, as SsdLoss gives them, of codes and logits in float or
/// bfloat16. All pointers are device memory;
/// anchors, truth.boxes, codes and d_codes aligned to 16 bytes. Labels must be in 1..columns - 1
/// and counts in 0..capacity: check them where they come from.
/// @param anchors    [anchors]
/// @param codes      [batch, anchors, 4]         predicted
/// @param logits     [batch, anchors, columns]   predicted; column 0 is the background
/// @param workspace  ssd_loss_workspace(shape) bytes, aligned to 256
/// @param d_codes    [batch, anchors, 4]         overwritten
/// @param d_logits   [batch, anchors, columns]   overwritten
/// @param totals     one; totals->not_finite can stop an update (kernel::UpdateControl::stop)
/// Throws ConfigError for options out of range, ShapeError for an empty extent.
template <class T>
void ssd_loss(
    simt::Stream stream, const SsdLossShape& shape, const Box* anchors,
    const kernel::GroundTruth& truth, const SsdLossOptions& options, const T* codes,
    const T* logits, void* workspace, T* d_codes, T* d_logits, kernel::SsdLossTotals* totals) {
  options.check();
  if (shape.batch < 1 || shape.anchors < 1 || shape.columns < 2)
    throw ShapeError(
        "ssd loss: " + std::to_string(shape.batch) + " pictures, " + std::to_string(shape.anchors) +
            " anchors, " + std::to_string(shape.columns) + " columns",
        "", "give at least 1, 1 and 2");
  WorkArrays space(workspace);
  const SsdLossBuffers buffers(space, shape);
  match_anchors(
      stream, shape.batch, anchors, shape.anchors, truth, options.match, buffers.forced,
      buffers.match);
  if (options.classification == ClassificationLoss::focal)
    detail::ssd_loss_with(
        stream,
        SigmoidFocal<float>{
            static_cast<float>(options.focal_alpha), static_cast<float>(options.focal_gamma)},
        shape, anchors, truth, options, codes, logits, buffers, d_codes, d_logits, totals);
  else
    detail::ssd_loss_with(
        stream, SigmoidCrossEntropy<float>{}, shape, anchors, truth, options, codes, logits,
        buffers, d_codes, d_logits, totals);
}

}  // namespace ocelli::cuda
