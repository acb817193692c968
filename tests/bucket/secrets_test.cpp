// No key, token or signature in any message, warning, stream or name.
// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <functional>
#include <sstream>
#include <string>
#include <vector>

#include "bucket/credential_case.hpp"
#include "bucket/token_server.hpp"
#include "ocelli/bucket/open.hpp"
#include "support/message_of.hpp"

using namespace ocelli;
using namespace ocelli::bucket;
using namespace ocelli::test;

namespace {

/// All values of this file that must not be seen have this word in them.
const std::string hush = "HUSH";

/// Collects what a user could come to see.
struct Seen {
  std::vector<std::string> texts;
  int errors = 0;

  void add(const std::string& text) { texts.push_back(text); }
  void add(const std::vector<std::string>& more) {
    texts.insert(texts.end(), more.begin(), more.end());
  }
  /// What `work` throws, with all its parts.
  void attempt(const std::function<void()>& work) {
    try {
      work();
    } catch (const Error& error) {
      ++errors;
      add({error.what(), error.where(), error.advice()});
    } catch (const std::exception& error) {
      ++errors;
      add(std::string(error.what()));
    }
  }
  void check() const {
    for (const std::string& text : texts) {
      CAPTURE(text);
      CHECK_FALSE(says(text, hush));
    }
  }
};

/// Opens a store with all that is told on the way, and asks it for something.
void use(Seen& seen, const std::string& address, const StoreOptions& options) {
  seen.attempt([&] {
    OpenedStore opened = open_store(address, options);
    seen.add(opened.warnings);
    seen.add({opened.store->name(), opened.store->bucket(), opened.prefix});
    seen.attempt([&] { opened.store->get("a"); });
    seen.attempt([&] { opened.store->put("a", "text"); });
    seen.attempt([&] { opened.store->list("a"); });
  });
}

}  // namespace

TEST_CASE("secrets: files with mistakes of every kind") {
  const std::vector<std::string> texts = {
      "HUSH",
      "HUSH=HUSH",
      "=HUSH",
      "HUSH HUSH=HUSH",
      "API_KEY",
      "API_KEY HUSH",
      "API_KEY=\"HUSH",
      "API_KEY='HUSH' HUSH",
      "API_KEY=HUSH HUSH",
      "API_KEY=\nHUSH",
      "RESOURCE_INSTANCE_ID=HUSH",
      "API_KEY=HUSH\nHUSHNAME=1",
      "AWS_ACCESS_KEY_ID=HUSH",
      "AWS_SECRET_ACCESS_KEY=HUSH",
      "AWS_SESSION_TOKEN=HUSH",
      "[default]\nHUSH",
      "[default]\nHUSH HUSH\n",
      "[default]\naws_access_key_id=HUSH",
      "[default]\naws_secret_access_key=HUSH",
      "[default]\naws_session_token=HUSH",
      "[default]\naws_access_key_id=HUSH HUSH\naws_secret_access_key=HUSH",
      "[default]\naws_access_key_id=HUSH\n  HUSH\naws_secret_access_key=HUSH",
      "[default]\naws_access_key_id HUSH\naws_secret_access_key HUSH",
      "[default] HUSH",
      "[cats]\naws_access_key_id=HUSH\naws_secret_access_key=HUSH",
      "{",
      "{HUSH",
      "{'HUSH'",
      "{'HUSH':}",
      "{'apikey':HUSH}",
      "{'apikey':'HUSH}",
      "{'apikey':['HUSH']}",
      "{'apikey':{'HUSH':1}}",
      "{'apikey':'HUSH HUSH'}",
      "{'apikey':'HUSH'}HUSH",
      "{'apikey':'\\uHUSH'}",
      "{'apikey':'HUSH', HUSH}",
      "{'cos_hmac_keys':'HUSH'}",
      "{'cos_hmac_keys':{'access_key_id':'HUSH'}}",
      "{'cos_hmac_keys':{'secret_access_key':'HUSH'}}",
      "{'HUSH':'HUSH'}",
      "[{'HUSH':1},{}]",
      "{'access_key_id':'HUSH'}",
      "{'secret_access_key':'HUSH'}",
      "{'access_key_id':'HUSH','secret_access_key':7}",
      "x = {'access_key_id':'HUSH'\n",
      "{'access_key_id':'HUSH','secret_access_key':'HUSH','endpoint_url':'ftp://HUSH'}",
      "{'access_key_id':'HUSH','secret_access_key':'HUSH','endpoint_url':'https://a:HUSH@b'}",
      "\xFF\xFE{'apikey':'HUSH'}",
      "{'apikey':'HUSH\xFF'}"};
  Seen seen;
  for (const std::string& text : texts) {
    CredentialCase c;
    StoreOptions options;
    options.environment = environment_of(c.variables);
    options.working_folder = c.folder / "work";
    options.credentials_file = c.write("named", text, 0644);
    CAPTURE(text);
    const int before = seen.errors;
    seen.attempt([&] { seen.add(open_store("s3://cats", options).warnings); });
    CHECK(seen.errors == before + 1);  // each of them is a mistake
    options.credentials_file.clear();
    c.write("work/.Credentials", text);
    seen.attempt([&] { seen.add(open_store("s3://cats", options).warnings); });
    c.write("home/.aws/credentials", text);
    seen.attempt([&] { seen.add(open_store("s3://cats", options).warnings); });
  }
  seen.check();
}

