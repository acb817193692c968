// Runs the program OCELLI_CLI and keeps what it said.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <doctest/doctest.h>
#include <sys/wait.h>

#include <array>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>

namespace ocelli::test {

struct Outcome {
  int code = -1;
  std::string text;  ///< of both streams
};

/// Of the shell.
inline Outcome run_shell(const std::string& command) {
  Outcome outcome;
  FILE* pipe = ::popen(("( " + command + " ) 2>&1").c_str(), "r");
  REQUIRE(pipe != nullptr);
  std::array<char, 4096> buffer;
  while (const std::size_t count = std::fread(buffer.data(), 1, buffer.size(), pipe))
    outcome.text.append(buffer.data(), count);
  const int status = ::pclose(pipe);
  outcome.code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return outcome;
}

inline Outcome run_program(const std::string& arguments) {
  return run_shell(std::string(OCELLI_CLI) + " " + arguments);
}

/// The JSON of the last line.
inline nlohmann::json last_json(const Outcome& outcome) {
  std::string text = outcome.text;
  while (!text.empty() && text.back() == '\n') text.pop_back();
  const auto json = nlohmann::json::parse(text.substr(text.rfind('\n') + 1), nullptr, false);
  REQUIRE_MESSAGE(json.is_object(), outcome.text);
  return json;
}

}  // namespace ocelli::test
