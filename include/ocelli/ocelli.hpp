// The door: everything to train a detector or a classifier on the CPU. Programs include this one
// file, so that all of them see the same overloads.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ocelli/cpu/backend.hpp"       // IWYU pragma: export
#include "ocelli/data/open.hpp"         // IWYU pragma: export
#include "ocelli/data/split.hpp"        // IWYU pragma: export
#include "ocelli/model/classifier.hpp"  // IWYU pragma: export
#include "ocelli/model/resnet.hpp"      // IWYU pragma: export
#include "ocelli/model/ssd.hpp"         // IWYU pragma: export
#include "ocelli/net/executor.hpp"      // IWYU pragma: export
#include "ocelli/net/summary.hpp"       // IWYU pragma: export
#include "ocelli/train/trainer.hpp"     // IWYU pragma: export
#include "ocelli/version.hpp"           // IWYU pragma: export

namespace ocelli {

/// The device of a training: this machine's processor.
struct Cpu {
  using Backend = CpuBackend;
};

#ifdef OCELLI_COMPILED
extern template class train::Session<CpuBackend>;
#endif

}  // namespace ocelli
