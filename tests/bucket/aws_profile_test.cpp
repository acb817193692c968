// Profiles: which file and which value counts, and what is not there.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/bucket/aws_profile.hpp"

#include <doctest/doctest.h>

#include "bucket/credential_case.hpp"
#include "support/in_child.hpp"
#include "support/message_of.hpp"

using namespace ocelli;
using namespace ocelli::bucket;
using namespace ocelli::test;

namespace {

struct ProfileCase : CredentialCase {
  AwsProfile read(const std::string& name = {}) {
    return read_aws_profile(name, environment_of(variables));
  }
};

}  // namespace

TEST_CASE("aws_profile: keys of ~/.aws/credentials, settings of ~/.aws/config") {
  ProfileCase c;
  const std::string credentials = c.write(
      "home/.aws/credentials",
      "[default]\naws_access_key_id = IDDEFAULT\naws_secret_access_key = SKDEFAULT\n"
      "[cats]\naws_access_key_id = IDCATS\naws_secret_access_key = SKCATS\n"
      "aws_session_token = STCATS\n");
  c.write(
      "home/.aws/config",
      "[default]\nregion = eu-de\nca_bundle = /a b.pem\n[profile cats]\nregion = us-east\n");
  const AwsProfile standard = c.read();
  CHECK(standard.name == "default");
  CHECK_FALSE(standard.named);
  CHECK(standard.keys.access_key_id == "IDDEFAULT");
  CHECK(standard.keys.secret_access_key.reveal() == "SKDEFAULT");
  CHECK(standard.keys.session_token.empty());
  CHECK(standard.region == "eu-de");
  CHECK(standard.ca_bundle == "/a b.pem");
  CHECK(standard.origin == credentials + " [default]");

  const AwsProfile cats = c.read("cats");
  CHECK(cats.named);
  CHECK(cats.keys.access_key_id == "IDCATS");
  CHECK(cats.keys.session_token.reveal() == "STCATS");
  CHECK(cats.region == "us-east");
  c.variables["AWS_PROFILE"] = "cats";
  CHECK(c.read().keys.access_key_id == "IDCATS");
  CHECK(c.read("default").keys.access_key_id == "IDDEFAULT");
}

TEST_CASE("aws_profile: keys may stand in config, but those in credentials count first") {
  ProfileCase c;
  c.write(
      "home/.aws/config",
      "[profile a]\naws_access_key_id = IDCONFIG\naws_secret_access_key = SKCONFIG\n"
      "[default]\nregion = plain\n[profile default]\nregion = long\n");
  CHECK(c.read("a").keys.access_key_id == "IDCONFIG");
  CHECK(c.read().region == "long");
  c.write(
      "home/.aws/credentials", "[a]\naws_access_key_id = IDOWN\naws_secret_access_key = SKOWN\n");
  CHECK(c.read("a").keys.access_key_id == "IDOWN");
}

TEST_CASE("aws_profile: variables name other files; that one is missing is said") {
  ProfileCase c;
  c.variables["AWS_SHARED_CREDENTIALS_FILE"] = "~/mine";
  c.variables["AWS_CONFIG_FILE"] = c.write("settings", "[default]\nregion = eu-gb\n");
  c.write("home/mine", "[default]\naws_access_key_id=IDMINE\naws_secret_access_key=SKMINE\n");
  AwsProfile profile = c.read();
  CHECK(profile.keys.access_key_id == "IDMINE");
  CHECK(profile.region == "eu-gb");
  CHECK(profile.warnings.empty());
  c.variables["AWS_SHARED_CREDENTIALS_FILE"] = "/nowhere/mine";
  profile = c.read();
  CHECK(profile.keys.anonymous());
  REQUIRE(profile.warnings.size() == 1);
  CHECK(
      profile.warnings[0] == "AWS_SHARED_CREDENTIALS_FILE names /nowhere/mine, which is not there");
  c.variables.clear();  // not even a home
  CHECK(c.read().keys.anonymous());
}

