// Model: a net type turned into values: graph, layout and memory plans, at compile time where every
// extent is known, at run time by the same functions where one is Dynamic.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "ocelli/net/builder.hpp"
#include "ocelli/net/layers.hpp"
#include "ocelli/net/layout.hpp"
#include "ocelli/net/plan.hpp"
#include "ocelli/net/vocabulary.hpp"

namespace ocelli {

/// Channels, height and width of the pictures; height and width may be Dynamic.
template <int C, int H, int W>
struct Input {
  static_assert(C >= 1, "Input: at least one channel");
  static_assert(H >= 1 || H == Dynamic, "Input: the height must be positive or Dynamic");
  static_assert(W >= 1 || W == Dynamic, "Input: the width must be positive or Dynamic");
  static constexpr int channels = C, height = H, width = W;
};

/// Number of classes without background; may be Dynamic.
template <int N>
struct Classes {
  static_assert(N >= 1 || N == Dynamic, "Classes: at least one class, or Dynamic");
  static constexpr int count = N;
};

/// Everything an executor needs to know about a model, through pointers.
struct ModelView {
  GraphView graph;
  LayoutView layout;
  PlanView train;
  PlanView infer;
  Shape input;
  int classes = 0;

  /// Bytes of a training step: activations and gradients of `batch` pictures, parameters, their
  /// gradient and `slots` optimizer slots, statistics. A backend's scratch comes on top.
  /// @param value_bytes  of an activation or its gradient; all else is float
  constexpr std::size_t step_bytes(
      int batch, int slots = 2, std::size_t value_bytes = sizeof(float)) const {
    const long floats = layout.param_floats * (2 + slots) + layout.norm_floats * 6;
    return static_cast<std::size_t>(train.arena_floats * batch) * value_bytes +
           static_cast<std::size_t>(floats) * sizeof(float);
  }
};

/// Emits a whole net; the last tensor is the output if the net names none.
template <Layer Net>
constexpr void describe(Builder& net) {
  const TensorId last = Net::emit(net, net.input());
  if (net.view().output_count == 0) net.output(last);
}

/// A model whose extents became known at run time.
class RuntimeModel {
 public:
  /// Throws ShapeError that names the layer.
  template <Layer Net>
  static RuntimeModel make(Shape input, int classes) {
    RuntimeModel model(input, classes);
    describe<Net>(*model.net_);
    model.finish();
    return model;
  }
  const ModelView& view() const { return view_; }

 private:
  RuntimeModel(Shape input, int classes) : net_(std::make_unique<Builder>(input, classes)) {
    view_.input = input;
    view_.classes = classes;
  }
  void finish() {
    const GraphView graph = net_->view();
    if (net_->diag().code != DiagCode::none)
      throw_diag(net_->diag(), graph.path_name(net_->diag().path));
    const auto count = [](int n) { return static_cast<std::size_t>(n); };
    params_.resize(count(graph.param_count));
    norms_.resize(count(graph.norm_count));
    segments_.resize(kMaxSegments);
    tensors_.resize(2 * count(graph.tensor_count));
    ops_.resize(2 * count(graph.op_count));
    view_.graph = graph;
    view_.layout = lay_out(graph, params_.data(), norms_.data(), segments_.data());
    view_.train = make_plan(graph, Mode::train, tensors_.data(), ops_.data());
    view_.infer = make_plan(
        graph, Mode::infer, tensors_.data() + graph.tensor_count, ops_.data() + graph.op_count);
  }

  std::unique_ptr<Builder> net_;
  std::vector<long> params_, norms_;
  std::vector<Segment> segments_;
  std::vector<TensorPlan> tensors_;
  std::vector<OpPlan> ops_;
  ModelView view_;
};

/// A model that the compiler knows whole. Each of graph, layout and plans is a constant expression
/// of its own, since compilers limit the work in one.
template <Layer Net, class In, class Cls>
class StaticModel {
  static constexpr Shape kInput{In::height, In::width, In::channels};

  struct Counts {
    int ops = 0, tensors = 0, params = 0, norms = 0, paths = 0, taps = 0, outputs = 0;
    Diag diag;
  };
  static constexpr Counts count() {
    Builder net(kInput, Cls::count);
    describe<Net>(net);
    const GraphView g = net.view();
    return {g.op_count,   g.tensor_count, g.param_count,  g.norm_count,
            g.path_count, g.tap_count,    g.output_count, net.diag()};
  }
  static constexpr Counts counts = count();

  static constexpr int at_least_one(int n) { return n > 0 ? n : 1; }
  struct Arrays {
    OpDesc ops[at_least_one(counts.ops)];
    TensorDesc tensors[at_least_one(counts.tensors)];
    ParamDesc params[at_least_one(counts.params)];
    NormDesc norms[at_least_one(counts.norms)];
    PathNode paths[at_least_one(counts.paths)];
    TapDesc taps[at_least_one(counts.taps)];
    int outputs[at_least_one(counts.outputs)];
  };
  static constexpr Arrays fill() {
    Builder net(kInput, Cls::count);
    describe<Net>(net);
    const GraphView g = net.view();
    Arrays a{};
    for (int i = 0; i < g.op_count; ++i) a.ops[i] = g.ops[i];
    for (int i = 0; i < g.tensor_count; ++i) a.tensors[i] = g.tensors[i];
    for (int i = 0; i < g.param_count; ++i) a.params[i] = g.params[i];
    for (int i = 0; i < g.norm_count; ++i) a.norms[i] = g.norms[i];
    for (int i = 0; i < g.path_count; ++i) a.paths[i] = g.paths[i];
    for (int i = 0; i < g.tap_count; ++i) a.taps[i] = g.taps[i];
    for (int i = 0; i < g.output_count; ++i) a.outputs[i] = g.outputs[i];
    return a;
  }
  static constexpr Arrays arrays = fill();

