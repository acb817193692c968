// anchors on the device. Kernel: ocelli/kernels/anchors.cuh.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

#include "ocelli/box/anchors.hpp"
#include "ocelli/kernels/anchors.cuh"

namespace ocelli::cuda {

/// Writes all anchors, options.count(maps) of them, in the order and with the bits of
/// ocelli::ssd_anchors. Throws ConfigError as that does.
/// @param anchors  device memory, aligned to 16 bytes
inline void ssd_anchors(
    simt::Stream stream, std::span<const MapSize> maps, int image_height, int image_width,
    const SsdAnchorOptions& options, Box* anchors) {
  static_assert(kernel::kMostAnchorMaps >= SsdAnchorOptions::kMaxLayers);
  static_assert(kernel::kMostAnchorShapes >= SsdAnchorOptions::kMaxRatios + 1);
  check_ssd_anchors(maps, image_height, image_width, options);
  const SsdAnchorUnit unit = ssd_anchor_unit(image_height, image_width, options);
  kernel::AnchorMaps table{};
  int anchor = 0;
  for (const MapSize& size : maps) {
    const SsdAnchorShapes shapes = ssd_anchor_shapes(options, table.count, unit);
    kernel::AnchorMap& map = table.map[table.count++];
    map.height = size.height;
    map.width = size.width;
    map.first_place = table.places;
    map.first_anchor = anchor;
    map.shapes = shapes.count;
    for (int b = 0; b < shapes.count; ++b) {
      map.shape_height[b] = shapes.height[b];
      map.shape_width[b] = shapes.width[b];
    }
    table.places += size.height * size.width;
    anchor += size.height * size.width * shapes.count;
  }
  const int blocks = (table.places + kernel::kAnchorThreads - 1) / kernel::kAnchorThreads;
  simt::launch(
      kernel::ssd_anchors, static_cast<unsigned>(blocks), kernel::kAnchorThreads, 0, stream, table,
      anchors);
}

}  // namespace ocelli::cuda
