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

#include "ocelli/kernels/conv2d_norm.cuh"
#include "ocelli/kernels/conv2d_phase.cuh"
#include "ocelli/kernels/divider.cuh"
#include "ocelli/kernels/mma_tile.cuh"

namespace ocelli::kernel {

/// Whether a tile's sources can fetch numbers one by one. Not the wide tile's: it needs its
/// registers.
template <class T>
inline constexpr bool kFetchesSingly = T::columns < 128;

/// Two neighbours of a piece that is fetched singly.
OCELLI_DEVICE void put_two(bfloat16* at, float first, float second) {
  simt::store(at, pack_rounded(first, second));
}

/// Brings a thread's pieces of a slice into the panel. Those of bfloat16 are copied, and have
/// landed when the thread has waited. Those of float go through registers and stay there, until
/// stash(), while the warps multiply, if they are few.
template <class S, class T, class Mine>
struct Carrier {
  static constexpr bool copies = std::is_same_v<S, bfloat16>;
  static constexpr bool holds = !copies && Mine::slots <= 2;
  struct Halves {
    Lanes<4> low, high;
  };
  Halves held[holds ? Mine::slots : 1];
  unsigned inside = 0;  ///< a bit a slot, of the last slices
  int c = -1;           ///< channel of the pieces that were taken last, or -1: none were

  /// A slice begins; nothing of it has been taken.
  OCELLI_DEVICE void begin() {
    inside <<= Mine::slots;
    c = -1;
  }
  /// @param from  a piece of x, or any where it reads as 0 (not in)
  OCELLI_DEVICE void take(
      const Operand<S>& x, const Mine& mine, int s, const S* from, bool in, int channel,
      bfloat16* panel) {
    c = channel;
    inside |= static_cast<unsigned>(in) << s;
    if constexpr (copies) {
      ptx::cp_async_16(panel + mine.place_at(s), from, in ? 16u : 0u);
    } else {
      Halves a{lanes_of<4>(0.0f), lanes_of<4>(0.0f)};
      if (in) a = {load<4>(from), load<4>(from + 4)};
      if constexpr (holds) {
        held[s] = a;
      } else {
        if (x.deferred() && in) a = {normed(x, c, a.low), normed(x, c + 4, a.high)};
        put(a, panel + mine.place_at(s));
      }
    }
  }
  OCELLI_DEVICE void stash(const Operand<S>& x, const Mine& mine, bfloat16* panel) {
    if constexpr (holds) {
      if (c < 0) return;
      OCELLI_UNROLL
      for (int s = 0; s < Mine::slots; ++s) {
        Halves a = held[s];
        if (x.deferred() && (inside >> s & 1u) != 0)
          a = {normed(x, c, a.low), normed(x, c + 4, a.high)};
        put(a, panel + mine.place_at(s));
      }
    }
  }
  /// The norm of copies that have landed, kLag slices after they were taken, of this thread's
  /// channels from `channel` on. Half a piece at a time, which takes few registers.
  OCELLI_DEVICE void finish(
      const Operand<S>& x, const Mine& mine, int channel, bfloat16* panel) const {
    if constexpr (copies) {
      if (!x.deferred()) return;
      OCELLI_ONE_BY_ONE
      for (int s = 0; s < Mine::slots; ++s) {
        if ((inside >> (kLag * Mine::slots + s) & 1u) == 0) continue;
        OCELLI_ONE_BY_ONE
        for (int half = 0; half < kPiece; half += 4) {
          bfloat16* const at = panel + mine.place_at(s) + half;
          store(at, normed(x, channel + half, load<4>(at)));
        }
      }
    }
  }

 private:
  static OCELLI_DEVICE void put(const Halves& a, bfloat16* at) {
    simt::store(
        at, make_uint4(
                pack_rounded(a.low.v[0], a.low.v[1]), pack_rounded(a.low.v[2], a.low.v[3]),
                pack_rounded(a.high.v[0], a.high.v[1]), pack_rounded(a.high.v[2], a.high.v[3])));
  }
};

/// n / d for 0 <= n < 2^20 and inverse = 1 / d: n + 1/2 is further from a multiple of d than the
/// product of the two is from the quotient.
OCELLI_DEVICE int quotient(int n, float inverse) {
  return static_cast<int>((static_cast<float>(n) + 0.5f) * inverse);
}

/// A tensor's windows: the pixel that a line's first tap meets, and how far the others are.
struct Window {
  int height, width, channels;  ///< of the tensor
  int taps, across;             ///< of the window; taps in its row
  int step;                     ///< pixels from tap to tap, in both directions; may be negative
  float inverse;                ///< of across

  OCELLI_DEVICE int row_of(int tap) const { return quotient(tap, inverse); }
  /// Of a tap in row `row`.
  OCELLI_DEVICE int column_of(int tap, int row) const { return tap - row * across; }
  OCELLI_DEVICE bool holds(int h, int w) const {
    return static_cast<unsigned>(h) < static_cast<unsigned>(height) &&
           static_cast<unsigned>(w) < static_cast<unsigned>(width);
  }
};
/// Where a line's first tap lies.
struct WindowPlace {
  int pixel;      ///< over the batch, as if the picture had no edge
  int top, left;  ///< in the picture
};
/// Of a line beyond the last: no tap leads into the picture.
OCELLI_DEVICE WindowPlace no_place() { return {0, -0x40000000, 0}; }

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
  Carrier<S, T, Mine> carrier;

