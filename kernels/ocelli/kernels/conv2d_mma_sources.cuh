// The sides of conv2d's products on tensor cores: matrices that are fetched from tensors and
// weights piece by piece for mma_product. None of them exists in memory.
//
// Tensors are of S, float or bfloat16; weights are a copy rounded to bfloat16. Pieces of bfloat16
// that lie as they are wanted are copied without passing through registers, and a deferred norm is
// applied to them in shared memory, by the thread that asked for the copy. Pieces of float are
// loaded into registers and rounded while the warps multiply. Where channels or addresses are no
// multiples of a piece, numbers are fetched one by one.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <type_traits>

#include "ocelli/kernels/conv2d_phase.cuh"
#include "ocelli/kernels/divider.cuh"
#include "ocelli/kernels/mma_tile.cuh"

namespace ocelli::kernel {

/// Whether a tile's sources can fetch numbers one by one. Not the wide tile's: it needs its
/// registers.
template <class T>
inline constexpr bool kFetchesSingly = T::columns < 128;

/// Each value as it is read with a norm deferred.
OCELLI_DEVICE void activate_all(Activation f, Lanes<kPiece>& a) {
  if (f == Activation::none) return;
  if (f == Activation::relu || f == Activation::relu6) {
    const float most = f == Activation::relu6 ? 6.0f : __uint_as_float(0x7F800000u);
    OCELLI_UNROLL
    for (int e = 0; e < kPiece; ++e)  // NaN stays
      a.v[e] = a.v[e] < 0.0f ? 0.0f : (a.v[e] > most ? most : a.v[e]);
    return;
  }
  OCELLI_UNROLL
  for (int e = 0; e < kPiece; ++e) a.v[e] = activate(f, a.v[e]);
}

/// The norm of channels c .. c + 7.
template <class S>
struct PieceNorm {
  Lanes<kPiece> scale, shift;
  Activation f;

  OCELLI_DEVICE PieceNorm(const Operand<S>& x, int c)
      : scale(load<kPiece>(x.scale + c)), shift(load<kPiece>(x.shift + c)), f(x.activation) {}
  OCELLI_DEVICE void apply(Lanes<kPiece>& a) const {
    OCELLI_UNROLL
    for (int e = 0; e < kPiece; ++e) a.v[e] = scale.v[e] * a.v[e] + shift.v[e];
    activate_all(f, a);
  }
};

/// Brings a thread's pieces of a slice into the panel: those of bfloat16 by copies that have landed
/// when the thread has waited, those of float through registers, by put().
template <class S, class Mine>
struct Carrier {
  static constexpr bool through_registers = !std::is_same_v<S, bfloat16>;
  Lanes<kPiece> held[through_registers ? Mine::slots : 1];

  /// @param from  a piece, or any of the tensor's where it reads as 0 (not inside)
  OCELLI_DEVICE void take(const Mine& mine, int s, const S* from, bool inside, bfloat16* panel) {
    if constexpr (through_registers)
      held[s] = inside ? load<kPiece>(from) : lanes_of<kPiece>(0.0f);
    else
      ptx::cp_async_16(panel + mine.place_at(s), from, inside ? 16u : 0u);
  }
  OCELLI_DEVICE void put(const Mine& mine, int s, bfloat16* panel) const {
    store(panel + mine.place_at(s), held[s]);
  }
};

/// A tensor's windows: the pixel that a line's first tap meets, and how far the others are.
struct Window {
  int height, width, channels;  ///< of the tensor
  int taps, across;             ///< of the window; taps in its row
  int step;                     ///< pixels from tap to tap, in both directions; may be negative

  OCELLI_DEVICE int down(int tap) const { return taps == 1 ? 0 : tap / across * step; }
  OCELLI_DEVICE int over(int tap) const { return taps == 1 ? 0 : tap % across * step; }
  OCELLI_DEVICE bool holds(int h, int w) const {
    return static_cast<unsigned>(h) < static_cast<unsigned>(height) &&
           static_cast<unsigned>(w) < static_cast<unsigned>(width);
  }
};
struct WindowPlace {
  int pixel;      ///< over the batch, as if the picture had no edge
  int top, left;  ///< in the picture
  static constexpr int nowhere = -0x40000000;  ///< top of a line beyond the last
};

/// Windows as lines along the depth, [lines, taps * channels].
template <class T, class S, bool MayDefer>
struct WindowPieces {
  static constexpr bool along_depth = true;
  using Mine = Pieces<T::rows, T::depth, T::threads>;

