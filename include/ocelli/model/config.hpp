// SsdDefaults: the settings of an SSD that change its net, by the names of the hyperparameters.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ocelli/net/vocabulary.hpp"

namespace ocelli {

/// Derive from it and redeclare what differs:
///   struct Small : SsdDefaults { static constexpr double depth_multiplier = 0.5; };
/// Activations are numbered as in the hyperparameters: 0 none, 1 relu, 2 relu6, 3 swish.
struct SsdDefaults {
  static constexpr int image_height = 300, image_width = 300;  ///< pixels, at least 33
  static constexpr double depth_multiplier = 1.0;    ///< scales the widths of backbone and extras
  static constexpr int min_depth = 16;               ///< lower bound of those widths
  static constexpr int first_stage_activation = 2;   ///< of the extra layers
  static constexpr int second_stage_activation = 2;  ///< of the layers within the heads
  static constexpr int second_stage_kernel_size = 3;
  static constexpr int second_stage_num_layers_before_predictor = 0;
  static constexpr int second_stage_min_depth = 0;
  static constexpr int second_stage_max_depth = 0;
  static constexpr bool second_stage_use_dropout = false;  ///< before the class heads
  static constexpr int anchor_generator_num_layers = 6;
  static constexpr bool anchor_generator_reduce_boxes_in_lowest_layer = true;
};

/// The settings of a classifier that change its net: the backbone's. What else SsdDefaults has does
/// nothing here.
struct ClassifierDefaults : SsdDefaults {
  static constexpr int image_height = 224, image_width = 224;
};

/// The groups of an SSD: each has its own settings, and can be frozen.
enum class SsdGroup : int { backbone = 0, extras = 1, heads = 2 };
/// The groups of a classifier.
enum class ClassifierGroup : int { backbone = 0, head = 1 };

/// max(int(depth * multiplier), min_depth): widths of MobileNet v1 and of the extra layers.
constexpr int scaled_depth(int depth, double multiplier, int min_depth) {
  const int scaled = static_cast<int>(depth * multiplier);
  return scaled > min_depth ? scaled : min_depth;
}

/// The nearest multiple of `divisor`, at least `min_depth`, not more than 10 % below depth *
/// multiplier: widths of MobileNet v2.
constexpr int divisible_depth(int depth, double multiplier, int min_depth, int divisor = 8) {
  const double wanted = depth * multiplier;
  int value = static_cast<int>(wanted + divisor / 2.0) / divisor * divisor;
  if (value < min_depth) value = min_depth;
  if (value < 0.9 * wanted) value += divisor;
  return value;
}

/// Tags "map_0" .. "map_5": the feature maps that feed the heads. The length of the name is written
/// down, since nvcc does not find it in a template.
template <int I>
struct FeatureMap {
  static_assert(I >= 0 && I < 10, "FeatureMap: 0 .. 9");
  static constexpr char name[6] = {'m', 'a', 'p', '_', static_cast<char>('0' + I), '\0'};
};

/// Tags "layer_1" .. "layer_99".
template <int I>
struct LayerNumber {
  static_assert(I >= 0 && I < 100, "LayerNumber: 0 .. 99");
  static constexpr char tens = static_cast<char>('0' + I / 10);
  static constexpr char ones = static_cast<char>('0' + I % 10);
  static constexpr char name[9] = {
      'l', 'a', 'y', 'e', 'r', '_', I < 10 ? ones : tens, I < 10 ? '\0' : ones, '\0'};
};

}  // namespace ocelli
