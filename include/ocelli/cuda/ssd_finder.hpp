// SsdFinder: the two ends of an SSD's inference on the device: pictures of the host go there, the
// detections come back; box codes, class logits and candidates never leave it.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>

#include "ocelli/core/buffer.hpp"
#include "ocelli/core/thread_pool.hpp"
#include "ocelli/cuda/convert.hpp"
#include "ocelli/cuda/memory.hpp"
#include "ocelli/cuda/ssd_postprocess.hpp"

namespace ocelli::cuda {

/// @tparam T  what the net's values are stored in
template <class T>
class SsdFinder {
 public:
  /// @param image_floats  numbers of a picture
  /// Works in the order of the backend's stream; the pool is not used. Throws ConfigError,
  /// DeviceError.
  template <class B>
  SsdFinder(
      B& backend, ThreadPool&, std::span<const Box> anchors, int classes,
      const BoxCoder<float>& coder, const MulticlassNmsOptions& options, int batch,
      long image_floats)
      : stream_(backend.stream()),
        coder_(coder),
        options_(options),
        shape_{batch, static_cast<int>(anchors.size()), classes},
        anchors_(anchors.size()),
        images_(static_cast<std::size_t>(batch * image_floats)),
        work_(ssd_postprocess_workspace(shape_, options)),
        found_(
            static_cast<std::size_t>(batch) *
            static_cast<std::size_t>(options.max_total_detections)),
        counts_(static_cast<std::size_t>(batch)) {
    anchors_.upload(anchors.data(), anchors.size(), 0, stream_);
    if constexpr (!kPlain) {
      rounded_ = Memory<T>(images_.size());
      codes_ = Memory<float>(anchors.size() * static_cast<std::size_t>(batch) * 4);
      logits_ = Memory<float>(
          anchors.size() * static_cast<std::size_t>(batch) * static_cast<std::size_t>(classes + 1));
    }
    simt::synchronize(stream_);
  }

  /// Where the net reads the batch's pictures, host [batch, H, W, C], which must live until `find`
  /// has returned.
  const T* images(const Buffer<float>& host) {
    images_.upload(host.data(), images_.size(), 0, stream_);
    if constexpr (kPlain) {
      return images_.data();
    } else {
      convert(stream_, images_.data(), static_cast<long>(images_.size()), rounded_.data());
      return rounded_.data();
    }
  }

  /// The detections of the batch's pictures, of all since they are made at once; waits for them.
  /// @param codes, logits  of the net, on the device
  /// @param found          of the host, [batch, max_total_detections], by falling score
  /// @param counts         of the host, [batch]
  void find(const T* codes, const T* logits, int /*count*/, Detection* found, int* counts) {
    ssd_postprocess(
        stream_, shape_, anchors_.data(), in_float(codes, codes_), in_float(logits, logits_),
        coder_, options_, nullptr, work_.data(), {found_.data(), counts_.data(), nullptr});
    found_.download(found, found_.size(), 0, stream_);
    counts_.download(counts, counts_.size(), 0, stream_);
  }

 private:
  static constexpr bool kPlain = std::is_same_v<T, float>;

  const float* in_float(const T* values, Memory<float>& room) {
    if constexpr (kPlain) {
      (void)room;
      return values;
    } else {
      convert(stream_, values, static_cast<long>(room.size()), room.data());
      return room.data();
    }
  }

  simt::Stream stream_;
  BoxCoder<float> coder_;
  MulticlassNmsOptions options_;
  NmsShape shape_;
  Memory<Box> anchors_;
  Memory<float> images_;
  Memory<unsigned char> work_;
  Memory<Detection> found_;
  Memory<std::int32_t> counts_;
  Memory<T> rounded_;             // of bfloat16 alone
  Memory<float> codes_, logits_;  // likewise
};

}  // namespace ocelli::cuda
