// Fuzz target: any text as a file of hyperparameters. What is accepted must survive config.json.
// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "ocelli/train/hyperparameters.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ocelli::train;
  try {
    Hyperparameters settings(ModelName::ssd_mobilenet_v2);
    settings.load_text(std::string_view(reinterpret_cast<const char*>(data), size), "fuzz.params");
    const auto json = settings.json();
    Hyperparameters again(ModelName::ssd_mobilenet_v2);
    again.load_json(nlohmann::ordered_json::parse(json.dump()), "config.json");
    if (again.json() != json) std::abort();
    settings.check();
  } catch (const ocelli::ConfigError&) {
  }
  return 0;
}
