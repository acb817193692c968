// What a person is told when keys, names or lines are wrong: one sentence, without secrets.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/bucket/s3_error.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "ocelli/bucket/s3_store.hpp"
#include "s3/fresh_bucket.hpp"
#include "s3/gateway.hpp"
#include "s3/loopback.hpp"
#include "support/message_of.hpp"

using namespace ocelli;
using namespace ocelli::bucket;
using namespace ocelli::test;

namespace {

constexpr const char* wrong_id = "WRONGACCESSKEY000001";
constexpr const char* wrong_secret = "wrongSecretKeyOf40CharactersIsHereNow012";

bool shows_secrets(const std::string& text) {
  return says(text, wrong_id) || says(text, wrong_secret) || says(text, "Signature=") ||
         says(text, environment("AWS_ACCESS_KEY_ID")) ||
         says(text, environment("AWS_SECRET_ACCESS_KEY"));
}

/// The same sentence for every operation. @return it
template <class E>
std::string everywhere(S3Store& store, const std::string& key) {
  const std::vector<std::string> said = {
      message_of<E>([&] { store.get(key); }),    message_of<E>([&] { store.list(""); }),
      message_of<E>([&] { store.head(key); }),   message_of<E>([&] { store.put(key, "x"); }),
      message_of<E>([&] { store.remove(key); }), message_of<E>([&] { store.copy(key, "b"); })};
  const auto sentence = [](const std::string& text) {
    const std::size_t begin = text.find(": "), end = text.find(" (");
    return text.substr(begin, end - begin);
  };
  for (const std::string& text : said) {
    CAPTURE(text);
    CHECK(sentence(text) == sentence(said[0]));
    CHECK(says(text, store.name()));
    CHECK(text.find('\n') == std::string::npos);
    CHECK_FALSE(shows_secrets(text));
  }
  return said[0];
}

}  // namespace

TEST_CASE("s3_error: a wrong key, a wrong secret") {
  if (!gateway_there()) return;
  const FreshBucket fresh("errors");
  S3Store owner(fresh.options);
  owner.put("a", "1");
  S3Options options = fresh.options;
  const std::string place = "s3://" + fresh.options.bucket + "/a: ";
  options.credentials = key_pair(wrong_id, environment("AWS_SECRET_ACCESS_KEY"));
  S3Store stranger(options);
  const std::string key = everywhere<AccessError>(stranger, "a");
  CHECK(key.starts_with(
      place + "the server does not know this access key (HTTP 403, InvalidAccessKeyId, request "));
  CHECK(key.ends_with("; check the access key id from the environment and the endpoint"));

  options.credentials = key_pair(environment("AWS_ACCESS_KEY_ID"), wrong_secret);
  S3Store forger(options);
  const std::string secret = everywhere<AccessError>(forger, "a");
  CHECK(secret.starts_with(
      place +
      "the secret key does not belong to this access key (HTTP 403, "
      "SignatureDoesNotMatch, request "));
  CHECK(secret.ends_with("; check the secret key from the environment"));

  options.credentials = nullptr;
  S3Store nobody(options);
  CHECK(
      says(everywhere<AccessError>(nobody, "a"), "access is denied without credentials (HTTP 403"));
}

TEST_CASE("s3_error: a bucket that is not there, an object that is not there") {
  if (!gateway_there()) return;
  S3Store store(gateway_options("ocelli-no-such-bucket"));
  const std::string bucket = everywhere<NotFoundError>(store, "a");
  CHECK(bucket.starts_with(
      "s3://ocelli-no-such-bucket/a: there is no such bucket at http://127.0.0.1"));
  CHECK(says(bucket, " (HTTP 404, NoSuchBucket, request "));
  CHECK(bucket.ends_with("; check its name and the endpoint"));
  CHECK_THROWS_AS(remove_bucket(gateway_options("ocelli-no-such-bucket")), NotFoundError);

  const FreshBucket fresh("errors");
  S3Store owner(fresh.options);
  CHECK_FALSE(owner.head("a"));
  owner.remove("a");  // no error
  const std::string object = message_of<NotFoundError>([&] { owner.get("a"); });
  CHECK(object.starts_with(
      "s3://" + fresh.options.bucket +
      "/a: there is no such object (HTTP 404, NoSuchKey, request "));
  CHECK(object.ends_with("; check the key"));
  CHECK_THROWS_AS(owner.copy("a", "b"), NotFoundError);
  CHECK_THROWS_AS(owner.get(""), StoreError);
}

TEST_CASE("s3_error: one who may not write") {
  if (!gateway_there()) return;
  if (environment("OCELLI_TEST_S3_READER_ID").empty()) {
    MESSAGE("SKIPPED: the server has no user who may only read");
    return;
  }
  const FreshBucket fresh("errors");
  S3Store owner(fresh.options);
  S3Store reader(reader_options(fresh.options.bucket));
  const std::string message = message_of<AccessError>([&] { reader.put("a", "1"); });
  CHECK(
      says(message, "/a: these credentials may not write here (HTTP 403, AccessDenied, request "));
  CHECK(says(
      message,
      "; ask the bucket's owner for the right to write, or use other credentials than "
      "those from the environment"));
  CHECK_FALSE(owner.head("a"));
}

TEST_CASE("s3_error: nobody there, and a name that nobody has") {
  S3Options options;
  options.bucket = "cats";
  options.attempts = 2;
  options.backoff = std::chrono::milliseconds(1);
  {
    const Listener gone;
    options.endpoint = gone.endpoint();
  }
  S3Store store(options);
  const std::string closed = everywhere<StoreError>(store, "a");
  CHECK(closed.starts_with("s3://cats/a: " + options.endpoint + " cannot be reached ("));
  CHECK(closed.ends_with(", 2 attempts); check the network and the endpoint"));
  options.endpoint = "http://no-such-host.invalid";
  S3Store nowhere(options);
  const std::string unknown = message_of<StoreError>([&] { nowhere.get("a"); });
  CAPTURE(unknown);
  CHECK(unknown.starts_with("s3://cats/a: the name of http://no-such-host.invalid is not known ("));
}

TEST_CASE("s3_error: over TLS with the right authority alone") {
  if (!gateway_there()) return;
  const FreshBucket fresh("tls");
  S3Store owner(fresh.options);
  S3Options options = fresh.options;
  options.endpoint = environment("OCELLI_TEST_S3_TLS");
  options.backoff = std::chrono::milliseconds(1);
  if (options.endpoint.empty()) {
    MESSAGE("SKIPPED: the server has no TLS");
    return;
  }
  S3Store stranger(options);
  const std::string message = message_of<StoreError>([&] { stranger.put("a", "1"); });
  CHECK(message.starts_with(
      "s3://" + fresh.options.bucket + "/a: the certificate of " + options.endpoint +
      " is not trusted ("));
  CHECK(
      message.ends_with("; name the file of its authority (AWS_CA_BUNDLE), or check the endpoint"));
  CHECK_FALSE(says(message, "attempts"));
  options.ca_bundle = "/no/such/file.pem";
  S3Store lost(options);
  CHECK(
      says(message_of<StoreError>([&] { lost.put("a", "1"); }), "the file of trusted authorities"));

  options.ca_bundle = environment("OCELLI_TEST_S3_CA");
  options.part_size = 5u << 20;
  S3Store store(options);
  const std::string text(6u << 20, 't');
  store.put("a b+ü", "over TLS");
  CHECK(store.get("a b+ü").size() == 8);
  store.put("parts", text);  // its payload is not hashed
  CHECK(store.get("parts").size() == text.size());
  CHECK(owner.get("parts").size() == text.size());
}
