// The net, the settings and the pictures of the tiny training.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "ocelli/data/dataset.hpp"
#include "ocelli/data/image_writer.hpp"
#include "ocelli/data/shapes.hpp"
#include "ocelli/data/source.hpp"
#include "ocelli/model/ssd.hpp"
#include "ocelli/train/hyperparameters.hpp"

namespace ocelli::test {

struct TinyConfig : SsdDefaults {
  static constexpr int image_height = 64, image_width = 64;
  static constexpr double depth_multiplier = 0.25;
};
using TinyDetector = SsdLite<MobileNetV2, Input<3, 64, 64>, Classes<Dynamic>, TinyConfig>;

/// The settings of the tiny net, with moving statistics that follow within a short training.
inline train::Hyperparameters tiny_settings(const std::string& model = "ssdlite-mobilenet-v2") {
  train::Hyperparameters settings(
      train::model_by_name(model), train::SsdCompiled::of<TinyConfig>());
  for (const char* one :
       {"batchnorm_decay=0.9", "first_stage_batchnorm_decay=0.9",
        "second_stage_batchnorm_decay=0.9"})
    settings.set_flag(one);
  return settings;
}

/// Drawn pictures of 64 to 96 pixels a side, in memory.
struct TinyPictures {
  data::Dataset dataset;
  data::MemorySource source;

  /// @param classes  of disc, square, triangle; objects of the others are left out
  explicit TinyPictures(int classes = 3, int count = 12, std::uint64_t seed = 5) {
    dataset.root = "drawn";
    dataset.format = "shapes";
    const auto& names = data::shape_labels();
    dataset.labels.assign(names.begin(), names.begin() + classes);
    for (int k = 0; k < count; ++k) {
      data::Picture picture;
      picture.height = 64 + 8 * (k % 5);
      picture.width = 96 - 16 * (k % 3);
      data::Drawing drawing =
          data::draw_shapes(seed, static_cast<std::uint32_t>(k), picture.height, picture.width);
      picture.key = "shapes-" + std::to_string(k) + ".png";
      for (const data::Object& object : drawing.objects)
        if (object.label <= classes) picture.objects.push_back(object);
      picture.state =
          picture.objects.empty() ? data::PictureState::negative : data::PictureState::labelled;
      source.put(picture.key, data::encode_png(drawing.image));
      dataset.pictures.push_back(std::move(picture));
    }
  }
};

}  // namespace ocelli::test
