// augment on the device: a batch of training pictures and boxes out of a store of pictures that
// lies on the device, drawn there as the loader draws it. Kernels: ocelli/kernels/random_crop.cuh,
// geometry.cuh, resize.cuh, photometric.cuh.
//
// The steps and their order are those of augment_plan.cuh. Rotations, blur, noise and the
// resampling by area are not among them.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>

#include "ocelli/core/error.hpp"
#include "ocelli/cuda/work_arrays.hpp"
#include "ocelli/kernels/geometry.cuh"
#include "ocelli/kernels/photometric.cuh"
#include "ocelli/kernels/random_crop.cuh"
#include "ocelli/kernels/resize.cuh"

namespace ocelli::cuda {

/// Extents of a batch.
struct AugmentShape {
  int batch, height, width;  ///< of the net's input, pixels
  int capacity;              ///< boxes a picture, most: the first ones

  int pixels() const { return height * width; }
  int blocks() const { return (pixels() + kernel::kPixelThreads - 1) / kernel::kPixelThreads; }
};

/// Where a batch goes; device memory. Rows past a picture's count are 0.
struct AugmentedBatch {
  float* images;         ///< [batch, height, width, 3]
  Box* boxes;            ///< [batch, capacity], normalised; aligned to 16 bytes
  std::int32_t* labels;  ///< [batch, capacity], 1-based; 0 is padding
  std::int32_t* counts;  ///< [batch]
};

/// The arrays that augmentation works in.
struct AugmentBuffers {
  kernel::AugmentPlan* plans;  ///< [batch]: what was drawn
  double* sums;
  float* means;

  AugmentBuffers(WorkArrays& space, const AugmentShape& shape) {
    plans = space.take<kernel::AugmentPlan>(shape.batch);
    sums = space.take<double>(3L * shape.batch * shape.blocks());
    means = space.take<float>(3L * shape.batch);
  }
};

inline std::size_t augment_workspace(const AugmentShape& shape) {
  WorkArrays space;
  const AugmentBuffers buffers(space, shape);
  return space.bytes();
}

/// plans [batch] of the step that `step` holds, a word in device memory.
inline void draw_plans(
    simt::Stream stream, int batch, const kernel::PictureStore& store,
    const kernel::AugmentRule& rule, const kernel::AugmentStep* step, kernel::AugmentPlan* plans) {
  if (store.count < 1)
    throw ShapeError("augment: the store has no pictures", "", "load the training pictures first");
  if (batch == 0) return;
  simt::launch(
      kernel::draw_plans, static_cast<unsigned>(batch), 32, 0, stream, store, rule, step, plans);
}

/// The batch that plans [batch] describe. With `colours` the pictures are changed after resizing as
/// the plans say; without, only their brightness is.
/// @param workspace  augment_workspace(shape) bytes, aligned to 256; plans may be its own
inline void apply_plans(
    simt::Stream stream, const AugmentShape& shape, const kernel::PictureStore& store,
    const kernel::AugmentPlan* plans, bool colours, kernel::ValueScale scale, void* workspace,
    const AugmentedBatch& out) {
  if (shape.height < 1 || shape.width < 1)
    throw ShapeError(
        "augment: the net's input is " + std::to_string(shape.height) + " x " +
            std::to_string(shape.width),
        "", "give at least 1 x 1 pixels");
  if (shape.batch == 0) return;
  WorkArrays space(workspace);
  const AugmentBuffers buffers(space, shape);
  const auto pictures = static_cast<unsigned>(shape.batch);
  const dim3 grid(static_cast<unsigned>(shape.blocks()), pictures);
  simt::launch(
      kernel::move_boxes, pictures, 32, 0, stream, store, plans, shape.capacity, out.boxes,
      out.labels, out.counts);
  simt::launch(
      kernel::resize_pictures, grid, kernel::kPixelThreads, 0, stream, store, plans, shape.height,
      shape.width, scale, out.images, colours ? buffers.sums : nullptr);
  if (!colours) return;
  simt::launch(
      kernel::colour_means, pictures, kernel::kPixelThreads, 0, stream, buffers.sums,
      shape.blocks(), static_cast<long>(shape.pixels()), buffers.means);
  simt::launch(
      kernel::adjust_colours, grid, kernel::kPixelThreads, 0, stream, plans, buffers.means,
      shape.pixels(), scale, out.images);
}

/// The batch of a step, as the loader prepares it with the same list of transforms.
/// @param rule       what may happen; steps that are not listed draw nothing
/// @param scale      to the net's range; the default gives [-1, 1]
/// @param workspace  augment_workspace(shape) bytes, aligned to 256
inline void augment(
    simt::Stream stream, const AugmentShape& shape, const kernel::PictureStore& store,
    const kernel::AugmentRule& rule, const kernel::AugmentStep* step, void* workspace,
    const AugmentedBatch& out, kernel::ValueScale scale = {2.0f / 255.0f, -1.0f}) {
  WorkArrays space(workspace);
  const AugmentBuffers buffers(space, shape);
  draw_plans(stream, shape.batch, store, rule, step, buffers.plans);
  const bool colours =
      rule.contrast.listed != 0 || rule.hue.listed != 0 || rule.saturation.listed != 0;
  apply_plans(stream, shape, store, buffers.plans, colours, scale, workspace, out);
}

}  // namespace ocelli::cuda
