// Files with keys in them: their lines, their values, and who else may read them.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/bucket/credential_file.hpp"

#include <doctest/doctest.h>

#include "bucket/credential_case.hpp"
#include "support/message_of.hpp"

using namespace ocelli;
using namespace ocelli::bucket;
using namespace ocelli::bucket::credential_detail;
using namespace ocelli::test;

TEST_CASE("credential_file: lines without their ends, whoever wrote them") {
  using Lines = std::vector<std::string_view>;
  CHECK(
      lines_of("\xEF\xBB\xBF"
               "a\r\n\nb") == Lines{"a", "", "b"});
  CHECK(lines_of("a\n") == Lines{"a"});
  CHECK(lines_of("").empty());
  CHECK(trimmed(" \ta b\r\n") == "a b");
  CHECK(trimmed(" \t").empty());
}

TEST_CASE("credential_file: a value that would break a header is refused, and not repeated") {
  CHECK_NOTHROW(check_value("wJalr+/=", "the key", "f:1"));
  for (const char* value : {"wJalr x", "wJalr\r\nHost: y", "wJalr\x7f"}) {
    const std::string text = message_of<ConfigError>([&] { check_value(value, "the key", "f:1"); });
    CHECK(says(text, "f:1: the key has a blank or a control character in it"));
    CHECK_FALSE(says(text, "wJalr"));
  }
}

TEST_CASE("credential_file: one that others may read is named with the way to close it") {
  CredentialCase c;
  std::vector<std::string> warnings;
  warn_of_permissions(c.write("closed", "x"), warnings);
  warn_of_permissions(c.folder / "nothing", warnings);
  CHECK(warnings.empty());
  const std::string open = c.write("it's open", "x", 0640);
  warn_of_permissions(open, warnings);
  REQUIRE(warnings.size() == 1);
  CHECK(says(warnings[0], open + ": holds keys and is open to others (mode 0640); chmod 600 '"));
  CHECK(warnings[0].ends_with("it'\\''s open'"));
}

TEST_CASE("credential_file: it is small, or none") {
  CredentialCase c;
  CHECK(read_credential_file(c.write("keys", "a=b\n")) == "a=b\n");
  const std::string large = c.write("large", std::string((1u << 20) + 1, 'x'));
  CHECK(says(message_of<StoreError>([&] { read_credential_file(large); }), "is longer than"));
}
