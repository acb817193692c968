// A tiny training behind one function: an SSDLite at 64x64 on a dozen drawn pictures, in this
// process or in a child that can be killed. The net is instantiated in tiny_training_test.cpp
// alone.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "ocelli/train/observer.hpp"
#include "ocelli/train/training_options.hpp"

namespace ocelli::test {

/// What to train and how; everything but the callbacks also reaches a child.
struct TinyRun {
  std::filesystem::path out;
  std::vector<std::string>
      set;  ///< hyperparameters, "name=value"; they win over the tiny run's own
  train::TrainingOptions options;
  int threads = 2;
  int classes = 3;                             ///< 3: disc, square, triangle; 2: without triangles
  std::string model = "ssdlite-mobilenet-v2";  ///< the name; the net is the same
  bool held_out = true;                        ///< evaluate, on the training pictures
  long file_limit = 0;        ///< in a child: bytes that a file may have; 0: no limit
  bool prepare_only = false;  ///< prepare() alone, and the weights to `out`/prepared.safetensors
  std::function<void(long step)> on_point{}, on_evaluation{}, on_snapshot{};
  train::TrainingObserver* observer = nullptr;  ///< a further one
};

struct TinyOutcome {
  std::string end;  ///< as name(TrainingEnd)
  long first = 0;   ///< steps that were done at the start
  long steps = 0;   ///< in the end
  double ap = -1, ap50 = -1, best_ap = -1;
  long best_step = 0;
  double first_loss = 0, last_loss = 0;  ///< of the log's first and last point
  std::vector<std::string> messages, warnings;
};

/// A run that is quick to make and has everything in it: evaluations, snapshots, a log.
TinyRun tiny_run(const std::filesystem::path& out);

/// Trains in this process. Throws what the trainer throws; the run is recorded as failed then.
TinyOutcome train_tiny(const TinyRun& run);

/// Heap allocations of each of `steps` training steps, batch from the loader included, by all
/// threads.
std::vector<long> allocations_of_steps(const TinyRun& run, int steps);

/// Trains in a child process; its output goes to `out`.child beside the run folder.
pid_t start_tiny(const TinyRun& run);

/// Waits for a child; returns its exit status, or -N when signal N ended it.
int wait_for_child(pid_t child);

/// The bytes of a file.
std::string bytes_of(const std::filesystem::path& path);
/// Do two files exist and hold the same bytes?
bool same_bytes(const std::filesystem::path& a, const std::filesystem::path& b);

/// The evaluations in a run's log.jsonl.
std::vector<nlohmann::ordered_json> evaluations_in_log(const std::filesystem::path& run);

}  // namespace ocelli::test
