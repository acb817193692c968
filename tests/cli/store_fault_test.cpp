// What the commands say of a bucket that refuses because a token has expired.
// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "bucket/scripted_server.hpp"
#include "cli/run_program.hpp"
#include "support/message_of.hpp"
#include "support/temporary_folder.hpp"

using namespace ocelli::test;

namespace {

/// Every command that reads or writes a bucket, before its address.
std::vector<std::string> commands(const std::string& folder) {
  return {
      "bucket ls ",
      "bucket status ",
      "bucket pull --out " + folder + "/pulled ",
      "check --data ",
      "train --steps 1 --out " + folder + "/run --data ",
      "models --bucket ",
      "detect none.jpg --out " + folder + "/found --weights ",
      "watch --once --out " + folder + "/model --bucket "};
}

Outcome run(const ScriptedServer& server, const std::string& command) {
  return run_shell(
      "env -u AWS_PROFILE AWS_ENDPOINT_URL=" + server.endpoint() +
      " AWS_ACCESS_KEY_ID=temporary AWS_SECRET_ACCESS_KEY=very-secret "
      "AWS_SESSION_TOKEN=the-long-token " +
      OCELLI_CLI + " " + command + "s3://pictures < /dev/null");
}

}  // namespace

TEST_CASE("store faults: an expired token is one sentence and exit code 4 everywhere") {
  const ScriptedServer server([](const HttpMessage&, int) {
    Answer answer;
    answer.status = 400;
    answer.body = "<Error><Code>ExpiredToken</Code><Message>the-long-token</Message></Error>";
    return answer;
  });
  const TemporaryFolder folder;
  for (const std::string& command : commands(folder.path().string())) {
    const Outcome outcome = run(server, command);
    CAPTURE(command);
    CAPTURE(outcome.text);
    CHECK(outcome.code == 4);
    CHECK(says(outcome.text, "ExpiredToken"));
    CHECK(outcome.text.find('\n') == outcome.text.size() - 1);  // one sentence
    CHECK_FALSE(says(outcome.text, "very-secret"));
    CHECK_FALSE(says(outcome.text, "the-long-token"));
  }
  CHECK_FALSE(std::filesystem::exists(folder.path() / "run"));
  CHECK_FALSE(std::filesystem::exists(folder.path() / "found"));
  CHECK_FALSE(std::filesystem::exists(folder.path() / "model"));
}

TEST_CASE("store faults: a token that expires among the pictures is no fault of theirs") {
  // The listing and the labels are there; from then on the server refuses.
  const std::string labels =
      "{\"version\":\"1.0\",\"type\":\"localization\",\"labels\":[\"cat\"],"
      "\"annotations\":{\"a.jpg\":[{\"label\":\"cat\",\"x\":0,\"y\":0,"
      "\"x2\":1,\"y2\":1}]}}";
  const ScriptedServer server([&](const HttpMessage& asked, int) {
    Answer answer;
    if (says(asked.word(1), "list-type=2")) {
      answer.body = "<ListBucketResult><IsTruncated>false</IsTruncated>";
      for (const char* key : {"_annotations.json", "a.jpg"})
        answer.body += "<Contents><Key>" + std::string(key) +
                       "</Key><ETag>&quot;1&quot;</ETag><Size>" + std::to_string(labels.size()) +
                       "</Size></Contents>";
      answer.body += "</ListBucketResult>";
    } else if (says(asked.word(1), "_annotations.json")) {
      answer.body = labels;
      answer.headers = {{"ETag", "\"1\""}};
    } else {
      answer.status = 400;
      answer.body = "<Error><Code>ExpiredToken</Code></Error>";
    }
    return answer;
  });
  const TemporaryFolder folder;
  const std::string out = folder.path().string();
  for (const std::string command :
       {"check --cache-size 0 --data ",
        "train --cache-size 0 --skip-bad --steps 1 --out %/run --data "}) {
    std::string whole = command;
    if (const auto at = whole.find('%'); at != std::string::npos) whole.replace(at, 1, out);
    const Outcome outcome = run(server, whole);
    CAPTURE(command);
    CAPTURE(outcome.text);
    CHECK(outcome.code == 4);
    CHECK(says(outcome.text, "the token has expired"));
  }
}