  const Mine mine;
  const Operand<S>& x;
  const Window& window;
  const Divider& by_channels;
  int last;
  bool whole;  ///< pieces can be taken whole
  WindowPlace place[Mine::slots];
  Carrier<S, Mine> carrier;
  unsigned inside = 0;  ///< a bit a slot, of the last slices
  int c = -1;           ///< channel of the slice in registers, or -1: none is

  /// @param last     the depth's end
  /// @param line_at  WindowPlace of a line of the tile
  template <class LineAt>
  OCELLI_DEVICE WindowPieces(
      const Operand<S>& operand, const Window& of, const Divider& channels, int end,
      bool take_whole, const LineAt& line_at)
      : mine(thread_x()), x(operand), window(of), by_channels(channels), last(end),
        whole(take_whole) {
    OCELLI_UNROLL
    for (int s = 0; s < Mine::slots; ++s) place[s] = line_at(mine.line_at(s));
  }

  OCELLI_DEVICE void start(int depth, bfloat16* panel) {
    inside <<= Mine::slots;
    c = -1;
    if (depth >= last) return;
    if constexpr (kFetchesSingly<T>)
      if (!whole) return start_singly(depth, panel);
    const int d = depth + mine.piece * kPiece;
    const int tap = by_channels.quotient(d);
    c = d - tap * window.channels;
    const int down = window.down(tap), over = window.over(tap);
    const int away = down * window.width + over;
    OCELLI_UNROLL
    for (int s = 0; s < Mine::slots; ++s) {
      const WindowPlace& p = place[s];
      const bool in = tap < window.taps && window.holds(p.top + down, p.left + over);
      const int at = in ? (p.pixel + away) * window.channels + c : 0;
      carrier.take(mine, s, x.data + at, in, panel);
      inside |= static_cast<unsigned>(in) << s;
    }
  }

  OCELLI_DEVICE void stash(bfloat16* panel) {
    if constexpr (Carrier<S, Mine>::through_registers) {
      if (c < 0) return;
      if (MayDefer && x.deferred()) {
        const PieceNorm<S> norm(x, c);
        OCELLI_UNROLL
        for (int s = 0; s < Mine::slots; ++s)
          if (inside >> s & 1u) norm.apply(carrier.held[s]);
      }
      OCELLI_UNROLL
      for (int s = 0; s < Mine::slots; ++s) carrier.put(mine, s, panel);
    }
  }

  OCELLI_DEVICE void finish(int depth, bfloat16* panel) {
    if constexpr (MayDefer && !Carrier<S, Mine>::through_registers) {
      const unsigned mask = inside >> kLag * Mine::slots & ((1u << Mine::slots) - 1u);
      if (!x.deferred() || depth >= last || mask == 0) return;
      const PieceNorm<S> norm(x, by_channels.remainder(depth + mine.piece * kPiece));
      OCELLI_ONE_BY_ONE
      for (int s = 0; s < Mine::slots; ++s) {
        if ((mask >> s & 1u) == 0) continue;
        bfloat16* const at = panel + mine.place_at(s);
        Lanes<kPiece> a = load<kPiece>(at);
        norm.apply(a);
        store(at, a);
      }
    }
  }

 private:
  /// Sets no bit of `inside`: the norm is applied here.
  OCELLI_DEVICE void start_singly(int depth, bfloat16* panel) {
    Lanes<kPiece> a[Mine::slots];
    OCELLI_UNROLL
    for (int e = 0; e < kPiece; ++e) {
      const int d = depth + mine.piece * kPiece + e;
      const int tap = by_channels.quotient(d), channel = d - tap * window.channels;
      const int down = window.down(tap), over = window.over(tap);
      const int away = down * window.width + over;
      OCELLI_UNROLL
      for (int s = 0; s < Mine::slots; ++s) {
        const WindowPlace& p = place[s];
        a[s].v[e] = 0.0f;
        if (tap < window.taps && window.holds(p.top + down, p.left + over)) {
          const long at = long(p.pixel + away) * window.channels + channel;
          a[s].v[e] = MayDefer ? read<1>(x, at, channel).v[0] : load<1>(x.data + at).v[0];
        }
      }
    }
    OCELLI_UNROLL
    for (int s = 0; s < Mine::slots; ++s) store(panel + mine.place_at(s), a[s]);
  }
};

/// Windows of x as columns [taps * C, pixels of y]: a line of the panel is a pixel.
template <class T, class S>
struct WindowColumnPieces {
  static constexpr bool along_depth = false;
  using Mine = Pieces<T::depth, T::rows, T::threads>;

  const Mine mine;
  const Operand<S>& x;
  const Conv2dGeometry& g;
  const Divider &by_channels, &by_picture, &by_row;
  int first_row, last;
  bool whole;
  Carrier<S, Mine> carrier;
  unsigned inside = 0;
  bool held = false;
  int c, down, over;  ///< of this thread's tap
  bool known;