  /// @param last     the depth's end
  /// @param line_at  WindowPlace of a line of the tile
  template <class LineAt>
  OCELLI_DEVICE WindowPieces(
      const Operand<S>& operand, const Window& of, const Divider& channels, int end,
      bool take_whole, const LineAt& line_at)
      : mine(thread_x()),
        x(operand),
        window(of),
        by_channels(channels),
        last(end),
        whole(take_whole) {
    OCELLI_UNROLL
    for (int s = 0; s < Mine::slots; ++s) place[s] = line_at(mine.line_at(s));
  }

  OCELLI_DEVICE void start(int depth, bfloat16* panel) {
    carrier.begin();
    if (depth >= last) return;
    if constexpr (kFetchesSingly<T>)
      if (!whole) return start_singly(depth, panel);
    const int d = depth + mine.piece * kPiece;
    const int tap = by_channels.quotient(d), c = d - tap * window.channels;
    const int row = window.row_of(tap);
    const int down = row * window.step, over = window.column_of(tap, row) * window.step;
    const int away = down * window.width + over;
    OCELLI_UNROLL
    for (int s = 0; s < Mine::slots; ++s) {
      const WindowPlace& p = place[s];
      const bool in = tap < window.taps && window.holds(p.top + down, p.left + over);
      const int at = in ? (p.pixel + away) * window.channels + c : 0;
      carrier.take(x, mine, s, x.data + at, in, c, panel);
    }
  }
  OCELLI_DEVICE void stash(bfloat16* panel) { carrier.stash(x, mine, panel); }
  OCELLI_DEVICE void finish(int depth, bfloat16* panel) {
    if (MayDefer && depth < last)
      carrier.finish(x, mine, by_channels.remainder(depth + mine.piece * kPiece), panel);
  }

 private:
  /// Sets no bit of `inside`: the norm is applied here.
  OCELLI_DEVICE void start_singly(int depth, bfloat16* panel) {
    OCELLI_ONE_BY_ONE
    for (int e = 0; e < kPiece; e += 2) {
      float a[Mine::slots][2];
      OCELLI_UNROLL
      for (int k = 0; k < 2; ++k) {
        const int d = depth + mine.piece * kPiece + e + k;
        const int tap = by_channels.quotient(d), channel = d - tap * window.channels;
        const int row = window.row_of(tap);
        const int down = row * window.step, over = window.column_of(tap, row) * window.step;
        const int away = down * window.width + over;
        OCELLI_UNROLL
        for (int s = 0; s < Mine::slots; ++s) {
          const WindowPlace& p = place[s];
          a[s][k] = 0.0f;
          if (tap < window.taps && window.holds(p.top + down, p.left + over)) {
            const int at = (p.pixel + away) * window.channels + channel;
            a[s][k] = MayDefer ? read_normed<1>(x, at, channel).v[0] : load<1>(x.data + at).v[0];
          }
        }
      }
      OCELLI_UNROLL
      for (int s = 0; s < Mine::slots; ++s) put_two(panel + mine.place_at(s) + e, a[s][0], a[s][1]);
    }
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
  Carrier<S, T, Mine> carrier;
  int c, down, over;  ///< of this thread's tap
  bool known;

  OCELLI_DEVICE WindowColumnPieces(
      const Operand<S>& operand, const Conv2dGeometry& geometry, const Divider& channels,
      const Divider& picture, const Divider& row, int first, int end, bool take_whole)
      : mine(thread_x()),
        x(operand),
        g(geometry),
        by_channels(channels),
        by_picture(picture),
        by_row(row),
        first_row(first),
        last(end),
        whole(take_whole) {
    set_tap(first_row + mine.piece * kPiece, c, down, over, known);
  }

  OCELLI_DEVICE void start(int depth, bfloat16* panel) {
    carrier.begin();
    if (depth >= last) return;
    if constexpr (kFetchesSingly<T>)
      if (!whole) return start_singly(depth, panel);
    OCELLI_UNROLL
    for (int s = 0; s < Mine::slots; ++s) {
      int at = 0;
      const bool in = known && meets(depth + mine.line_at(s), down, over, at);
      carrier.take(x, mine, s, x.data + (in ? at * g.channels + c : 0), in, c, panel);
    }
  }
  OCELLI_DEVICE void stash(bfloat16* panel) { carrier.stash(x, mine, panel); }
  OCELLI_DEVICE void finish(int depth, bfloat16* panel) {
    if (depth < last) carrier.finish(x, mine, c, panel);
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
    OCELLI_ONE_BY_ONE
    for (int e = 0; e < kPiece; e += 2) {
      float a[Mine::slots][2];
      OCELLI_UNROLL
      for (int k = 0; k < 2; ++k) {
        int channel, rows, columns;
        bool is_one;
        set_tap(first_row + mine.piece * kPiece + e + k, channel, rows, columns, is_one);
        OCELLI_UNROLL
        for (int s = 0; s < Mine::slots; ++s) {
          int at = 0;
          a[s][k] = 0.0f;
          if (is_one && meets(depth + mine.line_at(s), rows, columns, at))
            a[s][k] = read_normed<1>(x, at * g.channels + channel, channel).v[0];
        }
      }
      OCELLI_UNROLL
      for (int s = 0; s < Mine::slots; ++s) put_two(panel + mine.place_at(s) + e, a[s][0], a[s][1]);
    }
  }
};

/// A matrix [depth, columns] as it lies: the weights [taps * C, K], or dy [pixels, K].
template <class T, class S>
struct MatrixPieces {
  static constexpr bool along_depth = false;
  using Mine = Pieces<T::depth, T::columns, T::threads>;

