// SPDX-License-Identifier: Apache-2.0
#include "ocelli/deploy/model_keys.hpp"

#include <doctest/doctest.h>

#include "support/message_of.hpp"

using namespace ocelli;
using namespace ocelli::deploy;
using namespace ocelli::test;

TEST_CASE("model_keys: master has the bucket's name alone, other branches their own") {
  const ModelKeys master("", "cats", "master");
  CHECK(master.copy(kWeightsExtension) == "cats.safetensors");
  CHECK(master.copy(kLabelsExtension) == "cats.labels");
  CHECK(master.manifest() == "cats.model.json");
  CHECK(master.data_folder() == "models/cats/");
  const ModelKeys night("team/a", "cats", "night-1");
  CHECK(night.copy(".mlmodel") == "team/a/cats-night-1.mlmodel");
  CHECK(night.manifest() == "team/a/cats-night-1.model.json");
  CHECK(night.data_folder() == "team/a/models/cats/");
  CHECK(night.data_part() == "models/cats/");
  CHECK(ModelKeys("team/a/", "cats", "night-1").stem() == night.stem());
}

TEST_CASE("model_keys: names that are no part of a key are refused") {
  for (const char* branch :
       {"", "a/b", "..", ".hidden", "-x", "a b", "a\nb", "caf\xC3\xA9", "a%2Fb", "x?"}) {
    CAPTURE(branch);
    CHECK(says(message_of<ConfigError>([&] { check_branch(branch); }), "the name of a branch"));
  }
  CHECK_THROWS_AS(check_branch(std::string(65, 'a')), ConfigError);
  for (const char* branch : {"master", "a", "v1.2", "Night_shift-3"})
    CHECK_NOTHROW(check_branch(branch));
  for (const char* name : {"", ".", "..", "a/b", "a\nb"})
    CHECK_THROWS_AS(check_model_name(name), ConfigError);
  CHECK_NOTHROW(check_model_name("my pictures"));
}
