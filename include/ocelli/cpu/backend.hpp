// CpuBackend: the fast operations on the CPU, over one thread pool.
//
// Every operation is cut into tasks by its geometry and sums are joined in a fixed order, so the
// results are the same bits on any number of threads. Memory is taken in `reserve` alone.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

#include "ocelli/core/inline.hpp"
#include "ocelli/core/thread_pool.hpp"
#include "ocelli/cpu/scratch.hpp"
#include "ocelli/op/call.hpp"

namespace ocelli {

class CpuBackend {
 public:
  using Scalar = float;

  /// The pool must outlive the backend.
  explicit CpuBackend(ThreadPool& pool) : pool_(pool), scratch_(pool.size()) {}

  /// Makes room for an operation; called once for each before the first step. The call's shapes,
  /// batch, mode and wanted gradients must be final; its pointers are not followed.
  void reserve(const OpCall<float>& call);

  void forward(const OpCall<float>& call);
  void backward(const OpCall<float>& call);

  /// Bytes taken by `reserve`.
  std::size_t scratch_bytes() const { return scratch_.bytes(); }

  /// Whether the operation has a fast version; all have.
  static bool native(const OpDesc&) { return true; }

 private:
  ThreadPool& pool_;
  cpu::Scratch scratch_;
};

}  // namespace ocelli

#ifndef OCELLI_COMPILED
#include "ocelli/cpu/backend_impl.hpp"
#endif
