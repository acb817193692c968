// Errors: how the parts of a message are put together, and who catches whom.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/core/error.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace ocelli;

TEST_CASE("error: where: what; advice, without what is empty") {
  CHECK(std::string(Error("no area").what()) == "no area");
  CHECK(std::string(Error("no area", "a.xml:12").what()) == "a.xml:12: no area");
  CHECK(std::string(Error("no area", {}, "remove it").what()) == "no area; remove it");
  const Error full("no area", "a.xml:12", "remove it");
  CHECK(std::string(full.what()) == "a.xml:12: no area; remove it");
  CHECK(full.where() == "a.xml:12");
  CHECK(full.advice() == "remove it");
}

TEST_CASE("error: every kind is an Error and a runtime_error") {
  CHECK_THROWS_AS(throw ShapeError("x"), Error);
  CHECK_THROWS_AS(throw DataError("x"), Error);
  CHECK_THROWS_AS(throw ConfigError("x"), Error);
  CHECK_THROWS_AS(throw StoreError("x"), Error);
  CHECK_THROWS_AS(throw CheckpointError("x"), Error);
  CHECK_THROWS_AS(throw DeviceError("x"), std::runtime_error);
  CHECK_THROWS_WITH(
      throw DataError("torn", "b.jpg", "copy it again"), "b.jpg: torn; copy it again");
}
