// SsdStep: one training step of an SSD: forward, loss, backward, L2, clipping, optimizer, average.
//
// A step is a function of the state, the batch, the seed and the step's number. After construction
// it takes no memory.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <type_traits>

#include "ocelli/core/thread_pool.hpp"
#include "ocelli/data/loader.hpp"
#include "ocelli/net/executor.hpp"
#include "ocelli/train/host_step_math.hpp"
#include "ocelli/train/ssd_options.hpp"
#include "ocelli/train/training_rules.hpp"
#include "ocelli/train/training_state.hpp"

namespace ocelli::train {

namespace detail {
template <class B>
struct StepMathOf {
  using type = HostStepMath;
};
template <class B>
requires requires { typename B::StepMath; }
struct StepMathOf<B> {
  using type = typename B::StepMath;
};

/// A backend's math that holds in its own memory what changes from step to step: then a step can be
/// recorded once and replayed, batches can be drawn there, and results arrive later.
template <class M>
concept Replays = requires {
  typename M::Pictures;
};
}  // namespace detail

template <Backend B>
class SsdStep {
 public:
  using Memory = MemoryOf<B>;

  /// State, backend and pool must outlive the step. The state is the host's; where the backend has
  /// memory of its own, `upload` takes it there and `download` brings it back. Throws ConfigError.
  SsdStep(
      B& backend, ThreadPool& pool, const SsdSpec& spec, const SsdHyperparameters& values,
      TrainingState<>& state, int batch, int max_boxes = 100)
      : model_(spec.model),
        values_(values),
        groups_(values),
        state_(state),
        resident_(resident(state, spec.model)),
        schedule_(schedule_of(values)),
        executor_(
            backend, spec.model, batch, resident_.weights, resident_.gradient, groups_.settings),
        math_(
            backend, pool, anchors_of(spec, values), spec.model.classes, loss_options(values),
            batch, max_boxes, update_plan(spec.model, values, groups_)) {
    upload();
  }

  /// After the host's state has changed.
  void upload() {
    if constexpr (!Memory::is_host) copy(resident_, state_);
  }
  /// Before the host's state is looked at.
  void download() {
    if constexpr (!Memory::is_host) copy(state_, resident_);
  }

  /// Whether steps are recorded and replayed, may be drawn on the device, and results arrive later.
  static constexpr bool replays = detail::Replays<typename detail::StepMathOf<B>::type>;

  using Part = StepPart;

  /// Forward, loss and backward of one batch, whose gradients are added to those of the step's
  /// others; after the last L2, clipping and the optimizer, which write the weights unless the loss
  /// was not finite. The batch may go when this returns.
  void submit(const data::Batch& batch, const Part& part) {
    count(part);
    const long floats = model_.input.size() * batch.size;
    const GroundTruthBatch<float> truth{batch.boxes, batch.labels, batch.counts, batch.max_boxes};
    if constexpr (replays) {
      tell(part);
      math_.feed(batch.images, floats, batch.size, truth);
      math_.run([&] { whole(part); });
    } else {
      if (part.first) math_.begin(resident_.gradient.data());
      executor_.forward(math_.images(batch.images, floats), part.seed, part.draw);
      if (math_.loss(
              batch.size, truth, executor_.output(0), executor_.output(1),
              executor_.output_gradient(0), executor_.output_gradient(1)))
        executor_.backward();
      if (part.last) math_.update(resident_.slabs(), rate_at(schedule_, values_, part.step));
    }
  }
  /// The same on a batch that the device draws from the pictures it was given.
  void submit_drawn(const Part& part) requires(replays) {
    count(part);
    tell(part);
    math_.feed_drawn();
    math_.run([&] { whole(part); });
  }
  /// Steps whose results have not been taken; two at most.
  int pending() const { return pending_; }
  /// How the oldest of them went; waits for it.
  StepResult result() {
    --pending_;
    return math_.result();
  }

  /// A whole step on one batch.
  StepResult run(const data::Batch& batch, std::uint64_t seed, long step) {
    submit(batch, {seed, static_cast<std::uint32_t>(step), step});
    return result();
  }

  /// Runs the net forward as the part of a step that was not finite did, although another came
  /// after it: the weights are still that step's. Then the executor tells where.
  /// @param batch  null: drawn on the device
  void look_again(const data::Batch* batch, const Part& part) requires(replays) {
    Part only = part;
    only.first = true;
    only.last = false;
    tell(only);
    if (batch != nullptr)
      math_.feed(
          batch->images, model_.input.size() * batch->size, batch->size,
          {batch->boxes, batch->labels, batch->counts, batch->max_boxes});
    else
      math_.feed_drawn();
    math_.set_eager(true);
    math_.run([&] { executor_.forward_at(math_.images(), math_.draw()); });
  }

  /// The backend's loss and optimizers.
  auto& math() { return math_; }
  Executor<B>& executor() { return executor_; }
  const SsdGroups& groups() const { return groups_; }
  /// The gradient as the optimizer saw it, but for clipping: scaled, with the L2 term. For looking
  /// at, after `download`: writes [param_floats] to out.
  void whole_gradient(const float* weights_before, float* out) const {
    for (int p = 0; p < model_.graph.param_count; ++p) {
      const ParamDesc& desc = model_.graph.params[p];
      const long offset = model_.layout.params[p];
      const GradientRule<float> rule{
          static_cast<float>(1.0 / batches_),
          desc.decay ? static_cast<float>(groups_.regularizer[desc.group]) : 0.0f};
      for (long i = offset; i < offset + desc.size(); ++i)
        out[i] = rule(state_.gradient.data()[i], weights_before[i]);
    }
  }

 private:
  void count(const Part& part) {
    if (part.first) batches_ = 0;
    ++batches_;
    if (part.last) ++pending_;
  }
  void tell(const Part& part) {
    math_.next(
        {{part.seed, part.draw}, part.first, part.last, rate_at(schedule_, values_, part.step)});
  }
  /// All that a part asks the device for, but for what `tell` and `feed` bring: the same each time.
  void whole(const Part& part) {
    if (part.first) math_.begin(resident_.gradient.data());
    executor_.forward_at(math_.images(), math_.draw());
    math_.loss(
        executor_.output(0), executor_.output(1), executor_.output_gradient(0),
        executor_.output_gradient(1));
    executor_.backward();
    if (part.last) math_.update(resident_.slabs());
  }

  /// The host's own state, or room for it in the backend's memory.
  using Resident = std::conditional_t<Memory::is_host, TrainingState<>&, TrainingState<Memory>>;
  static Resident resident(TrainingState<>& state, const ModelView& model) {
    if constexpr (Memory::is_host) {
      (void)model;
      return state;
    } else {
      return TrainingState<Memory>(model, state.mean_square.size() > 0, state.average.size() > 0);
    }
  }

  ModelView model_;
  SsdHyperparameters values_;
  SsdGroups groups_;
  TrainingState<>& state_;
  Resident resident_;
  Schedule schedule_;
  Executor<B> executor_;
  typename detail::StepMathOf<B>::type math_;
  int batches_ = 0, pending_ = 0;
};

}  // namespace ocelli::train
