// What people write for a bucket or a folder, and what is said when it is neither.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/bucket/address.hpp"

#include <doctest/doctest.h>

#include "support/message_of.hpp"

using namespace ocelli;
using namespace ocelli::bucket;
using namespace ocelli::test;

namespace {

std::string message(const std::string& text) {
  return message_of<ConfigError>([&] { parse_address(text); });
}

}  // namespace

TEST_CASE("address: a bucket and what its keys begin with") {
  for (const char* text : {"s3://cats", "s3://cats/", "S3://cats"}) {
    const Address address = parse_address(text);
    CHECK(address.kind == Address::Kind::bucket);
    CHECK(address.bucket == "cats");
    CHECK(address.prefix.empty());
    CHECK(address.endpoint.empty());
  }
  CHECK(parse_address("s3://my.cats-2/a b/100%25?#/").prefix == "a b/100%25?#/");  // as it is
  CHECK(parse_address("s3://cats//a").prefix == "/a");
}

TEST_CASE("address: an endpoint in front of the bucket") {
  const Address address = parse_address("http://127.0.0.1:8000/cats/a%20b/%25");
  CHECK(address.kind == Address::Kind::bucket);
  CHECK(address.endpoint == "http://127.0.0.1:8000");
  CHECK(address.bucket == "cats");
  CHECK(address.prefix == "a b/%");
}

TEST_CASE("address: a folder") {
  for (const char* text : {"cats", "/data/cats", ".", "s3:/cats", "a/b://c", "C:\\x"}) {
    const Address address = parse_address(text);
    CHECK(address.kind == Address::Kind::folder);
    CHECK(address.folder == text);
  }
  CHECK(parse_address("file:///data/my%20cats").folder == "/data/my cats");
  CHECK(parse_address("file://localhost/data").folder == "/data");
}

TEST_CASE("address: what is wrong with a bucket's name") {
  CHECK(
      message("s3://") ==
      "s3://: no bucket is named; write s3://BUCKET/PREFIX, "
      "https://ENDPOINT/BUCKET/PREFIX or the path of a folder");
  CHECK(says(message("s3:///a"), "no bucket is named"));
  CHECK(
      message("s3://Cats/a") ==
      "s3://Cats/a: the bucket's name \"Cats\" has upper-case letters; bucket names are in lower "
      "case");
  CHECK(says(message("s3://my_cats"), "has other characters than a-z, 0-9, '-' and '.'"));
  CHECK(says(message("s3://cats?x"), "has other characters"));
  CHECK(says(message("s3://ab"), "\"ab\" has 2 characters; bucket names have 3 to 63"));
  CHECK(says(message("s3://" + std::string(64, 'a')), "has 64 characters"));
  CHECK_NOTHROW(parse_address("s3://" + std::string(63, 'a')));
  CHECK(says(message("s3://-cats"), "does not begin and end with a letter or a digit"));
  CHECK(says(message("s3://cats."), "does not begin and end"));
  CHECK(says(message("s3://my..cats"), "has \"..\""));
  CHECK(says(message("s3://10.0.0.1"), "is an IP address"));
}

TEST_CASE("address: keys in an address are refused, and not repeated") {
  for (const char* text : {"s3://AKID:wJalr@cats/a", "s3://AKID:wJa/lr@cats", "s3://AKID:x@"}) {
    CHECK(says(message(text), "an s3 address has a user, a password or a port in it"));
    CHECK_FALSE(says(message(text), "AKID"));
  }
  CHECK(parse_address("s3://cats/a@b:c").prefix == "a@b:c");
  CHECK(parse_address("s3://cats/a:c@b").prefix == "a:c@b");
}

TEST_CASE("address: other mistakes") {
  CHECK(says(message(""), "an empty address"));
  CHECK(says(message("gs://cats"), "an address of an unknown kind, gs://"));
  CHECK(says(message("file://cats"), "a file address names a folder of this machine"));
  CHECK(says(message("file://other/cats"), "three slashes"));
  CHECK(says(message("https://host"), "no bucket is named"));
  CHECK(says(message("https://cats.s3.us-east-1.amazonaws.com/a"), "are not addressed by host"));
  // A presigned address holds a signature.
  const std::string signed_one = message("https://host/cats/a?X-Amz-Signature=HUSH");
  CHECK(says(signed_one, "the address has a query or a fragment"));
  CHECK_FALSE(says(signed_one, "HUSH"));
  CHECK_FALSE(says(message("https://me:HUSH@host/cats"), "HUSH"));
}

TEST_CASE("address: a prefix as a folder") {
  CHECK(folder_prefix("") == "");
  CHECK(folder_prefix("set") == "set/");
  CHECK(folder_prefix("set/") == "set/");
}
