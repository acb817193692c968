// Fuzz target: any text as a COCO instances file.
// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdint>

#include "ocelli/core/error.hpp"
#include "ocelli/data/coco.hpp"
#include "support/fuzz_labels.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace ocelli::data;
  MemorySource source;
  put_fuzz_pictures(source, {"images/a1.png", "images/b 2.png"});
  source.put("annotations/instances.json", fuzz_text(bytes, size));
  try {
    require_sound(read_coco(source, "annotations/instances.json"));
  } catch (const ocelli::DataError&) {
  }
  return 0;
}
