// ClassifierStepper: the steps of a classifier's training in their order: where their pictures, or
// the features of a frozen backbone, come from, and what came of them.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "ocelli/core/error.hpp"
#include "ocelli/train/classifier_step.hpp"
#include "ocelli/train/frozen_features.hpp"

namespace ocelli::train {

template <Backend B>
class ClassifierStepper {
 public:
  /// @param state  of the whole net; while a backbone is frozen it is the head's only after
  ///               `download`
  /// Everything given must outlive it. Throws ConfigError, DataError.
  ClassifierStepper(
      B& backend, ThreadPool& pool, const ClassifierSpec& spec, const HyperparameterValues& values,
      const TrainingOptions& options, TrainingState<>& state, const TrainingData& train)
      : net_(values.freeze_backbone ? spec.head : spec.model),
        options_(options),
        accumulate_(values.gradient_accumulation_steps),
        state_(state),
        loader_(*train.dataset, *train.cache, loader_options(spec, values, options)) {
    if (options.eager)
      throw ConfigError(
          "this backend's steps are eager anyway", "eager", "leave it out for a classifier");
    if (options.pictures == PictureFeed::device || options.picture_bytes > 0)
      throw ConfigError(
          "this backend holds no pictures", "pictures", "leave it to the loader for a classifier");
    if (values.freeze_backbone && options.from.empty() && !options.resume)
      throw ConfigError(
          "a frozen backbone of random weights makes nothing of a picture", "freeze_backbone",
          "start from the weights of a classifier or a detector with this backbone (--from)");
    if (values.freeze_backbone) {
      head_state_.emplace(net_, state.mean_square.size() > 0, state.average.size() > 0);
      head_part_.emplace(spec.model, spec.head);
      features_.emplace(backend, pool, spec, values, train, loader_, options.eval_batch);
    }
    step_.emplace(
        backend, pool, net_, values, head_state_ ? *head_state_ : state,
        static_cast<int>(values.batch_size));
  }

  const TrainingGroups& groups() const { return step_->groups(); }
  const data::Loader& loader() const { return loader_; }
  ClassifierStep<B>& step() { return *step_; }
  /// Null unless the backbone is frozen.
  const FrozenFeatures<B>* features() const { return features_ ? &*features_ : nullptr; }

  /// After the whole net's state has changed.
  void upload() {
    if (!head_state_) return;
    head_part_->take(*head_state_, state_);
    features_->refresh(state_.weights);
  }
  /// Before the whole net's state is looked at.
  void download() {
    if (head_state_) head_part_->give(state_, *head_state_);
  }

  /// What a user is told before the first step; empty if nothing.
  /// @param config  what a run's folder keeps about it is added
  std::string prepare(nlohmann::ordered_json& config) {
    std::string told;
    const data::TargetCounts& counts = loader_.counts();
    if (counts.several_tags > 0)
      told = std::to_string(counts.several_tags) +
             " pictures have more than one label; the first of each counts";
    if (features_) {
      const int views = features_->views();
      config["features"] = views > 0 ? "kept" : "each step";
      told += told.empty() ? "" : "; ";
      told += "the backbone is frozen and runs ";
      told += views > 0 ? "once on each of " + std::to_string(counts.pictures) + " pictures" +
                              (views == 2 ? " and its mirror image" : "")
                        : "in each step, since the augmentation makes new pictures";
    }
    return told;
  }

  /// Makes a step.
  void ask(long step) {
    for (long k = 0; k < accumulate_; ++k) {
      const StepPart part = part_of(step, k);
      if (features_) {
        const float* features = features_->of_batch(part.draw);
        step_->submit(features, features_->classes(), part);
      } else {
        const data::Batch& batch = loader_.get(part.draw);
        step_->submit(batch.images, batch.classes, part);
      }
    }
    made_.push_back({step, step_->result(), {}});
    if (!made_.back().result.finite) made_.back().fault = fault();
  }

  /// Steps that may stay unseen while the next is asked for.
  static constexpr int kAhead = 0;
  using Seen = SeenStep;
  /// Calls sink(Seen) for the steps that were asked for, oldest first, until `most` are unseen.
  template <class Sink>
  void look(int most, Sink&& sink) {
    std::size_t seen = 0;
    for (; made_.size() - seen > static_cast<std::size_t>(most); ++seen)
      sink(std::as_const(made_[seen]));
    made_.erase(made_.begin(), made_.begin() + static_cast<std::ptrdiff_t>(seen));
  }

  /// Positions in the data set of the pictures of a step's last batch.
  std::vector<std::size_t> last_pictures(long step) const {
    std::vector<std::size_t> pictures;
    for (int i = 0; i < loader_.options().batch; ++i)
      pictures.push_back(loader_.picture_of(part_of(step, accumulate_ - 1).draw, i));
    return pictures;
  }

 private:
  static data::LoaderOptions loader_options(
      const ClassifierSpec& spec, const HyperparameterValues& values,
      const TrainingOptions& options) {
    data::LoaderOptions loader = whole_picture_loader(spec, values, options);
    if (values.freeze_backbone && picture_views(loader.augmentation) > 0)
      loader.threads = 0;  // it says the order alone
    return loader;
  }

  /// Batch k of a step.
  StepPart part_of(long step, long k) const {
    const auto draw = static_cast<std::uint32_t>(step * accumulate_ + k);
    return {options_.seed, draw, step, k == 0, k == accumulate_ - 1};
  }

  /// The first layer whose values are not finite.
  std::string fault() {
    const int op = step_->executor().first_nonfinite_op();
    return op < 0 ? "the gradient" : net_.graph.path_name(net_.graph.ops[op].path);
  }

  ModelView net_;  ///< what is trained: the whole net, or its head
  TrainingOptions options_;
  long accumulate_;
  TrainingState<>& state_;
  data::Loader loader_;
  std::optional<TrainingState<>> head_state_;  // these three where the backbone is frozen
  std::optional<NetPart> head_part_;
  std::optional<FrozenFeatures<B>> features_;
  std::optional<ClassifierStep<B>> step_;
  std::vector<SeenStep> made_;
};

}  // namespace ocelli::train
