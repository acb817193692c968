// Fuzz target: any text as the _annotations.json of a bucket.
// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdint>

#include "ocelli/core/error.hpp"
#include "ocelli/data/cloud_annotations.hpp"
#include "support/fuzz_labels.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace ocelli::data;
  MemorySource source;
  put_fuzz_pictures(source, {"a1.png", "sub/b 2.png"});
  source.put("_annotations.json", fuzz_text(bytes, size));
  try {
    require_sound(read_cloud_annotations(source, "_annotations.json"));
  } catch (const ocelli::DataError&) {
  }
  return 0;
}
