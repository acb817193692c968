// update: what the optimizers' kernels share: how a slab is cut into runs, how a gradient becomes
// the one the optimizer sees, and what else is written while the new weights are at hand.
//
//   g = scale * factor * gradient + l2 * factor * w        factor: what clipping found
//
// Rates and factors that change from step to step lie in device memory, so that a captured step
// needs no new arguments.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "ocelli/kernels/floor.cuh"
#include "ocelli/kernels/is_finite.cuh"
#include "ocelli/simt/device.hpp"

namespace ocelli::kernel {

inline constexpr int kUpdateThreads = 256;  ///< of a block
inline constexpr int kRun = 4096;           ///< most numbers of a block

/// A block's part of a slab. Runs that begin at a multiple of 4 are read in vectors.
struct Run {
  long begin;
  int size;    ///< 1 .. kRun
  int factor;  ///< which clipping factor: the number of the tensor, or 0
};

/// Run `block` of a slab of `size` numbers that has no table of runs.
OCELLI_HOST_DEVICE constexpr Run plain_run(long block, long size) {
  const long begin = block * kRun, rest = size - begin;
  return {begin, static_cast<int>(rest < kRun ? rest : kRun), 0};
}
constexpr long run_count(long size) { return (size + kRun - 1) / kRun; }

/// The gradient as an optimizer sees it.
struct GradientRule {
  float scale = 1;                 ///< 1 / (accumulated batches)
  float l2 = 0;                    ///< coefficient of the term c / 2 * sum(w^2)
  const double* factor = nullptr;  ///< by Run::factor; null: 1
};

/// A rule with its factor put in.
struct AppliedRule {
  float scale, l2;

  OCELLI_DEVICE AppliedRule(const GradientRule& rule, const Run& run)
      : scale(rule.scale), l2(rule.l2) {
    if (rule.factor == nullptr) return;
    const double factor = rule.factor[run.factor];
    scale = static_cast<float>(static_cast<double>(scale) * factor);
    l2 = static_cast<float>(static_cast<double>(l2) * factor);
  }
  OCELLI_DEVICE float operator()(float g, float w) const { return scale * g + l2 * w; }
};

/// How an optimizer's launch is steered from device memory, and what else it writes.
struct UpdateControl {
  const float* learning_rate = nullptr;  ///< one number
  const std::int32_t* stop = nullptr;    ///< where it is not 0 nothing is written; null: never
  std::int32_t* not_finite = nullptr;    ///< becomes 1 where a gradient is infinite or NaN
  float* shadow = nullptr;               ///< [size] moving average of the weights; null: none
  float shadow_step = 0;                 ///< 1 - decay
  bfloat16* copy = nullptr;              ///< [size] the weights in bfloat16; null: none
};

/// Up to four neighbours of a slab.
struct Four {
  float v[4];
};

OCELLI_DEVICE Four load_four(const float* p, int count) {
  if (count == 4) {
    const float4 x = simt::load<float4>(p);
    return {{x.x, x.y, x.z, x.w}};
  }
  Four x{};
  for (int k = 0; k < count; ++k) x.v[k] = p[k];
  return x;
}
OCELLI_DEVICE void store_four(float* p, const Four& x, int count) {
  if (count == 4) {
    simt::store(p, make_float4(x.v[0], x.v[1], x.v[2], x.v[3]));
    return;
  }
  for (int k = 0; k < count; ++k) p[k] = x.v[k];
}
OCELLI_DEVICE void store_four(bfloat16* p, const Four& x, int count) {
  if (count == 4) {
    simt::store(
        p, make_uint2(
               pack(bfloat16(x.v[0]), bfloat16(x.v[1])), pack(bfloat16(x.v[2]), bfloat16(x.v[3]))));
    return;
  }
  for (int k = 0; k < count; ++k) p[k] = bfloat16(x.v[k]);
}

/// Calls body(i, count) for the fours of a run that are this thread's: numbers i .. i + count - 1.
template <class Body>
OCELLI_DEVICE void for_each_four(const Run& run, Body&& body) {
  const int vectors = run.begin % 4 == 0 ? run.size / 4 : 0;
  const int t = static_cast<int>(threadIdx.x);
  for (int at = t; at < vectors; at += kUpdateThreads) body(run.begin + 4L * at, 4);
  for (int at = 4 * vectors + t; at < run.size; at += kUpdateThreads) body(run.begin + at, 1);
}

/// After the update of w: its average and its copy.
OCELLI_DEVICE void follow(const UpdateControl& control, long i, int count, const Four& w) {
  if (control.shadow != nullptr) {
    Four shadow = load_four(control.shadow + i, count);
    for (int k = 0; k < 4; ++k) shadow.v[k] -= control.shadow_step * (shadow.v[k] - w.v[k]);
    store_four(control.shadow + i, shadow, count);
  }
  if (control.copy != nullptr) store_four(control.copy + i, w, count);
}

/// What follow() adds to an update of `size` numbers.
constexpr Floor follow_floor(long size, bool shadow, bool copy) {
  return {(shadow ? 8 * size : 0) + (copy ? 2 * size : 0), shadow ? 3 * size : 0};
}

}  // namespace ocelli::kernel