TEST_CASE("secrets: a server that repeats what it was sent") {
  TokenServer server([](int, const std::string& head, const std::string& body) {
    std::string sent = head + body;
    for (const char c : {'<', '>', '&', '"', '\r', '\n'})
      for (std::size_t at; (at = sent.find(c)) != std::string::npos;) sent[at] = ' ';
    return TokenServer::Answer{
        403, "<?xml version=\"1.0\"?><Error><Code>SignatureDoesNotMatch</Code><Message>" + sent +
                 "</Message><AWSAccessKeyId>HUSHID</AWSAccessKeyId><StringToSign>" + sent +
                 "</StringToSign><RequestId>r</RequestId></Error>"};
  });
  CredentialCase c;
  StoreOptions options;
  options.environment = environment_of(c.variables);
  options.working_folder = c.folder / "work";
  options.endpoint = server.url().substr(0, server.url().rfind('/'));
  options.keys.access_key_id = "HUSHID";
  options.keys.secret_access_key = Secret("HUSHSECRET");
  options.keys.session_token = Secret("HUSHSESSION");
  Seen seen;
  use(seen, "s3://cats", options);
  CHECK(server.requests() > 0);
  CHECK(seen.errors == 3);
  options.keys = {};
  options.keys.bearer = Secret("HUSHTOKEN");
  use(seen, "s3://cats", options);
  CHECK(seen.errors == 6);
  seen.check();
  for (const std::string& text : seen.texts) {
    CAPTURE(text);
    CHECK_FALSE(says(text, "Signature="));
    CHECK_FALSE(says(text, "Bearer "));
  }
}

TEST_CASE("secrets: a token server that repeats what it was sent") {
  for (const int status : {200, 302, 400, 401, 403, 404, 500}) {
    TokenServer server([&](int, const std::string&, const std::string& form) {
      return TokenServer::Answer{
          status, R"({"errorMessage":"HUSH+KEY )" + form + R"(","access_token":"HUSH TOKEN"})"};
    });
    IamOptions iam;
    iam.url = server.url();
    iam.origin = "the test";
    iam.pause = [](std::chrono::milliseconds) {};
    iam.api_key = Secret("HUSH+KEY");
    IamProvider provider(std::move(iam));
    Seen seen;
    seen.attempt([&] { provider.get(); });
    CHECK(seen.errors == 1);
    seen.add(provider.origin());
    seen.check();
  }
}

TEST_CASE("secrets: streams show stars") {
  std::ostringstream out;
  out << Secret("HUSH") << ' ' << Secret();
  CHECK(out.str() == "*** (none)");
  CHECK(FixedCredentials({"HUSH", Secret("HUSH"), {}, {}, {}}).origin() == "the program");
}

TEST_CASE("secrets: addresses with a password or a signature") {
  Seen seen;
  for (const char* address :
       {"https://me:HUSH@host/cats", "https://host/cats/a?X-Amz-Signature=HUSH", "http://HUSH@host",
        "https://host/cats#HUSH"})
    seen.attempt([&] { open_store(address); });
  CHECK(seen.errors == 4);
  CredentialCase c;
  for (const char* url :
       {"https://me:HUSH@host", "https://host?HUSH", "HUSH://host", "http://HUSH\n"}) {
    StoreOptions options;
    options.keys = {"HUSHID", Secret("HUSHSECRET"), {}, {}, {}};
    options.environment = environment_of({{"AWS_ENDPOINT_URL", url}});
    seen.attempt([&] { open_store("s3://cats", options); });
    options.environment = environment_of({});
    options.endpoint = url;
    seen.attempt([&] { open_store("s3://cats", options); });
    options.endpoint = "https://host";
    options.iam_url = url;
    options.keys = {};
    options.api_key = Secret("HUSH");
    seen.attempt([&] { open_store("s3://cats", options); });
  }
  CHECK(seen.errors == 16);
  seen.check();
}
