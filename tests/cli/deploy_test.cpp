// ocelli publish, promote, rollback, models and watch on a bucket that is a folder, and what train
// does with buckets.
// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>

#include "cli/run_program.hpp"
#include "deploy/model_file.hpp"
#include "ocelli/core/file.hpp"
#include "support/message_of.hpp"
#include "support/temporary_folder.hpp"

using namespace ocelli;
using namespace ocelli::test;
namespace fs = std::filesystem;

namespace {

struct Bucket {
  TemporaryFolder folder;
  fs::path path = folder / "cats";
  Bucket() { fs::create_directories(path); }
  /// Weights of no net of this program, so that none is built to try them.
  fs::path model(int version) const {
    return write_model(folder / "new", version, {"cat", "dog"}, "some-net");
  }
  Outcome run(const std::string& command, const std::string& more = {}) const {
    return run_program(command + " --bucket " + path.string() + " " + more);
  }
  Outcome publish(int version, const std::string& more = {}) const {
    return run("publish", "--weights " + model(version).string() + " " + more);
  }
  int watched(const fs::path& file) const {
    return fs::exists(file) ? version_of(read_file(file)) : 0;
  }
};

}  // namespace

TEST_CASE("deploy: from publishing to a file in the field, and back") {
  const Bucket bucket;
  const fs::path file = bucket.folder / "field/model";
  const std::string look = "--out " + file.string() + " --once";
  const Outcome none = bucket.run("watch", look);
  CHECK(none.code == 4);
  CHECK_MESSAGE(says(none.text, "nothing is published on branch master"), none.text);

  Outcome outcome = bucket.publish(1, "--json");
  CHECK(outcome.code == 0);
  CHECK(last_json(outcome).at("step") == 1000);
  CHECK(last_json(outcome).at("changed") == true);
  CHECK(fs::exists(bucket.path / "cats.safetensors"));
  CHECK(read_file(bucket.path / "cats.labels") == "cat\ndog\n");
  outcome = bucket.run(
      "watch", look + " --json --exec 'echo $OCELLI_PUBLICATION > " + file.string() + ".id'");
  CHECK(outcome.code == 0);
  CHECK(last_json(outcome).at("event") == "updated");
  CHECK(read_file(file.string() + ".id") == last_json(outcome).at("id").get<std::string>() + "\n");
  CHECK(bucket.watched(file) == 1);
  CHECK(last_json(bucket.run("watch", look + " --json")).at("event") == "unchanged");

  CHECK(bucket.publish(2, "--branch night").code == 0);
  CHECK(last_json(bucket.run("watch", look + " --json")).at("event") == "unchanged");
  CHECK(bucket.run("promote", "--from night --to master").code == 0);
  CHECK(bucket.run("watch", look).code == 0);
  CHECK(bucket.watched(file) == 2);
  CHECK(bucket.run("rollback").code == 0);
  CHECK(bucket.run("watch", look).code == 0);
  CHECK(bucket.watched(file) == 1);

  const nlohmann::json models = last_json(bucket.run("models", "--json --prune"));
  REQUIRE(models.at("models").size() == 2);
  CHECK(models.at("models")[1].at("branch") == "master");
  CHECK(models.at("models")[1].at("history").size() == 2);
  CHECK(models.at("pruned") == 0);
}

