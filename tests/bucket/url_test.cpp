// What an address on the network is made of, and which stay on this machine.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/bucket/url.hpp"

#include <doctest/doctest.h>

#include "support/message_of.hpp"

using namespace ocelli;
using namespace ocelli::bucket;
using namespace ocelli::test;

TEST_CASE("url: its parts") {
  const Url url = parse_url("HTTPS://S3.Example:9000/a/B%20c", "endpoint");
  CHECK(url.scheme == "https");
  CHECK(url.host == "s3.example");
  CHECK(url.port == 9000);
  CHECK(url.path == "/a/B%20c");
  CHECK(url.origin() == "https://s3.example:9000");
  CHECK(parse_url("http://[::1]:8000", "x").origin() == "http://[::1]:8000");
  CHECK(parse_url("http://[::1]", "x").port == 0);
  CHECK(parse_url("s3.example/", "x").origin() == "https://s3.example");
  CHECK(parse_url("localhost:9000", "x").origin() == "https://localhost:9000");
}

TEST_CASE("url: what is none says why, and does not repeat it") {
  const auto message = [](const std::string& text) {
    const std::string words = message_of<ConfigError>([&] { parse_url(text, "endpoint"); });
    CHECK_FALSE(says(words, "HUSH"));
    return words;
  };
  CHECK(
      message("ftp://HUSH") ==
      "the endpoint is neither http nor https; write it as https://HOST[:PORT]");
  CHECK(says(message("https://HUSH:HUSH@host"), "has a user or password"));
  CHECK(says(message("https://host?HUSH"), "has a query"));
  CHECK(says(message("https://host/a#HUSH"), "has a query"));
  CHECK(says(message("https://HUSH host"), "has a blank"));
  CHECK(says(message("https://HUSH\nhost"), "has a blank"));
  CHECK(says(message("https://HUSH\\host"), "a backslash"));
  CHECK(says(message("https:///HUSH"), "names no host"));
  CHECK(says(message(""), "names no host"));
  for (const char* port : {"", "0", "65536", "8o", "-1", "+1"})
    CHECK(says(message("https://HUSH:" + std::string(port)), "has a port that is no number"));
  CHECK(says(message("https://HUSH%"), "characters that no host has"));
  CHECK(says(message("https://[HUSH]"), "characters that no host has"));
}

TEST_CASE("url: this machine") {
  const auto here = [](const char* text) { return is_loopback(parse_url(text, "x")); };
  for (const char* text :
       {"http://127.0.0.1:1", "http://127.255.0.9", "http://localhost:80/x",
        "http://cats.localhost:80", "http://[::1]"}) {
    CAPTURE(text);
    CHECK(here(text));
    CHECK_NOTHROW(require_secure(parse_url(text, "x"), "tokens", "endpoint"));
  }
  for (const char* text :
       {"http://127.0.0.1.example", "http://localhost.example", "http://128.0.0.1",
        "http://127.0.0", "http://notlocalhost", "http://[::2]"}) {
    CAPTURE(text);
    CHECK_FALSE(here(text));
    CHECK_THROWS_AS(require_secure(parse_url(text, "x"), "tokens", "endpoint"), ConfigError);
  }
  CHECK_NOTHROW(require_secure(parse_url("https://example", "x"), "tokens", "endpoint"));
}
