// `ocelli train`: what it refuses before it begins, what it leaves out, and where it publishes.
// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "cli/run_program.hpp"
#include "ocelli/core/file.hpp"
#include "support/message_of.hpp"
#include "support/temporary_folder.hpp"

using namespace ocelli;
using namespace ocelli::test;
namespace fs = std::filesystem;

namespace {

/// Pictures with labels of their own, and the options of the shortest training.
struct Tagged {
  TemporaryFolder folder;
  fs::path data = folder / "tags", out = folder / "run";
  Tagged() {
    REQUIRE(
        run_program("demo --task classification --pictures 12 --data-only " + data.string()).code ==
        0);
  }
  Outcome train(const std::string& more) const {
    return run_program(
        "train --json --device cpu --threads 1 --steps 1 --batch 1 --out " + out.string() + " " +
        more);
  }
  /// Refused before anything is trained.
  void refused(const std::string& more, int code, const std::string& text) const {
    const Outcome outcome = train(more);
    CHECK_MESSAGE(outcome.code == code, outcome.text);
    CHECK_MESSAGE(says(outcome.text, text), outcome.text);
    CHECK_FALSE(fs::exists(out / "last.safetensors"));
  }
};

}  // namespace

TEST_CASE("train: options that would do nothing are refused") {
  const Tagged tagged;
  const std::string data = "--data " + tagged.data.string() + " ";
  tagged.refused(data + "--branch trial", 2, "--branch: nothing is published; give --publish");
  tagged.refused(data + "--name owls", 2, "--name: nothing is published; give --publish");
  tagged.refused(data + "--train-split a --val-percent 50", 2, "with --val-split, or leave");
  tagged.refused(
      data + "--train-split a --val-split b --val-percent 0", 2, "leave it out, or both splits");
  tagged.refused(data + "--val-split b", 2, "--val-split needs --train-split");
}

TEST_CASE("train: a run is not mirrored into itself, nor around itself") {
  const Tagged tagged;
  const std::string data = "--data " + tagged.data.string() + " ";
  fs::create_directory_symlink(tagged.folder / "", tagged.folder / "link");
  for (const char* mirror : {"run", "run/", "run/mirror", "other/../run", "link/run", "."}) {
    CAPTURE(mirror);
    tagged.refused(
        data + "--mirror " + (tagged.folder / mirror).string(), 2, "its mirror lie in one another");
    CHECK_FALSE(fs::exists(tagged.out));
  }
  // Whose name begins alike is another folder: what is refused here is the split.
  tagged.refused(
      data + "--train-split a --mirror " + (tagged.folder / "run2").string(), 3,
      "knows no subsets");
}

TEST_CASE("train: labels that are not UTF-8, or that could not be published") {
  const Tagged tagged;
  const std::string data = "--data " + tagged.data.string() + " ";
  const fs::path rows = tagged.data / "_annotations.csv";
  const std::string sound = read_file(rows), key = sound.substr(0, sound.find(','));
  write_file(rows, key + ",caf\xE9\n" + sound);
  tagged.refused(data, 3, "_annotations.csv:1: \"" + key + ",caf\\xE9\" is not UTF-8");
  write_file(rows, sound + key + ",\"two\nlines\"\n");
  tagged.refused(data + "--publish", 2, "the label \"two\\nlines\" cannot be written as one line");
}

TEST_CASE(
    "train: pictures that cannot be read are left out, and the model is put beside its labels") {
  const Tagged tagged;
  const fs::path rows = tagged.data / "_annotations.csv";
  const std::string sound = read_file(rows);
  const std::string label =
      sound.substr(sound.find(',') + 1, sound.find('\n') - sound.find(',') - 1);
  write_file(rows, sound + "notes.jpg," + label + "\n");
  write_file(tagged.data / "notes.jpg", "no picture");
  // The label file's own address: what is published goes into its folder.
  const std::string data = "--data " + rows.string() + " ";
  tagged.refused(data, 3, "with --skip-bad");
  Outcome outcome = tagged.train(data + "--skip-bad --publish --branch trial");
  REQUIRE_MESSAGE(outcome.code == 0, outcome.text);
  CHECK_MESSAGE(says(outcome.text, "notes.jpg: not a picture"), outcome.text);
  CHECK_MESSAGE(says(outcome.text, "it is left out"), outcome.text);
  CHECK_MESSAGE(says(outcome.text, "1 of 13 pictures are unlabelled"), outcome.text);
  CHECK(last_json(outcome).at("published").at("branch") == "trial");
  CHECK(fs::exists(tagged.data / "tags-trial.safetensors"));

  // What goes wrong in the end costs neither the weights nor the last line.
  fs::remove_all(tagged.out);
  outcome = tagged.train(data + "--skip-bad --publish --name \"$(printf 'caf\\351')\"");
  CHECK(outcome.code == 4);
  CHECK_MESSAGE(says(outcome.text, "is not UTF-8"), outcome.text);
  CHECK_MESSAGE(says(outcome.text, "the weights are in " + tagged.out.string()), outcome.text);
  CHECK_FALSE(last_json(outcome).contains("published"));
}

TEST_CASE("evaluate: a detector has nothing to find in pictures without boxes") {
  const Tagged tagged;
  const std::string demo = (tagged.folder / "demo").string();
  REQUIRE(run_program("demo --steps 1 --pictures 10 --out " + demo).code == 0);
  const Outcome outcome = run_program(
      "evaluate --json --device cpu --weights " + demo + " --data " + tagged.data.string());
  CHECK(outcome.code == 3);
  CHECK_MESSAGE(says(outcome.text, "there is no object to find in 12 pictures"), outcome.text);
}
