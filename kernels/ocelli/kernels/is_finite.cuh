// is_finite: by the bits, which no compiler's options change.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ocelli/simt/device.hpp"

namespace ocelli::kernel {

OCELLI_DEVICE bool is_finite(float x) { return (__float_as_uint(x) & 0x7F800000u) != 0x7F800000u; }

}  // namespace ocelli::kernel
