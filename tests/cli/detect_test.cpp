// `ocelli detect`: which pictures it takes, and what it leaves behind.
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

TEST_CASE("detect: files and folders, equal names, and what cannot be read") {
  const TemporaryFolder folder;
  const std::string demo = (folder / "demo").string();
  REQUIRE(run_program("demo --steps 1 --pictures 10 --out " + demo).code == 0);
  fs::path picture;
  for (const auto& entry : fs::recursive_directory_iterator(folder / "demo/bucket"))
    if (entry.path().extension() == ".jpg") picture = entry.path();
  for (const char* name :
       {"a/one.jpg", "b/one.jpg", "b/deep/TWO.JPG", "b/one (2).jpg", "b/.hidden/no.jpg"}) {
    fs::create_directories((folder / name).parent_path());
    fs::copy_file(picture, folder / name);
  }
  write_file(folder / "b/broken.png", "no picture");
  write_file(folder / "b/notes.txt", "none of them");

  const auto detect = [&](const std::string& arguments) {
    return run_program(
        "detect --weights " + demo + " --threshold 0 --out " + (folder / "b/found").string() + " " +
        arguments);
  };
  const std::string a = (folder / "a/one.jpg").string(), b = (folder / "b").string();
  const Outcome outcome = detect("--json " + a + " " + b);
  REQUIRE_MESSAGE(outcome.code == 0, outcome.text);
  CHECK_MESSAGE(says(outcome.text, "left out: " + b + "/broken.png: "), outcome.text);
  const auto json = last_json(outcome);
  CHECK(json.at("pictures") == 4);
  CHECK(json.at("left_out") == 1);
  std::size_t drawn = 0;
  for (const auto& entry : fs::directory_iterator(folder / "b/found"))
    drawn += entry.path().extension() == ".jpg" ? 1u : 0u;
  CHECK(drawn == 4);
  const auto found = nlohmann::json::parse(read_file(folder / "b/found/detections.json"));
  CHECK(found.size() == json.at("detections"));
  REQUIRE_FALSE(found.empty());
  CHECK(found.front().at("image_id") == 1);
  CHECK(found.front().at("file_name") == a);

  // What is found is no picture to look at.
  const Outcome again = detect("--json file://" + b);
  CHECK_MESSAGE(says(again.text, "\"pictures\":3"), again.text);

  const Outcome none = detect(b + "/broken.png " + b + "/gone.jpg");
  CHECK(none.code == 3);
  CHECK_MESSAGE(says(none.text, "no picture could be read: "), none.text);
  const Outcome branch = detect("--branch trial " + a);
  CHECK(branch.code == 4);
  CHECK_MESSAGE(says(branch.text, "nothing is published on branch trial"), branch.text);
}

TEST_CASE("detect: weights that are published in a folder, by branch and name") {
  const TemporaryFolder folder;
  const std::string demo = (folder / "demo").string(), models = (folder / "models").string();
  REQUIRE(run_program("demo --steps 1 --pictures 10 --out " + demo).code == 0);
  make_folder(models);
  for (const char* more : {"", " --branch trial --name owls"})
    REQUIRE(run_program("publish --weights " + demo + " --bucket " + models + more).code == 0);
  const auto detect = [&](const std::string& weights) {
    return run_program(
        "detect --no-draw --out " + (folder / "found").string() + " " + demo +
        "/bucket --weights " + weights);
  };
  for (const char* how : {"", " --branch trial --name owls"}) {
    const Outcome outcome = detect(models + how);
    CHECK_MESSAGE(outcome.code == 0, outcome.text);
    CHECK_MESSAGE(says(outcome.text, "weights from " + models + ": "), outcome.text);
  }
  CHECK(detect(models + "/models.safetensors").code == 0);
  for (const char* how : {" --branch trial", " --name elks"}) {
    const Outcome outcome = detect(models + how);
    CHECK(outcome.code == 4);
    CHECK_MESSAGE(says(outcome.text, "nothing is published on branch"), outcome.text);
  }
  const Outcome file = detect(demo + "/last.safetensors --name owls");
  CHECK(file.code == 2);
  CHECK_MESSAGE(says(file.text, "neither branches nor models' names"), file.text);
}
