// The program with labels of whole pictures: train, evaluate, classify, and what it refuses.
// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>

#include "cli/run_program.hpp"
#include "ocelli/core/file.hpp"
#include "ocelli/train/safetensors_file.hpp"
#include "support/message_of.hpp"
#include "support/temporary_folder.hpp"

using namespace ocelli::test;

namespace {

/// The last line of what a program said, as JSON.
nlohmann::json last_line(const std::string& text) {
  const std::size_t end = text.find_last_not_of('\n');
  const std::size_t start = text.rfind('\n', end) + 1;
  return nlohmann::json::parse(text.substr(start, end + 1 - start), nullptr, false);
}

}  // namespace

TEST_CASE("classifier: the demo's is trained, measured and used, with labels as they are written") {
  const TemporaryFolder folder;
  const std::string demo = (folder / "demo").string();
  const Outcome trained = run_program(
      "demo --task classification --pictures 40 --steps 3 --device cpu --threads 1 --out " + demo);
  REQUIRE_MESSAGE(trained.code == 0, trained.text);
  const nlohmann::json results = last_line(trained.text);
  REQUIRE(results.is_object());
  CHECK(results.contains("accuracy"));
  CHECK(results["confusion"].size() == results["classes"].size());

  const std::string weights = results["weights"];
  const ocelli::train::SafetensorsReader reader(weights);
  const auto labels = nlohmann::json::parse(reader.metadata("labels"));
  CHECK(reader.metadata("model") == "mobilenet-v1-classifier");
  bool hash = false;
  for (const auto& label : labels)
    hash = hash || label.get<std::string>().find('#') != std::string::npos;
  CHECK(hash);

  const Outcome measured = run_program(
      "evaluate --json --device cpu --threads 1 --data " + demo + "/bucket --weights " + weights);
  REQUIRE_MESSAGE(measured.code == 0, measured.text);
  const nlohmann::json numbers = last_line(measured.text);
  CHECK(numbers["pictures"] == 40);
  for (const auto& label : labels) CHECK(numbers["classes"].contains(label.get<std::string>()));
  CHECK(says(measured.text, "precision"));

  const std::string out = (folder / "labels.json").string();
  const Outcome used = run_program(
      "classify --json --top 2 --device cpu --threads 1 --weights " + demo + " --out " + out + " " +
      demo + "/bucket");
  REQUIRE_MESSAGE(used.code == 0, used.text);
  const auto said = nlohmann::json::parse(ocelli::read_file(out));
  REQUIRE(said.size() == 40);
  for (const auto& one : said) {
    CHECK(std::find(labels.begin(), labels.end(), one["label"]) != labels.end());
    CHECK(one["score"] == one["best"][0]["score"]);
    CHECK(one["best"][0]["score"] >= one["best"][1]["score"]);
  }

  const Outcome boxes =
      run_program("detect --device cpu --weights " + demo + " " + demo + "/bucket");
  CHECK(boxes.code == 2);
  CHECK_MESSAGE(says(boxes.text, "use ocelli classify"), boxes.text);
}

TEST_CASE("classifier: labels of whole pictures alone choose it, boxes are none of its business") {
  const TemporaryFolder folder;
  const std::string tags = (folder / "tags").string(), shapes = (folder / "shapes").string();
  REQUIRE(run_program("demo --task classification --pictures 12 --data-only " + tags).code == 0);
  REQUIRE(run_program("demo --pictures 12 --data-only " + shapes).code == 0);
  const std::string out = (folder / "run").string();
  const Outcome chosen = run_program(
      "train --device cpu --threads 1 --steps 1 --batch 1 --val-percent 0 --data " + tags +
      " --out " + out);
  REQUIRE_MESSAGE(chosen.code == 0, chosen.text);
  CHECK(says(chosen.text, "training mobilenet-v2-classifier; --model chooses another"));
  const auto config = nlohmann::json::parse(ocelli::read_file(out + "/config.json"));
  CHECK(config["model"] == "mobilenet-v2-classifier");

  const Outcome none = run_program(
      "train --device cpu --model classifier --steps 1 --data " + shapes + " --out " + out + "2");
  CHECK(none.code == 3);
  CHECK_MESSAGE(says(none.text, "give pictures a label as a whole"), none.text);
  const Outcome foreign = run_program(
      "train --device cpu --model classifier --set matched_threshold=0.4 --data " + tags +
      " --out " + out + "3");
  CHECK(foreign.code == 2);
  CHECK_MESSAGE(says(foreign.text, "belongs to an SSD"), foreign.text);
  const Outcome random = run_program(
      "train --device cpu --set freeze_backbone=true --steps 1 --data " + tags + " --out " + out +
      "4");
  CHECK(random.code == 2);
  CHECK_MESSAGE(says(random.text, "--from"), random.text);
}
