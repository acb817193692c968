// Fuzz target: any text as the XML file of a picture, in both dialects.
// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdint>

#include "ocelli/core/error.hpp"
#include "ocelli/data/voc.hpp"
#include "support/fuzz_labels.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace ocelli::data;
  MemorySource source;
  put_fuzz_pictures(source, {"JPEGImages/a1.png", "JPEGImages/b 2.png"});
  source.put("Annotations/a1.xml", fuzz_text(bytes, size));
  for (const VocBoxes dialect : {VocBoxes::devkit, VocBoxes::edges}) {
    require_sound(read_voc(source, {.voc = dialect}));
  }
  return 0;
}
