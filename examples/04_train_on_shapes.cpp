// Lesson 4: train a detector on drawn pictures, and evaluate it.
//
// The detector is a type: its backbone, its input and its classes are template arguments, so the
// compiler knows its shapes, cost and memory. The trainer writes a run folder: a log, snapshots to
// resume from, the best and the last weights.
//
// Output:
//   48 pictures to learn from, 12 to look at
//   trained 30 steps; weights are in shapes-run/last.safetensors: yes
// SPDX-License-Identifier: Apache-2.0
#include <cstdio>
#include <filesystem>

#include "ocelli/data/shapes.hpp"
#include "ocelli/ocelli.hpp"

/// Half the width of the usual net, for small pictures.
struct Small : ocelli::SsdDefaults {
  static constexpr double depth_multiplier = 0.5;
};
using Detector =
    ocelli::SsdLite<ocelli::MobileNetV2, ocelli::Input<3, 96, 96>, ocelli::Classes<3>, Small>;
static_assert(Detector::step_bytes<8>() < 100 * 1024 * 1024);

int main() {
  ocelli::data::write_shapes("shapes", 60, 1);  // discs, squares, triangles, with their labels
  ocelli::data::Split parts = ocelli::data::split_shuffled(ocelli::data::open("shapes"), 0.8);
  std::printf(
      "%zu pictures to learn from, %zu to look at\n", parts.train.pictures.size(),
      parts.validation.pictures.size());

  // 30 steps show how it goes; about 1500 of 16 pictures make a good detector of these shapes.
  std::filesystem::remove_all("shapes-run");
  ocelli::Trainer<Detector, ocelli::SgdMomentum, ocelli::Cpu> trainer{
      {.steps = 30,
       .learning_rate = 0.03,
       .batch = 8,
       .out = "shapes-run",
       .quiet = true,
       .set = {"schedule=cosine", "batchnorm_decay=0.98"}}};
  const auto outcome = trainer.fit(parts);
  std::printf(
      "trained %ld steps; weights are in shapes-run/last.safetensors: %s\n", outcome.steps,
      std::filesystem::exists("shapes-run/last.safetensors") ? "yes" : "no");
}
