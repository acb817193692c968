// The version number: the one place of it; CMake reads these lines.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#define OCELLI_VERSION_MAJOR 0
#define OCELLI_VERSION_MINOR 1
#define OCELLI_VERSION_PATCH 0
