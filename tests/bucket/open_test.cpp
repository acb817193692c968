// From addresses and options to stores, without a word to any server.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/bucket/open.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "bucket/credential_case.hpp"
#include "bucket/token_server.hpp"
#include "support/message_of.hpp"

using namespace ocelli;
using namespace ocelli::bucket;
using namespace ocelli::test;

namespace {

struct OpenCase : CredentialCase {
  StoreOptions store;

  OpenCase() {
    variables["AWS_ACCESS_KEY_ID"] = "ID";
    variables["AWS_SECRET_ACCESS_KEY"] = "SK";
    store.working_folder = folder / "work";
  }
  OpenedStore open(const std::string& address) {
    store.environment = environment_of(variables);
    return open_store(address, store);
  }
  S3Options s3(const std::string& address) {
    std::vector<std::string> warnings;
    store.environment = environment_of(variables);
    return s3_options(parse_address(address), store, warnings);
  }
};

}  // namespace

TEST_CASE("open: a bucket") {
  OpenCase c;
  const OpenedStore opened = c.open("s3://cats/set/a");
  CHECK(opened.store->name() == "s3://cats");
  CHECK(opened.store->bucket() == "cats");
  CHECK(opened.prefix == "set/a");
  CHECK(opened.warnings.empty());
  const S3Options s3 = c.s3("s3://cats");
  CHECK(s3.endpoint.empty());
  CHECK(s3.region == "us-east-1");
  CHECK(s3.credentials->get().access_key_id == "ID");
  CHECK(s3.addressing == S3Options::Addressing::automatic);
}

TEST_CASE("open: a folder") {
  OpenCase c;
  c.write("work/a.txt", "A");
  const std::string path = (c.folder / "work").string();
  for (const std::string& address : {path, "file://" + path}) {
    const OpenedStore opened = c.open(address);
    CHECK(opened.store->name() == path);
    CHECK(opened.store->bucket() == "work");
    CHECK(opened.prefix.empty());
    CHECK(opened.store->head("a.txt").has_value());
    CHECK(opened.warnings.empty());
  }
  c.store.endpoint = "https://e";
  c.store.profile = "p";
  REQUIRE(c.open(path).warnings.size() == 1);
  CHECK(c.open(path).warnings[0] == path + " is a folder: not used: endpoint, profile");

  const std::string absent = (c.folder / "absent/deep").string();
  CHECK(says(message_of<StoreError>([&] { c.open(absent); }), "no such folder"));
  c.store.make_folder = true;
  CHECK(c.open(absent).store->list().empty());
}

TEST_CASE("open: whose endpoint counts") {
  OpenCase c;
  c.variables["AWS_ENDPOINT_URL"] = "http://all:1/";
  CHECK(c.s3("s3://cats").endpoint == "http://all:1");
  c.variables["AWS_ENDPOINT_URL_S3"] = "http://s3:2";
  CHECK(c.s3("s3://cats").endpoint == "http://s3:2");
  c.store.endpoint = "s3.example";
  CHECK(c.s3("s3://cats").endpoint == "https://s3.example");
  CHECK(c.s3("https://s3.example/cats").endpoint == "https://s3.example");
  CHECK(says(
      message_of<ConfigError>([&] { c.s3("https://other/cats"); }),
      "the address names one endpoint and the options another"));
  c.store.endpoint.clear();
  CHECK(c.s3("https://other/cats").endpoint == "https://other");
  c.store.endpoint = "https://s3.example/cats";
  CHECK(says(
      message_of<ConfigError>([&] { c.s3("s3://cats"); }),
      "https://s3.example: the endpoint has a path"));
  c.store.endpoint = "ftp://s3.example";
  CHECK(says(message_of<ConfigError>([&] { c.s3("s3://cats"); }), "neither http nor https"));
}

TEST_CASE("open: region, certificates, addressing and connections") {
  OpenCase c;
  c.variables["AWS_REGION"] = "eu-de";
  CHECK(c.s3("s3://cats").region == "eu-de");
  c.store.region = "eu-gb";
  CHECK(c.s3("s3://cats").region == "eu-gb");
  c.store.region = "eu/../x";
  CHECK(says(message_of<ConfigError>([&] { c.s3("s3://cats"); }), "the region has other"));
  c.store.region.clear();

  c.variables["AWS_CA_BUNDLE"] = (c.folder / "ca.pem").string();
  CHECK(says(
      message_of<StoreError>([&] { c.s3("s3://cats"); }), "ca.pem: no such file of certificates"));
  c.write("ca.pem", "");
  CHECK(c.s3("s3://cats").ca_bundle == (c.folder / "ca.pem").string());

  c.write("home/.aws/config", "[default]\ns3 =\n  addressing_style = virtual\n");
  CHECK(c.s3("s3://cats").addressing == S3Options::Addressing::virtual_host);
  c.write("home/.aws/config", "[default]\ns3 =\n  addressing_style = path\n");
  CHECK(c.s3("s3://cats").addressing == S3Options::Addressing::path);
  c.write("home/.aws/config", "[default]\ns3 =\n  addressing_style = other\n");
  CHECK(says(message_of<ConfigError>([&] { c.s3("s3://cats"); }), "none of auto, path and"));
  c.write("home/.aws/config", "");

  c.store.connections = 3;
  CHECK(c.s3("s3://cats").connections == 3);
  for (const int wrong : {0, 1001}) {
    c.store.connections = wrong;
    CHECK_THROWS_AS(c.s3("s3://cats"), ConfigError);
  }
}

