// conv2d on tensor cores in bfloat16, sums in float, of tensors of S (float or bfloat16): forward,
// data gradient and weight gradient. The products are those of conv2d.cuh.
//
// Small maps make few tiles. Then forward and data gradient are cut along the depth into parts,
// whose sums go to a workspace and are added in their order (conv2d_parts.cuh). A block of
// forward takes several tiles of rows, one below the other, and can leave the mean and the sum of
// squared differences of each column, so that the batch norm behind it need not read y again.
//
// floor, of a batch of N and tensors of S bytes a value; weights have 2, rounded by convert.cuh:
//   each                flops = 2 * N*OH*OW * K * taps*C
//   forward             bytes = S * (N*H*W*C + N*OH*OW*K) + 2 * taps*C*K       + 4 * K with a bias
//   data gradient       bytes = S * (N*H*W*C + N*OH*OW*K) + 2 * taps*C*K       + S * N*H*W*C to
//                                                                                accumulate
//   weight gradient     bytes = S * (N*H*W*C + N*OH*OW*K) + 4 * 2 * taps*C*K
// needs   fewer than 2^31 values in each tensor, windows of fewer than 2^20 taps; pieces of 8
//         where C or K is a multiple of 8
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ocelli/kernels/conv2d_floor.cuh"
#include "ocelli/kernels/conv2d_mma_sources.cuh"
#include "ocelli/kernels/mma_epilogue.cuh"

namespace ocelli::kernel {

template <class S>
constexpr Floor conv2d_mma_forward_floor(const Conv2dGeometry& g, long batch, bool bias) {
  return {
      kBytes<S> * conv2d_values(g, batch) + 2 * g.weights() + (bias ? 4 * g.out_channels : 0),
      batch * g.flops()};
}
template <class S>
constexpr Floor conv2d_mma_data_gradient_floor(
    const Conv2dGeometry& g, long batch, bool accumulate) {
  const long again = accumulate ? batch * g.pixels() * g.channels : 0;
  return {kBytes<S> * (conv2d_values(g, batch) + again) + 2 * g.weights(), batch * g.flops()};
}
template <class S>
constexpr Floor conv2d_mma_weight_gradient_floor(const Conv2dGeometry& g, long batch) {
  return {kBytes<S> * conv2d_values(g, batch) + 8 * g.weights(), batch * g.flops()};
}
/// What the launches of a convolution have in common. What kernels could compute from the geometry
/// stands here too, where it costs them no registers.
struct ConvPlan {
  Conv2dGeometry g;
  int batch, pixels;               ///< pixels: of y, over the batch
  Window window;                   ///< of x
  bool first_whole, second_whole;  ///< pieces of 8 of the product's first and second side
  Divider by_channels, by_picture, by_row;
};

/// How the depth is cut: into parts of `depth`, a multiple of the tile's.
struct DepthCut {
  int depth;
  float* partial;  ///< [parts, rows, columns]; null: one part, which is the result
};

/// Four neighbours of a row to memory, or those below `columns` one by one.
template <class S>
OCELLI_DEVICE void put_four(
    S* to, long row, int column, int columns, bool whole, const Lanes<4>& a) {
  S* const at = to + row * columns + column;
  if (whole) return store(at, a);
  OCELLI_UNROLL
  for (int e = 0; e < 4; ++e)
    if (column + e < columns) store(at + e, Lanes<1>{{a.v[e]}});
}
template <class S>
OCELLI_DEVICE Lanes<4> get_four(const S* from, long row, int column, int columns, bool whole) {
  const S* const at = from + row * columns + column;
  if (whole) return load<4>(at);
  Lanes<4> a;
  OCELLI_UNROLL
  for (int e = 0; e < 4; ++e) a.v[e] = column + e < columns ? load<1>(at + e).v[0] : 0.0f;
  return a;
}

/// Rows of a tile of forward: y = f(sum + bias), or partial sums [parts * rows, columns].
template <class T, class S>
struct ForwardRows {
  using Mine = RowPieces<T>;
  int first_row, column, columns;  ///< of the tensor; `column` this thread's first
  bool whole, keeps;               ///< keeps: adds up the columns
  Activation f;
  S* y;
  float* partial;
  int partial_row;  ///< first_row's
  const float* bias;
  ColumnTerms<T> terms;

