// FrozenFeatures: what a frozen backbone makes of the training pictures, for a head that is trained
// alone.
//
// Where pictures change by no more than a horizontal mirror, each picture has one or two views,
// whose features are computed when they are first asked for and kept in memory: F floats a view.
// Else the backbone runs on each batch.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <variant>
#include <vector>

#include "ocelli/core/random.hpp"
#include "ocelli/core/thread_pool.hpp"
#include "ocelli/data/loader.hpp"
#include "ocelli/train/classifier_runner.hpp"
#include "ocelli/train/net_part.hpp"
#include "ocelli/train/training_data.hpp"

namespace ocelli::train {

/// The views of a picture that an augmentation can draw: 1, 2 with its mirror image, or 0: any.
inline int picture_views(const data::Augmentation& augmentation) {
  const auto& transforms = augmentation.transforms();
  if (transforms.empty()) return 1;
  return transforms.size() == 1 && std::holds_alternative<data::HorizontalFlip>(transforms[0]) ? 2
                                                                                               : 0;
}

template <Backend B>
class FrozenFeatures {
 public:
  /// @param loader  whose batches are asked for; its order and its random draws are followed
  /// @param chunk   pictures that the backbone sees at once
  /// All must outlive this.
  FrozenFeatures(
      B& backend, ThreadPool& pool, const ClassifierSpec& spec, const HyperparameterValues& values,
      const TrainingData& train, data::Loader& loader, int chunk)
      : pool_(pool),
        train_(train),
        loader_(loader),
        part_(spec.model, spec.features),
        weights_(spec.features),
        net_(backend, spec.features, values, weights_, chunk),
        each_(spec.head.input.size()),
        views_(picture_views(loader.options().augmentation)),
        resizers_(static_cast<std::size_t>(pool.size())),
        scratch_(static_cast<std::size_t>(pool.size())),
        features_(static_cast<std::size_t>(loader.options().batch * each_)),
        classes_(static_cast<std::size_t>(loader.options().batch)) {
    if (views_ == 0) return;
    place_.assign(train.dataset->pictures.size() * static_cast<std::size_t>(views_), -1);
  }

  /// 0: the backbone runs in each step.
  int views() const { return views_; }
  /// Pictures that the backbone has seen.
  long computed() const { return computed_; }
  const std::int32_t* classes() const { return classes_.data(); }

  /// The backbone as it is in the whole net's weights; what was made with others is forgotten.
  void refresh(const Weights<float>& whole) {
    part_.take(weights_, whole);
    net_.refresh();
    kept_.clear();
    std::fill(place_.begin(), place_.end(), -1);
  }

  /// The features [batch, F] of a batch of the loader; its classes are in classes().
  const float* of_batch(std::uint32_t draw) {
    return views_ == 0 ? run_on(loader_.get(draw)) : look_up(draw);
  }

 private:
  struct View {
    std::size_t picture = 0;
    bool mirrored = false;
  };

  const float* run_on(const data::Batch& batch) {
    const long floats = net_.input().size();
    for (int start = 0; start < batch.size; start += net_.batch()) {
      const int count = std::min(net_.batch(), batch.size - start);
      std::copy_n(batch.images + start * floats, count * floats, net_.image(0));
      net_.run();
      for (int i = 0; i < count; ++i)
        std::copy_n(net_.values(i).data(), each_, features_.data() + (start + i) * each_);
    }
    computed_ += batch.size;
    std::copy_n(batch.classes, batch.size, classes_.data());
    return features_.data();
  }

  const float* look_up(std::uint32_t draw) {
    const data::LoaderOptions& options = loader_.options();
    std::vector<View> batch(static_cast<std::size_t>(options.batch)), missing;
    for (int i = 0; i < options.batch; ++i) {
      View& view = batch[static_cast<std::size_t>(i)];
      view.picture = loader_.picture_of(draw, i);
      if (views_ == 2) {
        Random random(options.seed, Stream::augment, draw, static_cast<std::uint32_t>(i));
        const auto& flip = std::get<data::HorizontalFlip>(options.augmentation.transforms()[0]);
        view.mirrored = random.chance(static_cast<float>(flip.p));
      }
      const auto same = [&](const View& other) {
        return other.picture == view.picture && other.mirrored == view.mirrored;
      };
      if (place(view) < 0 && std::none_of(missing.begin(), missing.end(), same))
        missing.push_back(view);
    }
    compute(missing);
    for (std::size_t i = 0; i < batch.size(); ++i) {
      const auto at = static_cast<std::size_t>(place(batch[i]) * each_);
      std::copy_n(kept_.data() + at, each_, features_.data() + static_cast<long>(i) * each_);
      classes_[i] = data::class_of(train_.dataset->pictures[batch[i].picture]);
    }
    return features_.data();
  }

  void compute(const std::vector<View>& missing) {
    const auto chunk = static_cast<std::size_t>(net_.batch());
    std::vector<std::exception_ptr> faults(chunk);
    for (std::size_t start = 0; start < missing.size(); start += chunk) {
      const std::size_t count = std::min(chunk, missing.size() - start);
      pool_.for_each(static_cast<long>(count), [&](long task, int thread) {
        const auto i = static_cast<std::size_t>(task);
        try {
          draw(
              missing[start + i], static_cast<std::size_t>(thread),
              net_.image(static_cast<int>(i)));
        } catch (...) {
          faults[i] = std::current_exception();
        }
      });
      for (const std::exception_ptr& fault : faults)
        if (fault) std::rethrow_exception(fault);
      net_.run();
      for (std::size_t i = 0; i < count; ++i) {
        const auto made = net_.values(static_cast<int>(i));
        place(missing[start + i]) = static_cast<long>(kept_.size()) / each_;
        kept_.insert(kept_.end(), made.begin(), made.end());
      }
      computed_ += static_cast<long>(count);
    }
  }

  /// As the loader draws it.
  void draw(const View& view, std::size_t thread, float* out) {
    const data::LoaderOptions& options = loader_.options();
    const data::Pixels<std::uint8_t> pixels = train_.cache->get(view.picture, scratch_[thread]);
    const data::Window whole{0, 0, pixels.height, pixels.width, view.mirrored, false, {}};
    resizers_[thread](
        pixels, whole, options.height, options.width, out, options.scale, options.resampling);
  }

  /// Where a view's features are, in units of F floats; -1: nowhere.
  long& place(const View& view) {
    return place_[view.picture * static_cast<std::size_t>(views_) + (view.mirrored ? 1u : 0u)];
  }

  ThreadPool& pool_;
  TrainingData train_;
  data::Loader& loader_;
  NetPart part_;
  Weights<float> weights_;
  InferenceRunner<B> net_;
  long each_;  ///< F
  int views_;
  std::vector<data::Resizer> resizers_;  // one a thread, as scratch_
  std::vector<data::Image> scratch_;
  std::vector<float> features_;  ///< of the batch
  std::vector<std::int32_t> classes_;
  std::vector<float> kept_;
  std::vector<long> place_;
  long computed_ = 0;
};

}  // namespace ocelli::train
