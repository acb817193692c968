// UpdatePlan: what an optimizer's step changes and how, for any backend; StepResult: how it went.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "ocelli/optim/clip.hpp"
#include "ocelli/optim/rmsprop.hpp"
#include "ocelli/optim/sgd_momentum.hpp"

namespace ocelli {

struct UpdatePlan {
  /// A run of the parameter slab.
  struct Piece {
    long offset = 0, size = 0;  ///< floats
    double l2 = 0;              ///< coefficient c of c / 2 * sum(w^2)
  };

  std::vector<Piece> segments;  ///< that train; each is one pass of the optimizer
  std::vector<Piece> tensors;   ///< the parameters in them; used when each is clipped by itself
  long slab_floats = 0;         ///< of the whole slab, padding and frozen parts included

  bool rmsprop = true;  ///< else SGD with momentum
  RmsPropOptions rmsprop_options;
  SgdMomentumOptions sgd_options;
  Clipping clipping = Clipping::none;
  double clip_limit = 0;
  double average_decay = 0;  ///< of the weights' moving average; 0: there is none
};

/// Slabs of the layout's order, all of UpdatePlan::slab_floats, in the backend's memory.
struct UpdateSlabs {
  float* weights = nullptr;
  const float* gradient = nullptr;
  float* momentum = nullptr;
  float* mean_square = nullptr;  ///< null without RMSProp
  float* average = nullptr;      ///< null without a moving average
};

struct StepResult {
  double localization = 0, classification = 0, regularization = 0;
  double learning_rate = 0;
  double gradient_norm =
      0;  ///< of the whole gradient before clipping; 0 unless clipping asks for it
  double matches =
      0;  ///< matched anchors of the batch; of a classifier: pictures that it had right
  bool finite = true;  ///< loss and gradients

  double loss() const { return localization + classification + regularization; }
};

}  // namespace ocelli
