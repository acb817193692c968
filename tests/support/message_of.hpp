// message_of: what an exception says, for tests of messages.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace ocelli::test {

/// Runs `work`, which must throw an E; returns its message, or a text that no test expects.
template <class E, class Work>
std::string message_of(Work&& work) {
  try {
    work();
  } catch (const E& error) {
    return error.what();
  }
  return "(nothing was thrown)";
}

/// Does `text` contain `part`?
inline bool says(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace ocelli::test
