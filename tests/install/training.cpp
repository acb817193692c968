// A training in a program outside the source tree, over the compiled part of the library.
// SPDX-License-Identifier: Apache-2.0
#include <cstdio>

#include "ocelli/data/shapes.hpp"
#include "ocelli/ocelli.hpp"

#ifndef OCELLI_COMPILED
#error "ocelli::compiled must say so to the headers"
#endif

struct Small : ocelli::SsdDefaults {
  static constexpr double depth_multiplier = 0.25;
};
using Detector = ocelli::SsdLite<
    ocelli::MobileNetV2, ocelli::Input<3, 96, 96>, ocelli::Classes<ocelli::Dynamic>, Small>;

/// Steps that were made.
long train_on_shapes() {
  ocelli::data::write_shapes("shapes", 12, 1);
  ocelli::Trainer<Detector, ocelli::SgdMomentum, ocelli::Cpu> trainer{
      {.steps = 2, .batch = 4, .out = "shapes-run", .quiet = true}};
  const auto outcome = trainer.fit(ocelli::data::split_percent(ocelli::data::open("shapes"), 25));
  trainer.save("shapes.safetensors");
  std::printf("trained %ld steps\n", outcome.steps);
  return outcome.steps;
}
