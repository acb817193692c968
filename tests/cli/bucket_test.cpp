// ocelli bucket, on a bucket that is a folder.
// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "bucket/scripted_server.hpp"
#include "cli/run_program.hpp"
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
  Bucket() {
    fs::create_directories(path / "sub");
    write_file(path / "a.jpg", "picture a");
    write_file(path / "sub/b 2.PNG", "picture b");
    write_file(path / "sub/c.jpeg", "picture c");
    write_file(path / "notes.txt", "no picture");
    write_file(path / "_annotations.csv", "a.jpg,cat\n");
    write_file(path / "_labels.csv", "cat\ndog\n");
  }
  Outcome run(const std::string& command, const std::string& more = {}) const {
    return run_program("bucket " + command + " " + path.string() + " " + more + " < /dev/null");
  }
};

}  // namespace

TEST_CASE("bucket: ls has sizes, dates and sums, below a prefix too") {
  const Bucket bucket;
  const Outcome all = bucket.run("ls");
  CHECK(all.code == 0);
  CHECK_MESSAGE(says(all.text, "6 objects, "), all.text);
  CHECK(says(all.text, "  sub/b 2.PNG\n"));
  const nlohmann::json some = last_json(bucket.run("ls", "sub/ --json"));
  CHECK(some.at("objects") == 2);
  CHECK(some.at("bytes") == 18);
  CHECK(bucket.run("ls", "nothing").code == 0);
}

TEST_CASE("bucket: pull and push keep keys and bytes") {
  const Bucket bucket;
  const fs::path out = bucket.folder / "out";
  Outcome outcome = bucket.run("pull", "--json --out " + out.string());
  CHECK(outcome.code == 0);
  CHECK(last_json(outcome).at("objects") == 6);
  CHECK(read_file(out / "sub/b 2.PNG") == "picture b");

  outcome = bucket.run("pull", "a.jpg sub/ --json --out " + (bucket.folder / "some").string());
  CHECK(last_json(outcome).at("objects") == 3);
  CHECK_FALSE(fs::exists(bucket.folder / "some/notes.txt"));

  write_file(out / ".Credentials", "API_KEY=x");
  fs::create_directories(bucket.folder / "dogs");
  outcome = run_program(
      "bucket push " + (bucket.folder / "dogs").string() + " " + out.string() + " " +
      (bucket.path / "a.jpg").string() + " --to new --json");
  CHECK(outcome.code == 2);
  CHECK_MESSAGE(says(outcome.text, "two files would get the key new/a.jpg"), outcome.text);
  outcome = run_program(
      "bucket push " + (bucket.folder / "dogs").string() + " " + out.string() + " --to new --json");
  CHECK(outcome.code == 0);
  CHECK(last_json(outcome).at("objects") == 6);
  CHECK(last_json(outcome).at("left_out") == 1);
  CHECK_MESSAGE(says(outcome.text, ".Credentials"), outcome.text);
  CHECK(read_file(bucket.folder / "dogs/new/sub/c.jpeg") == "picture c");
}

TEST_CASE("bucket: rm asks, and removes what was named alone") {
  const Bucket bucket;
  Outcome outcome = bucket.run("rm", "a.jpg");
  CHECK(outcome.code == 2);
  CHECK_MESSAGE(says(outcome.text, "--yes"), outcome.text);
  CHECK(fs::exists(bucket.path / "a.jpg"));
  outcome = bucket.run("rm", "sub/ a.jpg --yes --json");
  CHECK(last_json(outcome).at("objects") == 3);
  CHECK_FALSE(fs::exists(bucket.path / "a.jpg"));
  CHECK_FALSE(fs::exists(bucket.path / "sub/c.jpeg"));
  CHECK(fs::exists(bucket.path / "notes.txt"));
  for (const char* nothing : {"a.jpg --yes", "sub/ --yes"}) {
    outcome = bucket.run("rm", nothing);
    CHECK(outcome.code == 4);
    CHECK_MESSAGE(says(outcome.text, "check the name"), outcome.text);
  }
}

