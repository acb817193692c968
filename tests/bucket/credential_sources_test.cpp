// Which source of credentials counts, what it tells besides, and what is said when none is right.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/bucket/credential_sources.hpp"

#include <doctest/doctest.h>

#include "bucket/credential_case.hpp"
#include "bucket/token_server.hpp"
#include "ocelli/bucket/object_store.hpp"
#include "support/message_of.hpp"

using namespace ocelli;
using namespace ocelli::bucket;
using namespace ocelli::test;

namespace {

const std::string profile_text =
    "[default]\naws_access_key_id = IDPROFILE\naws_secret_access_key = SKPROFILE\n"
    "region = profile-region\nendpoint_url = https://profile\n";

void set_pair(CredentialCase& c) {
  c.variables["AWS_ACCESS_KEY_ID"] = "IDENV";
  c.variables["AWS_SECRET_ACCESS_KEY"] = "SKENV";
}

}  // namespace

TEST_CASE("credential_sources: from the last source to the first") {
  CredentialCase c;
  CHECK(
      message_of<AccessError>([&] { c.find(); }) ==
      "no credentials: neither AWS_ACCESS_KEY_ID nor a profile \"default\" with keys nor a file "
      ".Credentials here; set one of them up, or name a file with credentials");

  const std::string dotenv =
      c.write("work/.Credentials", "AWS_ACCESS_KEY_ID=IDDOT\nAWS_SECRET_ACCESS_KEY=SKDOT\n");
  CHECK(c.id() == "IDDOT");
  CHECK(c.find().provider->origin() == dotenv);

  const std::string profile = c.write("home/.aws/credentials", profile_text);
  CHECK(c.id() == "IDPROFILE");
  CHECK(c.find().provider->origin() == profile + " [default]");

  c.options.credentials_file =
      c.write("named.json", R"({"access_key_id": "IDFILE", "secret_access_key": "SKFILE"})");
  CHECK(c.id() == "IDFILE");
  CHECK(c.find().provider->origin() == c.options.credentials_file);
  CHECK(c.find().warnings.empty());

  set_pair(c);
  CHECK(c.id() == "IDENV");
  CHECK(c.find().provider->origin() == "the environment (AWS_ACCESS_KEY_ID)");
  REQUIRE(c.find().warnings.size() == 1);  // the file was named, so it must be said
  CHECK(
      c.find().warnings[0] == c.options.credentials_file +
                                  ": its keys are not used, since those of the environment "
                                  "(AWS_ACCESS_KEY_ID) come first");

  c.options.keys.access_key_id = "IDGIVEN";
  c.options.keys.secret_access_key = Secret("SKGIVEN");
  CHECK(c.id() == "IDGIVEN");
  CHECK(c.find().provider->origin() == "the program");
}

TEST_CASE("credential_sources: the environment, with its session token") {
  CredentialCase c;
  set_pair(c);
  c.variables["AWS_SESSION_TOKEN"] = "STENV";
  const Credentials keys = c.find().provider->get();
  CHECK(keys.secret_access_key.reveal() == "SKENV");
  CHECK(keys.session_token.reveal() == "STENV");
  c.variables.erase("AWS_SECRET_ACCESS_KEY");
  CHECK(
      message_of<ConfigError>([&] { c.find(); }) ==
      "the environment: AWS_ACCESS_KEY_ID is set, but AWS_SECRET_ACCESS_KEY is not; set both or "
      "none");
  c.variables.erase("AWS_ACCESS_KEY_ID");
  c.options.anonymous = true;
  REQUIRE(c.find().warnings.size() == 1);
  CHECK(says(c.find().warnings[0], "AWS_SESSION_TOKEN is not used without AWS_ACCESS_KEY_ID"));
}

