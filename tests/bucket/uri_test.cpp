// Percent signs: strict, once, and back; addresses and their parts.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/bucket/uri.hpp"

#include <doctest/doctest.h>

#include <string>

#include "support/message_of.hpp"

using namespace ocelli;
using namespace ocelli::bucket;
using namespace ocelli::test;

TEST_CASE("uri: everything but the unreserved is encoded, in upper case") {
  const std::string plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~";
  CHECK(percent_encode(plain) == plain);
  CHECK(percent_encode("a b+c/d") == "a%20b%2Bc%2Fd");
  CHECK(percent_encode("ä\x7f\xff") == "%C3%A4%7F%FF");
  CHECK(
      percent_encode("!\"#$%&'()*,:;<=>?@[\\]^`{|}") ==
      "%21%22%23%24%25%26%27%28%29%2A%2C%3A%3B%3C%3D%3E%3F%40%5B%5C%5D%5E%60%7B%7C%7D");
  CHECK(encode_path("/a//b/../c d/.") == "/a//b/../c%20d/.");
  CHECK(percent_encode("a%20b") == "a%2520b");  // what is given is never taken for encoded
}

TEST_CASE("uri: decoding undoes encoding for all bytes") {
  std::string all;
  for (int c = 0; c < 256; ++c) all += static_cast<char>(c);
  CHECK(percent_decode(percent_encode(all)) == all);
  CHECK(percent_decode(encode_path(all)) == all);
  CHECK(percent_decode("a+b%2Bc", true) == "a b+c");
  CHECK(percent_decode("a+b%2bc") == "a+b+c");
  CHECK(percent_decode("100%, %4 and %zz%") == "100%, %4 and %zz%");
}

TEST_CASE("uri: a query is sorted by what is sent") {
  CHECK(encode_query({}) == "");
  CHECK(encode_query({{"uploads", ""}}) == "uploads=");
  CHECK(encode_query({{"prefix", "a b/"}, {"list-type", "2"}}) == "list-type=2&prefix=a%20b%2F");
  CHECK(encode_query({{"a", "2"}, {"A", "1"}, {"a", "1"}}) == "A=1&a=1&a=2");
  // 'é' is encoded before it is sorted, so it stands before 'z' and after '$'.
  CHECK(encode_query({{"z", ""}, {"é", ""}, {"$", ""}}) == "%24=&%C3%A9=&z=");
  const Query back = decode_query("b=1+2&a&c=%3D=");
  REQUIRE(back.size() == 3);
  CHECK(back[0] == std::pair<std::string, std::string>("b", "1 2"));
  CHECK(back[1] == std::pair<std::string, std::string>("a", ""));
  CHECK(back[2] == std::pair<std::string, std::string>("c", "=="));
}

TEST_CASE("uri: the parts of an address") {
  const Uri uri = parse_uri("HTTPS://Host.example:8443/a/b?x=1&y#z");
  CHECK(uri.scheme == "https");
  CHECK(uri.authority == "Host.example:8443");
  CHECK(uri.host() == "Host.example");
  CHECK(uri.path == "/a/b");
  CHECK(uri.query == "x=1&y");
  CHECK(uri.origin() == "https://Host.example:8443");
  CHECK(uri.secure());
  CHECK(parse_uri("http://[::1]:80").host() == "::1");
  for (const char* text : {"", "host", "ftp://host", "http://", "http:///a", "https://a b"})
    CHECK_THROWS_AS(parse_uri(text), ConfigError);
  const std::string message = message_of<ConfigError>([] { parse_uri("https://me:hidden@host/"); });
  CHECK(says(message, "the address has a user or password in it"));
  CHECK_FALSE(says(message, "hidden"));
}

TEST_CASE("uri: only this machine is loopback") {
  for (const char* text :
       {"http://localhost", "http://a.localhost:1", "http://127.0.0.1:9000", "http://127.8.9.10",
        "http://[::1]:5"})
    CHECK_MESSAGE(parse_uri(text).loopback(), text);
  for (const char* text :
       {"http://localhost.example.com", "http://127.0.0.1.example.com", "http://10.0.0.1",
        "http://notlocalhost", "http://[::2]", "http://[::1].example.com"})
    CHECK_MESSAGE(!parse_uri(text).loopback(), text);
}
