// Pictures: all training pictures in device memory, and the batches that are drawn from them there.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "ocelli/box/box.hpp"
#include "ocelli/core/error.hpp"
#include "ocelli/cuda/augment.hpp"
#include "ocelli/cuda/batch_input.hpp"
#include "ocelli/cuda/memory.hpp"

namespace ocelli::cuda {

class Pictures {
 public:
  using Rule = kernel::AugmentRule;
  using Shape = AugmentShape;
  using Scale = kernel::ValueScale;

  /// Most bytes of pixels that pictures should take: half of the device's free memory, so that
  /// evaluation has room too. On the emulator 1 GiB.
  static std::size_t room() {
#ifdef __CUDACC__
    std::size_t free = 0, total = 0;
    simt::check(cudaMemGetInfo(&free, &total), "cudaMemGetInfo");
    return free / 2;
#else
    return std::size_t{1} << 30;
#endif
  }

  /// Room for pictures of `bytes` in all, height * width * 3 each.
  /// @param rule   which of the transforms, in the order of augment_plan.cuh
  /// @param scale  to the net's range
  /// @throws DeviceError where there is not that much memory
  Pictures(
      simt::Stream stream, std::size_t bytes, const Shape& shape, const Rule& rule, Scale scale)
      : stream_(stream), shape_(shape), rule_(rule), scale_(scale), pixels_(bytes) {
    const auto pictures = static_cast<std::size_t>(shape.batch);
    const std::size_t rows = pictures * static_cast<std::size_t>(shape.capacity);
    images_ = Memory<float>(pictures * static_cast<std::size_t>(shape.pixels()) * 3);
    boxes_ = Memory<Box>(rows);
    labels_ = Memory<std::int32_t>(rows);
    counts_ = Memory<std::int32_t>(pictures);
    work_ = Memory<unsigned char>(augment_workspace(shape));
  }

  /// The next picture; the order is that of the loader's.
  /// @param pixels  [height, width, 3]
  /// @param boxes   in pixels of this picture, with their 1-based labels; no crowds
  /// @param mean    colour of the whole picture, 0 .. 255
  /// @throws ShapeError where it is beyond the bytes that were said, or has another number of
  /// labels
  void add(
      int height, int width, std::span<const std::uint8_t> pixels, std::span<const PixelBox> boxes,
      std::span<const std::int32_t> labels, std::span<const float, 3> mean) {
    const std::size_t size = pixels.size();
    const std::size_t said = static_cast<std::size_t>(height) * static_cast<std::size_t>(width) * 3;
    if (size != said || size > pixels_.size() - used_ || boxes.size() != labels.size())
      throw ShapeError(
          "a picture of " + std::to_string(height) + " x " + std::to_string(width) + " with " +
              std::to_string(size) + " bytes, " + std::to_string(boxes.size()) + " boxes and " +
              std::to_string(labels.size()) + " labels, " + std::to_string(pixels_.size() - used_) +
              " bytes are left",
          "pictures on the device");
    table_.push_back(
        {static_cast<long>(used_),
         height,
         width,
         static_cast<int>(all_boxes_.size()),
         static_cast<int>(boxes.size()),
         {mean[0], mean[1], mean[2]}});
    pixels_.upload(pixels.data(), size, used_, stream_);
    simt::synchronize(stream_);  // the host's pixels may go
    used_ += size;
    all_boxes_.insert(all_boxes_.end(), boxes.begin(), boxes.end());
    all_labels_.insert(all_labels_.end(), labels.begin(), labels.end());
  }

  /// After the last picture, before the first batch.
  /// @throws ShapeError where there is none
  void finish() {
    if (table_.empty())
      throw ShapeError("there are no pictures", "pictures on the device", "add some first");
    stored_ = Memory<kernel::StoredPicture>(table_.size());
    object_boxes_ = Memory<PixelBox>(all_boxes_.size());
    object_labels_ = Memory<std::int32_t>(all_labels_.size());
    stored_.upload(table_.data(), table_.size(), 0, stream_);
    object_boxes_.upload(all_boxes_.data(), all_boxes_.size(), 0, stream_);
    object_labels_.upload(all_labels_.data(), all_labels_.size(), 0, stream_);
    simt::synchronize(stream_);
  }

  /// Asks for the batch of the step that `step` in device memory names, as the loader makes it.
  void draw(const kernel::AugmentStep* step) {
    augment(
        stream_, shape_,
        {pixels_.data(), stored_.data(), object_boxes_.data(), object_labels_.data(),
         static_cast<int>(table_.size())},
        rule_, step, work_.data(), {images_.data(), boxes_.data(), labels_.data(), counts_.data()},
        scale_);
  }
  /// Where draw() puts it.
  BatchInput input() {
    return {images_.data(), boxes_.data(), labels_.data(), counts_.data(), shape_.capacity};
  }

  int count() const { return static_cast<int>(table_.size()); }
  int batch() const { return shape_.batch; }
  long image_floats() const { return static_cast<long>(images_.size()); }  ///< of a batch
  std::size_t bytes() const { return used_; }

 private:
  simt::Stream stream_;
  Shape shape_;
  Rule rule_;
  Scale scale_;
  Memory<std::uint8_t> pixels_;
  std::size_t used_ = 0;
  std::vector<kernel::StoredPicture> table_;
  std::vector<PixelBox> all_boxes_;
  std::vector<std::int32_t> all_labels_;
  Memory<kernel::StoredPicture> stored_;
  Memory<PixelBox> object_boxes_;
  Memory<std::int32_t> object_labels_;
  Memory<float> images_;
  Memory<Box> boxes_;
  Memory<std::int32_t> labels_, counts_;
  Memory<unsigned char> work_;
};

}  // namespace ocelli::cuda
