// The tiny net, trained by SsdTrainer on any backend.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <doctest/doctest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "ocelli/train/ssd_trainer.hpp"
#include "train/tiny_net.hpp"

namespace ocelli::test {

/// Four steps of two pictures, with a snapshot after two; resumed it goes on from there. Returns
/// the AP of the last evaluation.
/// @param set  hyperparameters, "name=value"
template <class B>
double train_four_steps(
    const std::filesystem::path& out, const std::vector<std::string>& set, bool resume) {
  train::Hyperparameters settings = tiny_settings();
  for (const char* one : {"batch_size=2", "num_steps=4"}) settings.set_flag(one);
  for (const std::string& one : set) settings.set_flag(one);
  settings.check();
  if (resume) std::filesystem::remove(out / "snapshots" / "step-00000004.safetensors");
  train::TrainingOptions options;
  options.out = out;
  options.snapshot_steps = 2;
  options.resume = resume;
  ThreadPool pool(1);
  B backend(pool);
  const TinyPictures pictures(3, 4);
  const data::ImageCache cache(pictures.dataset, pictures.source, pool);
  const TinyDetector detector(Shape{64, 64, 3}, 3);
  const train::TrainingData part{&pictures.dataset, &cache};
  train::SsdTrainer<B> trainer(backend, pool, detector.spec(), settings, options, part, part);
  CHECK(trainer.prepare() == (resume ? 2 : 0));
  const train::TrainingOutcome outcome = trainer.fit();
  CHECK(outcome.steps == 4);
  REQUIRE(outcome.last);
  return outcome.last->coco.ap();
}

}  // namespace ocelli::test
