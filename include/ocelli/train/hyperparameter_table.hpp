// The table of hyperparameters: for each its names, where its value lies, its range and its effect.
// Parsing, checking, config.json, --help and docs/hyperparameters.md all come from this one table.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "ocelli/train/hyperparameter_values.hpp"

namespace ocelli::train {

/// An interval; open where a bound itself is not allowed.
struct Range {
  double low = -std::numeric_limits<double>::infinity();
  double high = std::numeric_limits<double>::infinity();
  bool low_open = false, high_open = false;

  bool contains(double value) const {
    return (low_open ? value > low : value >= low) && (high_open ? value < high : value <= high);
  }
};

/// The words that a text can be; at most four, an empty one ends the list.
using Choices = std::array<std::string_view, 4>;

enum class Scope {
  run_time,      ///< a program takes any value
  compile_time,  ///< changes the net: the program's own value is the only one it takes
};

/// The kinds of models that have a hyperparameter.
enum class Kinds { ssd, classifier, all };

/// One row of the table.
struct Hyperparameter {
  using Values = HyperparameterValues;
  using Member = std::variant<
      long Values::*, double Values::*, bool Values::*, std::string Values::*,
      std::vector<double> Values::*, std::vector<std::string> Values::*>;

  std::string_view section;
  std::string_view name;
  Member member;
  Range range{};                                ///< of each number
  Choices choices{};                            ///< of a text; empty: any text
  std::string_view alias{};                     ///< another accepted name
  std::string_view needs_key{}, needs_value{};  ///< without effect unless that key has that value
  std::string_view effect{};                    ///< one sentence
  Scope scope = Scope::run_time;
  bool odd = false;  ///< even values are refused
  Kinds kinds = Kinds::ssd;
};

/// Does a kind of model have it?
inline bool belongs(const Hyperparameter& row, Architecture architecture) {
  const bool classifier = architecture == Architecture::classifier;
  return row.kinds == Kinds::all || (row.kinds == Kinds::classifier) == classifier;
}

namespace detail {

inline constexpr Range at_least_0{0};
inline constexpr Range at_least_1{1};
inline constexpr Range positive{.low = 0, .low_open = true};
inline constexpr Range from_0_to_1{0, 1};
inline constexpr Range from_0_below_1{.low = 0, .high = 1, .high_open = true};
inline constexpr Range inside_0_and_1{.low = 0, .high = 1, .low_open = true, .high_open = true};
inline constexpr Range above_0_to_1{.low = 0, .high = 1, .low_open = true};
inline constexpr Range any_number{};
inline constexpr Choices activations{"NONE", "RELU", "RELU_6", "SWISH"};

}  // namespace detail

/// All hyperparameters, in the order of the documentation.
inline std::span<const Hyperparameter> all_hyperparameters() {
  using V = HyperparameterValues;
  using namespace detail;
  // clang-format off
  static const std::vector<Hyperparameter> table = {
      {.section = "Length and batch", .name = "num_steps", .member = &V::num_steps, .range = at_least_1,
       .effect = "Optimiser steps, each on one batch. Older texts call them epochs.", .kinds = Kinds::all},
      {.section = "Length and batch", .name = "batch_size", .member = &V::batch_size, .range = {1, 65536},
       .effect = "Pictures in a batch.", .kinds = Kinds::all},
      {.section = "Length and batch", .name = "gradient_accumulation_steps", .member = &V::gradient_accumulation_steps,
       .range = at_least_1,
       .effect = "Batches whose gradients are averaged before the optimiser moves; a step counts once for all of them.", .kinds = Kinds::all},
      {.section = "Length and batch", .name = "num_clones", .member = &V::num_clones, .range = {1, 1},
       .effect = "Devices. One is what a program uses.", .kinds = Kinds::all},
      {.section = "Length and batch", .name = "num_classes", .member = &V::num_classes, .range = at_least_0,
       .effect = "Classes without background; 0 is as many as the data set has, another number must equal that.", .kinds = Kinds::all},
      {.section = "Length and batch", .name = "patience", .member = &V::patience, .range = at_least_0,
       .effect = "Evaluations without a better AP (of a classifier: accuracy) after which the training stops; 0 never stops early.", .kinds = Kinds::all},
      {.section = "Length and batch", .name = "eval_interval_secs", .member = &V::eval_interval_secs, .range = at_least_0,
       .effect = "Evaluate also when this many seconds have passed since the last evaluation; 0 is by steps alone.", .kinds = Kinds::all},

      {.section = "Learning rate", .name = "initial_learning_rate", .member = &V::initial_learning_rate,
       .range = positive, .alias = "learning_rate", .effect = "The rate after warm-up, before any decay.", .kinds = Kinds::all},
      {.section = "Learning rate", .name = "schedule", .member = &V::schedule,
       .choices = {"exponential", "cosine", "manual_step", "constant"},
       .effect = "How the rate changes with the step. cosine falls to min_learning_rate at the last step.", .kinds = Kinds::all},
      {.section = "Learning rate", .name = "min_learning_rate", .member = &V::min_learning_rate, .range = at_least_0,
       .effect = "The rate never falls below this.", .kinds = Kinds::all},
      {.section = "Learning rate", .name = "decay_steps", .member = &V::decay_steps, .range = at_least_1,
       .needs_key = "schedule", .needs_value = "exponential", .effect = "Steps in which the rate falls by decay_factor.", .kinds = Kinds::all},
      {.section = "Learning rate", .name = "decay_factor", .member = &V::decay_factor, .range = above_0_to_1,
       .needs_key = "schedule", .needs_value = "exponential", .effect = "The factor by which it falls.", .kinds = Kinds::all},
      {.section = "Learning rate", .name = "decay_staircase", .member = &V::decay_staircase,
       .needs_key = "schedule", .needs_value = "exponential",
       .effect = "Fall at once at the end of each decay_steps; false falls a little with every step.", .kinds = Kinds::all},
      {.section = "Learning rate", .name = "schedule_step_1", .member = &V::schedule_step_1, .range = at_least_1,
       .needs_key = "schedule", .needs_value = "manual_step", .effect = "The first step at schedule_lr_1.", .kinds = Kinds::all},
      {.section = "Learning rate", .name = "schedule_lr_1", .member = &V::schedule_lr_1, .range = positive,
       .needs_key = "schedule", .needs_value = "manual_step", .effect = "The rate from schedule_step_1 on.", .kinds = Kinds::all},
      {.section = "Learning rate", .name = "schedule_step_2", .member = &V::schedule_step_2, .range = at_least_1,
       .needs_key = "schedule", .needs_value = "manual_step",
       .effect = "The first step at schedule_lr_2; greater than schedule_step_1.", .kinds = Kinds::all},
      {.section = "Learning rate", .name = "schedule_lr_2", .member = &V::schedule_lr_2, .range = positive,
       .needs_key = "schedule", .needs_value = "manual_step", .effect = "The rate from schedule_step_2 on.", .kinds = Kinds::all},
      {.section = "Learning rate", .name = "warmup_steps", .member = &V::warmup_steps, .range = at_least_0,
       .effect = "Steps in which the rate climbs in a straight line from warmup_learning_rate; 0 is none.", .kinds = Kinds::all},
      {.section = "Learning rate", .name = "warmup_learning_rate", .member = &V::warmup_learning_rate,
       .range = at_least_0, .effect = "The rate of the first step of the warm-up.", .kinds = Kinds::all},

      {.section = "Optimizer", .name = "optimizer", .member = &V::optimizer, .choices = {"rmsprop", "sgd"},
       .effect = "rmsprop as TensorFlow 1 defines it (epsilon inside the root, mean square starting at 1), or "
                 "sgd with momentum.", .kinds = Kinds::all},
      {.section = "Optimizer", .name = "momentum_optimizer_value", .member = &V::momentum_optimizer_value,
       .range = from_0_to_1,
       .effect = "Momentum. At 1 no gradient is ever forgotten, which does not converge in general.", .kinds = Kinds::all},
      {.section = "Optimizer", .name = "momentum_decay", .member = &V::momentum_decay, .range = from_0_below_1,
       .needs_key = "optimizer", .needs_value = "rmsprop",
       .effect = "Decay of the mean square of the gradients (not of the momentum, whatever its name says).", .kinds = Kinds::all},
      {.section = "Optimizer", .name = "momentum_epsilon", .member = &V::momentum_epsilon, .range = positive,
       .needs_key = "optimizer", .needs_value = "rmsprop", .effect = "Added to the mean square, inside the root.", .kinds = Kinds::all},
      {.section = "Optimizer", .name = "gradient_clipping_by_norm", .member = &V::gradient_clipping_by_norm,
       .range = at_least_0, .effect = "Gradients are scaled down to this norm when theirs is greater; 0 is off.", .kinds = Kinds::all},
      {.section = "Optimizer", .name = "gradient_clipping_per_variable", .member = &V::gradient_clipping_per_variable,
       .effect = "Clip each parameter tensor by itself instead of all by their common norm.", .kinds = Kinds::all},
      {.section = "Optimizer", .name = "moving_average_decay", .member = &V::moving_average_decay,
       .range = from_0_below_1,
       .effect = "Keep a moving average of the weights with this decay, and evaluate it; 0 is off.", .kinds = Kinds::all},
      {.section = "Optimizer", .name = "freeze", .member = &V::freeze, .choices = {"backbone", "extras", "heads"},
       .effect = "Groups of layers that are not trained, comma separated; none is all trained."},

      {.section = "Regularisation", .name = "weight_decay", .member = &V::weight_decay, .range = at_least_0,
       .effect = "L2 of the backbone's weights (MobileNet v2: without its depthwise ones). 4e-5 is fixed in "
                 "TensorFlow's models.", .kinds = Kinds::all},
      {.section = "Regularisation", .name = "first_stage_regularizer_weight", .member = &V::first_stage_regularizer_weight,
       .range = at_least_0, .effect = "L2 of the extra layers' weights."},
      {.section = "Regularisation", .name = "second_stage_regularizer_weight",
       .member = &V::second_stage_regularizer_weight, .range = at_least_0, .effect = "L2 of the heads' weights.", .kinds = Kinds::all},
      {.section = "Regularisation", .name = "second_stage_use_dropout", .member = &V::second_stage_use_dropout,
       .effect = "Dropout on the input of the class heads.", .scope = Scope::compile_time},
      {.section = "Regularisation", .name = "second_stage_dropout_keep_probability",
       .member = &V::second_stage_dropout_keep_probability, .range = above_0_to_1,
       .needs_key = "second_stage_use_dropout", .needs_value = "true", .effect = "Chance of a value to stay."},

      {.section = "Classifier", .name = "freeze_backbone", .member = &V::freeze_backbone,
       .effect = "Train the head alone: the backbone stays as --from gave it and runs as in use. Where pictures "
                 "change by no more than a mirror, what it makes of each is computed once and kept in memory.",
       .kinds = Kinds::classifier},
      {.section = "Classifier", .name = "dropout_keep_probability", .member = &V::dropout_keep_probability,
       .range = above_0_to_1, .effect = "Chance of a feature to stay, before the head.", .kinds = Kinds::classifier},
      {.section = "Classifier", .name = "label_smoothing", .member = &V::label_smoothing, .range = from_0_below_1,
       .effect = "Share of the target that is spread evenly over all classes (arXiv:1512.00567, section 7).",
       .kinds = Kinds::classifier},

      {.section = "Start", .name = "initializer_mean", .member = &V::initializer_mean, .range = any_number,
       .effect = "Mean of the backbone's first weights, a truncated normal distribution.", .kinds = Kinds::all},
      {.section = "Start", .name = "initializer_stddev", .member = &V::initializer_stddev, .range = positive,
       .effect = "Its standard deviation before truncation.", .kinds = Kinds::all},
      {.section = "Start", .name = "first_stage_initializer_mean", .member = &V::first_stage_initializer_mean,
       .range = any_number, .effect = "The same of the extra layers."},
      {.section = "Start", .name = "first_stage_initializer_stddev", .member = &V::first_stage_initializer_stddev,
       .range = positive, .effect = "The same of the extra layers."},
      {.section = "Start", .name = "second_stage_initializer_mean", .member = &V::second_stage_initializer_mean,
       .range = any_number, .effect = "The same of the heads.", .kinds = Kinds::all},
      {.section = "Start", .name = "second_stage_initializer_stddev", .member = &V::second_stage_initializer_stddev,
       .range = positive, .effect = "The same of the heads.", .kinds = Kinds::all},

      {.section = "Batch norm", .name = "batchnorm_decay", .member = &V::batchnorm_decay, .range = inside_0_and_1,
       .effect = "What the backbone's moving statistics keep in each step. From random weights and with few "
                 "steps use less (0.99): after 1000 steps of 0.9997, 74 % is still the start value.", .kinds = Kinds::all},
      {.section = "Batch norm", .name = "batchnorm_epsilon", .member = &V::batchnorm_epsilon, .range = positive,
       .effect = "Added to the backbone's variances.", .kinds = Kinds::all},
      {.section = "Batch norm", .name = "first_stage_batchnorm_decay", .member = &V::first_stage_batchnorm_decay,
       .range = inside_0_and_1, .effect = "The same decay of the extra layers."},
      {.section = "Batch norm", .name = "first_stage_batchnorm_epsilon", .member = &V::first_stage_batchnorm_epsilon,
       .range = positive, .effect = "Added to the extra layers' variances."},
      {.section = "Batch norm", .name = "second_stage_batchnorm_decay", .member = &V::second_stage_batchnorm_decay,
       .range = inside_0_and_1,
       .effect = "The same decay within the heads (SSDLite, or layers before the predictor)."},
      {.section = "Batch norm", .name = "second_stage_batchnorm_epsilon", .member = &V::second_stage_batchnorm_epsilon,
       .range = positive, .effect = "Added to the variances within the heads."},

      {.section = "Anchors, boxes, matching", .name = "anchor_generator_min_scale",
       .member = &V::anchor_generator_min_scale, .range = above_0_to_1,
       .effect = "Scale of the first map's anchors, relative to the picture's shorter side."},
      {.section = "Anchors, boxes, matching", .name = "anchor_generator_max_scale",
       .member = &V::anchor_generator_max_scale, .range = above_0_to_1,
       .effect = "Scale of the last map's; those between are spaced evenly. At least the smallest scale."},
      {.section = "Anchors, boxes, matching", .name = "anchor_generator_scales", .member = &V::anchor_generator_scales,
       .range = above_0_to_1,
       .effect = "The scales themselves, one a map and, if you like, the one beyond the last (1.0), comma "
                 "separated; none takes them from min and max."},
      {.section = "Anchors, boxes, matching", .name = "boxcoder_y_scale", .member = &V::boxcoder_y_scale,
       .range = positive, .effect = "Factor of the vertical offset in the box code."},
      {.section = "Anchors, boxes, matching", .name = "boxcoder_x_scale", .member = &V::boxcoder_x_scale,
       .range = positive, .effect = "Factor of the horizontal offset."},
      {.section = "Anchors, boxes, matching", .name = "boxcoder_height_scale", .member = &V::boxcoder_height_scale,
       .range = positive, .effect = "Factor of the logarithm of the height."},
      {.section = "Anchors, boxes, matching", .name = "boxcoder_width_scale", .member = &V::boxcoder_width_scale,
       .range = positive, .effect = "Factor of the logarithm of the width."},
      {.section = "Anchors, boxes, matching", .name = "second_stage_box_code_size",
       .member = &V::second_stage_box_code_size, .range = {4, 4}, .alias = "second_stage_dropout_box_code_size",
       .effect = "Numbers that describe a box: 4."},
      {.section = "Anchors, boxes, matching", .name = "matched_threshold", .member = &V::matched_threshold,
       .range = from_0_to_1, .effect = "An anchor with at least this IoU is positive."},
      {.section = "Anchors, boxes, matching", .name = "unmatched_threshold", .member = &V::unmatched_threshold,
       .range = from_0_to_1,
       .effect = "One with less than this is negative, one between is ignored. At most matched_threshold."},

      {.section = "Loss", .name = "second_stage_localization_loss_weight",
       .member = &V::second_stage_localization_loss_weight, .range = at_least_0, .effect = "Factor of the box loss."},
      {.section = "Loss", .name = "second_stage_classification_loss_weight",
       .member = &V::second_stage_classification_loss_weight, .range = at_least_0, .effect = "Factor of the class loss."},
      {.section = "Loss", .name = "classification_loss", .member = &V::classification_loss,
       .choices = {"sigmoid", "focal"},
       .effect = "Sigmoid cross entropy with hard examples, or the focal loss over all anchors (arXiv:1708.02002)."},
      {.section = "Loss", .name = "focal_alpha", .member = &V::focal_alpha, .range = from_0_to_1,
       .needs_key = "classification_loss", .needs_value = "focal", .effect = "Weight of positives; negatives get the rest."},
      {.section = "Loss", .name = "focal_gamma", .member = &V::focal_gamma, .range = at_least_0,
       .needs_key = "classification_loss", .needs_value = "focal", .effect = "How much easy anchors are played down."},
      {.section = "Loss", .name = "num_hard_examples", .member = &V::num_hard_examples, .range = at_least_1,
       .needs_key = "classification_loss", .needs_value = "sigmoid",
       .effect = "Anchors of a picture that can take part in the loss, the worst first."},
      {.section = "Loss", .name = "hard_example_iou_threshold", .member = &V::hard_example_iou_threshold,
       .range = from_0_to_1, .needs_key = "classification_loss", .needs_value = "sigmoid",
       .effect = "Of predictions that overlap more than this only the worst counts."},
      {.section = "Loss", .name = "max_negatives_per_positive", .member = &V::max_negatives_per_positive,
       .range = at_least_0, .needs_key = "classification_loss", .needs_value = "sigmoid",
       .effect = "Negatives that count for each positive of a picture; 0 sets no limit."},
      {.section = "Loss", .name = "min_negatives_per_image", .member = &V::min_negatives_per_image, .range = at_least_0,
       .needs_key = "classification_loss", .needs_value = "sigmoid",
       .effect = "Negatives that count in any picture, even one without objects."},

      {.section = "Detections", .name = "second_stage_nms_score_threshold",
       .member = &V::second_stage_nms_score_threshold, .range = from_0_to_1,
       .effect = "A detection needs a score greater than this."},
      {.section = "Detections", .name = "second_stage_nms_iou_threshold", .member = &V::second_stage_nms_iou_threshold,
       .range = from_0_to_1, .effect = "One that overlaps a better one of its class by more than this is dropped."},
      {.section = "Detections", .name = "second_stage_max_detections_per_class",
       .member = &V::second_stage_max_detections_per_class, .range = at_least_1,
       .effect = "Detections of a class in a picture; at most the next."},
      {.section = "Detections", .name = "second_stage_max_detections_max_total_detections",
       .member = &V::second_stage_max_detections_max_total_detections, .range = at_least_1,
       .effect = "Detections in a picture."},
      {.section = "Detections", .name = "evaluation_score_threshold", .member = &V::evaluation_score_threshold,
       .range = from_0_to_1,
       .effect = "Takes the place of second_stage_nms_score_threshold while evaluating: AP needs the faint ones too."},

      {.section = "Data", .name = "augmentation", .member = &V::augmentation,
       .effect = "Random changes to training pictures: ssd, ssd_distort, workflow, none, or a list of transforms.", .kinds = Kinds::all},
      {.section = "Data", .name = "resampling", .member = &V::resampling, .choices = {"bilinear", "area"},
       .effect = "How pictures are brought to the net's size: TensorFlow's bilinear rule, or the mean over areas when shrinking.", .kinds = Kinds::all},

      {.section = "Net", .name = "image_height", .member = &V::image_height, .range = {33, 16384},
       .effect = "Pixels of the picture that the net sees.", .scope = Scope::compile_time, .kinds = Kinds::all},
      {.section = "Net", .name = "image_width", .member = &V::image_width, .range = {33, 16384},
       .effect = "Pixels of the picture that the net sees.", .scope = Scope::compile_time, .kinds = Kinds::all},
      {.section = "Net", .name = "depth_multiplier", .member = &V::depth_multiplier, .range = positive,
       .effect = "Factor of the widths of backbone and extra layers.", .scope = Scope::compile_time, .kinds = Kinds::all},
      {.section = "Net", .name = "min_depth", .member = &V::min_depth, .range = at_least_1,
       .effect = "Lower bound of those widths.", .scope = Scope::compile_time, .kinds = Kinds::all},
      {.section = "Net", .name = "first_stage_activation", .member = &V::first_stage_activation, .choices = activations,
       .effect = "Activation of the extra layers; also by number, 0 to 3. The backbone always has RELU_6.",
       .scope = Scope::compile_time},
      {.section = "Net", .name = "second_stage_activation", .member = &V::second_stage_activation,
       .choices = activations,
       .effect = "Activation within the heads: SSDLite's depthwise layers, and layers before the predictor.",
       .scope = Scope::compile_time},
      {.section = "Net", .name = "second_stage_kernel_size", .member = &V::second_stage_kernel_size,
       .range = at_least_1, .alias = "second_stage_dropout_kernel_size",
       .effect = "Kernel of the heads, odd. TensorFlow's SSD MobileNet v1 has 1.", .scope = Scope::compile_time,
       .odd = true},
      {.section = "Net", .name = "second_stage_num_layers_before_predictor",
       .member = &V::second_stage_num_layers_before_predictor, .range = at_least_0,
       .effect = "1x1 layers in front of the heads.", .scope = Scope::compile_time},
      {.section = "Net", .name = "second_stage_min_depth", .member = &V::second_stage_min_depth, .range = at_least_0,
       .effect = "Lower bound of their widths.", .scope = Scope::compile_time},
      {.section = "Net", .name = "second_stage_max_depth", .member = &V::second_stage_max_depth, .range = at_least_0,
       .effect = "Upper bound of their widths; with both 0 there are none.", .scope = Scope::compile_time},
      {.section = "Net", .name = "anchor_generator_num_layers", .member = &V::anchor_generator_num_layers,
       .range = at_least_1, .effect = "Maps that feed the heads: 6.", .scope = Scope::compile_time},
      {.section = "Net", .name = "anchor_generator_reduce_boxes_in_lowest_layer",
       .member = &V::anchor_generator_reduce_boxes_in_lowest_layer,
       .effect = "Three anchors instead of six at each place of the first map.", .scope = Scope::compile_time},
      {.section = "Net", .name = "first_stage_features_stride", .member = &V::first_stage_features_stride,
       .range = at_least_0, .effect = "Accepted with a warning: the strides of an SSD are fixed."},
  };
  // clang-format on
  return table;
}

/// A name that is known but no hyperparameter here.
struct ForeignName {
  std::string_view name;
  std::string_view owner;   ///< "Faster R-CNN"
  std::string_view advice;  ///< what to do instead
};

inline std::span<const ForeignName> foreign_hyperparameters() {
  constexpr std::string_view frcnn = "Faster R-CNN", mask = "Mask R-CNN",
                             tool = "the labelling tool";
  constexpr std::string_view drop = "remove it, or train a model of that kind";
  constexpr std::string_view resize =
      "set image_height and image_width, to which an SSD scales every picture";
  constexpr std::string_view fill = "remove it; data, classes and paths come from the command line";
  static const std::vector<ForeignName> table = {
      {"height_stride", frcnn, drop},
      {"width_stride", frcnn, drop},
      {"first_stage_nms_score_threshold", frcnn, drop},
      {"first_stage_nms_iou_threshold", frcnn, drop},
      {"first_stage_max_proposals", frcnn, drop},
      {"maxpool_kernel_size", frcnn, drop},
      {"maxpool_stride", frcnn, drop},
      {"min_dimension", frcnn, resize},
      {"max_dimension", frcnn, resize},
      {"first_stage_localization_loss_weight", frcnn, "use second_stage_localization_loss_weight"},
      {"first_stage_objectness_loss_weight", frcnn, "use second_stage_classification_loss_weight"},
      {"initial_crop_size", frcnn, drop},
      {"second_stage_initializer_factor", frcnn, "use second_stage_initializer_stddev"},
      {"second_stage_initializer_mode", frcnn, "use second_stage_initializer_stddev"},
      {"stage_1_epochs", mask, "use num_steps, and freeze for what shall not be trained"},
      {"stage_2_epochs", mask, "use num_steps, and freeze for what shall not be trained"},
      {"stage_3_epochs", mask, "use num_steps, and freeze for what shall not be trained"},
      {"cvat_output_path", tool, fill},
      {"cvat_finetune_checkpoint", tool, fill},
      {"cvat_model", tool, fill},
      {"cvat_num_classes", tool, fill},
      {"cvat_annotation_path", tool, fill},
  };
  return table;
}

}  // namespace ocelli::train
