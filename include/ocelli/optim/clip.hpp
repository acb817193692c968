// Clipping of gradients by norm:
//
//   global        G = sqrt(sum of all squares); if G > limit, every gradient times limit / G
//   per tensor    the same for each parameter by itself
//
// The gradient meant is the whole one, L2 term included. Nothing is written: the factor goes into
// the optimizer's GradientRule. Pascanu et al., arXiv:1211.5063.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>

#include "ocelli/optim/l2.hpp"

namespace ocelli {

enum class Clipping : int { none, global_norm, per_tensor };

/// What gradients of that norm are multiplied by. limit 0 turns clipping off; a norm that is not
/// finite gives 1, so that it stays to be seen.
inline double clip_factor(double norm, double limit) {
  return limit > 0 && norm > limit && std::isfinite(norm) ? limit / norm : 1.0;
}

/// Sum of squares of the whole gradient of a segment or tensor [size], in double. For the global
/// norm add those of all segments, then take the root. `w` may be null when rule.l2 is 0.
template <class T>
double gradient_square_sum(
    ThreadPool& pool, const T* gradient, const T* w, long size, const GradientRule<T>& rule,
    SquareSum& sums) {
  if (rule.l2 == 0) return sums(pool, size, [=](long i) { return rule.scale * gradient[i]; });
  return sums(pool, size, [=](long i) { return rule(gradient[i], w[i]); });
}

}  // namespace ocelli