  OCELLI_DEVICE Lanes<4> value(Lanes<4> a) const {
    if (bias != nullptr) {
      const Lanes<4> b = get_four(bias, 0, column, columns, whole);
      OCELLI_UNROLL
      for (int e = 0; e < 4; ++e) a.v[e] += b.v[e];
    }
    activate_all(f, a);
    return a;
  }
  /// As it is read again.
  static OCELLI_DEVICE Lanes<4> stored(Lanes<4> a) {
    if constexpr (std::is_same_v<S, bfloat16>) {
      OCELLI_UNROLL
      for (int e = 0; e < 4; ++e) a.v[e] = static_cast<float>(bfloat16(a.v[e]));
    }
    return a;
  }
  OCELLI_DEVICE void band(int rows, const float* stage) {
    if (!keeps) return;
    terms.begin(rows, [&](int row) {
      return stored(value(load<4>(stage + row * Mine::line + Mine::column())));
    });
  }
  OCELLI_DEVICE void operator()(int row, Lanes<4> a) {
    if (column >= columns) return;
    if (partial != nullptr) return put_four(partial, partial_row + row, column, columns, whole, a);
    a = value(a);
    put_four(y, first_row + row, column, columns, whole, a);
    if (keeps) terms.add(stored(a));
  }
};

/// Whether a block of forward can take several tiles of rows. Not the wide tile's: it needs its
/// registers.
template <class T>
inline constexpr bool kTakesSeveral = T::columns < 128;

/// Grid: tiles of K, blocks of `tiles` tiles of N*OH*OW, parts of the depth.
/// @param w        [taps*C, K], rounded
/// @param bias     [K], or null
/// @param moments  [blocks of rows, 2, K]: mean and sum of squared differences; or null. One part
template <class T, class S>
OCELLI_KERNEL_BOUNDS(T::threads, (kResidents<T, S>))
conv2d_mma_forward(
    ConvPlan plan, Operand<S> x, const bfloat16* w, int tiles, DepthCut cut, const float* bias,
    Activation f, S* y, bool y_whole, float* moments) {
  OCELLI_SHARED(bfloat16, ring, [T::ring_size]);
  using Mine = RowPieces<T>;
  const Conv2dGeometry& g = plan.g;
  const int rows = plan.pixels, depth = plan.window.taps * g.channels;
  const int first_column = block_x() * T::columns, first = block_z() * cut.depth;
  const int last = depth - first < cut.depth ? depth : first + cut.depth;

  const int turns = kTakesSeveral<T> ? tiles : 1;
  OCELLI_ONE_BY_ONE
  for (int tile = 0; tile < turns; ++tile) {
    const int first_row = (block_y() * turns + tile) * T::rows;
    if (first_row >= rows) break;   // all threads of the block
    if (tile > 0) __syncthreads();  // the ring is free
    WindowPieces<T, S, true> windows(
        x, plan.window, plan.by_channels, last, plan.first_whole, [&](int line) {
          const int row = first_row + line;
          if (row >= rows) return no_place();
          const int n = plan.by_picture.quotient(row), pixel = plan.by_picture.remainder(row);
          const int i = plan.by_row.quotient(pixel), j = pixel - i * g.out_width;
          const int top = i * g.stride - g.pad_top, left = j * g.stride - g.pad_left;
          return WindowPlace{(n * g.height + top) * g.width + left, top, left};
        });
    MatrixPieces<T, bfloat16> weights(w, g.out_channels, first_column, last, plan.second_whole);
    const MmaSums<T> sums = mma_product<T>(windows, weights, first, last, ring);

    ForwardRows<T, S> put;
    put.first_row = first_row;
    put.column = first_column + Mine::column();
    put.columns = g.out_channels;
    put.whole = y_whole;
    put.keeps = moments != nullptr;
    put.f = f;
    put.y = y;
    put.partial = cut.partial;
    put.partial_row = block_z() * rows + first_row;
    put.bias = bias;
    const int here = rows - first_row < T::rows ? rows - first_row : T::rows;
    put_sums<T>(sums, here, ring, put);
    if (moments != nullptr)
      put.terms.collect(
          tile * T::rows, here, g.out_channels - first_column, ring,
          moments + long(block_y()) * 2 * g.out_channels + first_column, g.out_channels);
  }
}

/// Rows of a tile of a data gradient.
template <class S>
struct DataGradientRows {
  const Conv2dGeometry& g;
  const Phase& phase;
  int first_row, column;
  bool whole;
  Gradient<S> dx;
  float* partial;

