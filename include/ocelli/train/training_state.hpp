// TrainingState: every slab a training owns, and the same as tensors with names.
//
// Names in files:   NAME                       a parameter: "backbone/layer_3/expand/conv/weight"
//                   NAME/moving_mean, NAME/moving_variance    of a batch norm
//                   optimizer/momentum/NAME, optimizer/mean_square/NAME, average/NAME
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "ocelli/core/buffer.hpp"
#include "ocelli/net/weights.hpp"
#include "ocelli/optim/update_plan.hpp"
#include "ocelli/train/snapshot.hpp"

namespace ocelli::train {

/// The shape a parameter has in files: [KH,KW,C,K], depthwise [KH,KW,C,1], the rest [C].
inline TensorShape shape_in_file(const ParamDesc& param) {
  if (param.kind == ParamKind::weight || param.kind == ParamKind::depthwise_weight)
    return {param.dims[0], param.dims[1], param.dims[2], param.dims[3]};
  return {param.dims[3]};
}

/// One tensor per parameter, in the order of the net, over a slab of the parameters' layout.
/// @param prefix  put before each name
inline std::vector<SnapshotTensor> parameter_tensors(
    const ModelView& model, float* slab, const std::string& prefix = {}) {
  std::vector<SnapshotTensor> tensors;
  for (int p = 0; p < model.graph.param_count; ++p)
    tensors.push_back(
        {prefix + model.graph.param_name(p), TensorDtype::f32, shape_in_file(model.graph.params[p]),
         slab + model.layout.params[p]});
  return tensors;
}

/// Two tensors per batch norm over a slab of moving statistics.
inline std::vector<SnapshotTensor> statistics_tensors(
    const ModelView& model, float* slab, const std::string& prefix = {}) {
  std::vector<SnapshotTensor> tensors;
  for (int n = 0; n < model.graph.norm_count; ++n) {
    const NormDesc& norm = model.graph.norms[n];
    const std::string name = prefix + model.graph.path_name(norm.path);
    tensors.push_back(
        {name + "/moving_mean",
         TensorDtype::f32,
         {norm.channels},
         slab + model.layout.moving_mean(n)});
    tensors.push_back(
        {name + "/moving_variance",
         TensorDtype::f32,
         {norm.channels},
         slab + model.layout.moving_variance(n)});
  }
  return tensors;
}

/// What a model has learned, by name: the contents of a weights file.
inline std::vector<SnapshotTensor> weight_tensors(const ModelView& model, Weights<float>& weights) {
  std::vector<SnapshotTensor> tensors = parameter_tensors(model, weights.params.data());
  for (SnapshotTensor& tensor : statistics_tensors(model, weights.moving.data()))
    tensors.push_back(std::move(tensor));
  return tensors;
}

/// Weights, gradient, optimizer slots and moving average of a training. The mean square starts at 1
/// (TensorFlow's RMSProp), the momentum at 0, the average at the weights when it is `start`ed.
template <Memory M = HostMemory>
struct TrainingState {
  /// @param rmsprop  keep a mean square besides the momentum
  /// @param average  keep a moving average of the weights
  TrainingState(const ModelView& model, bool rmsprop, bool with_average)
      : weights(model),
        gradient(floats(model)),
        momentum(floats(model)),
        mean_square(rmsprop ? floats(model) : 0),
        average(with_average ? floats(model) : 0) {
    Buffer<float> ones(mean_square.size());
    for (float& one : ones.span()) one = 1.0f;
    copy(mean_square, ones);
  }

  /// The moving average starts from the weights as they are.
  void start_average() requires(M::is_host) {
    for (std::size_t i = 0; i < average.size(); ++i) average[i] = weights.params[i];
  }

  /// Everything a resumed run needs, by name.
  std::vector<SnapshotTensor> tensors(const ModelView& model) requires(M::is_host) {
    std::vector<SnapshotTensor> all = weight_tensors(model, weights);
    const auto append = [&](Buffer<float>& slab, const char* prefix) {
      if (slab.size() == 0) return;
      for (SnapshotTensor& tensor : parameter_tensors(model, slab.data(), prefix))
        all.push_back(std::move(tensor));
    };
    append(momentum, "optimizer/momentum/");
    append(mean_square, "optimizer/mean_square/");
    append(average, "average/");
    return all;
  }

  /// Where it all lies, for an optimizer.
  UpdateSlabs slabs() {
    return {
        weights.params.data(), gradient.data(), momentum.data(), mean_square.data(),
        average.data()};
  }

  Weights<float, M> weights;
  Buffer<float, M> gradient;
  Buffer<float, M> momentum;
  Buffer<float, M> mean_square;  ///< empty without RMSProp
  Buffer<float, M> average;      ///< empty without a moving average

 private:
  static std::size_t floats(const ModelView& model) {
    return static_cast<std::size_t>(model.layout.param_floats);
  }
};

/// Copies a state between the host and another memory.
template <Memory To, Memory From>
void copy(TrainingState<To>& to, const TrainingState<From>& from) {
  copy(to.weights.params, from.weights.params);
  copy(to.weights.moving, from.weights.moving);
  copy(to.gradient, from.gradient);
  copy(to.momentum, from.momentum);
  copy(to.mean_square, from.mean_square);
  copy(to.average, from.average);
}

}  // namespace ocelli::train
