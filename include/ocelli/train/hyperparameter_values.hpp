// The hyperparameters of the models as plain values, with their defaults. What each means, its
// range and its other names: hyperparameter_table.hpp.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "ocelli/core/error.hpp"
#include "ocelli/train/model_name.hpp"

namespace ocelli::train {

/// What a program's net was compiled with. A program cannot change these.
struct SsdCompiled {
  long image_height = 300;
  long image_width = 300;
  double depth_multiplier = 1.0;
  long min_depth = 16;
  std::string first_stage_activation = "RELU_6";
  std::string second_stage_activation = "RELU_6";
  long second_stage_kernel_size = 3;
  long second_stage_num_layers_before_predictor = 0;
  long second_stage_min_depth = 0;
  long second_stage_max_depth = 0;
  bool second_stage_use_dropout = false;
  long anchor_generator_num_layers = 6;
  bool anchor_generator_reduce_boxes_in_lowest_layer = true;

  /// From a type with static members of these names, such as ocelli::SsdDefaults or
  /// ocelli::ClassifierDefaults.
  template <class Config>
  static SsdCompiled of() {
    constexpr const char* activations[] = {"NONE", "RELU", "RELU_6", "SWISH"};
    SsdCompiled values;
    values.image_height = Config::image_height;
    values.image_width = Config::image_width;
    values.depth_multiplier = Config::depth_multiplier;
    values.min_depth = Config::min_depth;
    values.first_stage_activation = activations[Config::first_stage_activation];
    values.second_stage_activation = activations[Config::second_stage_activation];
    values.second_stage_kernel_size = Config::second_stage_kernel_size;
    values.second_stage_num_layers_before_predictor =
        Config::second_stage_num_layers_before_predictor;
    values.second_stage_min_depth = Config::second_stage_min_depth;
    values.second_stage_max_depth = Config::second_stage_max_depth;
    values.second_stage_use_dropout = Config::second_stage_use_dropout;
    values.anchor_generator_num_layers = Config::anchor_generator_num_layers;
    values.anchor_generator_reduce_boxes_in_lowest_layer =
        Config::anchor_generator_reduce_boxes_in_lowest_layer;
    return values;
  }
};

/// Everything that steers a training of an SSD.
struct SsdHyperparameters : SsdCompiled {
  // length and batch
  long num_steps = 15000;
  long batch_size = 24;
  long gradient_accumulation_steps = 1;
  long num_clones = 1;
  long num_classes = 0;  ///< 0: as many as the data set has
  // learning rate
  std::string schedule = "exponential";
  double initial_learning_rate = 0.004;
  double min_learning_rate = 0.0;
  long decay_steps = 800720;
  double decay_factor = 0.95;
  bool decay_staircase = true;
  long schedule_step_1 = 900000;
  double schedule_lr_1 = 3e-5;
  long schedule_step_2 = 1200000;
  double schedule_lr_2 = 3e-6;
  long warmup_steps = 0;
  double warmup_learning_rate = 0.0;
  // optimizer
  std::string optimizer = "rmsprop";
  double momentum_optimizer_value = 0.9;
  double momentum_decay = 0.9;
  double momentum_epsilon = 1.0;
  double gradient_clipping_by_norm = 0.0;  ///< 0: off
  bool gradient_clipping_per_variable = false;
  double moving_average_decay = 0.0;  ///< 0: off
  std::vector<std::string> freeze;
  // regularisation, of the base, the extra layers, the heads
  double weight_decay = 4e-5;
  double first_stage_regularizer_weight = 4e-5;
  double second_stage_regularizer_weight = 4e-5;
  double second_stage_dropout_keep_probability = 0.8;
  // start
  double initializer_mean = 0.0;
  double initializer_stddev = 0.09;
  double first_stage_initializer_mean = 0.0;
  double first_stage_initializer_stddev = 0.03;
  double second_stage_initializer_mean = 0.0;
  double second_stage_initializer_stddev = 0.03;
  // batch norm
  double batchnorm_decay = 0.9997;
  double batchnorm_epsilon = 0.001;
  double first_stage_batchnorm_decay = 0.9997;
  double first_stage_batchnorm_epsilon = 0.001;
  double second_stage_batchnorm_decay = 0.9997;
  double second_stage_batchnorm_epsilon = 0.001;
  // anchors, boxes, matching
  double anchor_generator_min_scale = 0.2;
  double anchor_generator_max_scale = 0.95;
  std::vector<double> anchor_generator_scales;  ///< empty: from min_scale and max_scale
  double boxcoder_y_scale = 10.0;
  double boxcoder_x_scale = 10.0;
  double boxcoder_height_scale = 5.0;
  double boxcoder_width_scale = 5.0;
  long second_stage_box_code_size = 4;
  double matched_threshold = 0.5;
  double unmatched_threshold = 0.5;
  // loss
  double second_stage_localization_loss_weight = 1.0;
  double second_stage_classification_loss_weight = 1.0;
  std::string classification_loss = "sigmoid";
  double focal_alpha = 0.25;
  double focal_gamma = 2.0;
  long num_hard_examples = 3000;
  double hard_example_iou_threshold = 0.99;
  double max_negatives_per_positive = 3.0;
  long min_negatives_per_image = 3;
  // detections
  double second_stage_nms_score_threshold = 0.3;
  double second_stage_nms_iou_threshold = 0.6;
  long second_stage_max_detections_per_class = 100;
  long second_stage_max_detections_max_total_detections = 100;
  // data and evaluation
  std::string augmentation = "ssd";
  std::string resampling = "bilinear";
  double evaluation_score_threshold = 0.01;
  long eval_interval_secs = 0;  ///< 0: by steps alone
  long patience = 0;            ///< 0: off
  long first_stage_features_stride = 0;
};

/// Everything that steers a training of any model. A classifier takes of an SSD's values those that
/// the table gives to both; its head is the group of the heads.
struct HyperparameterValues : SsdHyperparameters {
  double dropout_keep_probability = 0.99;
  double label_smoothing = 0.0;
  bool freeze_backbone = false;
};

/// The defaults of an SSD. Throws ConfigError for another model.
inline SsdHyperparameters ssd_defaults(ModelName model) {
  if (model_info(model).architecture != Architecture::ssd)
    throw ConfigError(
        name_of(model) + " is no SSD", "model",
        "use ssd-mobilenet-v1, ssd-mobilenet-v2 or ssdlite-mobilenet-v2");
  SsdHyperparameters values;
  if (model == ModelName::ssd_mobilenet_v1) values.min_negatives_per_image = 0;
  return values;
}

/// The defaults of any model that can be trained. Throws ConfigError for the others.
inline HyperparameterValues default_values(ModelName model) {
  HyperparameterValues values;
  if (model_info(model).architecture != Architecture::classifier) {
    static_cast<SsdHyperparameters&>(values) = ssd_defaults(model);
    return values;
  }
  values.image_height = values.image_width = 224;
  values.batch_size = 32;
  // Learns from random weights too, which plain momentum does only slowly.
  values.optimizer = "rmsprop";
  values.momentum_epsilon = 1e-8;
  values.schedule = "cosine";
  values.initial_learning_rate = 0.0003;
  values.batchnorm_decay = 0.95;
  values.resampling = "area";
  values.augmentation = "horizontal_flip(p=0.5)";
  return values;
}

/// Steps for an SSD on `pictures` training pictures: 1000 passes over them, to the nearest
/// thousand, at least 1000. 100 pictures at batch 24 give 4000.
inline long recommended_steps(long pictures, long batch) {
  if (pictures < 1 || batch < 1)
    throw ConfigError(
        std::to_string(pictures) + " pictures in batches of " + std::to_string(batch),
        "recommended_steps", "both must be at least 1");
  const long thousands = (2 * pictures + batch) / (2 * batch);  // pictures / batch, rounded
  return 1000 * std::max(1L, thousands);
}

/// Steps for a classifier: 4000 where only the head learns, as the head of a frozen MobileNet was
/// trained with TensorFlow's retrain.py; else 20 passes over the pictures, at least 1000.
inline long recommended_classifier_steps(long pictures, long batch, bool frozen) {
  if (pictures < 1 || batch < 1)
    throw ConfigError(
        std::to_string(pictures) + " pictures in batches of " + std::to_string(batch),
        "recommended_classifier_steps", "both must be at least 1");
  return frozen ? 4000 : std::max(1000L, (20 * pictures + batch - 1) / batch);
}

}  // namespace ocelli::train
