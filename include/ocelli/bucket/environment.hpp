// Environment: the variables of the process, or others in their place.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdlib>
#include <functional>
#include <map>
#include <string>
#include <utility>

namespace ocelli::bucket {

/// The value of a variable; empty when it is not set, which is the same as set to nothing.
using Environment = std::function<std::string(const std::string& name)>;

/// That of this process. No thread may call setenv() meanwhile.
inline Environment process_environment() {
  return [](const std::string& name) {
    const char* value = std::getenv(name.c_str());
    return std::string(value != nullptr ? value : "");
  };
}

/// Of these variables alone.
inline Environment environment_of(std::map<std::string, std::string> variables) {
  return [variables = std::move(variables)](const std::string& name) {
    const auto at = variables.find(name);
    return at == variables.end() ? std::string() : at->second;
  };
}

}  // namespace ocelli::bucket