  OCELLI_DEVICE void band(int, const float*) {}
  OCELLI_DEVICE void operator()(int row, Lanes<4> a) {
    if (column >= g.channels) return;
    const long pixel = pixel_of(first_row + row);
    if (partial != nullptr) return put_four(partial, pixel, column, g.channels, whole, a);
    if (dx.accumulate) {
      const Lanes<4> old = get_four(dx.data, pixel, column, g.channels, whole);
      OCELLI_UNROLL
      for (int e = 0; e < 4; ++e) a.v[e] = old.v[e] + a.v[e];
    }
    put_four(dx.data, pixel, column, g.channels, whole, a);
  }
  /// Number over the batch of a row of the phase.
  OCELLI_DEVICE long pixel_of(int row) const {
    if (g.stride == 1) return row;
    const PhasePixel p = phase.pixel(g, row);
    return (long(p.n) * g.height + p.h) * g.width + p.w;
  }
};

/// Grid: tiles of C, tiles of the largest phase's pixels, parts of the depth times stride * stride
/// phases. A part that has no depth in a phase is 0 there.
template <class T, class S>
OCELLI_KERNEL_BOUNDS(T::threads, (kResidents<T, S>))
conv2d_mma_data_gradient(
    ConvPlan plan, const S* dy, const bfloat16* w, DepthCut cut, Gradient<S> dx, bool dx_whole) {
  OCELLI_SHARED(bfloat16, ring, [T::ring_size]);
  const Conv2dGeometry& g = plan.g;
  const int phases = g.stride * g.stride, part = block_z() / phases;
  const Phase phase(g, block_z() % phases);
  const int rows = plan.batch * phase.height * phase.width;
  const int first_row = block_y() * T::rows, first_column = block_x() * T::columns;
  if (first_row >= rows) return;  // all threads of the block
  const int depth = phase.taps() * g.out_channels, first = part * cut.depth;
  const int last = depth - first < cut.depth ? depth : first + cut.depth;

  // A tap is step * dilation pixels of x from the next, in dy a stride-th of that.
  const Window window{
      g.out_height,
      g.out_width,
      g.out_channels,
      phase.taps(),
      phase.taps_across,
      -(phase.step * g.dilation / g.stride),
      1.0f / static_cast<float>(phase.taps_across)};
  const Operand<S> gradient{dy, nullptr, nullptr, Activation::none};
  WindowPieces<T, S, false> windows(
      gradient, window, plan.by_channels, last, plan.first_whole, [&](int line) {
        const int row = first_row + line;
        if (row >= rows) return no_place();
        const PhasePixel p = phase.pixel(g, row);
        // Multiples of the stride.
        const int top = (p.h + g.pad_top - phase.first_u * g.dilation) / g.stride;
        const int left = (p.w + g.pad_left - phase.first_v * g.dilation) / g.stride;
        return WindowPlace{(p.n * g.out_height + top) * g.out_width + left, top, left};
      });
  TransposedWeightPieces<T> weights(
      w, g, phase, window, plan.by_channels, first_column, last, plan.first_whole);
  const MmaSums<T> sums = mma_product<T>(windows, weights, first, last, ring);

  DataGradientRows<S> put{
      g,
      phase,
      first_row,
      first_column + RowPieces<T>::column(),
      dx_whole,
      dx,
      cut.partial == nullptr ? nullptr
                             : cut.partial + long(part) * plan.batch * g.pixels() * g.channels};
  put_sums<T>(sums, rows - first_row < T::rows ? rows - first_row : T::rows, ring, put);
}

/// Rows of a tile of a weight gradient's part.
struct WeightGradientRows {
  int first_row, column, columns;
  bool whole;
  float* partial;

  OCELLI_DEVICE void band(int, const float*) {}
  OCELLI_DEVICE void operator()(int row, const Lanes<4>& a) {
    if (column < columns) put_four(partial, first_row + row, column, columns, whole, a);
  }
};

/// Grid: tiles of K, tiles of taps*C, parts of the N*OH*OW pixels.
/// @param part     pixels of a part
/// @param partial  [parts, taps*C, K]
template <class T, class S>
OCELLI_KERNEL_BOUNDS(T::threads, (kResidents<T, S>))
conv2d_mma_weight_gradient(ConvPlan plan, Operand<S> x, const S* dy, int part, float* partial) {
  OCELLI_SHARED(bfloat16, ring, [T::ring_size]);
  const Conv2dGeometry& g = plan.g;
  const int rows = static_cast<int>(g.taps()) * g.channels;
  const int pixels = plan.pixels;
  const int first_column = block_x() * T::columns, first_row = block_y() * T::rows;
  const int first = block_z() * part;
  const int last = pixels - first < part ? pixels : first + part;
  WindowColumnPieces<T, S> windows(
      x, g, plan.by_channels, plan.by_picture, plan.by_row, first_row, last, plan.first_whole);
  MatrixPieces<T, S> gradients(dy, g.out_channels, first_column, last, plan.second_whole);
  const MmaSums<T> sums = mma_product<T>(windows, gradients, first, last, ring);
  WeightGradientRows put{
      first_row, first_column + RowPieces<T>::column(), g.out_channels, g.out_channels % 4 == 0,
      partial + long(block_z()) * g.weights()};
  put_sums<T>(sums, rows - first_row < T::rows ? rows - first_row : T::rows, ring, put);
}

}  // namespace ocelli::kernel
