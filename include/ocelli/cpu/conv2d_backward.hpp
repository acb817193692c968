// conv2d, backward. Formula and shapes: ocelli/op/conv2d.hpp.
//
//   dx = dy * w^T, gathered: an input pixel at row i is reached from the output row
//        (i + top - u * dilation) / stride for the taps u where that is whole. So input pixels fall
//        into stride x stride phases, each a dense product over its own taps.
//   dw = window^T * dy,   db = sum of dy
//
// Sums over pixels are cut into parts by the geometry and added up in one order, so the bits do not
// depend on the number of threads. Pointwise convolutions read dy once for both products.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>

#include "ocelli/cpu/column_sums.hpp"
#include "ocelli/cpu/conv2d.hpp"

namespace ocelli::cpu {

/// One axis of a phase: input positions start, start + stride ... and their taps.
struct PhaseAxis {
  int start, count;           ///< positions
  int first_tap, taps, step;  ///< taps first_tap, first_tap + step ...
  int first_out;              ///< output position of `start` through first_tap
  int out_step;               ///< how much each further tap lowers it

  PhaseAxis(int phase, int extent, int kernel, int stride, int dilation, int pad) {
    start = phase;
    count = phase < extent ? (extent - phase + stride - 1) / stride : 0;
    first_tap = 0, taps = 0, step = 1, first_out = 0, out_step = 0;
    for (int u = kernel - 1; u >= 0; --u) {
      if ((start + pad - u * dilation) % stride != 0) continue;
      step = taps > 0 ? first_tap - u : 1;
      first_tap = u;
      ++taps;
    }
    if (taps > 0) first_out = (start + pad - first_tap * dilation) / stride;
    out_step = step * dilation / stride;
  }
};

struct Phase {
  PhaseAxis y, x;

  Phase(const Conv2dGeometry& g, int phase)
      : y(phase / g.stride, g.height, g.kernel_height, g.stride, g.dilation, g.pad_top),
        x(phase % g.stride, g.width, g.kernel_width, g.stride, g.dilation, g.pad_left) {}
  long depth(const Conv2dGeometry& g) const { return long(y.taps) * x.taps * g.out_channels; }
  long pixels() const { return long(y.count) * x.count; }
};

/// How the sum over pixels in dw is cut.
struct WeightCut {
  long pixels, depth;
  int columns;
  long rows;    ///< of a block in the cache
  long parts;   ///< partial sums, over the pixels; 1: straight into dw
  long blocks;  ///< of a part
  long lefts;   ///< rows of dw are cut into so many tasks
  long left;    ///< rows of dw of one

  WeightCut(long pixel_count, long row_depth, int column_count)
      : pixels(pixel_count), depth(row_depth), columns(column_count) {
    constexpr long kCacheFloats = 48 * 1024, kPartialFloats = 1024 * 1024, kTasks = 16;
    rows = std::clamp(kCacheFloats / (depth + columns) / 8 * 8, 32L, 256L);
    const long all = (pixels + rows - 1) / rows;
    parts = std::clamp(kPartialFloats / (depth * columns), 1L, std::min(kTasks, all));
    blocks = (all + parts - 1) / parts;
    parts = (all + blocks - 1) / blocks;
    const long tiles = (depth + kTileRows - 1) / kTileRows;
    lefts = parts >= kTasks / 2 ? 1 : std::clamp(kTasks / parts, 1L, tiles);
    left = (tiles + lefts - 1) / lefts * kTileRows;
    lefts = (depth + left - 1) / left;
  }
  long size() const { return depth * columns; }
  long partials() const { return parts > 1 ? parts * size() : 0; }
};

struct Conv2dBackwardPlan {
  Conv2dGeometry g;
  long depth;          ///< taps * C
  long pixels;         ///< of y, over the batch
  WeightCut cut;       ///< of dw
  Blocking blocking;   ///< of a pointwise dx
  bool fused;          ///< dx along with dw
  long packed, local;  ///< scratch

