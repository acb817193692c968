// --device: every command that computes takes the same names, and refuses the same.
// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <string>

#include "cli/run_program.hpp"
#include "support/message_of.hpp"

using namespace ocelli::test;

namespace {

const char* const kCommands[] = {
    "train --data nowhere", "evaluate --data nowhere --weights nowhere",
    "detect --weights nowhere nowhere.jpg"};

}  // namespace

TEST_CASE("device: a name that is none is a mistake in the command") {
  for (const char* command : kCommands)
    for (const char* device : {"gpu", "cuda:", "cuda:x", "cuda:-1", "CPU", ""}) {
      const Outcome outcome = run_program(std::string(command) + " --device '" + device + "'");
      CAPTURE(command);
      CAPTURE(device);
      CHECK(outcome.code == 2);
      CHECK_MESSAGE(says(outcome.text, "auto, cpu, cuda or cuda:1"), outcome.text);
    }
}

TEST_CASE("device: one that is not there is a fault of the device, before data is read") {
  for (const char* command : kCommands) {
    const Outcome outcome = run_program(std::string(command) + " --device cuda:99");
    CAPTURE(command);
    CHECK(outcome.code == 5);
    CHECK_MESSAGE(says(outcome.text, "cuda:99"), outcome.text);
  }
}

TEST_CASE("device: the CPU refuses what a GPU alone has") {
  for (const char* command : kCommands)
    for (const char* option : {"--precision bf16", "--precision tf32", "--engines cudnn"}) {
      const Outcome outcome = run_program(std::string(command) + " --device cpu " + option);
      CAPTURE(command);
      CHECK(outcome.code == 2);
      CHECK_MESSAGE(says(outcome.text, option), outcome.text);
    }
}

TEST_CASE("device: the CPU is always there") {
  for (const char* command : kCommands) {
    const Outcome outcome = run_program(std::string(command) + " --device cpu");
    CAPTURE(command);
    CHECK(outcome.code != 2);
    CHECK(outcome.code != 5);
    CHECK_MESSAGE(says(outcome.text, "nowhere"), outcome.text);
  }
}
