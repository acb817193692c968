// Builder: layers emit tensors, parameters and operations into it; it never stops early, and keeps
// the first mistake. The same functions run in a constant expression and at run time.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ocelli/net/diag.hpp"
#include "ocelli/net/graph.hpp"
#include "ocelli/net/list.hpp"

namespace ocelli {

/// A tensor's number within the net under construction.
using TensorId = int;

constexpr bool same_text(const char* a, const char* b) {
  while (*a != '\0' && *a == *b) ++a, ++b;
  return *a == *b;
}

class Builder {
 public:
  /// @param input    one picture
  /// @param classes  number of classes without background, for layers that depend on it
  constexpr Builder(Shape input, int classes) : classes_(classes) { tensors_.push({input, -1}); }

  constexpr int classes() const { return classes_; }
  constexpr TensorId input() const { return 0; }
  constexpr Shape shape(TensorId t) const { return tensors_[t].shape; }

  // What layers add.

  /// Adds an operation that makes a tensor of `shape`; its inputs and attributes are set by the
  /// caller, output, group and path here.
  constexpr TensorId op(OpDesc desc, Shape shape) {
    if (shape.channels <= 0) {
      fail(DiagCode::channels_not_positive, shape);
      shape.channels = 1;
    }
    if (shape.height <= 0 || shape.width <= 0) {
      fail(
          DiagCode::window_exceeds_input, tensors_[desc.inputs[0]].shape,
          {desc.window.kernel_height, desc.window.kernel_width, 0});
      shape.height = shape.height <= 0 ? 1 : shape.height;
      shape.width = shape.width <= 0 ? 1 : shape.width;
    }
    desc.output = tensors_.push({shape, ops_.size()});
    desc.group = group_;
    desc.path = path_;
    ops_.push(desc);
    return desc.output;
  }
  constexpr int param(ParamDesc desc) {
    desc.group = group_;
    desc.path = path_;
    return params_.push(desc);
  }
  constexpr int norm(int channels) { return norms_.push({channels, group_, path_}); }
  constexpr void output(TensorId t) { outputs_.push(t); }

  /// The last operation, if it made `t` and nothing has read `t` yet: an activation may fuse into
  /// it.
  constexpr OpDesc* producer_of_fresh(TensorId t) {
    const int at = tensors_[t].producer;
    if (at < 0 || at != ops_.size() - 1) return nullptr;
    for (int i = 0; i < taps_.size(); ++i)
      if (taps_[i].tensor == t) return nullptr;
    for (int i = 0; i < outputs_.size(); ++i)
      if (outputs_[i] == t) return nullptr;
    return &ops_[at];
  }

  // Names, groups and taps.

  /// Opens a level of the layer path; siblings of one name are numbered.
  constexpr void enter(const char* name) {
    PathNode node{path_, name, 0, 0};
    for (int i = 0; i < paths_.size(); ++i)
      if (paths_[i].parent == path_) {
        ++node.ordinal;
        if (same_text(paths_[i].name, name)) ++node.index;
      }
    path_ = paths_.push(node);
  }
  constexpr void leave() { path_ = paths_[path_].parent; }
  /// Group of the operations and parameters to come; returns the one before.
  constexpr int set_group(int group) {
    const int before = group_;
    group_ = group;
    return before;
  }
  constexpr void tap(const char* name, TensorId t) {
    if (find_tap(name) >= 0) fail(DiagCode::tap_repeated);
    taps_.push({name, t});
  }
  /// The tapped tensor; a mistake is recorded and the input returned when there is none.
  constexpr TensorId tapped(const char* name) {
    const int at = find_tap(name);
    if (at < 0) {
      fail(DiagCode::tap_unknown);
      return input();
    }
    return taps_[at].tensor;
  }

  /// Records the first mistake; later ones are usually its consequence.
  constexpr void fail(DiagCode code, Shape a = {}, Shape b = {}) {
    if (diag_.code != DiagCode::none) return;
    diag_.code = code;
    diag_.op = ops_.size();
    diag_.a = a;
    diag_.b = b;
    diag_.path = path_;
    int chain[64] = {};
    int depth = 0;
    for (int at = path_; at >= 0 && depth < 64; at = paths_[at].parent)
      chain[depth++] = paths_[at].ordinal;
    for (int i = 0; i < depth && i < Diag::kMaxDepth; ++i) diag_.ordinals[i] = chain[depth - 1 - i];
  }
  constexpr const Diag& diag() const { return diag_; }

  /// Valid while the builder lives.
  constexpr GraphView view() const {
    return {ops_.data(),   tensors_.data(), params_.data(), norms_.data(),   paths_.data(),
            taps_.data(),  outputs_.data(), ops_.size(),    tensors_.size(), params_.size(),
            norms_.size(), paths_.size(),   taps_.size(),   outputs_.size()};
  }

 private:
  constexpr int find_tap(const char* name) const {
    for (int i = 0; i < taps_.size(); ++i)
      if (same_text(taps_[i].name, name)) return i;
    return -1;
  }

  List<OpDesc> ops_;
  List<TensorDesc> tensors_;
  List<ParamDesc> params_;
  List<NormDesc> norms_;
  List<PathNode> paths_;
  List<TapDesc> taps_;
  List<int> outputs_;
  Diag diag_;
  int classes_ = 0;
  int group_ = 0;
  int path_ = -1;
};

}  // namespace ocelli
