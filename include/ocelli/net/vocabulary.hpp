// The layers that arrange other layers: sequences, repeats, residuals, joins, taps, names, groups.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ocelli/net/layers.hpp"

namespace ocelli {

/// One after another.
template <Layer... Layers>
struct Sequential {
  static constexpr TensorId emit(Builder& net, TensorId x) {
    ((x = Layers::emit(net, x)), ...);
    return x;
  }
};

/// The same layer N times, each with its own parameters.
template <int N, Layer L>
struct Repeat {
  static_assert(N >= 0, "Repeat: the count cannot be negative");
  static constexpr TensorId emit(Builder& net, TensorId x) {
    for (int i = 0; i < N; ++i) x = L::emit(net, x);
    return x;
  }
};

/// main(x) + shortcut(x).
template <Layer Main, Layer Shortcut = Identity>
struct Residual {
  static constexpr TensorId emit(Builder& net, TensorId x) {
    const TensorId main = Main::emit(net, x);
    const TensorId shortcut = Shortcut::emit(net, x);
    net.enter("add");
    if (net.shape(main) != net.shape(shortcut))
      net.fail(DiagCode::residual_inputs_differ, net.shape(main), net.shape(shortcut));
    OpDesc op;
    op.kind = OpKind::add;
    op.inputs[0] = main;
    op.inputs[1] = shortcut;
    op.input_count = 2;
    const TensorId y = net.op(op, net.shape(main));
    net.leave();
    return y;
  }
};

/// main(x) + x where the shapes allow it, main(x) where they do not (MobileNet v2).
template <Layer Main>
struct ResidualWhereSame {
  static constexpr TensorId emit(Builder& net, TensorId x) {
    const TensorId main = Main::emit(net, x);
    if (net.shape(main) != net.shape(x)) return main;
    net.enter("add");
    OpDesc op;
    op.kind = OpKind::add;
    op.inputs[0] = main;
    op.inputs[1] = x;
    op.input_count = 2;
    const TensorId y = net.op(op, net.shape(main));
    net.leave();
    return y;
  }
};

namespace detail {
/// Joins tensors: by channels, or `flat`: each picture's values one tensor after another, as
/// [1, rows, columns] with `columns` values a row.
constexpr TensorId emit_concat(
    Builder& net, const TensorId* inputs, int count, bool flat, int columns) {
  net.enter("concat");
  OpDesc op;
  op.kind = OpKind::concat;
  if (count > kMaxInputs) {
    net.fail(DiagCode::too_many_inputs, {count, 0, 0});
    count = kMaxInputs;
  }
  Shape out = net.shape(inputs[0]);
  long total = 0;
  int channels = 0;
  for (int i = 0; i < count; ++i) {
    const Shape in = net.shape(inputs[i]);
    if (!flat && (in.height != out.height || in.width != out.width))
      net.fail(DiagCode::concat_inputs_differ, out, in);
    op.inputs[i] = inputs[i];
    total += in.size();
    channels += in.channels;
  }
  op.input_count = count;
  if (flat) {
    out = {1, static_cast<int>(total / columns), columns};
  } else {
    out.channels = channels;
  }
  const TensorId y = net.op(op, out);
  net.leave();
  return y;
}
}  // namespace detail

/// Each branch of the same x, joined by channels in order.
template <Layer... Branches>
struct Concat {
  static_assert(sizeof...(Branches) >= 1, "Concat: at least one branch");
  static constexpr TensorId emit(Builder& net, TensorId x) {
    const TensorId ids[] = {Branches::emit(net, x)...};
    return detail::emit_concat(net, ids, sizeof...(Branches), false, 1);
  }
};

/// Names the tensor of this place: `struct c4 { static constexpr char name[] = "c4"; };`
template <class Tag>
struct Tap {
  static constexpr TensorId emit(Builder& net, TensorId x) {
    net.tap(Tag::name, x);
    return x;
  }
};
/// Goes on from a named tensor, whatever came before.
template <class Tag>
struct From {
  static constexpr TensorId emit(Builder& net, TensorId /*x*/) { return net.tapped(Tag::name); }
};
/// Makes the tensor of this place an output of the net.
struct Output {
  static constexpr TensorId emit(Builder& net, TensorId x) {
    net.output(x);
    return x;
  }
};

/// Gives a part its name in parameter names and messages.
template <class Tag, Layer L>
struct Named {
  static constexpr TensorId emit(Builder& net, TensorId x) {
    net.enter(Tag::name);
    x = L::emit(net, x);
    net.leave();
    return x;
  }
};

/// Puts a part into a trainable group: groups have their own settings and can be frozen.
template <int Id, Layer L>
struct Group {
  static_assert(Id >= 0 && Id < 8, "Group: the id must be 0 .. 7");
  static constexpr TensorId emit(Builder& net, TensorId x) {
    const int before = net.set_group(Id);
    x = L::emit(net, x);
    net.set_group(before);
    return x;
  }
};

}  // namespace ocelli
