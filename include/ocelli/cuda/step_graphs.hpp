// StepGraphs: the parts of a training step as graphs, one for each kind of part.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <utility>
#include <vector>

#include "ocelli/cuda/graph.hpp"

namespace ocelli::cuda {

/// What makes one part of a step another list of launches than the next one.
struct StepKind {
  bool first = true, last = true;  ///< of its step's batches
  bool drawn = false;              ///< from pictures that lie on the device
  int place = 0;                   ///< of Staging
  int batch = 0, capacity = 0;
  int batches = 1;  ///< of the step so far

  bool operator==(const StepKind&) const = default;
};

class StepGraphs {
 public:
  /// Asks for everything each time.
  void set_eager(bool eager) { eager_ = eager; }
  bool eager() const { return eager_; }

  /// Does what `work` asks the stream for. The first step is asked for launch by launch, so that
  /// what libraries and the driver do once is done; from the second on each kind is recorded and
  /// replayed, which gives the same bits.
  /// @throws DeviceError where it cannot be recorded; what `work` throws
  template <class Work>
  void run(simt::Stream stream, const StepKind& kind, Work&& work) {
    if (eager_ || !warm_) {
      work();
      warm_ = warm_ || kind.last;
      return;
    }
    for (const Entry& entry : entries_)
      if (entry.kind == kind) return entry.graph.launch(stream);
    entries_.push_back({kind, Graph(stream, std::forward<Work>(work))});
    entries_.back().graph.launch(stream);
  }

  /// Kinds that were recorded.
  std::size_t count() const { return entries_.size(); }
  /// Forgets them: memory that they name is another.
  void clear() { entries_.clear(); }

 private:
  struct Entry {
    StepKind kind;
    Graph graph;
  };
  std::vector<Entry> entries_;
  bool eager_ = false, warm_ = false;
};

}  // namespace ocelli::cuda
