// SsdStepper: the steps of a training in their order: where their pictures come from, how they are
// asked for, and what came of them. Where the backend works by itself the host looks at a step
// when it has asked for the next.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "ocelli/core/error.hpp"
#include "ocelli/data/loader.hpp"
#include "ocelli/train/device_pictures.hpp"
#include "ocelli/train/ssd_step.hpp"
#include "ocelli/train/training_data.hpp"
#include "ocelli/train/training_options.hpp"

namespace ocelli::train {

template <Backend B>
class SsdStepper {
 public:
  static constexpr bool replays = SsdStep<B>::replays;

  /// Everything given must outlive it. Throws ConfigError, DataError.
  SsdStepper(
      B& backend, ThreadPool& pool, const SsdSpec& spec, const SsdHyperparameters& values,
      const TrainingOptions& options, TrainingState<>& state, const TrainingData& train)
      : model_(spec.model),
        options_(options),
        accumulate_(values.gradient_accumulation_steps),
        train_(train),
        step_(backend, pool, spec, values, state, static_cast<int>(values.batch_size)),
        loader_(*train.dataset, *train.cache, loader_options(spec, values, options)) {
    if constexpr (replays) step_.math().set_eager(options.eager);
    if (!replays && options.eager)
      throw ConfigError(
          "this backend's steps are eager anyway", "eager", "leave it out, or train on CUDA");
    if (!replays && (options.pictures == PictureFeed::device || options.picture_bytes > 0))
      throw ConfigError(
          "this backend holds no pictures", "pictures", "leave it to the loader, or train on CUDA");
  }

  SsdStep<B>& step() { return step_; }
  const TrainingGroups& groups() const { return step_.groups(); }
  /// After the host's state has changed.
  void upload() { step_.upload(); }
  /// Before the host's state is looked at.
  void download() { step_.download(); }
  const data::Loader& loader() const { return loader_; }

  /// Decides where pictures come from, and takes them to the device if that is it. Once, before the
  /// first step.
  /// @param config  what a run's folder keeps about it is added: nothing where there is no choice
  /// @return a sentence for the user; empty where there is no choice
  /// @throws ConfigError where the device was asked for and cannot
  std::string prepare(nlohmann::ordered_json& config) {
    if constexpr (replays) {
      const std::string why_not =
          options_.pictures == PictureFeed::loader ? "as was asked for" : take_pictures();
      if (!why_not.empty() && options_.pictures == PictureFeed::device)
        throw ConfigError(
            "the device cannot draw the pictures: " + why_not, "pictures",
            "leave them to the loader");
      config["step"] = options_.eager ? "eager" : "graph";
      config["pictures"] = drawn_ ? "device" : "loader";
      const std::string step =
          options_.eager ? "each operation is asked for" : "a step is one graph";
      if (drawn_)
        return step + "; its pictures are drawn on the device, which holds " +
               std::to_string(loader_.counts().pictures) + " of " + std::to_string(bytes_) +
               " bytes";
      return step + "; its pictures come from the loader: " + why_not;
    } else {
      (void)config;
      return {};
    }
  }

  /// Asks for a step; nobody waits for it.
  void ask(long step) {
    for (long k = 0; k < accumulate_; ++k) {
      const Part part = part_of(step, k);
      if constexpr (replays) {
        if (drawn_) {
          step_.submit_drawn(part);
          continue;
        }
      }
      step_.submit(loader_.get(part.draw), part);
    }
    next_ = step + 1;
  }

  /// Steps that may stay unseen while the next is asked for.
  static constexpr int kAhead = replays ? 1 : 0;

  using Seen = SeenStep;
  /// Calls sink(Seen) for the steps that were asked for, oldest first, until `most` are unseen.
  template <class Sink>
  void look(int most, Sink&& sink) {
    while (step_.pending() > most) {
      Seen seen{next_ - step_.pending(), {}, {}};
      const bool overtaken = step_.pending() > 1;
      seen.result = step_.result();
      if (!seen.result.finite) seen.fault = fault_of(seen, overtaken);
      sink(std::as_const(seen));
    }
  }

  /// Positions in the data set of the pictures of a step's last batch.
  std::vector<std::size_t> last_pictures(long step) const {
    std::vector<std::size_t> pictures;
    for (int i = 0; i < loader_.options().batch; ++i)
      pictures.push_back(loader_.picture_of(part_of(step, accumulate_ - 1).draw, i));
    return pictures;
  }

 private:
  using Part = typename SsdStep<B>::Part;

  static data::LoaderOptions loader_options(
      const SsdSpec& spec, const SsdHyperparameters& values, const TrainingOptions& options) {
    data::LoaderOptions loader;
    loader.height = spec.model.input.height;
    loader.width = spec.model.input.width;
    loader.batch = static_cast<int>(values.batch_size);
    loader.seed = options.seed;
    loader.augmentation = data::Augmentation::parse(values.augmentation);
    loader.resampling = resampling_of(values);
    loader.threads = options.loader_threads;
    return loader;
  }

  /// Batch k of a step.
  Part part_of(long step, long k) const {
    const auto draw = static_cast<std::uint32_t>(step * accumulate_ + k);
    return {options_.seed, draw, step, k == 0, k == accumulate_ - 1};
  }

  /// @return empty, or why the device cannot have them
  std::string take_pictures() requires(replays) {
    auto& math = step_.math();
    using Pictures = typename std::remove_reference_t<decltype(math)>::Pictures;
    const data::LoaderOptions& options = loader_.options();
    typename Pictures::Rule rule{};
    if (std::string why_not = describe(options, rule); !why_not.empty()) return why_not;
    const data::Targets targets = data::collect_targets(*train_.dataset, *train_.cache);
    bytes_ = picture_bytes(targets, *train_.cache);
    const std::size_t room = options_.picture_bytes > 0 ? options_.picture_bytes : Pictures::room();
    if (bytes_ > room)
      return "they have " + std::to_string(bytes_) + " bytes, the device has room for " +
             std::to_string(room);
    Pictures store(
        math.stream(), bytes_, {options.batch, options.height, options.width, options.max_boxes},
        rule, {options.scale.multiply, options.scale.add});
    fill(store, targets, *train_.cache);
    math.keep(std::move(store));
    drawn_ = true;
    return {};
  }

  /// The first layer whose values are not finite.
  /// @param overtaken  another step has been asked for since
  std::string fault_of(const Seen& seen, bool overtaken) {
    const std::string gradient = "the gradient";
    if constexpr (replays) {
      if (overtaken) {
        // Where the loss was finite the weights are not that step's any more.
        if (std::isfinite(seen.result.localization + seen.result.classification)) return gradient;
        const Part part = part_of(seen.step, accumulate_ - 1);
        step_.look_again(drawn_ ? nullptr : &loader_.get(part.draw), part);
      }
    } else {
      (void)overtaken;
    }
    const int op = step_.executor().first_nonfinite_op();
    return op < 0 ? gradient : model_.graph.path_name(model_.graph.ops[op].path);
  }

  ModelView model_;
  TrainingOptions options_;
  long accumulate_;
  TrainingData train_;
  SsdStep<B> step_;
  data::Loader loader_;
  std::size_t bytes_ = 0;
  bool drawn_ = false;
  long next_ = 0;
};

}  // namespace ocelli::train
