// The layers that do arithmetic: each emits one operation and its parameters.
//
// A layer is a type with `static constexpr TensorId emit(Builder&, TensorId)`; a user's own layer
// is one more such type. Ints and types only: see docs/architecture.md.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>

#include "ocelli/net/builder.hpp"

namespace ocelli {

template <class L>
concept Layer = requires(Builder& net, TensorId x) {
  { L::emit(net, x) } -> std::same_as<TensorId>;
};

/// TensorFlow's SAME: asymmetric at stride 2 on even sizes.
struct Same {
  static constexpr int padding = -1;
};
/// No padding.
struct Valid {
  static constexpr int padding = 0;
};
/// Zeros on both sides, as torchvision's nets have it.
template <int Zeros>
struct Symmetric {
  static_assert(Zeros >= 0, "Symmetric: the padding cannot be negative");
  static constexpr int padding = Zeros;
};

struct NoBias {
  static constexpr bool value = false;
};
struct Bias {
  static constexpr bool value = true;
};
struct Decay {
  static constexpr bool value = true;
};
struct NoDecay {
  static constexpr bool value = false;
};

/// Number of output channels that is known at compile time.
template <int N>
struct Channels {
  static constexpr int count(int /*classes*/) { return N; }
};
/// Output channels that follow the number of classes: Anchors * (classes * Per + Plus).
template <int Anchors, int Per, int Plus>
struct PerClass {
  static constexpr int count(int classes) { return Anchors * (classes * Per + Plus); }
};

namespace detail {
constexpr Window window_of(
    Shape in, int kernel_height, int kernel_width, int stride, int dilation, int padding,
    Shape& out) {
  const PaddedExtent h = padded_extent(in.height, kernel_height, stride, dilation, padding);
  const PaddedExtent w = padded_extent(in.width, kernel_width, stride, dilation, padding);
  out.height = h.out;
  out.width = w.out;
  return {kernel_height, kernel_width, stride, dilation, h.before, w.before};
}

constexpr TensorId emit_conv(
    Builder& net, TensorId x, int channels, int kernel_height, int kernel_width, int stride,
    int dilation, int padding, bool bias) {
  const Shape in = net.shape(x);
  OpDesc op;
  op.kind = OpKind::conv2d;
  op.inputs[0] = x;
  op.input_count = 1;
  Shape out{0, 0, channels};
  op.window = window_of(in, kernel_height, kernel_width, stride, dilation, padding, out);
  op.weight = net.param(
      {.kind = ParamKind::weight,
       .dims = {kernel_height, kernel_width, in.channels, channels},
       .decay = true,
       .init = InitKind::truncated_normal});
  if (bias) op.bias = net.param({.kind = ParamKind::bias, .dims = {1, 1, 1, channels}});
  return net.op(op, out);
}
}  // namespace detail

/// Convolution; see op/conv2d.hpp. `Out` is Channels<N> or PerClass<...>.
template <
    class Out, int Kernel, int Stride = 1, class Padding = Same, class WithBias = NoBias,
    int Dilation = 1>
struct BasicConv {
  static_assert(Kernel >= 1, "conv2d: the kernel must be at least 1");
  static_assert(Stride >= 1, "conv2d: the stride must be at least 1");
  static_assert(Dilation >= 1, "conv2d: the dilation must be at least 1");
  static constexpr TensorId emit(Builder& net, TensorId x) {
    net.enter("conv");
    const TensorId y = detail::emit_conv(
        net, x, Out::count(net.classes()), Kernel, Kernel, Stride, Dilation, Padding::padding,
        WithBias::value);
    net.leave();
    return y;
  }
};
/// Convolution to N channels, without bias unless asked for: a norm usually follows.
template <
    int N, int Kernel = 3, int Stride = 1, class Padding = Same, class WithBias = NoBias,
    int Dilation = 1>
using Conv = BasicConv<Channels<N>, Kernel, Stride, Padding, WithBias, Dilation>;

/// Fully connected: a window of the whole picture. x [N,H,W,C] -> [N,1,1,Out], with bias.
template <class Out>
struct BasicLinear {
  static constexpr TensorId emit(Builder& net, TensorId x) {
    net.enter("linear");
    const Shape in = net.shape(x);
    const TensorId y = detail::emit_conv(
        net, x, Out::count(net.classes()), in.height, in.width, 1, 1, Valid::padding, true);
    net.leave();
    return y;
  }
};
template <int N>
using Linear = BasicLinear<Channels<N>>;

/// Depthwise convolution without bias; see op/depthwise_conv2d.hpp.
template <
    int Kernel = 3, int Stride = 1, class Padding = Same, class Decays = Decay, int Dilation = 1>
struct DepthwiseConv {
  static_assert(Kernel >= 1, "depthwise_conv2d: the kernel must be at least 1");
  static_assert(Stride >= 1, "depthwise_conv2d: the stride must be at least 1");
  static_assert(Dilation >= 1, "depthwise_conv2d: the dilation must be at least 1");
  static constexpr TensorId emit(Builder& net, TensorId x) {
    net.enter("depthwise");
    const Shape in = net.shape(x);
    OpDesc op;
    op.kind = OpKind::depthwise_conv2d;
    op.inputs[0] = x;
    op.input_count = 1;
    Shape out{0, 0, in.channels};
    op.window = detail::window_of(in, Kernel, Kernel, Stride, Dilation, Padding::padding, out);
    op.weight = net.param(
        {.kind = ParamKind::depthwise_weight,
         .dims = {Kernel, Kernel, in.channels, 1},
         .decay = Decays::value,
         .init = InitKind::truncated_normal});
    const TensorId y = net.op(op, out);
    net.leave();
    return y;
  }
};

namespace detail {
constexpr TensorId emit_batch_norm(Builder& net, TensorId x, bool stored) {
  net.enter("batch_norm");
  const Shape shape = net.shape(x);
  OpDesc op;
  op.kind = OpKind::batch_norm;
  op.inputs[0] = x;
  op.input_count = 1;
  op.stored_statistics = stored;
  op.weight = net.param(
      {.kind = ParamKind::gamma, .dims = {1, 1, 1, shape.channels}, .init = InitKind::ones});
  op.bias = net.param({.kind = ParamKind::beta, .dims = {1, 1, 1, shape.channels}});
  op.norm = net.norm(shape.channels);
  const TensorId y = net.op(op, shape);
  net.leave();
  return y;
}
}  // namespace detail

/// Batch norm with gamma and beta; decay and epsilon are settings of its group.
struct BatchNorm {
  static constexpr TensorId emit(Builder& net, TensorId x) {
    return detail::emit_batch_norm(net, x, false);
  }
};
/// Batch norm that normalises with its stored statistics in training too; gamma and beta are
/// trained.
struct FrozenBatchNorm {
  static constexpr TensorId emit(Builder& net, TensorId x) {
    return detail::emit_batch_norm(net, x, true);
  }
};

/// An activation. Fuses into a batch norm or an addition just before it.
template <Activation F>
struct Activate {
  static constexpr TensorId emit(Builder& net, TensorId x) {
    if (F == Activation::none) return x;
    OpDesc* before = net.producer_of_fresh(x);
    const bool from_output = F == Activation::relu || F == Activation::relu6;
    if (before != nullptr && before->activation == Activation::none &&
        (before->kind == OpKind::batch_norm || (before->kind == OpKind::add && from_output))) {
      before->activation = F;
      return x;
    }
    net.enter(name(F));
    OpDesc op;
    op.kind = OpKind::activation;
    op.activation = F;
    op.inputs[0] = x;
    op.input_count = 1;
    const TensorId y = net.op(op, net.shape(x));
    net.leave();
    return y;
  }
};
using Identity = Activate<Activation::none>;
using Relu = Activate<Activation::relu>;
using Relu6 = Activate<Activation::relu6>;
using Swish = Activate<Activation::swish>;
using Sigmoid = Activate<Activation::sigmoid>;

namespace detail {
constexpr TensorId emit_pool(
    Builder& net, TensorId x, OpKind kind, int kernel_height, int kernel_width, int stride,
    int padding) {
  net.enter(name(kind));
  const Shape in = net.shape(x);
  OpDesc op;
  op.kind = kind;
  op.inputs[0] = x;
  op.input_count = 1;
  Shape out{0, 0, in.channels};
  op.window = window_of(in, kernel_height, kernel_width, stride, 1, padding, out);
  const TensorId y = net.op(op, out);
  net.leave();
  return y;
}
}  // namespace detail

template <int Kernel, int Stride = Kernel, class Padding = Same>
struct MaxPool {
  static_assert(Kernel >= 1 && Stride >= 1, "max_pool: kernel and stride must be at least 1");
  static constexpr TensorId emit(Builder& net, TensorId x) {
    return detail::emit_pool(net, x, OpKind::max_pool, Kernel, Kernel, Stride, Padding::padding);
  }
};
/// Taps outside the picture are not counted.
template <int Kernel, int Stride = Kernel, class Padding = Same>
struct AveragePool {
  static_assert(Kernel >= 1 && Stride >= 1, "average_pool: kernel and stride must be at least 1");
  static constexpr TensorId emit(Builder& net, TensorId x) {
    return detail::emit_pool(
        net, x, OpKind::average_pool, Kernel, Kernel, Stride, Padding::padding);
  }
};
/// Mean of the whole picture: [N,H,W,C] -> [N,1,1,C].
struct GlobalPool {
  static constexpr TensorId emit(Builder& net, TensorId x) {
    const Shape in = net.shape(x);
    return detail::emit_pool(net, x, OpKind::average_pool, in.height, in.width, 1, 0);
  }
};

/// Over the channels.
struct Softmax {
  static constexpr TensorId emit(Builder& net, TensorId x) {
    net.enter("softmax");
    OpDesc op;
    op.kind = OpKind::softmax;
    op.inputs[0] = x;
    op.input_count = 1;
    const TensorId y = net.op(op, net.shape(x));
    net.leave();
    return y;
  }
};

/// Keeps each value with probability KeepPermille / 1000 and divides it by that; training only. The
/// program may set another probability at run time.
template <int KeepPermille = 800>
struct Dropout {
  static_assert(KeepPermille > 0 && KeepPermille <= 1000, "dropout: keep 1 .. 1000 per mille");
  static constexpr TensorId emit(Builder& net, TensorId x) {
    net.enter("dropout");
    OpDesc op;
    op.kind = OpKind::dropout;
    op.keep = static_cast<float>(KeepPermille) / 1000.0f;
    op.inputs[0] = x;
    op.input_count = 1;
    const TensorId y = net.op(op, net.shape(x));
    net.leave();
    return y;
  }
};

}  // namespace ocelli
