// Lesson 5: train on your own pictures.
//
// Give it a folder with labels beside the pictures: Pascal VOC, COCO, Cloud Annotations, YOLO or
// CVAT. A fifth is held out; the best and the last weights, a log and snapshots land in `run`.
// Classes<3> must be the number of your labels; Classes<ocelli::Dynamic> takes as many as there
// are.
//
// Output:
//   usage: 05_your_own_pictures FOLDER
// SPDX-License-Identifier: Apache-2.0
#include <cstdio>
#include <string>

#include "ocelli/ocelli.hpp"

using Detector =
    ocelli::SsdLite<ocelli::MobileNetV2, ocelli::Input<3, 300, 300>, ocelli::Classes<3>>;
static_assert(Detector::step_bytes<24>() < 2'000'000'000);  // known before anything runs

int train(const std::string& pictures) {
  ocelli::data::Split parts = ocelli::data::split_percent(ocelli::data::open(pictures), 20);
  ocelli::Trainer<Detector, ocelli::SgdMomentum, ocelli::Cpu> trainer{
      {.learning_rate = 0.03, .batch = 8, .out = "run", .set = {"schedule=cosine"}}};
  const auto outcome = trainer.fit(parts);
  trainer.save("mine.safetensors");
  std::printf("AP50 %.3f\n", outcome.last->coco.ap50());
  return 0;
}

int main(int argc, char** argv) {
  if (argc != 2) {
    std::printf("usage: 05_your_own_pictures FOLDER\n");
    return 0;
  }
  try {
    return train(argv[1]);
  } catch (const ocelli::Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
