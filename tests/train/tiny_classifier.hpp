// The net, the settings and the pictures of the tiny classifier.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "ocelli/core/random.hpp"
#include "ocelli/data/dataset.hpp"
#include "ocelli/data/image_writer.hpp"
#include "ocelli/data/source.hpp"
#include "ocelli/model/classifier.hpp"
#include "ocelli/train/hyperparameters.hpp"

namespace ocelli::test {

struct TinyClassifierConfig : ClassifierDefaults {
  static constexpr int image_height = 32, image_width = 32;
  static constexpr double depth_multiplier = 0.25;
};
using TinyClassifier =
    Classifier<MobileNetV2, Input<3, 32, 32>, Classes<Dynamic>, TinyClassifierConfig>;

inline train::Hyperparameters tiny_classifier_settings(const std::vector<std::string>& set = {}) {
  train::Hyperparameters settings(
      train::ModelName::mobilenet_v2_classifier, train::SsdCompiled::of<TinyClassifierConfig>());
  for (const char* one : {"num_steps=12", "batch_size=4", "batchnorm_decay=0.9"})
    settings.set_flag(one);
  for (const std::string& one : set) settings.set_flag(one);
  settings.check();
  return settings;
}

/// Pictures in memory with a label as a whole, each of which has a colour of its own, with noise.
struct TinyWholePictures {
  data::Dataset dataset;
  data::MemorySource source;

  explicit TinyWholePictures(int count = 24, std::uint64_t seed = 3) {
    dataset.root = "coloured";
    dataset.format = "drawn";
    dataset.labels = {"red, or so", "Café #2", "blue"};
    for (int k = 0; k < count; ++k) {
      const int label = 1 + k % 3;
      Random random(seed, Stream::demo, 0, static_cast<std::uint32_t>(k));
      data::Image image = data::make_image(32 + 4 * (k % 4), 40 - 4 * (k % 3));
      for (std::size_t i = 0; i < image.pixels.size(); ++i) {
        const bool own = static_cast<int>(i % 3) == label - 1;
        image.pixels[i] = static_cast<std::uint8_t>(random.below(128) + (own ? 96u : 32u));
      }
      data::Picture picture;
      picture.key = "coloured-" + std::to_string(k) + ".png";
      picture.width = image.width;
      picture.height = image.height;
      picture.state = data::PictureState::labelled;
      picture.tags = {label};
      source.put(picture.key, data::encode_png(image));
      dataset.pictures.push_back(std::move(picture));
    }
  }
};

}  // namespace ocelli::test
