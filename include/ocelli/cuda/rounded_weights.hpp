// RoundedWeights: copies of slabs of weights in bfloat16, made in one launch whenever the weights
// have changed, for operations that multiply in bfloat16.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <vector>

#include "ocelli/cuda/convert.hpp"
#include "ocelli/cuda/memory.hpp"

namespace ocelli::cuda {

class RoundedWeights {
 public:
  /// Takes memory for a slab's copy, which `refresh` fills.
  void reserve(const float* slab, long count) {
    for (Copy& copy : copies_)
      if (copy.from == slab && copy.count == count) {
        ++copy.users;
        return;
      }
    copies_.emplace_back(slab, count);
  }
  /// To call when a slab has changed, before operations read it.
  void refresh(simt::Stream stream, const float* slab) {
    for (Copy& copy : copies_)
      if (copy.from == slab) {
        convert(stream, copy.from, copy.count, copy.to.data());
        copy.fresh = true;
      }
  }
  /// Once for each `reserve`, before the slab's memory is given back.
  void forget(const float* slab) {
    for (std::size_t i = 0; i < copies_.size(); ++i)
      if (copies_[i].from == slab && --copies_[i].users == 0) {
        copies_.erase(copies_.begin() + static_cast<std::ptrdiff_t>(i));
        return;
      }
  }
  /// The copy of `count` weights, or null where no slab has them that was refreshed.
  const bfloat16* find(const float* weights, long count) const {
    for (const Copy& copy : copies_)
      if (copy.fresh && weights >= copy.from && weights + count <= copy.from + copy.count)
        return copy.to.data() + (weights - copy.from);
    return nullptr;
  }
  std::size_t bytes() const {
    std::size_t sum = 0;
    for (const Copy& copy : copies_) sum += copy.to.size() * sizeof(bfloat16);
    return sum;
  }

 private:
  struct Copy {
    Copy(const float* slab, long size)
        : from(slab), count(size), to(static_cast<std::size_t>(size)) {}
    const float* from;
    long count;
    Memory<bfloat16> to;
    int users = 1;
    bool fresh = false;
  };
  std::vector<Copy> copies_;
};

}  // namespace ocelli::cuda