  const Mine mine;
  Operand<S> data;  ///< as it is
  int columns, column, last;
  bool whole;
  Carrier<S, T, Mine> carrier;

  OCELLI_DEVICE MatrixPieces(const S* matrix, int width, int first_column, int end, bool take_whole)
      : mine(thread_x()),
        data{matrix, nullptr, nullptr, Activation::none},
        columns(width),
        column(first_column + mine.piece * kPiece),
        last(end),
        whole(take_whole) {}

  OCELLI_DEVICE void start(int depth, bfloat16* panel) {
    carrier.begin();
    if (depth >= last) return;
    if constexpr (kFetchesSingly<T>)
      if (!whole) return start_singly(depth, panel);
    OCELLI_UNROLL
    for (int s = 0; s < Mine::slots; ++s) {
      const int d = depth + mine.line_at(s);
      const bool in = d < last && column < columns;
      carrier.take(data, mine, s, data.data + (in ? d * columns + column : 0), in, 0, panel);
    }
  }
  OCELLI_DEVICE void stash(bfloat16* panel) { carrier.stash(data, mine, panel); }
  OCELLI_DEVICE void finish(int, bfloat16*) {}

 private:
  OCELLI_DEVICE void start_singly(int depth, bfloat16* panel) {
    OCELLI_ONE_BY_ONE
    for (int e = 0; e < kPiece; e += 2) {
      OCELLI_UNROLL
      for (int s = 0; s < Mine::slots; ++s) {
        const int d = depth + mine.line_at(s), at = d * columns + column + e;
        float a[2] = {0.0f, 0.0f};
        OCELLI_UNROLL
        for (int k = 0; k < 2; ++k)
          if (d < last && column + e + k < columns) a[k] = load<1>(data.data + at + k).v[0];
        put_two(panel + mine.place_at(s) + e, a[0], a[1]);
      }
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
  const Window& window;        ///< of dy
  const Divider& by_channels;  ///< K
  int first_column, last;
  bool whole;

  OCELLI_DEVICE TransposedWeightPieces(
      const bfloat16* weights, const Conv2dGeometry& geometry, const Phase& of, const Window& taps,
      const Divider& channels, int column, int end, bool take_whole)
      : mine(thread_x()),
        w(weights),
        g(geometry),
        phase(of),
        window(taps),
        by_channels(channels),
        first_column(column),
        last(end),
        whole(take_whole) {}

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
      const bfloat16* const from = w + (in ? (row + column) * g.out_channels + k : 0);
      ptx::cp_async_16(panel + mine.place_at(s), from, in ? 16u : 0u);
    }
  }
  OCELLI_DEVICE void stash(bfloat16*) {}
  OCELLI_DEVICE void finish(int, bfloat16*) {}

 private:
  /// Depth d as (tap's first row of the weights, output channel); false beyond the taps.
  OCELLI_DEVICE bool line_of(int d, int& row, int& k) const {
    const int tap = by_channels.quotient(d);
    k = d - tap * g.out_channels;
    const int down = window.row_of(tap), over = window.column_of(tap, down);
    const int u = phase.first_u + down * phase.step, v = phase.first_v + over * phase.step;
    row = (u * g.kernel_width + v) * g.channels;
    return tap < window.taps;
  }
  OCELLI_DEVICE void start_singly(int depth, bfloat16* panel) {
    OCELLI_ONE_BY_ONE
    for (int e = 0; e < kPiece; e += 2) {
      float a[Mine::slots][2];
      OCELLI_UNROLL
      for (int i = 0; i < 2; ++i) {
        int row, k;
        const bool known = line_of(depth + mine.piece * kPiece + e + i, row, k);
        OCELLI_UNROLL
        for (int s = 0; s < Mine::slots; ++s) {
          const int column = first_column + mine.line_at(s);
          a[s][i] = 0.0f;
          if (known && column < g.channels)
            a[s][i] = load<1>(w + (row + column) * g.out_channels + k).v[0];
        }
      }
      OCELLI_UNROLL
      for (int s = 0; s < Mine::slots; ++s) put_two(panel + mine.place_at(s) + e, a[s][0], a[s][1]);
    }
  }
};

}  // namespace ocelli::kernel