TEST_CASE("bucket: an empty key never means all") {
  const Bucket bucket;
  for (const char* command : {"rm --yes", "pull --out /dev/null/x", "ls"}) {
    for (const char* key : {"''", "/", "a.jpg ''"}) {
      if (std::string(command) == "ls" && std::string(key) == "a.jpg ''") continue;  // takes one
      CAPTURE(command);
      CAPTURE(key);
      const Outcome outcome = bucket.run(command, key);
      CHECK(outcome.code == 2);
      CHECK_MESSAGE(says(outcome.text, "a key is empty; name one, or PREFIX/"), outcome.text);
    }
  }
  for (const char* key : {"{}", "[]", "%%"}) CHECK(bucket.run("rm --yes", key).code != 0);
  CHECK(last_json(bucket.run("ls --json")).at("objects") == 6);
}

TEST_CASE("bucket: pull of an address below which there is nothing") {
  const Bucket bucket;
  const ScriptedServer server([](const HttpMessage& request, int) {
    Answer answer;
    answer.status = request.word(0) == "HEAD" ? 404 : 200;
    answer.body = "<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>";
    return answer;
  });
  const auto pull = [&](const std::string& prefix) {
    return run_shell(
        "env -u AWS_PROFILE AWS_ENDPOINT_URL=" + server.endpoint() +
        " AWS_ACCESS_KEY_ID=key AWS_SECRET_ACCESS_KEY=secret " + OCELLI_CLI +
        " bucket pull --out " + (bucket.folder / "out").string() + " s3://pictures" + prefix);
  };
  const Outcome typo = pull("/typo");
  CHECK(typo.code == 4);
  CHECK_MESSAGE(says(typo.text, "s3://pictures/typo/: there is nothing below it"), typo.text);
  const Outcome empty = pull("");
  CHECK_MESSAGE(empty.code == 0, empty.text);
  CHECK_MESSAGE(says(empty.text, "0 objects"), empty.text);
}

TEST_CASE("bucket: pushed labels join those that are there") {
  const TemporaryFolder folder;
  const fs::path bucket = folder / "cats", more = folder / "more";
  fs::create_directories(bucket);
  fs::create_directories(more / "sub");
  const auto labels = [](const std::string& picture, const std::string& label) {
    return R"({"version":"1.0","type":"classification","labels":[")" + label +
           R"("],"annotations":{")" + picture + R"(":[{"label":")" + label + R"("}]}})";
  };
  const auto push = [&](const std::string& options) {
    return run_program("bucket push " + bucket.string() + " " + more.string() + " " + options);
  };
  write_file(bucket / "a.jpg", "a");
  write_file(bucket / "_annotations.json", labels("a.jpg", "cat"));
  write_file(more / "b.jpg", "b");
  write_file(more / "_annotations.json", labels("b.jpg", "dog"));
  write_file(more / "sub/c.jpg", "c");
  write_file(more / "sub/_annotations.json", labels("c.jpg", "owl"));

  Outcome outcome = push("--json");
  CHECK_MESSAGE(outcome.code == 0, outcome.text);
  CHECK_MESSAGE(
      says(
          outcome.text,
          "merged into the labels of the bucket: 1 picture, 0 of them labelled "
          "before, and 1 new label\n"),
      outcome.text);
  CHECK(last_json(outcome).at("merged").at("pictures") == 1);
  CHECK(last_json(outcome).at("objects") == 4);
  const nlohmann::json status = last_json(run_program("bucket status --json " + bucket.string()));
  CHECK(status.at("labelled") == 2);
  CHECK(status.at("labels") == nlohmann::json{{"cat", 1}, {"dog", 1}});
  CHECK(read_file(bucket / "sub/_annotations.json") == labels("c.jpg", "owl"));  // was not there

  // Each file belongs to its own folder's key.
  const std::string root = read_file(bucket / "_annotations.json");
  outcome = push("--to sub");
  CHECK_MESSAGE(outcome.code == 0, outcome.text);
  CHECK(read_file(bucket / "_annotations.json") == root);
  CHECK(says(read_file(bucket / "sub/_annotations.json"), "b.jpg"));
  CHECK(says(read_file(bucket / "sub/_annotations.json"), "c.jpg"));
  CHECK(fs::exists(bucket / "sub/sub/c.jpg"));

  // What cannot be merged is refused before anything is sent.
  write_file(more / "new.jpg", "new");
  write_file(bucket / "_annotations.json", "no JSON");
  outcome = push("");
  CHECK(outcome.code == 3);
  CHECK_MESSAGE(says(outcome.text, "--replace-labels"), outcome.text);
  CHECK_FALSE(fs::exists(bucket / "new.jpg"));
  CHECK(push("--replace-labels").code == 0);
  CHECK(read_file(bucket / "_annotations.json") == labels("b.jpg", "dog"));
  CHECK(fs::exists(bucket / "new.jpg"));
}

