// OCELLI_INLINE: how the functions are defined that the compiled part can hold.
//
// ocelli is headers alone, unless OCELLI_COMPILED is defined: then `data::open`, the CPU's
// operations and `Trainer` are only declared, their definitions (the *_impl.hpp files) are compiled
// once into a library, and a program's own files compile in a fraction of the time. All files of a
// program must agree; the CMake target ocelli::compiled sees to both.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#ifdef OCELLI_COMPILED
#define OCELLI_INLINE
#else
#define OCELLI_INLINE inline
#endif
