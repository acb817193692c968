// ResidentWeights: the host's weights where a backend computes.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <type_traits>

#include "ocelli/core/buffer.hpp"
#include "ocelli/net/executor.hpp"

namespace ocelli::train {

/// The host's own weights, or a copy of them in the backend's memory. The host's must outlive it.
template <Backend B>
class ResidentWeights {
 public:
  using Memory = MemoryOf<B>;

  ResidentWeights(Weights<float>& host, const ModelView& model)
      : host_(host), here_(here(host, model)) {}

  Weights<float, Memory>& get() { return here_; }
  /// Takes over the host's weights after they have changed.
  void refresh() {
    if constexpr (!Memory::is_host) {
      copy(here_.params, host_.params);
      copy(here_.moving, host_.moving);
    }
  }

 private:
  using Here = std::conditional_t<Memory::is_host, Weights<float>&, Weights<float, Memory>>;
  static Here here(Weights<float>& host, [[maybe_unused]] const ModelView& model) {
    if constexpr (Memory::is_host) {
      return host;
    } else {
      return Weights<float, Memory>(model);
    }
  }

  Weights<float>& host_;
  Here here_;
};

}  // namespace ocelli::train
