// Fuzz target: any text as the labels of a picture, as the list of pictures, and as obj.data.
// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdint>

#include "ocelli/core/error.hpp"
#include "ocelli/data/yolo.hpp"
#include "support/fuzz_labels.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace ocelli::data;
  MemorySource source;
  put_fuzz_pictures(source, {"obj_train_data/a1.png", "obj_train_data/b 2.png"});
  source.put("obj_train_data/a1.txt", fuzz_text(bytes, size));
  source.put("obj.names", "cat\ndog\n");
  require_sound(read_yolo(source));
  source.put("train.txt", fuzz_text(bytes, size));
  source.put("obj.data", fuzz_text(bytes, size));
  try {
    require_sound(read_yolo(source, {.split = "train"}));
  } catch (const ocelli::DataError&) {
  }
  return 0;
}
