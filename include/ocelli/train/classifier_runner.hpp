// ClassifierRunner: trained weights of a classifier at work: pictures in, scores out. And the first
// half of it: pictures in, features out.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

#include "ocelli/core/buffer.hpp"
#include "ocelli/net/executor.hpp"
#include "ocelli/train/classifier_options.hpp"
#include "ocelli/train/resident_weights.hpp"

namespace ocelli::train {

/// Runs a net's inference on batches of one size; output 0 comes to this machine's memory. Takes
/// its memory at construction.
template <Backend B>
class InferenceRunner {
  static_assert(std::is_same_v<typename B::Scalar, float>, "classifiers are run in float32 alone");

 public:
  using Memory = MemoryOf<B>;

  /// The weights are the host's and must outlive the runner; call `refresh` after they have
  /// changed.
  InferenceRunner(
      B& backend, const ModelView& model, const HyperparameterValues& values,
      Weights<float>& weights, int batch)
      : model_(model),
        weights_(weights, model),
        executor_(backend, model, batch, weights_.get(), ClassifierGroups(values).settings),
        images_(static_cast<std::size_t>(batch * model.input.size())),
        values_(static_cast<std::size_t>(executor_.output_size(0))) {
    if constexpr (!Memory::is_host) {
      far_images_ = Buffer<float, Memory>(images_.size());
      refresh();
    }
  }

  int batch() const { return executor_.batch(); }
  Shape input() const { return model_.input; }
  /// Where picture `i` of the next batch belongs: [H, W, 3] in the net's range, [-1, 1].
  float* image(int i) { return images_.data() + i * model_.input.size(); }
  /// Takes over weights that have changed.
  void refresh() {
    weights_.refresh();
    executor_.refold();
  }
  /// Runs the net on all images of the batch.
  void run() {
    if constexpr (Memory::is_host) {
      executor_.forward(images_.data());
    } else {
      copy(far_images_, images_);
      executor_.forward(far_images_.data());
    }
    Memory::to_host(values_.data(), executor_.output(0), values_.size() * sizeof(float));
  }
  /// What `run` made of picture `i`.
  std::span<const float> values(int i) const {
    const std::size_t each = values_.size() / static_cast<std::size_t>(batch());
    return {values_.data() + static_cast<std::size_t>(i) * each, each};
  }

 private:
  ModelView model_;
  ResidentWeights<B> weights_;
  Executor<B> executor_;
  Buffer<float> images_, values_;  ///< [batch, H, W, 3], [batch, ...]
  Buffer<float, Memory> far_images_;
};

/// A classifier's scores of whole pictures.
template <Backend B>
class ClassifierRunner {
 public:
  /// As InferenceRunner's.
  ClassifierRunner(
      B& backend, const ClassifierSpec& spec, const HyperparameterValues& values,
      Weights<float>& weights, int batch)
      : net_(backend, spec.model, values, weights, batch),
        classes_(static_cast<std::size_t>(spec.model.classes)),
        scores_(static_cast<std::size_t>(batch) * classes_) {}

  int batch() const { return net_.batch(); }
  Shape input() const { return net_.input(); }
  float* image(int i) { return net_.image(i); }
  void refresh() { net_.refresh(); }

  /// Runs the net on the first `count` images; the rest of the batch is computed and ignored.
  void run(int count) {
    net_.run();
    for (int i = 0; i < count; ++i) {
      const std::span<const float> logits = net_.values(i);
      float* const out = scores_.data() + static_cast<std::size_t>(i) * classes_;
      double top = static_cast<double>(logits[0]), sum = 0;
      for (const float logit : logits) top = std::max(top, static_cast<double>(logit));
      for (const float logit : logits) sum += std::exp(static_cast<double>(logit) - top);
      for (std::size_t k = 0; k < classes_; ++k)
        out[k] = static_cast<float>(std::exp(static_cast<double>(logits[k]) - top) / sum);
    }
  }
  /// Probabilities of picture `i`, [C]: of label 1, 2, ...
  std::span<const float> scores(int i) const {
    return {scores_.data() + static_cast<std::size_t>(i) * classes_, classes_};
  }

 private:
  InferenceRunner<B> net_;
  std::size_t classes_;
  std::vector<float> scores_;
};

}  // namespace ocelli::train
