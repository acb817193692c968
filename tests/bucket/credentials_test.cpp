// Credentials: when they are none, and what streams show of them.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/bucket/credentials.hpp"

#include <doctest/doctest.h>

#include <sstream>

using namespace ocelli::bucket;

TEST_CASE("credentials: a secret is shown as stars, and none as none") {
  std::ostringstream out;
  out << Secret("wJalr") << Secret();
  CHECK(out.str() == "***(none)");
  CHECK(Secret("wJalr").reveal() == "wJalr");
  CHECK(Secret().empty());
}

TEST_CASE("credentials: a key or a token makes a caller known") {
  Credentials keys;
  CHECK(keys.anonymous());
  keys.access_key_id = "AKID";
  CHECK_FALSE(keys.anonymous());
  Credentials token;
  token.bearer = Secret("token");
  CHECK_FALSE(token.anonymous());
  FixedCredentials fixed(keys);
  CHECK(fixed.get().access_key_id == "AKID");
  CHECK(fixed.origin() == "the program");
  CHECK_FALSE(fixed.renew());  // there is nothing newer to be had
}