  explicit Conv2dBackwardPlan(const OpCall<float>& call)
      : g(geometry_of(call)),
        depth(g.taps() * g.channels),
        pixels(call.batch * g.out_pixels()),
        cut(pixels, depth, g.out_channels),
        blocking(pixels, g.channels + g.out_channels, g.channels),
        fused(g.pointwise() && call.din[0] && call.dweight && cut.lefts == 1 && cut.parts > 1) {
    packed = call.din[0] ? packed_size(g.taps() * g.out_channels, g.channels) : 0;
    local = cut.rows * depth + reduce_scratch(cut.rows);
    if (call.din[0] && !g.pointwise())
      for (int p = 0; p < g.stride * g.stride; ++p) {
        const long d = Phase(g, p).depth(g);
        local = std::max(local, phase_blocking(Phase(g, p), call.batch).rows * (d + g.channels));
      }
  }
  long fused_blocks() const { return cut.parts * cut.blocks; }
  Blocking phase_blocking(const Phase& phase, int batch) const {
    return {batch * phase.pixels(), phase.depth(g) + g.channels, g.channels};
  }
  ScratchNeed need(const OpCall<float>& call) const {
    long shared = packed + (call.dweight ? cut.partials() : 0);
    if (call.dbias) shared = std::max(shared, column_sums_scratch(pixels, g.out_channels));
    return {
        shared, local, gradient_sums_size(g.channels) * std::max(blocking.blocks, fused_blocks())};
  }
};

inline ScratchNeed conv2d_backward_scratch(const OpCall<float>& call) {
  return Conv2dBackwardPlan(call).need(call);
}

/// dx of rows first .. first + rows - 1 of a pointwise convolution; also the gradient sums of the
/// norm before it into `record`, unless null.
inline void conv2d_dx_block(
    const OpCall<float>& call, const Conv2dGeometry& g, const float* packed, long first, long rows,
    int panel, int last, float* record) {
  TileEnd end;
  end.c = call.din[0] + first * g.channels;
  end.c_row = g.channels;
  end.add = call.accumulate[0];
  gemm_block(
      rows, g.out_channels, call.dout + first * g.out_channels, packed, g.channels, panel, last,
      end);
  if (!record) return;
  const float* x = call.in[0].data + first * g.channels;
  start_gradient_sums(x, g.channels, record);
  add_gradient_sums(call.in[0], x, end.c, rows, g.channels, record);
}

/// dw, and dx as well where the plan fuses them.
inline void conv2d_dw(
    ThreadPool& pool, Scratch& scratch, const OpCall<float>& call, const Conv2dBackwardPlan& plan) {
  const WeightCut& cut = plan.cut;
  const int K = plan.g.out_channels;
  const bool in_place = reads_in_place(plan.g, call.in[0]);
  const float* packed = scratch.shared();
  float* partial = scratch.shared() + plan.packed;
  const bool sums = plan.fused && leaves_gradient_sums(call);
  pool.for_each(cut.parts * cut.lefts, [&](long task, int thread) {
    const long part = task / cut.lefts, first_left = task % cut.lefts * cut.left;
    const long left = std::min(cut.left, cut.depth - first_left);
    float* sum = cut.parts > 1 ? partial + part * cut.size() : call.dweight;
    if (cut.parts > 1) std::fill_n(sum + first_left * K, left * K, 0.0f);
    float* panel = scratch.local(thread);
    float* gathered = panel + reduce_scratch(cut.rows);
    for (long b = part * cut.blocks; b < (part + 1) * cut.blocks; ++b) {
      const long first = b * cut.rows, rows = std::min(cut.rows, cut.pixels - first);
      if (rows <= 0) break;
      const float* windows = call.in[0].data + first * plan.depth;
      if (!in_place) {
        gather_windows(plan.g, call.in[0], first, rows, gathered);
        windows = gathered;
      }
      gemm_reduce(
          rows, windows, plan.depth, first_left, left, call.dout + first * K, K, sum, panel);
      if (plan.fused)
        conv2d_dx_block(
            call, plan.g, packed, first, rows, 0, panel_count(plan.g.channels),
            sums ? scratch.carried() + b * gradient_sums_size(plan.g.channels) : nullptr);
    }
  });
  if (sums) scratch.carry = gradient_carry(call, {1, cut.pixels, cut.rows});
  if (cut.parts > 1) add_parts(pool, partial, cut.parts, cut.size(), cut.size(), call.dweight);
}

inline void conv2d_dx_pointwise(
    ThreadPool& pool, Scratch& scratch, const OpCall<float>& call, const Conv2dBackwardPlan& plan) {
  const Blocking& cut = plan.blocking;
  const bool sums = leaves_gradient_sums(call) && cut.groups == 1;
  pool.for_each(cut.tasks(), [&](long task, int) {
    const long block = task / cut.groups;
    const int panel = static_cast<int>(task % cut.groups) * cut.panels;
    conv2d_dx_block(
        call, plan.g, scratch.shared(), cut.first(block), cut.count(block), panel,
        std::min(panel + cut.panels, panel_count(plan.g.channels)),
        sums ? scratch.carried() + block * gradient_sums_size(plan.g.channels) : nullptr);
  });
  if (sums) scratch.carry = gradient_carry(call, {1, cut.pixels, cut.rows});
}

/// dy of each tap of `rows` pixels of a phase, as rows of a matrix [rows, taps * K].
inline void gather_gradient(
    const Conv2dGeometry& g, const Phase& phase, const float* dy, long first, long rows,
    float* to) {
  const int K = g.out_channels;
  PixelCursor at(phase.y.count, phase.x.count, first);
  for (long r = 0; r < rows; ++r, at.next()) {
    const float* picture = dy + at.n * g.out_pixels() * K;
    for (int u = 0; u < phase.y.taps; ++u) {
      const int i = phase.y.first_out + at.i - u * phase.y.out_step;
      for (int v = 0; v < phase.x.taps; ++v, to += K) {
        const int j = phase.x.first_out + at.j - v * phase.x.out_step;
        if (i < 0 || i >= g.out_height || j < 0 || j >= g.out_width) {
          std::fill_n(to, K, 0.0f);
        } else {
          copy_floats(picture + (long(i) * g.out_width + j) * K, K, to);
        }
      }
    }
  }
}

inline void conv2d_dx_phase(
    ThreadPool& pool, Scratch& scratch, const OpCall<float>& call, const Conv2dBackwardPlan& plan,
    const Phase& phase) {
  const Conv2dGeometry& g = plan.g;
  const int C = g.channels, K = g.out_channels;
  const long depth = phase.depth(g);
  const Blocking cut = plan.phase_blocking(phase, call.batch);
  float* packed = scratch.shared();
  long row = 0;
  for (int u = 0; u < phase.y.taps; ++u)
    for (int v = 0; v < phase.x.taps; ++v, row += K) {
      const long tap = long(phase.y.first_tap + u * phase.y.step) * g.kernel_width +
                       phase.x.first_tap + v * phase.x.step;
      pack_transposed(pool, call.weight + tap * C * K, K, C, row, depth, packed);
    }
  pool.for_each(cut.tasks(), [&](long task, int thread) {
    const long block = task / cut.groups, first = cut.first(block), rows = cut.count(block);
    const int panel = static_cast<int>(task % cut.groups) * cut.panels;
    const int last = std::min(panel + cut.panels, panel_count(C));
    float* gathered = scratch.local(thread);
    float* result = gathered + rows * depth;
    gather_gradient(g, phase, call.dout, first, rows, gathered);
    TileEnd end;
    end.c = result;
    end.c_row = C;
    gemm_block(rows, depth, gathered, packed, C, panel, last, end);
    const int from = panel * kTileColumns, count = std::min(last * kTileColumns, C) - from;
    PixelCursor at(phase.y.count, phase.x.count, first);
    for (long r = 0; r < rows; ++r, at.next()) {
      const long h = phase.y.start + long(at.i) * g.stride;
      const long w = phase.x.start + long(at.j) * g.stride;
      float* to = call.din[0] + ((at.n * g.height + h) * g.width + w) * C + from;
      const float* value = result + r * C + from;
      if (call.accumulate[0]) {
        each_vector(count, [&]<class V>(V, int c) OCELLI_LAMBDA {
          store(to + c, load<V>(to + c) + load<V>(value + c));
        });
      } else {
        copy_floats(value, count, to);
      }
    }
  });
}

inline void conv2d_backward(ThreadPool& pool, Scratch& scratch, const OpCall<float>& call) {
  const Conv2dBackwardPlan plan(call);
  const Conv2dGeometry& g = plan.g;
  if (call.dbias) column_sums(pool, scratch, call.dout, plan.pixels, g.out_channels, call.dbias);
  if (call.din[0] && g.pointwise())
    pack_transposed(
        pool, call.weight, g.out_channels, g.channels, 0, g.out_channels, scratch.shared());
  if (call.dweight) conv2d_dw(pool, scratch, call, plan);
  if (!call.din[0] || plan.fused) return;
  if (g.pointwise()) return conv2d_dx_pointwise(pool, scratch, call, plan);
  for (int p = 0; p < g.stride * g.stride; ++p) {
    const Phase phase(g, p);
    if (phase.pixels() > 0) conv2d_dx_phase(pool, scratch, call, plan, phase);
  }
}

}  // namespace ocelli::cpu