TEST_CASE("credential_sources: endpoint, region and certificates go their own way") {
  CredentialCase c;
  c.write("home/.aws/credentials", profile_text + "ca_bundle = /profile.pem\n");
  set_pair(c);
  CHECK(c.find().endpoint == "https://profile");  // though the keys are the environment's
  CHECK(c.find().region == "profile-region");
  CHECK(c.find().ca_bundle == "/profile.pem");
  c.options.credentials_file = c.write(
      "named",
      "{'bucket': 'cats', 'access_key_id': 'I', 'secret_access_key': 'S', "
      "'endpoint_url': 'https://file'}");
  CHECK(c.find().endpoint == "https://file");
  CHECK(c.find().bucket == "cats");
  c.variables["AWS_DEFAULT_REGION"] = "second";
  c.variables["AWS_ENDPOINT_URL"] = "https://all";
  c.variables["AWS_CA_BUNDLE"] = "/env.pem";
  CHECK(c.find().endpoint == "https://all");
  CHECK(c.find().region == "second");
  CHECK(c.find().ca_bundle == "/env.pem");
  c.variables["AWS_REGION"] = "first";
  c.variables["AWS_ENDPOINT_URL_S3"] = "https://s3";
  c.options.ca_bundle = "/option.pem";
  CHECK(c.find().endpoint == "https://s3");
  CHECK(c.find().region == "first");
  CHECK(c.find().ca_bundle == "/option.pem");
  c.variables["AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"] = "true";
  CHECK(c.find().endpoint == "https://file");  // not one of AWS's settings
  c.options.credentials_file.clear();
  CHECK(c.find().endpoint.empty());
}

TEST_CASE("credential_sources: a named file with profiles stands for ~/.aws/credentials") {
  CredentialCase c;
  c.write("home/.aws/credentials", profile_text);
  c.options.credentials_file =
      c.write("named", "# mine\n[cats]\naws_access_key_id=IDCATS\naws_secret_access_key=SKCATS\n");
  CHECK(says(
      message_of<ConfigError>([&] { c.find(); }),
      c.options.credentials_file + ": profile default has no keys"));
  c.options.profile = "cats";
  CHECK(c.id() == "IDCATS");
  set_pair(c);
  CHECK(c.id() == "IDENV");
  REQUIRE(c.find().warnings.size() == 1);
  CHECK(says(c.find().warnings[0], "profile cats: its keys are not used"));
}

TEST_CASE("credential_sources: a profile that was asked for must have keys") {
  CredentialCase c;
  c.write("work/.Credentials", "API_KEY=AK\n");
  c.write("home/.aws/config", "[profile empty]\nregion=r\n[profile sso]\nsso_session=s\n");
  CHECK_NOTHROW(c.find());
  c.variables["AWS_PROFILE"] = "empty";
  CHECK(says(message_of<ConfigError>([&] { c.find(); }), "profile empty has no keys"));
  c.variables["AWS_PROFILE"] = "sso";
  const std::string message = message_of<ConfigError>([&] { c.find(); });
  CHECK(says(message, "profile sso gets its keys by sso_session, which is not done here"));
  CHECK(says(message, "aws configure export-credentials --profile sso --format env"));
  set_pair(c);
  CHECK(c.id() == "IDENV");  // then nobody needs them
  c.variables["AWS_PROFILE"] = "nobody";
  CHECK(says(message_of<ConfigError>([&] { c.find(); }), "there is no profile \"nobody\""));
}

