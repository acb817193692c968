// Executor: walks a model's operations on a backend, forward and backward.
//
// Everything is taken at construction: a step is a loop over calls that were made ready then, and
// allocates nothing.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <cstdint>
#include <vector>

#include "ocelli/core/buffer.hpp"
#include "ocelli/core/error.hpp"
#include "ocelli/net/model.hpp"
#include "ocelli/net/weights.hpp"
#include "ocelli/op/call.hpp"

namespace ocelli {

/// Settings of one group that change no shape.
struct GroupSettings {
  NormOptions norm;
  bool frozen = false;        ///< no gradients, and batch norm uses its stored statistics
  float dropout_keep = 0.0f;  ///< 0: as the layer says
};

/// What a backend must offer. Calls are made ready once; `reserve` sees each before the first run
/// and is the only place where memory may be taken.
template <class B>
concept Backend = requires(B& backend, const OpCall<typename B::Scalar>& call, const OpDesc& op) {
  backend.reserve(call);
  backend.forward(call);
  backend.backward(call);
  { B::native(op) } -> std::convertible_to<bool>;
};

namespace detail {
template <class B>
struct MemoryOf {
  using type = HostMemory;
};
template <class B>
requires Memory<typename B::Memory>
struct MemoryOf<B> {
  using type = typename B::Memory;
};
}  // namespace detail

/// Where a backend's operations read and write: its own `Memory`, or the host's.
template <class B>
using MemoryOf = typename detail::MemoryOf<B>::type;

template <Backend B>
class Executor {
 public:
  using T = typename B::Scalar;  ///< of values and their gradients
  using Param = ParamOf<T>;      ///< of weights, their gradients and statistics
  using Memory = MemoryOf<B>;
  using Slab = Buffer<Param, Memory>;

  /// An executor for training. `gradient` is a slab like weights.params that backward adds to.
  /// Model, weights and gradient must outlive the executor.
  Executor(
      B& backend, const ModelView& model, int batch, Weights<Param, Memory>& weights,
      Slab& gradient, const GroupSettings (&groups)[kMaxGroups])
      : Executor(backend, model, Mode::train, batch, weights, &gradient, groups) {}

  /// An executor for inference: batch norms are folded into the convolutions before them. Call
  /// `refold` whenever the weights have changed.
  Executor(
      B& backend, const ModelView& model, int batch, Weights<Param, Memory>& weights,
      const GroupSettings (&groups)[kMaxGroups])
      : Executor(backend, model, Mode::infer, batch, weights, nullptr, groups) {
    refold();
  }

  ~Executor() {
    if constexpr (kCopiesWeights) backend_.forget_weights(copied_slab());
  }
  Executor(const Executor&) = delete;
  Executor& operator=(const Executor&) = delete;

  int batch() const { return batch_; }
  const ModelView& model() const { return model_; }

  /// Runs the net on images [batch, H, W, C] of the model's input.
  /// Backward reads them again: they must live until then.
  /// @param seed, step  of the run: dropout is a function of them
  void forward(const T* images, std::uint64_t seed = 0, std::uint32_t step = 0) {
    run_forward(images, {seed, step}, nullptr);
  }
  /// The same with seed and step in the backend's memory, where backward reads them again: for a
  /// backend whose work is asked for once and done often.
  void forward_at(const T* images, const Draw* draw) { run_forward(images, {}, draw); }

  /// Adds to the gradient slab what the output gradients say; they must be filled in before, and
  /// are overwritten.
  void backward() {
    for (std::size_t i = calls_.size(); i-- > 0;)
      if (runs_backward_[i] != 0) backend_.backward(calls_[i]);
  }

  /// Value of output `i` [batch, H, W, C]; valid until the next forward or backward.
  const T* output(int i) const { return value(model_.graph.outputs[i]); }
  /// Where the loss writes the gradient of output `i`; training only.
  T* output_gradient(int i) { return gradient_of(model_.graph.outputs[i]); }
  /// Number of the values of output `i`, over the batch.
  long output_size(int i) const {
    return model_.graph.tensors[model_.graph.outputs[i]].shape.size() * batch_;
  }

