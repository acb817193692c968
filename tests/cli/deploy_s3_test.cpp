// The commands for models and buckets beside an S3 server: the way through, and what goes wrong
// with keys, buckets and networks: one sentence, exit code 4, nothing half-written.
// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <filesystem>
#include <string>

#include "cli/run_program.hpp"
#include "deploy/model_file.hpp"
#include "ocelli/core/file.hpp"
#include "s3/fresh_bucket.hpp"
#include "s3/gateway.hpp"
#include "support/message_of.hpp"
#include "support/temporary_folder.hpp"

using namespace ocelli;
using namespace ocelli::test;
namespace fs = std::filesystem;

namespace {

struct Remote {
  FreshBucket fresh{"cli"};
  TemporaryFolder folder;
  std::string address = "s3://" + fresh.options.bucket + "/team";
  fs::path model = write_model(folder / "new", 1, {"cat", "dog"}, "some-net");
  fs::path out = folder / "field/model";

  /// @param before  NAME=VALUE for the program's environment
  Outcome run(const std::string& arguments, const std::string& before = {}) const {
    return run_shell(
        "AWS_ENDPOINT_URL_S3=" + fresh.options.endpoint + " " + before + " " + OCELLI_CLI + " " +
        arguments + " < /dev/null");
  }
  std::string publish() const { return "publish --weights " + model.string() + " --bucket "; }
  std::string watch() const { return "watch --once --out " + out.string() + " --bucket "; }
};

void check_fault(const Outcome& outcome, const std::string& message) {
  CHECK(outcome.code == 4);
  CHECK_MESSAGE(says(outcome.text, message), outcome.text);
  CHECK_MESSAGE(outcome.text.find('\n') == outcome.text.size() - 1, outcome.text);  // one sentence
  CHECK_FALSE(says(outcome.text, environment("AWS_SECRET_ACCESS_KEY")));
}

}  // namespace

TEST_CASE("deploy on S3: from a file to a bucket to a file") {
  if (!gateway_there()) return;
  const Remote remote;
  CHECK(remote.run(remote.publish() + remote.address).code == 0);
  const Outcome updated = remote.run(remote.watch() + remote.address);
  CHECK_MESSAGE(updated.code == 0, updated.text);
  CHECK(read_file(remote.out) == read_file(remote.model));

  fs::create_directories(remote.folder / "pictures/sub");
  for (const char* name : {"a b+c.jpg", "sub/caf\xC3\xA9%20.png"})
    write_file(remote.folder / "pictures" / name, name);
  const std::string pictures = (remote.folder / "pictures").string();
  const std::string back = (remote.folder / "back").string();
  CHECK(remote.run("bucket push " + remote.address + " " + pictures + " --to p").code == 0);
  CHECK(remote.run("bucket pull " + remote.address + " p/ --out " + back).code == 0);
  CHECK(run_shell("diff -r " + pictures + " " + back + "/p").code == 0);
  const Outcome status = remote.run("bucket status " + remote.address);
  CHECK_MESSAGE(says(status.text, "2 pictures; no Cloud Annotations labels"), status.text);
  CHECK_MESSAGE(says(status.text, "branch master: "), status.text);
  CHECK(remote.run("bucket rm " + remote.address + " p/ --yes").code == 0);
  CHECK_MESSAGE(
      says(remote.run("bucket ls " + remote.address + " p").text, "0 objects"), "p/ is empty");
}

TEST_CASE("deploy on S3: unsafe keys are left out by name") {
  if (!gateway_there()) return;
  const Remote remote;
  bucket::S3Store store(remote.fresh.options);
  for (const char* key : {"team/good.jpg", "team/../../evil.jpg", "team//lead.jpg", "team/folder/"})
    store.put(key, "x");
  const fs::path back = remote.folder / "back";
  const Outcome outcome =
      remote.run("bucket pull " + remote.address + " --json --out " + back.string());
  CHECK(outcome.code == 0);
  CHECK_MESSAGE(says(outcome.text, "3 left out"), outcome.text);
  CHECK_MESSAGE(says(outcome.text, "team/../../evil.jpg"), outcome.text);
  CHECK(fs::exists(back / "good.jpg"));
  CHECK_FALSE(fs::exists(remote.folder / "evil.jpg"));
}

TEST_CASE("deploy on S3: each wrong input has its sentence, and leaves everything as it was") {
  if (!gateway_there()) return;
  const Remote remote;
  REQUIRE(remote.run(remote.publish() + remote.address).code == 0);
  REQUIRE(remote.run(remote.watch() + remote.address).code == 0);
  const std::string model = read_file(remote.out);
  write_model(remote.model, 2, {"cat", "dog"}, "some-net");
  const std::string commands[] = {
      remote.publish() + remote.address,
      remote.watch() + remote.address,
      "models --bucket " + remote.address,
      "bucket ls " + remote.address,
      "bucket pull " + remote.address + " --out " + (remote.folder / "x").string(),
      "bucket push " + remote.address + " " + remote.model.string(),
      "detect none.jpg --out " + (remote.folder / "x").string() + " --weights " + remote.address};
  struct Case {
    const char *before, *message;
  };
  for (const auto& [before, message] :
       {Case{"AWS_SECRET_ACCESS_KEY=wrong", "the secret key does not belong"},
        Case{"AWS_ACCESS_KEY_ID=nobody", "does not know this access key"}})
    for (const std::string& command : commands) {
      CAPTURE(command);
      check_fault(remote.run(command, before), message);
    }
  for (std::string command : commands) {
    CAPTURE(command);
    check_fault(remote.run(command + " --endpoint http://127.0.0.1:9"), "cannot be reached");
    command.replace(command.find(remote.address), remote.address.size(), "s3://no-such-bucket-x");
    check_fault(remote.run(command), "no such bucket");
  }
  // One who may only read: reads, and is told what else he may not.
  const std::string reader = "AWS_ACCESS_KEY_ID=" + environment("OCELLI_TEST_S3_READER_ID") +
                             " AWS_SECRET_ACCESS_KEY=" + environment("OCELLI_TEST_S3_READER_KEY");
  CHECK(remote.run(commands[2], reader).code == 0);
  check_fault(remote.run(commands[0], reader), "HTTP 403");
  check_fault(remote.run(commands[5], reader), "HTTP 403");
  // A full drive.
  fs::remove(remote.out);
  const Outcome full = run_shell(
      "ulimit -f 1; trap '' XFSZ; AWS_ENDPOINT_URL_S3=" + remote.fresh.options.endpoint + " " +
      OCELLI_CLI + " bucket pull " + remote.address + " --out " +
      (remote.folder / "full").string());
  check_fault(full, "writing failed");
  for (const auto& entry : fs::recursive_directory_iterator(remote.folder / "full"))
    CHECK_FALSE(says(entry.path().filename().string(), ".tmp-"));

  CHECK_FALSE(fs::exists(remote.folder / "x"));
  CHECK(bucket::S3Store(remote.fresh.options).list("team/models/").size() == 2);
  write_file(remote.out, model);
  CHECK(remote.run(remote.watch() + remote.address).code == 0);
  CHECK(read_file(remote.out) == model);
}