TEST_CASE("credential_sources: an API key gives tokens") {
  std::string form;
  TokenServer server([&](int, const std::string&, const std::string& f) {
    form = f;
    return TokenServer::token("TOKEN");
  });
  CredentialCase c;
  const std::string path =
      c.write("work/.Credentials", "API_KEY=AKDOT\nRESOURCE_INSTANCE_ID=crn:1::\n");
  c.variables["OCELLI_IAM_URL"] = server.url();
  const FoundCredentials found = c.find();
  CHECK(found.bearer);
  CHECK(found.ibm);
  CHECK(server.requests() == 0);  // finding asks nobody
  CHECK(found.provider->origin() == path);
  CHECK(found.provider->get().bearer.reveal() == "TOKEN");
  CHECK(found.provider->get().instance == "crn:1::");
  CHECK(says(form, "apikey=AKDOT"));

  c.variables["OCELLI_IAM_URL"] = "http://iam.example";
  CHECK_THROWS_AS(c.find(), ConfigError);
  c.options.iam.url = server.url();  // the program's own word counts first
  c.options.api_key = Secret("AKGIVEN");
  c.options.instance = "crn:2::";
  const FoundCredentials given = c.find();
  CHECK(given.provider->get().instance == "crn:2::");
  CHECK(says(form, "apikey=AKGIVEN"));
}

TEST_CASE("credential_sources: files that others may read are named, when their keys are used") {
  CredentialCase c;
  const std::string profile = c.write("home/.aws/credentials", profile_text, 0644);
  REQUIRE(c.find().warnings.size() == 1);
  CHECK(
      c.find().warnings[0] ==
      profile + ": holds keys and is open to others (mode 0644); chmod 600 " + profile);
  c.options.credentials_file = c.write("my keys", "API_KEY=AK\n", 0640);
  REQUIRE(c.find().warnings.size() == 1);
  CHECK(says(c.find().warnings[0], "(mode 0640); chmod 600 '" + c.options.credentials_file + "'"));
  c.write("my keys", "API_KEY=AK\n", 0400);
  CHECK(c.find().warnings.empty());
  c.options.credentials_file.clear();
  c.write("work/.Credentials", "API_KEY=AK\n", 0666);
  c.variables.erase("HOME");
  REQUIRE(c.find().warnings.size() == 1);
  CHECK(says(c.find().warnings[0], "(mode 0666)"));
}

TEST_CASE("credential_sources: none are looked for when none are wanted") {
  CredentialCase c;
  c.write("home/.aws/credentials", profile_text);
  c.write("work/.Credentials", "HUSH\n");
  set_pair(c);
  c.options.anonymous = true;
  const FoundCredentials found = c.find();
  CHECK(found.provider == nullptr);
  CHECK(found.endpoint == "https://profile");
  c.options.credentials_file = c.write("named", "API_KEY=AK\n");
  CHECK(says(message_of<ConfigError>([&] { c.find(); }), "and none are to be used"));
}

TEST_CASE("credential_sources: what the program gives must be whole, and one thing") {
  CredentialCase c;
  const auto message = [&] { return message_of<ConfigError>([&] { c.find(); }); };
  c.options.keys.access_key_id = "ID";
  CHECK(says(message(), "an access key id without its secret access key"));
  c.options.keys.secret_access_key = Secret("S\nK");
  CHECK(says(message(), "the secret access key has a blank or a control character"));
  c.options.keys.secret_access_key = Secret("SK");
  c.options.api_key = Secret("AK");
  CHECK(says(message(), "more than one of a pair of keys, an API key and a bearer token"));
  c.options.keys = {};
  c.options.api_key = {};
  c.options.keys.session_token = Secret("ST");
  CHECK(says(message(), "a session token without a pair"));
  c.options.keys.session_token = {};
  c.options.keys.bearer = Secret("TOKEN");
  CHECK(c.find().bearer);
  CHECK(c.find().provider->get().bearer.reveal() == "TOKEN");
}

TEST_CASE("credential_sources: a named file that is not there, or holds no keys") {
  CredentialCase c;
  c.options.credentials_file = (c.folder / "nowhere").string();
  CHECK(says(
      message_of<StoreError>([&] { c.find(); }), c.options.credentials_file + ": opening failed"));
  c.options.credentials_file = c.write("named", "AWS_REGION=r\n");
  CHECK(says(
      message_of<ConfigError>([&] { c.find(); }),
      c.options.credentials_file + ": no credentials in it"));
}
