// One operation with all its buffers, filled with random numbers: what the tests of operations and
// of devices are made of.
//
//   OpSpec spec = conv2d_spec(2, {7, 9, 4}, 8, 3, 2);   // batch, x, channels of y, kernel, stride
//   spec.deferred = Activation::relu6;                  // x is read as relu6(scale * x + shift)
//   OpCase<double> want(spec);
//   OpCase<float> got(spec);                            // the same numbers
//   ReferenceBackend<double>().forward(want.call);
//   device.forward(got.call);
//   CHECK(difference(got.out, want.out) < tolerance);
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <stdexcept>
#include <utility>
#include <vector>

#include "ocelli/core/buffer.hpp"
#include "ocelli/core/random.hpp"
#include "ocelli/core/shape.hpp"
#include "ocelli/op/call.hpp"
#include "ocelli/op/op.hpp"
#include "ocelli/op/window.hpp"

namespace ocelli::test {

inline constexpr int kSame = -1;  ///< padding, as padded_extent takes it

/// What to make an OpCase of. The functions below fill in the rest of one.
struct OpSpec {
  OpDesc op;
  int batch = 1;
  std::vector<Shape> in;
  Shape out;
  long weights = 0, biases = 0;  ///< 0: none
  Mode mode = Mode::train;
  std::optional<Activation> deferred;  ///< inputs are operands of a deferred norm, thus activated
  bool deferred_output = false;        ///< batch_norm: no `out`
  bool accumulate = false;             ///< din holds something already
  bool frozen = false;                 ///< no dweight, no dbias
  Activation epilogue = Activation::none;
  NormOptions norm;
  double deviation = 1;  ///< of the inputs
  std::uint64_t seed = 1;
};

inline OpSpec window_spec(
    OpKind kind, int batch, Shape in, int channels, int kernel_height, int kernel_width, int stride,
    int padding, int dilation) {
  OpSpec spec;
  spec.op.kind = kind;
  spec.op.input_count = 1;
  spec.batch = batch;
  spec.in = {in};
  const PaddedExtent rows = padded_extent(in.height, kernel_height, stride, dilation, padding);
  const PaddedExtent columns = padded_extent(in.width, kernel_width, stride, dilation, padding);
  spec.out = {rows.out, columns.out, channels};
  spec.op.window = {kernel_height, kernel_width, stride, dilation, rows.before, columns.before};
  return spec;
}

inline OpSpec conv2d_spec(
    int batch, Shape in, int out_channels, int kernel, int stride = 1, int padding = kSame,
    int dilation = 1, bool bias = false) {
  OpSpec spec = window_spec(
      OpKind::conv2d, batch, in, out_channels, kernel, kernel, stride, padding, dilation);
  spec.weights = long(kernel) * kernel * in.channels * out_channels;
  spec.biases = bias ? out_channels : 0;
  return spec;
}

inline OpSpec depthwise_conv2d_spec(
    int batch, Shape in, int kernel, int stride = 1, int padding = kSame, int dilation = 1,
    bool bias = false) {
  OpSpec spec = window_spec(
      OpKind::depthwise_conv2d, batch, in, in.channels, kernel, kernel, stride, padding, dilation);
  spec.weights = long(kernel) * kernel * in.channels;
  spec.biases = bias ? in.channels : 0;
  return spec;
}

/// kind: max_pool or average_pool.
inline OpSpec pool_spec(
    OpKind kind, int batch, Shape in, int kernel, int stride = 1, int padding = kSame) {
  return window_spec(kind, batch, in, in.channels, kernel, kernel, stride, padding, 1);
}

inline OpSpec batch_norm_spec(
    int batch, Shape in, Activation f = Activation::none, bool gamma = true, bool beta = true) {
  OpSpec spec;
  spec.op.kind = OpKind::batch_norm;
  spec.op.input_count = 1;
  spec.op.activation = f;
  spec.batch = batch;
  spec.in = {in};
  spec.out = in;
  spec.weights = gamma ? in.channels : 0;
  spec.biases = beta ? in.channels : 0;
  return spec;
}

/// kind: activation, softmax, dropout, or (with inputs > 1) add.
inline OpSpec elementwise_spec(
    OpKind kind, int batch, Shape in, Activation f = Activation::none, int inputs = 1) {
  OpSpec spec;
  spec.op.kind = kind;
  spec.op.input_count = inputs;
  spec.op.activation = f;
  spec.batch = batch;
  spec.in.assign(static_cast<std::size_t>(inputs), in);
  spec.out = in;
  return spec;
}

inline OpSpec concat_spec(int batch, std::vector<Shape> in, Shape out) {
  OpSpec spec;
  spec.op.kind = OpKind::concat;
  spec.op.input_count = static_cast<int>(in.size());
  spec.batch = batch;
  spec.in = std::move(in);
  spec.out = out;
  return spec;
}

/// Buffers and a call ready for `forward`, then `backward`. Numbers are standard normal, rounded to
/// odd multiples of 2^-13: float and double cases of one spec hold the same ones, and none is a
/// corner of relu or relu6.
/// Weights are scaled to keep the output's deviation near 1; gamma is near 1; `moving` is a mean
/// near 0 and a variance near 1. Outputs, and gradients that are to be overwritten, start as NaN;
/// gradients that are added to start as numbers, kept in `din_before`, `dweight_before`,
/// `dbias_before`.
template <class T>
class OpCase {
 public:
  OpSpec spec;
  Buffer<T> in[kMaxInputs], scale[kMaxInputs], shift[kMaxInputs], din[kMaxInputs];
  Buffer<T> din_before[kMaxInputs];
  Buffer<T> out, dout, weight, bias, dweight, dbias, dweight_before, dbias_before;
  Buffer<T> moving_mean, moving_variance, batch_norm;
  OpCall<T> call;