  /// Folds the weights as they are now; inference only.
  void refold() {
    if constexpr (Memory::is_host) {
      fold(weights_.params.data(), weights_.moving.data(), folded_.data(), folded_bias_.data());
    } else {
      Buffer<Param> params(weights_.params.size()), moving(weights_.moving.size());
      Buffer<Param> folded(folded_.size()), bias(folded_bias_.size());
      copy(params, weights_.params);
      copy(moving, weights_.moving);
      fold(params.data(), moving.data(), folded.data(), bias.data());
      copy(folded_, folded);
      copy(folded_bias_, bias);
    }
    if constexpr (kCopiesWeights) backend_.weights_changed(copied_slab());
  }

  /// The first operation in order whose output holds a value that is not finite, or -1. Only values
  /// still in memory can be looked at: right after forward of training, all.
  int first_nonfinite_op() const {
    for (std::size_t i = 0; i < calls_.size(); ++i) {
      if (calls_[i].out == nullptr || !op_plans_[i].forward) continue;
      const auto size = static_cast<std::size_t>(calls_[i].out_shape.size() * batch_);
      const T* values = calls_[i].out;
      Buffer<T> fetched;
      if constexpr (!Memory::is_host) {
        fetched = Buffer<T>(size);
        Memory::to_host(fetched.data(), values, size * sizeof(T));
        values = fetched.data();
      }
      for (std::size_t k = 0; k < size; ++k)
        if (!std::isfinite(static_cast<Param>(values[k]))) return static_cast<int>(i);
    }
    return -1;
  }

  /// Bytes of the arena, without the backend's scratch.
  std::size_t arena_bytes() const { return arena_.size() * sizeof(T); }

 private:
  /// Whether the backend keeps a copy of the weights in the form that it reads.
  static constexpr bool kCopiesWeights = requires(B & b, const Param* slab) {
    b.reserve_weights(slab, 1L);
    b.weights_changed(slab);
    b.forget_weights(slab);
  };
  /// The slab that most operations' weights are in.
  const Param* copied_slab() const {
    return gradient_ != nullptr ? weights_.params.data() : folded_.data();
  }

  struct Reader {
    std::size_t call;
    int input;
  };

  Executor(
      B& backend, const ModelView& model, Mode mode, int batch, Weights<Param, Memory>& weights,
      Slab* gradient, const GroupSettings (&groups)[kMaxGroups])
      : backend_(backend),
        model_(model),
        plan_(mode == Mode::train ? model.train : model.infer),
        batch_(batch),
        weights_(weights),
        gradient_(gradient),
        ops_(model.graph.ops, model.graph.ops + model.graph.op_count),
        op_plans_(plan_.ops, plan_.ops + model.graph.op_count),
        calls_(static_cast<std::size_t>(model.graph.op_count)),
        runs_backward_(static_cast<std::size_t>(model.graph.op_count)) {
    if (batch < 1) throw ShapeError("the batch must be at least 1", "executor");
    for (int g = 0; g < kMaxGroups; ++g) groups_[g] = groups[g];
    arena_ = Buffer<T, Memory>(
        static_cast<std::size_t>(plan_.arena_floats) * static_cast<std::size_t>(batch));
    batch_norms_ = Slab(static_cast<std::size_t>(4 * model.layout.norm_floats));
    if (mode == Mode::infer) {
      folded_ = Slab(static_cast<std::size_t>(model.layout.param_floats));
      folded_bias_ = Slab(static_cast<std::size_t>(model.layout.norm_floats));
    }
    prepare(mode);
    if constexpr (kCopiesWeights)
      backend_.reserve_weights(copied_slab(), model.layout.param_floats);
  }

