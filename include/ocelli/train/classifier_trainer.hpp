// ClassifierTrainer: the training of a classifier of whole pictures.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ocelli/train/classifier_task.hpp"
#include "ocelli/train/task_trainer.hpp"

namespace ocelli::train {

template <Backend B>
using ClassifierTrainer = TaskTrainer<ClassifierTask<B>>;

}  // namespace ocelli::train
