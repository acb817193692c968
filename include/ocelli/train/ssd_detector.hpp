// SsdDetector: trained weights at work: pictures in, detections out.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "ocelli/core/thread_pool.hpp"
#include "ocelli/net/executor.hpp"
#include "ocelli/train/host_ssd_finder.hpp"
#include "ocelli/train/resident_weights.hpp"
#include "ocelli/train/ssd_options.hpp"

namespace ocelli::train {

/// Detections below `score_threshold`, if it is not negative, replaces the hyperparameters' own:
/// evaluation wants nearly all of them, a person only the sure ones.
inline MulticlassNmsOptions detection_options(
    const SsdHyperparameters& values, double score_threshold = -1) {
  MulticlassNmsOptions options;
  options.iou_threshold = values.second_stage_nms_iou_threshold;
  options.score_threshold =
      score_threshold >= 0 ? score_threshold : values.second_stage_nms_score_threshold;
  options.max_detections_per_class = static_cast<int>(values.second_stage_max_detections_per_class);
  options.max_total_detections =
      static_cast<int>(values.second_stage_max_detections_max_total_detections);
  return options;
}

namespace detail {
template <Backend B>
struct SsdFinderOf {
  using type = HostSsdFinder<B>;
};
template <Backend B>
requires requires { typename B::SsdFinder; }
struct SsdFinderOf<B> {
  using type = typename B::SsdFinder;
};

inline BoxCoder<float> in_float(const BoxCoder<double>& coder) {
  return {
      static_cast<float>(coder.y_scale), static_cast<float>(coder.x_scale),
      static_cast<float>(coder.height_scale), static_cast<float>(coder.width_scale)};
}
}  // namespace detail

/// Runs a detector's inference on batches of one size. Takes its memory at construction.
template <Backend B>
class SsdDetector {
 public:
  using Memory = MemoryOf<B>;

  /// The weights are the host's and must outlive the detector; call `refresh` after they have
  /// changed.
  SsdDetector(
      B& backend, ThreadPool& pool, const SsdSpec& spec, const SsdHyperparameters& values,
      Weights<float>& weights, int batch, double score_threshold = -1)
      : SsdDetector(
            backend, pool, spec, values, weights, batch,
            detection_options(values, score_threshold)) {}

  int batch() const { return executor_.batch(); }
  Shape input() const { return spec_.model.input; }
  /// Where picture `i` of the next batch belongs: [H, W, 3] in the net's range, [-1, 1].
  float* image(int i) { return images_.data() + i * spec_.model.input.size(); }
  /// Takes over weights that have changed.
  void refresh() {
    weights_.refresh();
    executor_.refold();
  }

  /// Runs the net on the first `count` images; the rest of the batch is computed and ignored.
  void run(int count) {
    executor_.forward(finder_.images(images_));
    finder_.find(executor_.output(0), executor_.output(1), count, found_.data(), counts_.data());
  }
  /// What `run` found in picture `i`, by falling score.
  std::span<const Detection> detections(int i) const {
    return {
        found_.data() + static_cast<std::size_t>(i) * most_,
        static_cast<std::size_t>(counts_[static_cast<std::size_t>(i)])};
  }

 private:
  SsdDetector(
      B& backend, ThreadPool& pool, const SsdSpec& spec, const SsdHyperparameters& values,
      Weights<float>& weights, int batch, const MulticlassNmsOptions& options)
      : spec_(spec),
        weights_(weights, spec.model),
        executor_(backend, spec.model, batch, weights_.get(), SsdGroups(values).settings),
        finder_(
            backend, pool, anchors_of(spec, values), spec.model.classes,
            detail::in_float(coder_of(values)), options, batch, spec.model.input.size()),
        most_(static_cast<std::size_t>(options.max_total_detections)),
        found_(static_cast<std::size_t>(batch) * most_),
        counts_(static_cast<std::size_t>(batch)),
        images_(
            static_cast<std::size_t>(batch) * static_cast<std::size_t>(spec.model.input.size())) {
    if constexpr (!Memory::is_host) refresh();
  }

  SsdSpec spec_;
  ResidentWeights<B> weights_;
  Executor<B> executor_;
  typename detail::SsdFinderOf<B>::type finder_;
  std::size_t most_;              // detections of a picture
  std::vector<Detection> found_;  // [batch, most_]
  std::vector<int> counts_;
  Buffer<float> images_;
};

}  // namespace ocelli::train