  void run_forward(const T* images, Draw here, const Draw* there) {
    for (const Reader& reader : readers_) calls_[reader.call].in[reader.input].data = images;
    if constexpr (kCopiesWeights)
      if (gradient_ != nullptr) backend_.weights_changed(copied_slab());
    for (std::size_t i = 0; i < calls_.size(); ++i) {
      if (!op_plans_[i].forward) continue;
      calls_[i].seed = here.seed;
      calls_[i].step = here.step;
      calls_[i].draw = there;
      backend_.forward(calls_[i]);
    }
  }

  /// Weights and biases of convolutions with the batch norms behind them, all on the host.
  void fold(const Param* params, const Param* moving, Param* weights, Param* biases) const {
    const GraphView& graph = model_.graph;
    const auto at_or_null = [&](int param) {
      return param >= 0 ? params + model_.layout.params[param] : nullptr;
    };
    for (int j = 0; j < graph.op_count; ++j) {
      const int norm_at = op_plans_[static_cast<std::size_t>(j)].folded_norm;
      if (norm_at < 0) continue;
      const OpDesc& op = graph.ops[j];
      const OpDesc& norm = graph.ops[norm_at];
      const ParamDesc& desc = graph.params[op.weight];
      const int channels = graph.norms[norm.norm].channels;
      const long rows = desc.size() / channels;
      const Param* weight = params + model_.layout.params[op.weight];
      Param* folded = weights + model_.layout.params[op.weight];
      Param* bias = biases + model_.layout.norms[norm.norm];
      const Param* mean = moving + model_.layout.moving_mean(norm.norm);
      const Param* variance = moving + model_.layout.moving_variance(norm.norm);
      const Param* gamma = at_or_null(norm.weight);
      const Param* beta = at_or_null(norm.bias);
      const Param* old_bias = at_or_null(op.bias);
      const double epsilon = groups_[norm.group].norm.epsilon;
      for (int c = 0; c < channels; ++c) {
        const double scale = (gamma ? static_cast<double>(gamma[c]) : 1.0) /
                             std::sqrt(static_cast<double>(variance[c]) + epsilon);
        const double before = old_bias ? static_cast<double>(old_bias[c]) : 0.0;
        const double after = beta ? static_cast<double>(beta[c]) : 0.0;
        bias[c] = static_cast<Param>(after + (before - static_cast<double>(mean[c])) * scale);
        for (long r = 0; r < rows; ++r)
          folded[r * channels + c] =
              static_cast<Param>(static_cast<double>(weight[r * channels + c]) * scale);
      }
    }
  }

  const Param* param(int p) const { return weights_.params.data() + model_.layout.params[p]; }
  T* at(long offset) { return arena_.data() + offset * batch_; }
  const T* at(long offset) const { return arena_.data() + offset * batch_; }
  const T* value(int tensor) const {
    const int source = plan_.tensors[tensor].source;
    return source < 0 || plan_.tensors[source].value < 0 ? nullptr
                                                         : at(plan_.tensors[source].value);
  }
  T* gradient_of(int tensor) {
    return plan_.tensors[tensor].gradient < 0 ? nullptr : at(plan_.tensors[tensor].gradient);
  }

  Operand<T> operand(int tensor) {
    Operand<T> in;
    const TensorPlan& plan = plan_.tensors[tensor];
    in.data = value(tensor);
    if (plan.norm_op >= 0) {
      const OpDesc& norm = ops_[static_cast<std::size_t>(plan.norm_op)];
      const long channels = model_.graph.norms[norm.norm].channels;
      Param* statistics = batch_norms_.data() + model_.layout.batch_norm(norm.norm);
      in.scale = statistics + 2 * channels;
      in.shift = statistics + 3 * channels;
      in.activation = norm.activation;
    }
    return in;
  }

