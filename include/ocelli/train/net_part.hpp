// NetPart: the parameters and statistics that a part of a net has in common with the whole, by
// their names; the two keep them at other places.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <string>
#include <unordered_map>
#include <vector>

#include "ocelli/core/error.hpp"
#include "ocelli/net/model.hpp"
#include "ocelli/train/training_state.hpp"

namespace ocelli::train {

class NetPart {
 public:
  /// Throws ConfigError where the whole lacks something of the part.
  NetPart(const ModelView& whole, const ModelView& part) {
    std::unordered_map<std::string, int> params, norms;
    for (int p = 0; p < whole.graph.param_count; ++p) params[whole.graph.param_name(p)] = p;
    for (int n = 0; n < whole.graph.norm_count; ++n)
      norms[whole.graph.path_name(whole.graph.norms[n].path)] = n;
    const auto lacks = [](const std::string& name) {
      return ConfigError("the net has no " + name + " of this size", "NetPart");
    };
    for (int p = 0; p < part.graph.param_count; ++p) {
      const std::string name = part.graph.param_name(p);
      const long size = part.graph.params[p].size();
      const auto found = params.find(name);
      if (found == params.end() || whole.graph.params[found->second].size() != size)
        throw lacks(name);
      params_.push_back({whole.layout.params[found->second], part.layout.params[p], size});
    }
    for (int n = 0; n < part.graph.norm_count; ++n) {
      const std::string name = part.graph.path_name(part.graph.norms[n].path);
      const long size = part.graph.norms[n].channels;
      const auto found = norms.find(name);
      if (found == norms.end() || whole.graph.norms[found->second].channels != size)
        throw lacks(name);
      const LayoutView &w = whole.layout, &p = part.layout;
      moving_.push_back({w.moving_mean(found->second), p.moving_mean(n), size});
      moving_.push_back({w.moving_variance(found->second), p.moving_variance(n), size});
    }
  }

  /// The part's weights from the whole's.
  void take(Weights<float>& part, const Weights<float>& whole) const {
    take(params_, part.params, whole.params);
    take(moving_, part.moving, whole.moving);
  }
  /// The part of a training's state from the whole's.
  void take(TrainingState<>& part, const TrainingState<>& whole) const {
    take(part.weights, whole.weights);
    for (const auto slab : slabs()) take(params_, part.*slab, whole.*slab);
  }
  /// The other way round; all else of the whole stays as it is.
  void give(TrainingState<>& whole, const TrainingState<>& part) const {
    give(params_, whole.weights.params, part.weights.params);
    give(moving_, whole.weights.moving, part.weights.moving);
    for (const auto slab : slabs()) give(params_, whole.*slab, part.*slab);
  }

 private:
  struct Piece {
    long whole = 0, part = 0, size = 0;  ///< offsets and length, floats
  };
  using Slab = Buffer<float> TrainingState<>::*;

  static std::vector<Slab> slabs() {
    using State = TrainingState<>;
    return {&State::gradient, &State::momentum, &State::mean_square, &State::average};
  }
  static void take(
      const std::vector<Piece>& pieces, Buffer<float>& part, const Buffer<float>& whole) {
    if (whole.size() == 0) return;  // a slab that this training does not have
    for (const Piece& piece : pieces)
      std::copy_n(whole.data() + piece.whole, piece.size, part.data() + piece.part);
  }
  static void give(
      const std::vector<Piece>& pieces, Buffer<float>& whole, const Buffer<float>& part) {
    if (whole.size() == 0) return;
    for (const Piece& piece : pieces)
      std::copy_n(part.data() + piece.part, piece.size, whole.data() + piece.whole);
  }

  std::vector<Piece> params_, moving_;
};

}  // namespace ocelli::train