TEST_CASE("bucket: a push that fails leaves no labels without pictures") {
  const TemporaryFolder folder;
  const fs::path bucket = folder / "cats", more = folder / "more";
  fs::create_directories(bucket / "z.jpg");  // no picture can have this name there
  fs::create_directories(more);
  write_file(more / "_annotations.csv", "z.jpg,cat\n");
  write_file(more / "_type", "classification");
  write_file(more / "z.jpg", "z");
  const Outcome outcome = run_program("bucket push " + bucket.string() + " " + more.string());
  CHECK(outcome.code == 4);
  CHECK_FALSE(fs::exists(bucket / "_annotations.csv"));
  CHECK_FALSE(fs::exists(bucket / "_type"));
}

TEST_CASE("bucket: status counts pictures and labels") {
  const Bucket bucket;
  const Outcome outcome = bucket.run("status", "--json");
  CHECK(outcome.code == 0);
  const nlohmann::json json = last_json(outcome);
  CHECK(json.at("pictures") == 3);
  CHECK(json.at("labelled") == 1);
  CHECK(json.at("unlabelled") == 2);
  CHECK(json.at("labels").at("cat") == 1);
  CHECK(json.at("labels").at("dog") == 0);
  CHECK(json.at("models").empty());
  CHECK_MESSAGE(says(outcome.text, "3 pictures, 1 labelled and 2 unlabelled"), outcome.text);
}

TEST_CASE("bucket: status does not call pictures unlabelled whose labels it does not read") {
  const Bucket bucket;
  fs::remove(bucket.path / "_annotations.csv");
  CHECK(says(bucket.run("status").text, "3 pictures, 0 labelled and 3 unlabelled"));
  fs::remove(bucket.path / "_labels.csv");
  write_file(bucket.path / "instances.json", R"({"images":[],"annotations":[],"categories":[]})");
  const Outcome outcome = bucket.run("status", "--json");
  CHECK_MESSAGE(
      says(outcome.text, "3 pictures; no Cloud Annotations labels (_annotations.json or "),
      outcome.text);
  CHECK_FALSE(says(outcome.text, "unlabelled\n"));
  CHECK(last_json(outcome).at("label_file") == false);
}

TEST_CASE("bucket: a folder that is not there, and a drive that takes no bytes") {
  const Bucket bucket;
  CHECK(run_program("bucket ls " + (bucket.folder / "no").string()).code == 4);
  write_file(bucket.folder / "big", std::string(5000, 'x'));
  const Outcome full =
      run_program("bucket push " + bucket.path.string() + " " + (bucket.folder / "big").string());
  CHECK(full.code == 0);
  const std::string limited = "ulimit -f 1; trap '' XFSZ; ";
  const Outcome outcome = run_shell(
      limited + OCELLI_CLI + " bucket pull " + bucket.path.string() + " big --out " +
      (bucket.folder / "out").string());
  CHECK(outcome.code == 4);
  CHECK_MESSAGE(says(outcome.text, "writing failed"), outcome.text);
  CHECK(fs::is_empty(bucket.folder / "out"));
}
