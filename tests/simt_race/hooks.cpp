// What the instrumented kernels of this program call; itself compiled without instrumentation.
// SPDX-License-Identifier: Apache-2.0
#define OCELLI_SIMT_DEFINE_RACE_HOOKS
#include "ocelli/simt/race_hooks.hpp"
