// The hyperparameters of an SSD as the options of the parts that use them.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "ocelli/box/anchors.hpp"
#include "ocelli/data/resize.hpp"
#include "ocelli/loss/ssd_loss.hpp"
#include "ocelli/model/ssd.hpp"
#include "ocelli/train/hyperparameter_values.hpp"
#include "ocelli/train/training_rules.hpp"

namespace ocelli::train {

inline SsdAnchorOptions anchor_options(const SsdHyperparameters& values) {
  SsdAnchorOptions options;
  options.num_layers = static_cast<int>(values.anchor_generator_num_layers);
  options.min_scale = values.anchor_generator_min_scale;
  options.max_scale = values.anchor_generator_max_scale;
  options.reduce_boxes_in_lowest_layer = values.anchor_generator_reduce_boxes_in_lowest_layer;
  options.scale_count = static_cast<int>(values.anchor_generator_scales.size());
  for (std::size_t i = 0; i < values.anchor_generator_scales.size(); ++i)
    options.scales[i] = values.anchor_generator_scales[i];
  return options;
}

/// The anchors of a detector, in the order of its outputs. Throws ConfigError.
inline std::vector<Box> anchors_of(const SsdSpec& spec, const SsdHyperparameters& values) {
  std::vector<MapSize> maps;
  for (const SsdSpec::Map& map : spec.maps) maps.push_back({map.height, map.width});
  return ssd_anchors<float>(
      maps, spec.model.input.height, spec.model.input.width, anchor_options(values));
}

inline data::Resampling resampling_of(const SsdHyperparameters& values) {
  return values.resampling == "area" ? data::Resampling::area : data::Resampling::bilinear;
}

inline BoxCoder<double> coder_of(const SsdHyperparameters& values) {
  BoxCoder<double> coder;
  coder.y_scale = values.boxcoder_y_scale;
  coder.x_scale = values.boxcoder_x_scale;
  coder.height_scale = values.boxcoder_height_scale;
  coder.width_scale = values.boxcoder_width_scale;
  return coder;
}

inline SsdLossOptions loss_options(const SsdHyperparameters& values) {
  SsdLossOptions options;
  options.match.matched_threshold = values.matched_threshold;
  options.match.unmatched_threshold = values.unmatched_threshold;
  options.coder = coder_of(values);
  options.localization_weight = values.second_stage_localization_loss_weight;
  options.classification_weight = values.second_stage_classification_loss_weight;
  const bool focal = values.classification_loss == "focal";
  options.classification = focal ? ClassificationLoss::focal : ClassificationLoss::sigmoid;
  options.mine_hard_examples = !focal;
  options.focal_alpha = values.focal_alpha;
  options.focal_gamma = values.focal_gamma;
  options.miner.num_hard_examples = static_cast<int>(values.num_hard_examples);
  options.miner.iou_threshold = values.hard_example_iou_threshold;
  options.miner.max_negatives_per_positive = values.max_negatives_per_positive;
  options.miner.min_negatives_per_image = static_cast<int>(values.min_negatives_per_image);
  return options;
}

/// Settings by group: 0 backbone, 1 extras, 2 heads.
struct SsdGroups : TrainingGroups {
  explicit SsdGroups(const SsdHyperparameters& v) {
    const auto set = [&](SsdGroup group, const char* name, double decay, double epsilon,
                         double regularizer_weight, double mean, double stddev) {
      const auto g = static_cast<std::size_t>(group);
      settings[g].norm = {decay, epsilon};
      regularizer[g] = regularizer_weight;
      initializer_mean[g] = mean;
      initializer_stddev[g] = stddev;
      for (const std::string& frozen : v.freeze)
        if (frozen == name) settings[g].frozen = true;
    };
    set(SsdGroup::backbone, "backbone", v.batchnorm_decay, v.batchnorm_epsilon, v.weight_decay,
        v.initializer_mean, v.initializer_stddev);
    set(SsdGroup::extras, "extras", v.first_stage_batchnorm_decay, v.first_stage_batchnorm_epsilon,
        v.first_stage_regularizer_weight, v.first_stage_initializer_mean,
        v.first_stage_initializer_stddev);
    set(SsdGroup::heads, "heads", v.second_stage_batchnorm_decay, v.second_stage_batchnorm_epsilon,
        v.second_stage_regularizer_weight, v.second_stage_initializer_mean,
        v.second_stage_initializer_stddev);
    if (v.second_stage_use_dropout)
      settings[static_cast<std::size_t>(SsdGroup::heads)].dropout_keep =
          static_cast<float>(v.second_stage_dropout_keep_probability);
  }
};

}  // namespace ocelli::train
