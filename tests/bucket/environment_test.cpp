// Variables of the process, and of a test's own.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/bucket/environment.hpp"

#include <doctest/doctest.h>
#include <stdlib.h>

#include "support/in_child.hpp"

using namespace ocelli::bucket;
using namespace ocelli::test;

TEST_CASE("environment: what is not set is empty") {
  const Environment own = environment_of({{"A", "1"}, {"B", ""}});
  CHECK(own("A") == "1");
  CHECK(own("B").empty());
  CHECK(own("PATH").empty());  // nothing of the process
  CHECK(in_child([] {
    ::setenv("OCELLI_TEST_VARIABLE", "set", 1);
    ::unsetenv("OCELLI_TEST_OTHER");
    const Environment process = process_environment();
    return process("OCELLI_TEST_VARIABLE") == "set" && process("OCELLI_TEST_OTHER").empty();
  }));
}
