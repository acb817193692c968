// Test vectors: numbers recorded from outside implementations, tests/vectors/NAME.json.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fstream>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>

namespace ocelli::test {

/// The parsed file tests/vectors/NAME.json; throws std::runtime_error naming the path when it is
/// missing, nlohmann's parse_error when it is not JSON.
inline nlohmann::json vectors(const std::string& name) {
  const std::string path = std::string(OCELLI_TEST_VECTORS) + "/" + name + ".json";
  std::ifstream in(path);
  if (!in) throw std::runtime_error(path + ": cannot be read");
  return nlohmann::json::parse(in);
}

}  // namespace ocelli::test
