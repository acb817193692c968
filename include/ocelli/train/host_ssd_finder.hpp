// HostSsdFinder: the two ends of an SSD's inference where the backend has none of its own: pictures
// go to the net, and the host makes detections of its codes and logits, a picture a thread.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>
#include <type_traits>
#include <vector>

#include "ocelli/box/ssd_postprocess.hpp"
#include "ocelli/core/buffer.hpp"
#include "ocelli/core/thread_pool.hpp"
#include "ocelli/net/executor.hpp"

namespace ocelli::train {

template <Backend B>
class HostSsdFinder {
  using Memory = MemoryOf<B>;
  static_assert(
      std::is_same_v<typename B::Scalar, float>,
      "a backend whose values are not float has an SsdFinder of its own");

 public:
  /// @param image_floats  numbers of a picture
  /// The pool must outlive the finder. Throws ConfigError for options out of range.
  HostSsdFinder(
      B&, ThreadPool& pool, std::span<const Box> anchors, int classes, const BoxCoder<float>& coder,
      const MulticlassNmsOptions& options, int batch, long image_floats)
      : pool_(pool),
        code_floats_(static_cast<long>(anchors.size()) * 4),
        logit_floats_(static_cast<long>(anchors.size()) * (classes + 1)) {
    for (int t = 0; t < pool.size(); ++t)
      postprocess_.emplace_back(anchors, classes, coder, options);
    if constexpr (!Memory::is_host) {
      const auto pictures = static_cast<std::size_t>(batch);
      images_ = Buffer<float, Memory>(pictures * static_cast<std::size_t>(image_floats));
      codes_ = Buffer<float>(pictures * static_cast<std::size_t>(code_floats_));
      logits_ = Buffer<float>(pictures * static_cast<std::size_t>(logit_floats_));
    }
  }

  /// Where the net reads the batch's pictures, host [batch, H, W, C], which must live until `find`
  /// has returned.
  const float* images(const Buffer<float>& host) {
    if constexpr (Memory::is_host) {
      return host.data();
    } else {
      copy(images_, host);
      return images_.data();
    }
  }

  /// The detections of the first `count` pictures.
  /// @param codes, logits  of the net, in the backend's memory
  /// @param found          [batch, max_total_detections], by falling score
  /// @param counts         [batch]
  void find(const float* codes, const float* logits, int count, Detection* found, int* counts) {
    if constexpr (!Memory::is_host) {
      Memory::to_host(codes_.data(), codes, codes_.size() * sizeof(float));
      Memory::to_host(logits_.data(), logits, logits_.size() * sizeof(float));
      codes = codes_.data();
      logits = logits_.data();
    }
    pool_.for_each(count, [&](long n, int thread) {
      auto& post = postprocess_[static_cast<std::size_t>(thread)];
      counts[n] = post(
          codes + n * code_floats_, logits + n * logit_floats_, found + n * post.max_detections());
    });
  }

 private:
  ThreadPool& pool_;
  long code_floats_, logit_floats_;                 // of a picture
  std::vector<SsdPostprocess<float>> postprocess_;  // one a thread
  Buffer<float, Memory> images_;  // these are empty where the backend's memory is the host's
  Buffer<float> codes_, logits_;
};

}  // namespace ocelli::train
