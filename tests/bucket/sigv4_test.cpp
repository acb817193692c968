// Signatures as Amazon's documentation shows them, for its examples of S3 requests.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/bucket/sigv4.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "ocelli/bucket/uri.hpp"

using namespace ocelli::bucket;

namespace {

// "Authenticating Requests: Using the Authorization Header": all examples are of this moment, 24
// May 2013 at midnight, with these published keys.
constexpr std::int64_t may_24 = 1369353600;
constexpr const char* empty_hash =
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

Credentials example_keys() {
  Credentials keys;
  keys.access_key_id = "AKIAIOSFODNN7EXAMPLE";
  keys.secret_access_key = Secret("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY");
  return keys;
}

SigV4Request example(const std::string& method, const std::string& path) {
  SigV4Request request;
  request.method = method;
  request.path = path;
  request.headers = {{"Host", "examplebucket.s3.amazonaws.com"}};
  request.payload_hash = empty_hash;
  request.region = "us-east-1";
  request.time = may_24;
  return request;
}

std::string header(const std::vector<Header>& headers, const std::string& name) {
  for (const Header& found : headers)
    if (found.first == name) return found.second;
  return "(none)";
}

std::string signature(const SigV4Request& request, const Credentials& keys = example_keys()) {
  const std::string text = header(sign_v4(request, keys), "Authorization");
  return text.substr(text.find("Signature=") + 10);
}

}  // namespace

TEST_CASE("sigv4: as published") {
  SigV4Request get = example("GET", "/test.txt");
  get.headers.emplace_back("Range", "bytes=0-9");
  const auto headers = sign_v4(get, example_keys());
  CHECK(
      header(headers, "Authorization") ==
      "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, "
      "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date, "
      "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
  CHECK(header(headers, "x-amz-date") == "20130524T000000Z");
  CHECK(header(headers, "x-amz-content-sha256") == empty_hash);
  CHECK(header(headers, "x-amz-security-token") == "(none)");

  SigV4Request put = example("PUT", encode_path("/test$file.text"));
  put.payload_hash = Sha256::hex_of("Welcome to Amazon S3.");
  CHECK(put.payload_hash == "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072");
  put.headers.emplace_back("Date", "Fri, 24 May 2013 00:00:00 GMT");
  put.headers.emplace_back("x-amz-storage-class", "REDUCED_REDUNDANCY");
  CHECK(signature(put) == "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd");

  SigV4Request lifecycle = example("GET", "/");
  lifecycle.query = encode_query({{"lifecycle", ""}});
  CHECK(signature(lifecycle) == "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543");

  SigV4Request listing = example("GET", "/");
  listing.query = encode_query({{"prefix", "J"}, {"max-keys", "2"}});
  CHECK(signature(listing) == "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7");
}

TEST_CASE("sigv4: blanks in a header's value count once, and the order of headers does not") {
  SigV4Request one = example("GET", "/a"), other = one;
  one.headers.emplace_back("x-amz-meta-b", "two words");
  one.headers.emplace_back("x-amz-meta-a", "1");
  other.headers.emplace_back("X-Amz-Meta-A", "1");
  other.headers.emplace_back("x-amz-meta-b", "  two   words ");
  CHECK(signature(one) == signature(other));
  other.headers.back().second = "twowords";
  CHECK(signature(one) != signature(other));
}

TEST_CASE("sigv4: temporary keys bring their token, and it is signed") {
  Credentials keys = example_keys();
  keys.session_token = Secret("a-token");
  const auto headers = sign_v4(example("GET", "/a"), keys);
  CHECK(header(headers, "x-amz-security-token") == "a-token");
  CHECK(header(headers, "Authorization").find(";x-amz-security-token,") != std::string::npos);
}

TEST_CASE("sigv4: the hash of a part of a body is that of its bytes") {
  const std::string text(1'000'003, 'x');
  const std::string whole = "abc" + text + "def";
  const BytesBody kept(whole);
  CHECK(Sha256::hex_of(kept, 3, text.size()) == Sha256::hex_of(text));
  CHECK(Sha256::hex_of(kept, 5, 0) == empty_hash);
}
