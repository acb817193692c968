// Fuzz target: any bytes as a picture file. What decodes has the size that its header says.
// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "ocelli/core/error.hpp"
#include "ocelli/data/image.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ocelli::data;
  const auto bytes = std::as_bytes(std::span(data, size));
  try {
    const ImageSize said = image_size(bytes, "fuzz");
    // Larger ones take their time honestly.
    if (std::int64_t{said.height} * said.width > 1 << 20) return 0;
    const Image image = decode(bytes, "fuzz");
    if (image.height != said.height || image.width != said.width) std::abort();
  } catch (const ocelli::DataError&) {
  }
  return 0;
}
