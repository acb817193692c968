// Fuzz target: any bytes as a safetensors file. What is accepted must be readable to the last
// value.
// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "ocelli/train/safetensors_file.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ocelli::train;
  try {
    const SafetensorsReader reader(
        std::string(reinterpret_cast<const char*>(data), size), "fuzz.safetensors");
    std::size_t total = 0;
    for (const TensorEntry& entry : reader.tensors()) {
      if (reader.find(entry.name) == nullptr) std::abort();
      total += reader.data(entry).size();
      if (entry.dtype <= TensorDtype::bf16) reader.floats(entry.name);
      if (entry.dtype == TensorDtype::u8) reader.integers(entry.name);
    }
    if (total != size - reader.header().data_begin) std::abort();
  } catch (const ocelli::CheckpointError&) {
  }
  return 0;
}
