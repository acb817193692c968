// NAME=VALUE lines of a `.Credentials` file.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/bucket/dotenv.hpp"

#include <doctest/doctest.h>

#include "support/message_of.hpp"

using namespace ocelli;
using namespace ocelli::bucket;
using namespace ocelli::test;

TEST_CASE("dotenv: an API key and its resource instance") {
  const StoredKeys found = read_dotenv(
      "# of the workshop\nAPI_KEY=key_-1\nRESOURCE_INSTANCE_ID=crn:v1:bluemix:a/1::\r\n", "f");
  CHECK(found.api_key.reveal() == "key_-1");
  CHECK(found.instance == "crn:v1:bluemix:a/1::");
  CHECK(found.keys.anonymous());
  CHECK(found.ibm);
  CHECK(found.warnings.empty());
}

TEST_CASE("dotenv: quotes, comments, export, blanks") {
  const auto key = [](const char* text) { return read_dotenv(text, "f").api_key.reveal(); };
  CHECK(key("API_KEY=\"k\"\n") == "k");
  CHECK(key("  export API_KEY = 'k#=' # mine") == "k#=");
  CHECK(key("API_KEY=k#1 # mine\n") == "k#1");
  CHECK(key("API_KEY=old\nAPI_KEY=new\n") == "new");
  CHECK(key("\n\n") == "");
}

TEST_CASE("dotenv: AWS's names may stand there too") {
  const StoredKeys found = read_dotenv(
      "AWS_ACCESS_KEY_ID=ID\nAWS_SECRET_ACCESS_KEY=SK=\nAWS_SESSION_TOKEN=ST\n"
      "AWS_ENDPOINT_URL=https://all\nAWS_ENDPOINT_URL_S3=https://s3\nAWS_DEFAULT_REGION=d\n"
      "AWS_REGION=r\nAWS_CA_BUNDLE=/ca.pem\n",
      "f");
  CHECK(found.keys.access_key_id == "ID");
  CHECK(found.keys.secret_access_key.reveal() == "SK=");
  CHECK(found.keys.session_token.reveal() == "ST");
  CHECK(found.endpoint == "https://s3");
  CHECK(found.region == "r");
  CHECK(found.ca_bundle == "/ca.pem");
  CHECK_FALSE(found.ibm);
}

TEST_CASE("dotenv: names that are not used are counted by line, not quoted") {
  const StoredKeys found = read_dotenv("HUSHNAME=1\nAPI_KEY=k\n", "f");
  REQUIRE(found.warnings.size() == 1);
  CHECK(found.warnings[0] == "f:1: a name that is not used here");
}

TEST_CASE("dotenv: what is malformed is named by its line and not quoted") {
  const auto message = [](const std::string& text) {
    const std::string words = message_of<ConfigError>([&] { read_dotenv(text, "f"); });
    CHECK_FALSE(says(words, "HUSH"));
    return words;
  };
  CHECK(says(message("\nHUSH\n"), "f:2: not of the form NAME=VALUE"));
  CHECK(says(message("SEC RET=1\n"), "f:1: not of the form NAME=VALUE"));
  CHECK(says(message("API_KEY=\"HUSH\n"), "f:1: a quote is not closed"));
  CHECK(says(message("API_KEY='HUSH' HUSH\n"), "f:1: text after a closing quote"));
  CHECK(says(message("\nAPI_KEY=HUSH HUSH\n"), "f:2: API_KEY has a blank"));
  CHECK(says(
      message("RESOURCE_INSTANCE_ID=HUSH\n"),
      "f:1: RESOURCE_INSTANCE_ID is there, but API_KEY is not"));
  CHECK(says(
      message("\nAWS_ACCESS_KEY_ID=HUSH\n"),
      "f:2: AWS_ACCESS_KEY_ID is set, but AWS_SECRET_ACCESS_KEY is not"));
  CHECK(says(
      message("AWS_SECRET_ACCESS_KEY=HUSH\n"),
      "f:1: AWS_SECRET_ACCESS_KEY is set, but AWS_ACCESS_KEY_ID is not"));
}
