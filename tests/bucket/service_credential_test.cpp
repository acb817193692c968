// The JSON of a service credential, and the notebook's dictionary in both spellings.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/bucket/service_credential.hpp"

#include <doctest/doctest.h>

#include "support/message_of.hpp"

using namespace ocelli;
using namespace ocelli::bucket;
using namespace ocelli::test;

namespace {

StoredKeys read(const std::string& text) {
  REQUIRE(is_service_credential(text));
  return read_service_credential(text, "f");
}
std::string message(const std::string& text) {
  const std::string words = message_of<ConfigError>([&] { read_service_credential(text, "f"); });
  CHECK_FALSE(says(words, "SECRET"));
  return words;
}

}  // namespace

TEST_CASE("service_credential: the pair of keys is preferred to the API key") {
  const StoredKeys found = read(R"({
  "apikey": "AK",
  "cos_hmac_keys": {"access_key_id": "ID", "secret_access_key": "SK"},
  "endpoints": "https://control.example/v2/endpoints",
  "iam_apikey_name": "n",
  "resource_instance_id": "crn:1::"
})");
  CHECK(found.keys.access_key_id == "ID");
  CHECK(found.keys.secret_access_key.reveal() == "SK");
  CHECK(found.api_key.empty());
  CHECK(found.keys.instance == "crn:1::");
  CHECK(found.endpoints_page == "https://control.example/v2/endpoints");
  CHECK(found.endpoint.empty());  // the page is not one
  CHECK(found.ibm);
}

TEST_CASE("service_credential: without a pair its API key serves") {
  const StoredKeys found = read(R"({"apikey": "AK", "resource_instance_id": "crn:1::"})");
  CHECK(found.keys.anonymous());
  CHECK(found.api_key.reveal() == "AK");
  CHECK(found.instance == "crn:1::");
  CHECK(read(R"([{"name": "n", "credentials": {"apikey": "AK"}}])").api_key.reveal() == "AK");
}

TEST_CASE("service_credential: the notebook's dictionary, as JSON and as Python") {
  for (const char* text :
       {R"({"bucket": "cats", "access_key_id": "ID", "secret_access_key": "S'K",
            "endpoint_url": "https://s3.example"})",
        R"(credentials = {
  # of the tool
  'bucket': 'cats',
  'access_key_id': 'ID',  # mine
  "secret_access_key": 'S\'K',
  'endpoint_url': 'https://s3.example',
})",
        "\xEF\xBB\xBF\n# c\n{'bucket':'cats','access_key_id':'ID','secret_access_key':\"S'K\","
        "'endpoint_url':'https://s3.example','x':None,'y':[True,False,],}"}) {
    const StoredKeys found = read(text);
    CHECK(found.bucket == "cats");
    CHECK(found.keys.access_key_id == "ID");
    CHECK(found.keys.secret_access_key.reveal() == "S'K");
    CHECK(found.endpoint == "https://s3.example");
  }
  CHECK(
      read(R"({'access_key_id': 'a"b#,}', 'secret_access_key': 'S'})").keys.access_key_id ==
      "a\"b#,}");
}

TEST_CASE("service_credential: other kinds of files are none") {
  for (const char* text :
       {"", "\n", "[default]\n", "[ profile ]\n", "API_KEY=k\n", "# {\n", "export A={\n",
        "\"text\"", "a\nb\n"}) {
    CAPTURE(text);
    CHECK(is_service_credential(text) == (std::string(text) == "export A={\n"));
  }
}

TEST_CASE("service_credential: what is malformed is named by its line and not quoted") {
  CHECK(says(message("{\n\"apikey\": \"SECRET\n}"), "f:2: a quote is not closed"));
  CHECK(says(message("{\n\"apikey\": SECRET\n}"), "f:2: neither JSON nor a Python dictionary"));
  CHECK(says(message("{'apikey': 'SECRET'"), "f:1: neither JSON nor a Python dictionary"));
  CHECK(says(message("x =\n{'apikey': 'SECRET'}\nSECRET"), "f:3: neither JSON"));
  CHECK(says(message("{'apikey':\n'SECRET\\x'}"), "f:2: neither JSON"));
  CHECK(says(message("{\n'apikey': ['SECRET']}"), "f:2: apikey is not a text"));
  CHECK(says(message("{'apikey': ''}"), "f:1: apikey is empty"));
  CHECK(says(message("{'apikey': 'SECRET SECRET'}"), "f:1: apikey has a blank"));
  CHECK(says(message("{'apikey': 'SECRET\\u000aX: y'}"), "f:1: apikey has a blank"));
  CHECK(says(message("{'cos_hmac_keys': 'SECRET'}"), "f:1: cos_hmac_keys is not an object"));
  CHECK(says(
      message("{'cos_hmac_keys': {\n'access_key_id': 'SECRET'}}"),
      "f:2: access_key_id is there, but secret_access_key is not"));
  CHECK(says(
      message("{\n\n'secret_access_key': 'SECRET'}"),
      "f:3: secret_access_key is there, but access_key_id is not"));
  CHECK(says(message("{'key': 'SECRET'}"), "f: no credentials that are known here"));
  CHECK(says(message("[{'a': 'SECRET'}, {}]"), "f: no credentials that are known here"));
}