  /// Makes every call ready but for the images' address.
  void prepare(Mode mode) {
    const GraphView& graph = model_.graph;
    std::vector<char> wants(static_cast<std::size_t>(graph.tensor_count), 0);
    for (std::size_t i = 0; i < ops_.size(); ++i) {
      OpDesc& op = ops_[i];
      const GroupSettings& group = groups_[op.group];
      const bool trains = (op.weight >= 0 || op.bias >= 0) && !group.frozen;
      bool wanted = trains;
      for (int k = 0; k < op.input_count; ++k)
        wanted = wanted || wants[static_cast<std::size_t>(op.inputs[k])] != 0;
      wants[static_cast<std::size_t>(op.output)] = wanted ? 1 : 0;
      if (op.kind == OpKind::batch_norm && group.frozen) op.stored_statistics = true;
      if (op.kind == OpKind::dropout && group.dropout_keep > 0) op.keep = group.dropout_keep;
    }
    for (std::size_t i = 0; i < ops_.size(); ++i) {
      const OpDesc& op = ops_[i];
      const OpPlan& plan = op_plans_[i];
      OpCall<T>& call = calls_[i];
      call.op = &op;
      call.batch = batch_;
      call.mode = mode;
      const int made = plan.folded_norm >= 0 ? graph.ops[plan.folded_norm].output : op.output;
      call.out_shape = graph.tensors[made].shape;
      if (plan_.tensors[made].source == made) call.out = at(plan_.tensors[made].value);
      for (int k = 0; k < op.input_count; ++k) {
        const int t = op.inputs[k];
        call.in_shape[k] = graph.tensors[t].shape;
        call.in[k] = operand(t);
        if (t == 0) readers_.push_back({i, k});
      }
      if (op.weight >= 0) call.weight = param(op.weight);
      if (op.bias >= 0) call.bias = param(op.bias);
      if (op.norm >= 0) {
        call.norm = groups_[op.group].norm;
        call.moving_mean = weights_.moving.data() + model_.layout.moving_mean(op.norm);
        call.moving_variance = weights_.moving.data() + model_.layout.moving_variance(op.norm);
        call.batch_norm = batch_norms_.data() + model_.layout.batch_norm(op.norm);
      }
      if (plan.folded_norm >= 0) {
        const OpDesc& norm = graph.ops[plan.folded_norm];
        call.weight = folded_.data() + model_.layout.params[op.weight];
        call.bias = folded_bias_.data() + model_.layout.norms[norm.norm];
        call.epilogue = norm.activation;
      }
      if (mode == Mode::train) prepare_backward(i, wants);
      if (plan.forward) backend_.reserve(call);
    }
  }

  void prepare_backward(std::size_t i, const std::vector<char>& wants) {
    const OpDesc& op = ops_[i];
    const OpPlan& plan = op_plans_[i];
    OpCall<T>& call = calls_[i];
    runs_backward_[i] = plan.backward && wants[static_cast<std::size_t>(op.output)] != 0 ? 1 : 0;
    if (runs_backward_[i] == 0) return;
    call.dout = gradient_of(op.output);
    const bool frozen = groups_[op.group].frozen;
    if (op.weight >= 0 && !frozen)
      call.dweight = gradient_->data() + model_.layout.params[op.weight];
    if (op.bias >= 0 && !frozen) call.dbias = gradient_->data() + model_.layout.params[op.bias];
    bool works = call.dweight != nullptr || call.dbias != nullptr;
    for (int k = 0; k < op.input_count; ++k) {
      const GradientUse use = plan.gradient[k];
      if (wants[static_cast<std::size_t>(op.inputs[k])] == 0) continue;
      if (use != GradientUse::write && use != GradientUse::add) continue;
      call.din[k] = gradient_of(op.inputs[k]);
      call.accumulate[k] = use == GradientUse::add;
      works = true;
    }
    if (!works) runs_backward_[i] = 0;
  }

  B& backend_;
  ModelView model_;
  PlanView plan_;
  int batch_;
  Weights<Param, Memory>& weights_;
  Slab* gradient_;
  GroupSettings groups_[kMaxGroups];
  std::vector<OpDesc> ops_;  ///< the graph's, with the settings of their groups
  std::vector<OpPlan> op_plans_;
  std::vector<OpCall<T>> calls_;
  std::vector<char> runs_backward_;
  std::vector<Reader> readers_;
  Buffer<T, Memory> arena_;
  Slab batch_norms_, folded_, folded_bias_;
};

}  // namespace ocelli
