// SsdTrainer: the training of an SSD.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ocelli/train/ssd_task.hpp"
#include "ocelli/train/task_trainer.hpp"

namespace ocelli::train {

template <Backend B>
using SsdTrainer = TaskTrainer<SsdTask<B>>;

}  // namespace ocelli::train