  OCELLI_DEVICE WindowColumnPieces(
      const Operand<S>& operand, const Conv2dGeometry& geometry, const Divider& channels,
      const Divider& picture, const Divider& row, int first, int end, bool take_whole)
      : mine(thread_x()), x(operand), g(geometry), by_channels(channels), by_picture(picture),
        by_row(row), first_row(first), last(end), whole(take_whole) {
    set_tap(first_row + mine.piece * kPiece, c, down, over, known);
  }

  OCELLI_DEVICE void start(int depth, bfloat16* panel) {
    inside <<= Mine::slots;
    held = false;
    if (depth >= last) return;
    if constexpr (kFetchesSingly<T>)
      if (!whole) return start_singly(depth, panel);
    held = true;
    OCELLI_UNROLL
    for (int s = 0; s < Mine::slots; ++s) {
      int at = 0;
      const bool in = known && meets(depth + mine.line_at(s), down, over, at);
      carrier.take(mine, s, x.data + (in ? at * g.channels + c : 0), in, panel);
      inside |= static_cast<unsigned>(in) << s;
    }
  }

  OCELLI_DEVICE void stash(bfloat16* panel) {
    if constexpr (Carrier<S, Mine>::through_registers) {
      if (!held) return;
      if (x.deferred() && known) {
        const PieceNorm<S> norm(x, c);
        OCELLI_UNROLL
        for (int s = 0; s < Mine::slots; ++s)
          if (inside >> s & 1u) norm.apply(carrier.held[s]);
      }
      OCELLI_UNROLL
      for (int s = 0; s < Mine::slots; ++s) carrier.put(mine, s, panel);
    }
  }

  OCELLI_DEVICE void finish(int depth, bfloat16* panel) {
    if constexpr (!Carrier<S, Mine>::through_registers) {
      const unsigned mask = inside >> kLag * Mine::slots & ((1u << Mine::slots) - 1u);
      if (!x.deferred() || depth >= last || mask == 0) return;
      const PieceNorm<S> norm(x, c);
      OCELLI_ONE_BY_ONE
      for (int s = 0; s < Mine::slots; ++s) {
        if ((mask >> s & 1u) == 0) continue;
        bfloat16* const at = panel + mine.place_at(s);
        Lanes<kPiece> a = load<kPiece>(at);
        norm.apply(a);
        store(at, a);
      }
    }
  }

 private:
  OCELLI_DEVICE void set_tap(int row, int& channel, int& rows, int& columns, bool& is_one) const {
    const int tap = by_channels.quotient(row);
    channel = row - tap * g.channels;
    rows = tap / g.kernel_width * g.dilation - g.pad_top;
    columns = tap % g.kernel_width * g.dilation - g.pad_left;
    is_one = tap < static_cast<int>(g.taps());
  }
  /// Whether pixel p of y meets a pixel of x with the tap; its number over the batch.
  OCELLI_DEVICE bool meets(int p, int rows, int columns, int& pixel) const {
    const int n = by_picture.quotient(p), rest = by_picture.remainder(p);
    const int row = by_row.quotient(rest);
    const int h = row * g.stride + rows, w = (rest - row * g.out_width) * g.stride + columns;
    pixel = (n * g.height + h) * g.width + w;
    return p < last && static_cast<unsigned>(h) < static_cast<unsigned>(g.height) &&
           static_cast<unsigned>(w) < static_cast<unsigned>(g.width);
  }
  OCELLI_DEVICE void start_singly(int depth, bfloat16* panel) {
    Lanes<kPiece> a[Mine::slots];
    OCELLI_UNROLL
    for (int e = 0; e < kPiece; ++e) {
      int channel, rows, columns;
      bool is_one;
      set_tap(first_row + mine.piece * kPiece + e, channel, rows, columns, is_one);
      OCELLI_UNROLL
      for (int s = 0; s < Mine::slots; ++s) {
        int at = 0;
        a[s].v[e] = 0.0f;
        if (is_one && meets(depth + mine.line_at(s), rows, columns, at))
          a[s].v[e] = read<1>(x, long(at) * g.channels + channel, channel).v[0];
      }
    }
    OCELLI_UNROLL
    for (int s = 0; s < Mine::slots; ++s) store(panel + mine.place_at(s), a[s]);
  }
};

/// A matrix [depth, columns] as it lies: the weights [taps * C, K], or dy [pixels, K].
template <class T, class S>
struct MatrixPieces {
  static constexpr bool along_depth = false;
  using Mine = Pieces<T::depth, T::columns, T::threads>;

  const Mine mine;
  const S* data;
  int columns, column, last;
  bool whole;
  Carrier<S, Mine> carrier;
  bool held = false;

