// The options for buckets: what they set, and that no key is among them.
// SPDX-License-Identifier: Apache-2.0
#include "../../examples/cli/store_options.hpp"

#include <doctest/doctest.h>

#include <string>

#include "support/message_of.hpp"

using namespace ocelli::bucket;
using ocelli::test::says;

TEST_CASE("store_options: each sets its part") {
  CLI::App app;
  StoreOptions options;
  program::add_store_options(app, options);
  app.parse(
      "--endpoint https://e --region r --profile p --credentials c --ca-bundle b --anonymous "
      "--connections 3");
  CHECK(options.endpoint == "https://e");
  CHECK(options.region == "r");
  CHECK(options.profile == "p");
  CHECK(options.credentials_file == "c");
  CHECK(options.ca_bundle == "b");
  CHECK(options.anonymous);
  CHECK(options.connections == 3);
}

TEST_CASE("store_options: keys are no options, and the help says where they come from") {
  CLI::App app;
  StoreOptions options;
  program::add_store_options(app, options);
  const std::string help = app.help();
  CHECK(says(help, "Keys are never given as options"));
  CHECK(says(help, "--credentials"));
  for (const char* name : {"--secret-key", "--access-key", "--api-key", "--token", "--password"})
    CHECK_THROWS_AS(app.parse(std::string(name) + " x"), CLI::ParseError);
  CHECK_THROWS_AS(app.parse("--connections 0"), CLI::ParseError);
}
