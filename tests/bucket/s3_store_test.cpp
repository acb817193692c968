// S3Store against servers that list wrongly or hide what is missing, and what is said of buckets.
// What it does with a real server: tests/s3.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/bucket/s3_store.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "bucket/s3_script.hpp"
#include "support/message_of.hpp"

using namespace ocelli;
using namespace ocelli::bucket;
using namespace ocelli::test;

namespace {

std::string page(const std::vector<std::string>& keys, const std::string& next = {}) {
  std::string text = "<ListBucketResult><IsTruncated>" +
                     std::string(next.empty() ? "false" : "true") +
                     "</IsTruncated><NextContinuationToken>" + next + "</NextContinuationToken>";
  for (const std::string& key : keys)
    text += "<Contents><Key>" + key + "</Key><Size>1</Size></Contents>";
  return text + "</ListBucketResult>";
}

}  // namespace

TEST_CASE("s3_store: pages follow each other by their tokens, empty ones too") {
  const ScriptedServer server([](const HttpMessage& asked, int number) {
    const std::string target = asked.word(1);
    CHECK(says(target, "prefix=p%2F"));
    CHECK(says(target, "continuation-token=t%2B") == (number > 0));
    if (number == 0) return said(200, page({"p/a", "p/b"}, "t+1"));
    return number == 1 ? said(200, page({}, "t+2")) : said(200, page({"p/c"}));
  });
  S3Store store(scripted_options(server.endpoint()));
  std::vector<std::string> keys;
  for (const ObjectInfo& object : store.list("p/")) keys.push_back(object.key);
  CHECK(keys == std::vector<std::string>{"p/a", "p/b", "p/c"});
}

TEST_CASE("s3_store: a listing out of order, or without end, is none") {
  const ScriptedServer mixed([](const HttpMessage&, int number) {
    return number == 0 ? said(200, page({"a", "c"}, "t")) : said(200, page({"b"}));
  });
  S3Store store(scripted_options(mixed.endpoint()));
  CHECK(says(
      message_of<StoreError>([&] { store.list(""); }),
      "s3://cats: the server does not list in the order of keys"));
  const ScriptedServer endless([](const HttpMessage&, int) { return said(200, page({}, "t")); });
  S3Store other(scripted_options(endless.endpoint()));
  CHECK(says(message_of<StoreError>([&] { other.list(""); }), "lists the same page again"));
  CHECK(endless.requests().size() == 2);
}

TEST_CASE("s3_store: a HEAD of nothing asks once whether there is a bucket") {
  const ScriptedServer there([](const HttpMessage& asked, int) {
    return asked.word(0) == "HEAD" ? said(404) : said(200, page({}));
  });
  S3Store store(scripted_options(there.endpoint()));
  CHECK_FALSE(store.head("a"));
  CHECK_FALSE(store.head("b"));
  CHECK(there.requests().size() == 3);
  const ScriptedServer gone([](const HttpMessage& asked, int) {
    return asked.word(0) == "HEAD" ? said(404) : refused(404, "NoSuchBucket");
  });
  S3Store other(scripted_options(gone.endpoint()));
  CHECK_THROWS_AS(other.head("a"), NotFoundError);
}

TEST_CASE("s3_store: buckets are asked for with the instance that owns them") {
  const ScriptedServer server([](const HttpMessage& asked, int) {
    if (asked.word(0) == "GET")
      return said(
          200,
          "<ListAllMyBucketsResult><Buckets><Bucket><Name>a</Name></Bucket><Bucket><Name>b"
          "</Name></Bucket></Buckets></ListAllMyBucketsResult>");
    return asked.word(0) == "PUT" ? refused(409, "BucketAlreadyOwnedByYou") : said(204);
  });
  const S3Options options = scripted_options(server.endpoint(), bearer_credentials());
  CHECK(list_buckets(options) == std::vector<std::string>{"a", "b"});
  create_bucket(options);
  remove_bucket(options);
  const auto requests = server.requests();
  REQUIRE(requests.size() == 3);
  CHECK(requests[0].start == "GET / HTTP/1.1");
  CHECK(requests[0].header("ibm-service-instance-id") == "instance-1");
  CHECK(requests[0].header("Authorization").starts_with("Bearer "));
  CHECK(requests[1].start == "PUT /cats HTTP/1.1");
  CHECK(requests[1].header("ibm-service-instance-id") == "instance-1");
  CHECK(requests[2].start == "DELETE /cats HTTP/1.1");
  CHECK_THROWS_AS(S3Store{S3Options{}}, ConfigError);
  CHECK_THROWS_AS(create_bucket(S3Options{}), ConfigError);
}
