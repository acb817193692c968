// TileExtent: what of a matrix product one block makes.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ocelli/cuda/grid.hpp"

namespace ocelli::cuda {

/// Rows, columns and threads of a tile.
struct TileExtent {
  int rows, columns, threads;
  constexpr long tiles(long of_rows, long of_columns) const {
    return long(blocks(of_rows, rows)) * blocks(of_columns, columns);
  }
};

}  // namespace ocelli::cuda
