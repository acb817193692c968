// The hyperparameters of a classifier as the options of the parts that use them.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

#include "ocelli/data/loader.hpp"
#include "ocelli/model/classifier.hpp"
#include "ocelli/train/hyperparameter_values.hpp"
#include "ocelli/train/ssd_options.hpp"
#include "ocelli/train/training_options.hpp"
#include "ocelli/train/training_rules.hpp"

namespace ocelli::train {

/// Settings by group: 0 backbone, 1 head.
struct ClassifierGroups : TrainingGroups {
  explicit ClassifierGroups(const HyperparameterValues& v) {
    constexpr auto backbone = static_cast<std::size_t>(ClassifierGroup::backbone);
    constexpr auto head = static_cast<std::size_t>(ClassifierGroup::head);
    settings[backbone].norm = {v.batchnorm_decay, v.batchnorm_epsilon};
    settings[backbone].frozen = v.freeze_backbone;
    regularizer[backbone] = v.weight_decay;
    initializer_mean[backbone] = v.initializer_mean;
    initializer_stddev[backbone] = v.initializer_stddev;
    settings[head].dropout_keep = static_cast<float>(v.dropout_keep_probability);
    regularizer[head] = v.second_stage_regularizer_weight;
    initializer_mean[head] = v.second_stage_initializer_mean;
    initializer_stddev[head] = v.second_stage_initializer_stddev;
  }
};

/// Batches of whole pictures as a training wants them.
inline data::LoaderOptions whole_picture_loader(
    const ClassifierSpec& spec, const HyperparameterValues& values,
    const TrainingOptions& options) {
  data::LoaderOptions loader;
  loader.targets = data::TargetKind::whole_picture;
  loader.height = spec.model.input.height;
  loader.width = spec.model.input.width;
  loader.batch = static_cast<int>(values.batch_size);
  loader.seed = options.seed;
  loader.augmentation = data::Augmentation::parse(values.augmentation);
  loader.resampling = resampling_of(values);
  loader.threads = options.loader_threads;
  return loader;
}

}  // namespace ocelli::train
