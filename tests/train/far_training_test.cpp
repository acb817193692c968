// A training whose numbers live where the host cannot follow them ends with the same bytes as one
// in the host's memory, also when it is resumed.
// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <filesystem>
#include <span>
#include <string>
#include <utility>

#include "ocelli/core/file.hpp"
#include "ocelli/reference/backend.hpp"
#include "ocelli/train/host_step_math.hpp"
#include "support/far_memory.hpp"
#include "support/temporary_folder.hpp"
#include "train/backend_training.hpp"

using namespace ocelli;
using namespace ocelli::test;

namespace {

/// The host's loss and optimizers, over far memory.
class FarStepMath {
 public:
  FarStepMath(
      FarBackend& backend, ThreadPool& pool, std::span<const Box> anchors, int classes,
      const SsdLossOptions& loss, int batch, int max_boxes, UpdatePlan plan)
      : math_(backend, pool, anchors, classes, loss, batch, max_boxes, std::move(plan)) {}
  void begin(float* gradient) {
    const FarMemory::Open open;
    math_.begin(gradient);
  }
  const float* images(const float* made, long count) {
    if (images_.size() == 0) images_ = Buffer<float, FarMemory>(static_cast<std::size_t>(count));
    FarMemory::from_host(images_.data(), made, images_.size() * sizeof(float));
    return images_.data();
  }
  bool loss(
      int batch, const GroundTruthBatch<float>& truth, const float* codes, const float* logits,
      float* d_codes, float* d_logits) {
    const FarMemory::Open open;
    return math_.loss(batch, truth, codes, logits, d_codes, d_logits);
  }
  void update(const UpdateSlabs& slabs, double learning_rate) {
    const FarMemory::Open open;
    math_.update(slabs, learning_rate);
  }
  StepResult result() { return math_.result(); }

 private:
  train::HostStepMath math_;
  Buffer<float, FarMemory> images_;
};

struct TrainableFarBackend : FarBackend {
  using FarBackend::FarBackend;
  using StepMath = FarStepMath;
};

}  // namespace

TEST_CASE("far_training: the weights are those of a training in the host's memory") {
  const TemporaryFolder folder;
  for (const std::string settings :
       {"optimizer=rmsprop", "optimizer=sgd", "moving_average_decay=0.5",
        "gradient_clipping_per_variable=true"}) {
    CAPTURE(settings);
    const auto near = folder / ("near-" + settings), far = folder / ("far-" + settings);
    const double wanted = train_four_steps<ReferenceBackend<float>>(near, {settings}, false);
    CHECK(train_four_steps<TrainableFarBackend>(far, {settings}, false) == wanted);
    const std::string bytes = read_file(near / "last.safetensors");
    CHECK(read_file(far / "last.safetensors") == bytes);
    const auto last = std::filesystem::path("snapshots") / "step-00000004.safetensors";
    CHECK(read_file(far / last) == read_file(near / last));

    CHECK(train_four_steps<TrainableFarBackend>(far, {settings}, true) == wanted);
    CHECK(read_file(far / "last.safetensors") == bytes);
  }
}