  OCELLI_DEVICE MatrixPieces(const S* matrix, int width, int first_column, int end, bool take_whole)
      : mine(thread_x()), data(matrix), columns(width),
        column(first_column + mine.piece * kPiece), last(end), whole(take_whole) {}

  OCELLI_DEVICE void start(int depth, bfloat16* panel) {
    held = false;
    if (depth >= last) return;
    if constexpr (kFetchesSingly<T>)
      if (!whole) return start_singly(depth, panel);
    held = true;
    OCELLI_UNROLL
    for (int s = 0; s < Mine::slots; ++s) {
      const int d = depth + mine.line_at(s);
      const bool in = d < last && column < columns;
      carrier.take(mine, s, data + (in ? d * columns + column : 0), in, panel);
    }
  }
  OCELLI_DEVICE void stash(bfloat16* panel) {
    if constexpr (Carrier<S, Mine>::through_registers) {
      if (!held) return;
      OCELLI_UNROLL
      for (int s = 0; s < Mine::slots; ++s) carrier.put(mine, s, panel);
    }
  }
  OCELLI_DEVICE void finish(int, bfloat16*) {}

 private:
  OCELLI_DEVICE void start_singly(int depth, bfloat16* panel) {
    OCELLI_UNROLL
    for (int s = 0; s < Mine::slots; ++s) {
      const int d = depth + mine.line_at(s);
      Lanes<kPiece> a = lanes_of<kPiece>(0.0f);
      OCELLI_UNROLL
      for (int e = 0; e < kPiece; ++e)
        if (d < last && column + e < columns)
          a.v[e] = load<1>(data + long(d) * columns + column + e).v[0];
      store(panel + mine.place_at(s), a);
    }
  }
};

/// The weights of a phase's taps as lines along the depth, [C, its taps * K].
template <class T>
struct TransposedWeightPieces {
  static constexpr bool along_depth = true;
  using Mine = Pieces<T::columns, T::depth, T::threads>;

  const Mine mine;
  const bfloat16* w;
  const Conv2dGeometry& g;
  const Phase& phase;
  const Divider& by_channels;  ///< K
  int first_column, last;
  bool whole;
  Carrier<bfloat16, Mine> carrier;

  OCELLI_DEVICE TransposedWeightPieces(
      const bfloat16* weights, const Conv2dGeometry& geometry, const Phase& of,
      const Divider& channels, int column, int end, bool take_whole)
      : mine(thread_x()), w(weights), g(geometry), phase(of), by_channels(channels),
        first_column(column), last(end), whole(take_whole) {}

  OCELLI_DEVICE void start(int depth, bfloat16* panel) {
    if (depth >= last) return;
    if constexpr (kFetchesSingly<T>)
      if (!whole) return start_singly(depth, panel);
    int row, k;
    const bool known = line_of(depth + mine.piece * kPiece, row, k);
    OCELLI_UNROLL
    for (int s = 0; s < Mine::slots; ++s) {
      const int column = first_column + mine.line_at(s);
      const bool in = known && column < g.channels;
      carrier.take(mine, s, w + (in ? (row + column) * g.out_channels + k : 0), in, panel);
    }
  }
  OCELLI_DEVICE void stash(bfloat16*) {}
  OCELLI_DEVICE void finish(int, bfloat16*) {}

 private:
  /// Depth d as (tap's first row of the weights, output channel); false beyond the taps.
  OCELLI_DEVICE bool line_of(int d, int& row, int& k) const {
    const int tap = by_channels.quotient(d);
    k = d - tap * g.out_channels;
    int u = phase.first_u, v = phase.first_v;
    if (phase.taps() > 1) {
      u += tap / phase.taps_across * phase.step;
      v += tap % phase.taps_across * phase.step;
    }
    row = (u * g.kernel_width + v) * g.channels;
    return tap < phase.taps();
  }
  OCELLI_DEVICE void start_singly(int depth, bfloat16* panel) {
    Lanes<kPiece> a[Mine::slots];
    OCELLI_UNROLL
    for (int e = 0; e < kPiece; ++e) {
      int row, k;
      const bool known = line_of(depth + mine.piece * kPiece + e, row, k);
      OCELLI_UNROLL
      for (int s = 0; s < Mine::slots; ++s) {
        const int column = first_column + mine.line_at(s);
        a[s].v[e] = 0.0f;
        if (known && column < g.channels)
          a[s].v[e] = load<1>(w + long(row + column) * g.out_channels + k).v[0];
      }
    }
    OCELLI_UNROLL
    for (int s = 0; s < Mine::slots; ++s) store(panel + mine.place_at(s), a[s]);
  }
};

}  // namespace ocelli::kernel
