// Pictures with boxes drawn by what a detector found.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "ocelli/box/box.hpp"
#include "ocelli/core/file.hpp"
#include "ocelli/data/image.hpp"
#include "ocelli/data/image_writer.hpp"
#include "ocelli/draw/boxes.hpp"

namespace program {

/// Draws detections into the picture and writes it as a JPEG.
inline void draw_detections(
    ocelli::data::Image& picture, std::span<const ocelli::Detection> detections,
    const std::vector<std::string>& labels, const std::filesystem::path& path) {
  ocelli::draw::Canvas canvas(picture);
  ocelli::draw::draw_detections(canvas, detections, labels);
  const std::vector<std::byte> bytes = ocelli::data::encode_jpeg(picture, 92);
  ocelli::write_file(
      path, std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
}

}  // namespace program