TEST_CASE("deploy: a watcher that stays notices, and leaves when asked to") {
  const Bucket bucket;
  const fs::path file = bucket.folder / "model", log = bucket.folder / "log";
  bucket.publish(1);
  const pid_t child = ::fork();
  if (child == 0) {
    const std::string command = std::string("exec ") + OCELLI_CLI +
                                " watch --interval 0.1s --bucket " + bucket.path.string() +
                                " --out " + file.string() + " > " + log.string() + " 2>&1";
    ::execl("/bin/sh", "sh", "-c", command.c_str(), nullptr);
    ::_exit(127);
  }
  int status = -1;
  const auto wait_for = [&](int version) {
    while (bucket.watched(file) != version) {
      REQUIRE(::waitpid(child, &status, WNOHANG) == 0);
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
  };
  wait_for(1);
  const Outcome second =
      run_program("watch --once --bucket " + bucket.path.string() + " --out " + file.string());
  CHECK(second.code == 4);
  CHECK_MESSAGE(says(second.text, "another process watches"), second.text);
  bucket.publish(2);
  wait_for(2);
  bucket.run("rollback");
  wait_for(1);
  ::kill(child, SIGTERM);
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
  CHECK_MESSAGE(says(read_file(log), "rollback of"), read_file(log));
}

TEST_CASE("deploy: a model that this program cannot use leaves the old one") {
  const Bucket bucket;
  const fs::path file = bucket.folder / "model";
  const std::string look = "--once --out " + file.string();
  bucket.publish(1);
  REQUIRE(bucket.run("watch", look).code == 0);
  // It says that it is a net of ours, but is not.
  const fs::path wrong = write_model(bucket.folder / "wrong", 2);
  REQUIRE(bucket.run("publish", "--weights " + wrong.string()).code == 0);
  const Outcome outcome = bucket.run("watch", look);
  CHECK(outcome.code == 4);
  CHECK_MESSAGE(says(outcome.text, "is not used"), outcome.text);
  CHECK(bucket.watched(file) == 1);
}

TEST_CASE("deploy: mistakes have their sentence and their code") {
  const Bucket bucket;
  const auto refused = [&](const Outcome& outcome, int code, const char* message) {
    CHECK(outcome.code == code);
    CHECK_MESSAGE(says(outcome.text, message), outcome.text);
  };
  const std::string good = bucket.model(1).string();
  refused(
      run_program("publish --weights " + good + " --bucket " + (bucket.folder / "no").string()), 4,
      "no such folder");
  refused(bucket.run("publish", "--weights nowhere"), 4, "nowhere");
  refused(bucket.publish(1, "--branch a/b"), 2, "the name of a branch");
  refused(bucket.publish(1, "--expect another"), 4, "the branch has publication (none)");
  refused(
      bucket.run("promote", "--from day --to master"), 4, "nothing was published on branch day");
  refused(bucket.run("rollback"), 4, "nothing was published");
  bucket.publish(1);
  refused(bucket.run("rollback"), 4, "no publication before");
  refused(bucket.run("rollback", "--to nonsense"), 4, "no publication nonsense");
  refused(bucket.run("watch", "--once --interval 5x --out x"), 2, "no length of time");
  refused(bucket.run("watch", "--once --interval 0.01s --out x"), 2, "a tenth of a second");
  fs::resize_file(good, 300);
  refused(bucket.run("publish", "--weights " + good), 6, "damaged");
  fs::path whole = write_model(bucket.folder / "plain", 1, {});
  refused(bucket.run("publish", "--weights " + whole.string()), 2, "no labels");
}

TEST_CASE("deploy: train mirrors its run, goes on from the mirror and publishes [slow]") {
  const Bucket bucket;
  const std::string data = (bucket.folder / "shapes").string();
  const std::string mirror = (bucket.folder / "mirror").string();
  REQUIRE(run_program("demo --data-only " + data + " --pictures 10").code == 0);
  const auto train = [&](const std::string& out, const std::string& more) {
    return run_program(
        "train --device cpu --model ssdlite-mobilenet-v2 --batch 1 --val-percent 0 "
        "--snapshot-steps 1 --json --data " +
        data + " --out " + (bucket.folder / out).string() + " --mirror " + mirror + " " + more);
  };
  Outcome outcome = train("first", "--steps 2");
  REQUIRE_MESSAGE(outcome.code == 0, outcome.text);
  CHECK(last_json(outcome).at("mirrored") == true);
  outcome = train("other", "--steps 2");
  CHECK(outcome.code == 2);
  CHECK_MESSAGE(says(outcome.text, "add --resume"), outcome.text);

  outcome = train("second", "--steps 3 --resume --publish --branch night");
  REQUIRE_MESSAGE(outcome.code == 0, outcome.text);
  CHECK_MESSAGE(says(outcome.text, "of step 2 brought from"), outcome.text);
  CHECK_MESSAGE(says(outcome.text, "resumed from step 2"), outcome.text);
  CHECK(last_json(outcome).at("steps") == 3);
  CHECK(last_json(outcome).at("published").at("branch") == "night");
  CHECK(
      read_file(fs::path(data) / "shapes-night.safetensors") ==
      read_file(bucket.folder / "second/last.safetensors"));

  outcome = train("third", "--steps 3 --publish-to " + (bucket.folder / "nowhere").string());
  CHECK(outcome.code == 4);
  CHECK_FALSE(fs::exists(bucket.folder / "third"));
}
