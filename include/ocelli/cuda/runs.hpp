// Runs: the host's side of how an optimizer's launch is cut up.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

#include "ocelli/kernels/update.cuh"
#include "ocelli/simt/device.hpp"

namespace ocelli::cuda {

/// A tensor of a slab, in floats.
struct TensorExtent {
  long offset = 0, size = 0;
};

/// Which runs a launch goes over, in device memory. Without a table the whole slab is one tensor.
struct Runs {
  const kernel::Run* table = nullptr;
  int count = 0;  ///< of the table
};

/// Grid of a launch over `size` numbers.
inline unsigned run_grid(long size, const Runs& runs) {
  return static_cast<unsigned>(runs.table != nullptr ? runs.count : kernel::run_count(size));
}

/// The table for updates that clip each tensor by itself; to be copied to the device once.
struct RunTable {
  std::vector<kernel::Run> runs;
  std::vector<int> first_run;  ///< [tensors + 1]
};

/// @param tensors  of one segment; their offsets as seen from the pointers of the launch
/// @param first    the factor's number of the first tensor
inline RunTable run_table(std::span<const TensorExtent> tensors, int first = 0) {
  RunTable table;
  for (std::size_t t = 0; t < tensors.size(); ++t) {
    table.first_run.push_back(static_cast<int>(table.runs.size()));
    for (long done = 0; done < tensors[t].size; done += kernel::kRun)
      table.runs.push_back(
          {tensors[t].offset + done,
           static_cast<int>(std::min<long>(kernel::kRun, tensors[t].size - done)),
           first + static_cast<int>(t)});
  }
  table.first_run.push_back(static_cast<int>(table.runs.size()));
  return table;
}

}  // namespace ocelli::cuda