TEST_CASE("open: keys that are not those of AWS need an endpoint") {
  OpenCase c;
  c.variables.erase("AWS_ACCESS_KEY_ID");
  c.variables.erase("AWS_SECRET_ACCESS_KEY");
  c.store.credentials_file = c.write(
      "key.json",
      R"({"apikey": "AK", "cos_hmac_keys": {"access_key_id": "I", "secret_access_key": "S"},
          "endpoints": "https://list.example"})");
  const std::string message = message_of<ConfigError>([&] { c.open("s3://cats"); });
  CHECK(
      message ==
      c.store.credentials_file +
          ": the credentials are not those of AWS, and no endpoint is named; name one as "
          "https://s3.REGION.cloud-object-storage.appdomain.cloud; https://list.example lists "
          "them");
  c.store.endpoint = "https://s3.example";
  CHECK_NOTHROW(c.open("s3://cats"));
}

TEST_CASE("open: tokens go over https, or stay on this machine") {
  OpenCase c;
  c.store.api_key = Secret("AK");
  c.store.endpoint = "http://s3.example";
  CHECK(
      message_of<ConfigError>([&] { c.open("s3://cats"); }) ==
      "http://s3.example: bearer tokens are not sent over http; use an https:// address as the "
      "endpoint");
  c.store.endpoint = "http://127.0.0.1:9";
  CHECK_NOTHROW(c.open("s3://cats"));
  c.store.iam_url = "http://iam.example";
  CHECK_THROWS_AS(c.open("s3://cats"), ConfigError);
}

TEST_CASE("open: neither the token server nor the store is asked") {
  TokenServer server([](int, const std::string&, const std::string&) {
    return TokenServer::Answer{500, ""};
  });
  OpenCase c;
  c.store.api_key = Secret("AK");
  c.store.iam_url = server.url();
  c.store.endpoint = server.url().substr(0, server.url().rfind('/'));
  CHECK_NOTHROW(c.open("s3://cats"));
  CHECK(server.requests() == 0);
}

TEST_CASE("open: a token that the store refuses is renewed, and the request sent again") {
  TokenServer tokens([](int number, const std::string&, const std::string&) {
    return TokenServer::token("TOKEN" + std::to_string(number));
  });
  std::vector<std::string> heads;
  TokenServer bucket([&](int, const std::string& head, const std::string&) {
    heads.push_back(head);
    if (says(head, "Authorization: Bearer TOKEN1"))
      return TokenServer::Answer{401, "<Error><Code>ExpiredToken</Code></Error>"};
    return TokenServer::Answer{
        200,
        "<ListBucketResult><Contents><Key>a.jpg</Key><Size>3</Size><ETag>e</ETag>"
        "<LastModified>2026-01-02T03:04:05.000Z</LastModified></Contents>"
        "<IsTruncated>false</IsTruncated></ListBucketResult>"};
  });
  OpenCase c;
  c.store.api_key = Secret("AK");
  c.store.iam_url = tokens.url();
  c.store.endpoint = bucket.url().substr(0, bucket.url().rfind('/'));
  const OpenedStore opened = c.open("s3://cats");
  REQUIRE(opened.store->list().size() == 1);
  CHECK(tokens.requests() == 2);
  REQUIRE(heads.size() == 2);
  CHECK(says(heads[1], "Authorization: Bearer TOKEN2"));
}

TEST_CASE("open: what is found on the way is told") {
  OpenCase c;
  c.variables.erase("AWS_ACCESS_KEY_ID");
  c.variables.erase("AWS_SECRET_ACCESS_KEY");
  CHECK(says(message_of<AccessError>([&] { c.open("s3://cats"); }), "no credentials"));
  c.store.credentials_file = c.write(
      "colab",
      "{'bucket': 'dogs', 'access_key_id': 'I', 'secret_access_key': 'S', "
      "'endpoint_url': 'https://s3.example'}",
      0644);
  const OpenedStore opened = c.open("s3://cats");
  REQUIRE(opened.warnings.size() == 2);
  CHECK(says(opened.warnings[0], "chmod 600"));
  CHECK(opened.warnings[1] == "the credentials were made for bucket dogs, not for cats");
  c.store.credentials_file.clear();
  c.store.anonymous = true;
  CHECK(c.s3("s3://cats").credentials == nullptr);
  CHECK_THROWS_AS(c.open("s3://Cats"), ConfigError);
}
