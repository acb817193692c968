// SsdDetector: trained weights at work: pictures in, detections out.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "ocelli/box/ssd_postprocess.hpp"
#include "ocelli/core/thread_pool.hpp"
#include "ocelli/net/executor.hpp"
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

/// Runs a detector's inference on batches of one size. Takes its memory at construction.
template <Backend B>
class SsdDetector {
 public:
  using Memory = MemoryOf<B>;
  using T = typename B::Scalar;

  /// The weights are the host's and must outlive the detector; call `refresh` after they have
  /// changed.
  SsdDetector(
      B& backend, ThreadPool& pool, const SsdSpec& spec, const SsdHyperparameters& values,
      Weights<float>& weights, int batch, double score_threshold = -1)
      : pool_(pool),
        spec_(spec),
        weights_(weights),
        resident_(resident(weights, spec.model)),
        executor_(backend, spec.model, batch, resident_, SsdGroups(values).settings) {
    const std::vector<Box> anchors = anchors_of(spec, values);
    const BoxCoder<double> wide = coder_of(values);
    const BoxCoder<float> coder{
        static_cast<float>(wide.y_scale), static_cast<float>(wide.x_scale),
        static_cast<float>(wide.height_scale), static_cast<float>(wide.width_scale)};
    const MulticlassNmsOptions options = detection_options(values, score_threshold);
    for (int t = 0; t < pool.size(); ++t)
      postprocess_.emplace_back(anchors, spec.model.classes, coder, options);
    found_.resize(
        static_cast<std::size_t>(batch) *
        static_cast<std::size_t>(postprocess_.front().max_detections()));
    counts_.resize(static_cast<std::size_t>(batch));
    images_ = Buffer<float>(
        static_cast<std::size_t>(batch) * static_cast<std::size_t>(spec.model.input.size()));
    if constexpr (!Memory::is_host) {
      far_images_ = Buffer<T, Memory>(images_.size());
      codes_ = Buffer<float>(static_cast<std::size_t>(executor_.output_size(0)));
      logits_ = Buffer<float>(static_cast<std::size_t>(executor_.output_size(1)));
      if constexpr (!std::is_same_v<T, float>)
        crossing_ = Buffer<T>(std::max({images_.size(), codes_.size(), logits_.size()}));
      refresh();
    }
  }

  int batch() const { return executor_.batch(); }
  Shape input() const { return spec_.model.input; }
  /// Where picture `i` of the next batch belongs: [H, W, 3] in the net's range, [-1, 1].
  float* image(int i) { return images_.data() + i * spec_.model.input.size(); }
  /// Takes over weights that have changed.
  void refresh() {
    if constexpr (!Memory::is_host) {
      copy(resident_.params, weights_.params);
      copy(resident_.moving, weights_.moving);
    }
    executor_.refold();
  }

  /// Runs the net on the first `count` images; the rest of the batch is computed and ignored.
  void run(int count) {
    const std::pair<const float*, const float*> made = outputs();
    const float *const codes = made.first, *const logits = made.second;
    const long anchors = spec_.anchors;
    const long columns = spec_.model.classes + 1;
    pool_.for_each(count, [&](long n, int thread) {
      auto& post = postprocess_[static_cast<std::size_t>(thread)];
      counts_[static_cast<std::size_t>(n)] = post(
          codes + n * anchors * 4, logits + n * anchors * columns,
          found_.data() + n * post.max_detections());
    });
  }
  /// What `run` found in picture `i`, by falling score.
  std::span<const Detection> detections(int i) const {
    const auto room = static_cast<std::size_t>(postprocess_.front().max_detections());
    return {
        found_.data() + static_cast<std::size_t>(i) * room,
        static_cast<std::size_t>(counts_[static_cast<std::size_t>(i)])};
  }

 private:
  /// The host's own weights, or room for them in the backend's memory.
  using Resident = std::conditional_t<Memory::is_host, Weights<float>&, Weights<float, Memory>>;
  static Resident resident(Weights<float>& weights, const ModelView& model) {
    if constexpr (Memory::is_host) {
      (void)model;
      return weights;
    } else {
      return Weights<float, Memory>(model);
    }
  }

  /// Box codes and class logits of the batch, where the host can read them.
  std::pair<const float*, const float*> outputs() {
    if constexpr (Memory::is_host) {
      executor_.forward(images_.data());
      return {executor_.output(0), executor_.output(1)};
    } else {
      send(images_, far_images_);
      executor_.forward(far_images_.data());
      fetch(executor_.output(0), codes_);
      fetch(executor_.output(1), logits_);
      return {codes_.data(), logits_.data()};
    }
  }
  /// To the backend's memory, in its type.
  void send(const Buffer<float>& from, Buffer<T, Memory>& to) {
    if constexpr (std::is_same_v<T, float>) {
      copy(to, from);
    } else {
      for (std::size_t i = 0; i < from.size(); ++i) crossing_[i] = static_cast<T>(from[i]);
      Memory::from_host(to.data(), crossing_.data(), from.size() * sizeof(T));
    }
  }
  /// And back.
  void fetch(const T* from, Buffer<float>& to) {
    if constexpr (std::is_same_v<T, float>) {
      Memory::to_host(to.data(), from, to.size() * sizeof(float));
    } else {
      Memory::to_host(crossing_.data(), from, to.size() * sizeof(T));
      for (std::size_t i = 0; i < to.size(); ++i) to[i] = static_cast<float>(crossing_[i]);
    }
  }

  ThreadPool& pool_;
  SsdSpec spec_;
  Weights<float>& weights_;
  Resident resident_;
  Executor<B> executor_;
  std::vector<SsdPostprocess<float>> postprocess_;  // one a thread
  std::vector<Detection> found_;                    // [batch, max_detections]
  std::vector<int> counts_;
  Buffer<float> images_;
  Buffer<T, Memory> far_images_;  // these are empty where the backend's memory is the host's
  Buffer<float> codes_, logits_;
  Buffer<T> crossing_;  // between float and T; empty where they are the same
};

}  // namespace ocelli::train
