// Fuzz target: any text as the annotations.xml of a CVAT task.
// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdint>

#include "ocelli/core/error.hpp"
#include "ocelli/data/cvat.hpp"
#include "support/fuzz_labels.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace ocelli::data;
  MemorySource source;
  put_fuzz_pictures(
      source, {"images/a1.png", "images/frame_000000.png", "images/frame_000003.png"});
  source.put("annotations.xml", fuzz_text(bytes, size));
  try {
    require_sound(read_cvat(source, "annotations.xml"));
  } catch (const ocelli::DataError&) {
  }
  return 0;
}