  explicit OpCase(OpSpec the_spec) : spec(std::move(the_spec)) {
    const long out_size = spec.batch * spec.out.size();
    call.op = &spec.op;
    call.batch = spec.batch;
    call.mode = spec.mode;
    call.out_shape = spec.out;
    call.epilogue = spec.epilogue;
    call.norm = spec.norm;
    call.seed = spec.seed;
    call.step = 3;
    for (int k = 0; k < spec.op.input_count; ++k) {
      const Shape& shape = spec.in[static_cast<std::size_t>(k)];
      const long size = spec.batch * shape.size();
      call.in_shape[k] = shape;
      call.in[k].data = fill(in[k], size, spec.deviation);
      if (spec.deferred) {
        call.in[k].scale = fill(scale[k], shape.channels, 0.25, 1);
        call.in[k].shift = fill(shift[k], shape.channels);
        call.in[k].activation = *spec.deferred;
      }
      call.accumulate[k] = spec.accumulate;
      call.din[k] = gradient(din[k], din_before[k], size, spec.accumulate);
    }
    if (!spec.deferred_output) call.out = nan(out, out_size);
    call.dout = fill(dout, out_size);

    const bool norm = spec.op.kind == OpKind::batch_norm;
    const long fan_in = spec.weights / std::max(1, spec.out.channels);
    if (spec.weights > 0)
      call.weight = norm ? fill(weight, spec.weights, 0.25, 1)
                         : fill(weight, spec.weights, 1 / std::sqrt(double(fan_in)));
    if (spec.biases > 0) call.bias = fill(bias, spec.biases);
    if (norm) {
      const long channels = spec.out.channels;
      call.moving_mean = fill(moving_mean, channels, 0.25);
      call.moving_variance = fill(moving_variance, channels, 0.25, 1);
      for (T& v : moving_variance.span()) v = std::abs(v) + T(0.25);
      call.batch_norm = nan(batch_norm, 4 * channels);
    }
    if (!spec.frozen) {
      if (spec.weights > 0) call.dweight = gradient(dweight, dweight_before, spec.weights, true);
      if (spec.biases > 0) call.dbias = gradient(dbias, dbias_before, spec.biases, true);
    }
  }
  OpCase(const OpCase&) = delete;
  OpCase& operator=(const OpCase&) = delete;

  /// Element i of the output as its readers see it, also of a deferred norm.
  T value(long i) const {
    if (!spec.deferred_output) return out[static_cast<std::size_t>(i)];
    const int C = spec.out.channels, c = static_cast<int>(i % C);
    const T* const made = batch_norm.data() + 2 * C;
    return activate(spec.op.activation, made[c] * call.in[0].at(i, c) + made[C + c]);
  }

 private:
  T* fill(Buffer<T>& buffer, long count, double deviation = 1, double mean = 0) {
    Random random(spec.seed, Stream::init, 0, buffers_++);
    buffer = Buffer<T>(static_cast<std::size_t>(count));
    for (T& v : buffer.span()) {
      const double x = mean + deviation * random.normal();
      v = static_cast<T>((std::floor(x * 4096) + 0.5) / 4096);
    }
    return buffer.data();
  }
  T* nan(Buffer<T>& buffer, long count) {
    buffer = Buffer<T>(static_cast<std::size_t>(count));
    std::fill_n(buffer.data(), count, std::numeric_limits<T>::quiet_NaN());
    return buffer.data();
  }
  T* gradient(Buffer<T>& buffer, Buffer<T>& before, long count, bool added_to) {
    const std::uint32_t number = buffers_;
    if (!added_to) {
      ++buffers_;  // the other buffers hold the same numbers either way
      return nan(buffer, count);
    }
    fill(before, count);
    buffers_ = number;
    return fill(buffer, count);
  }

  std::uint32_t buffers_ = 0;
};

template <class T>
inline void assign(Buffer<T>& buffer, const std::vector<double>& values) {
  if (buffer.size() != values.size()) throw std::invalid_argument("assign: sizes differ");
  std::transform(values.begin(), values.end(), buffer.data(), [](double v) { return T(v); });
}

inline Buffer<double> buffer_of(const std::vector<double>& values) {
  Buffer<double> buffer(values.size());
  assign(buffer, values);
  return buffer;
}

/// The largest |got - want|, as a share of the largest |want|, or of 1 if that is larger. Infinite
/// when the sizes differ or a value is NaN in one of the two.
template <class A, class B>
inline double difference(const Buffer<A>& got, const Buffer<B>& want) {
  if (got.size() != want.size()) return std::numeric_limits<double>::infinity();
  double most = 0, largest = 1;
  for (std::size_t i = 0; i < got.size(); ++i) {
    const double a = static_cast<double>(got[i]), b = static_cast<double>(want[i]);
    if (std::isnan(a) && std::isnan(b)) continue;
    if (std::isnan(a) || std::isnan(b)) return std::numeric_limits<double>::infinity();
    most = std::max(most, std::abs(a - b));
    largest = std::max(largest, std::abs(b));
  }
  return most / largest;
}

}  // namespace ocelli::test