TEST_CASE("aws_profile: a home that is closed to us is told of, and no fault") {
  ProfileCase c;
  c.write("home/.aws/credentials", "[default]\naws_access_key_id=ID\n");
  std::filesystem::permissions(c.folder / "home", std::filesystem::perms::none);
  CHECK(in_child([&] {
    if (!become_nobody()) return false;
    const AwsProfile profile = c.read();
    return profile.keys.anonymous() && profile.warnings.size() == 2 &&
           says(profile.warnings[0], "home/.aws/") &&
           says(profile.warnings[0], " is not used: Permission denied");
  }));
  std::filesystem::permissions(c.folder / "home", std::filesystem::perms::owner_all);
}

TEST_CASE("aws_profile: the endpoint of S3 counts before that of everything") {
  ProfileCase c;
  c.write(
      "home/.aws/config",
      "[profile all]\nendpoint_url = https://all\n"
      "[profile nested]\nendpoint_url = https://all\ns3 =\n  endpoint_url = https://nested\n"
      "  addressing_style = path\n"
      "[profile services]\nendpoint_url = https://all\nservices = mine\n"
      "s3 =\n  endpoint_url = https://nested\n"
      "[profile others]\nendpoint_url = https://all\nservices = rest\n"
      "[profile off]\nendpoint_url = https://all\nignore_configured_endpoint_urls = true\n"
      "[profile lost]\nservices = nowhere\n"
      "[services mine]\ndynamodb =\n  endpoint_url = https://table\ns3 =\n"
      "  endpoint_url = https://mine\n[services rest]\nec2 =\n  endpoint_url = https://ec2\n");
  CHECK(c.read("all").endpoint == "https://all");
  CHECK(c.read("nested").endpoint == "https://nested");
  CHECK(c.read("nested").addressing_style == "path");
  CHECK(c.read("services").endpoint == "https://mine");
  CHECK(c.read("others").endpoint == "https://all");
  CHECK(c.read("off").endpoint.empty());
  CHECK(c.read("off").ignore_endpoints);
  CHECK(says(message_of<ConfigError>([&] { c.read("lost"); }), "no section [services nowhere]"));
  c.variables["AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"] = "true";
  CHECK(c.read("services").endpoint.empty());
  c.variables["AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"] = "false";
  CHECK(c.read("off").endpoint == "https://all");
}

TEST_CASE("aws_profile: a profile that is not there, and half a pair") {
  ProfileCase c;
  CHECK(says(message_of<ConfigError>([&] { c.read("cats"); }), "there is no profile \"cats\""));
  const std::string path = c.write(
      "home/.aws/credentials",
      "[cats]\naws_access_key_id = IDHALF\n[dogs]\n\naws_secret_access_key = SKHALF\n"
      "aws_access_key_id =\n[birds]\naws_access_key_id = ID\naws_secret_access_key = SK SK\n");
  const std::string unknown = message_of<ConfigError>([&] { c.read("cat"); });
  CHECK(unknown == path + ": there is no profile \"cat\"; did you mean \"cats\"?");
  const std::string no_secret = message_of<ConfigError>([&] { c.read("cats"); });
  CHECK(
      no_secret == path +
                       ":2: profile cats has aws_access_key_id but no aws_secret_access_key; "
                       "add the other half");
  const std::string no_id = message_of<ConfigError>([&] { c.read("dogs"); });
  CHECK(says(no_id, path + ":5: profile dogs has aws_secret_access_key but no aws_access_key_id"));
  CHECK(says(
      message_of<ConfigError>([&] { c.read("birds"); }),
      path + ":9: aws_secret_access_key has a blank or a control character in it"));
}

TEST_CASE("aws_profile: ways to keys that are not done here are named") {
  ProfileCase c;
  c.write(
      "home/.aws/config",
      "[profile role]\nrole_arn = arn:x\nsource_profile = keys\naws_access_key_id = ID\n"
      "aws_secret_access_key = SK\n"
      "[profile process]\ncredential_process = /bin/x\n[profile sso]\nsso_session = s\n"
      "[profile keys]\ncredential_process = /bin/x\naws_access_key_id = ID\n"
      "aws_secret_access_key = SK\n");
  CHECK(c.read("role").other_way == "role_arn");
  CHECK(c.read("process").other_way == "credential_process");
  CHECK(c.read("sso").other_way == "sso_session");
  CHECK(c.read("keys").other_way.empty());
}