 public:
  static constexpr Diag diag = counts.diag;
  static constexpr GraphView graph{arrays.ops,     arrays.tensors, arrays.params,  arrays.norms,
                                   arrays.paths,   arrays.taps,    arrays.outputs, counts.ops,
                                   counts.tensors, counts.params,  counts.norms,   counts.paths,
                                   counts.taps,    counts.outputs};

 private:
  struct LayoutArrays {
    long params[at_least_one(counts.params)];
    long norms[at_least_one(counts.norms)];
    Segment segments[kMaxSegments];
    int segment_count = 0;
    long param_floats = 0, norm_floats = 0;
  };
  static constexpr LayoutArrays place_params() {
    LayoutArrays a{};
    const LayoutView placed = lay_out(graph, a.params, a.norms, a.segments);
    a.segment_count = placed.segment_count;
    a.param_floats = placed.param_floats;
    a.norm_floats = placed.norm_floats;
    return a;
  }
  static constexpr LayoutArrays layout_arrays = place_params();

  struct PlanArrays {
    TensorPlan tensors[at_least_one(counts.tensors)];
    OpPlan ops[at_least_one(counts.ops)];
    long arena_floats = 0;
  };
  static constexpr PlanArrays place_buffers(Mode mode) {
    PlanArrays a{};
    a.arena_floats = make_plan(graph, mode, a.tensors, a.ops).arena_floats;
    return a;
  }
  static constexpr PlanArrays train_arrays = place_buffers(Mode::train);
  static constexpr PlanArrays infer_arrays = place_buffers(Mode::infer);

 public:
  static constexpr LayoutView layout{layout_arrays.params,       layout_arrays.norms,
                                     layout_arrays.segments,     layout_arrays.segment_count,
                                     layout_arrays.param_floats, layout_arrays.norm_floats};
  static constexpr PlanView train_plan{
      train_arrays.tensors, train_arrays.ops, train_arrays.arena_floats};
  static constexpr PlanView infer_plan{
      infer_arrays.tensors, infer_arrays.ops, infer_arrays.arena_floats};

  static constexpr ModelView view_value{graph, layout, train_plan, infer_plan, kInput, Cls::count};
};

namespace detail {
/// A net without shapes that can be right for these extents; a static check of Dynamic ones.
template <Layer Net, class In, class Cls, int Size, int ClassCount>
struct Probe {
  static constexpr Diag diagnose() {
    Builder net(
        {In::height == Dynamic ? Size : In::height, In::width == Dynamic ? Size : In::width,
         In::channels},
        Cls::count == Dynamic ? ClassCount : Cls::count);
    describe<Net>(net);
    return net.diag();
  }
  static constexpr Diag diag = diagnose();
};
}  // namespace detail

/// A net over an input and a number of classes. Everything is static where both are; otherwise the
/// constructor takes what was left open.
template <Layer Net, class In, class Cls = Classes<1>>
class Model {
 public:
  static constexpr bool is_static =
      In::height != Dynamic && In::width != Dynamic && Cls::count != Dynamic;

  /// For a static model.
  Model() requires is_static : view_(StaticModel<Net, In, Cls>::view_value) {}
  /// For a dynamic one; a fixed extent must be given as it is. Throws ShapeError.
  Model(Shape input, int classes) requires(!is_static)
      : runtime_(std::make_shared<RuntimeModel>(RuntimeModel::make<Net>(checked(input), classes))),
        view_(runtime_->view()) {
    if (Cls::count != Dynamic && classes != Cls::count)
      throw ShapeError("the model has a fixed number of classes", "model", "give that number");
  }

  const ModelView& view() const { return view_; }

  /// The extents of the input that the type fixes, and `open` where it leaves them open.
  static constexpr Shape input_shape(Shape open) {
    return {
        In::height != Dynamic ? In::height : open.height,
        In::width != Dynamic ? In::width : open.width, In::channels};
  }

  // Constants of a static model, for static_assert.

  /// Trainable numbers.
  static constexpr long parameters() requires is_static {
    return ocelli::parameters(StaticModel<Net, In, Cls>::graph);
  }
  /// Multiply-adds counted as 2, of one picture's forward.
  static constexpr long flops() requires is_static {
    return ocelli::flops(StaticModel<Net, In, Cls>::graph);
  }
  /// Bytes of a training step without the backend's scratch; see ModelView::step_bytes.
  template <int Batch>
  static constexpr std::size_t step_bytes() requires is_static {
    return StaticModel<Net, In, Cls>::view_value.step_bytes(Batch);
  }

 private:
  static constexpr bool sound() {
    if constexpr (is_static) {
      return check_diag<StaticModel<Net, In, Cls>>();
    } else {
      // Two values for each open extent: not a proof, but most mistakes show.
      return check_diag<detail::Probe<Net, In, Cls, 320, 3>>() &&
             check_diag<detail::Probe<Net, In, Cls, 513, 20>>();
    }
  }
  static_assert(sound(), "ocelli: the net has a mistake, see the message above");

  static Shape checked(Shape input) {
    const Shape fixed = input_shape(input);
    if (input != fixed)
      throw ShapeError(
          "the input is " + to_string(input) + ", the model's type fixes " + to_string(fixed),
          "model", "give the extents of its Input<...>, or open them with Dynamic");
    return input;
  }

  std::shared_ptr<const RuntimeModel> runtime_;
  ModelView view_;
};

}  // namespace ocelli
