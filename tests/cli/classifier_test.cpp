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

/// `text` with every `from` replaced.
std::string replaced(std::string text, const std::string& from, const std::string& to) {
  for (std::size_t at = text.find(from); at != std::string::npos;
       at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
  return text;
}

}  // namespace

TEST_CASE("classifier: trained, measured and used, with labels as they are written") {
  const TemporaryFolder folder;
  const std::string tags = (folder / "tags").string(), run = (folder / "run").string();
  REQUIRE(run_program("demo --task classification --pictures 12 --data-only " + tags).code == 0);
  for (const char* file : {"/_annotations.csv", "/_labels.csv"})
    ocelli::write_file(
        tags + file, replaced(ocelli::read_file(tags + file), "disc", "\"Café #2, or so\""));

  // The labels choose the model: none is named.
  const Outcome trained = run_program(
      "train --json --device cpu --threads 1 --steps 1 --batch 1 --data " + tags + " --out " + run);
  REQUIRE_MESSAGE(trained.code == 0, trained.text);
  CHECK(says(trained.text, "training mobilenet-v2-classifier; --model chooses another"));
  const nlohmann::json results = last_line(trained.text);
  REQUIRE(results.is_object());
  CHECK(results.contains("best_accuracy"));
  CHECK(results["confusion"].size() == 3);
  const ocelli::train::SafetensorsReader reader(results["weights"].get<std::string>());
  CHECK(reader.metadata("model") == "mobilenet-v2-classifier");
  const auto labels = nlohmann::json::parse(reader.metadata("labels"));
  CHECK(std::find(labels.begin(), labels.end(), "Café #2, or so") != labels.end());

  const Outcome measured =
      run_program("evaluate --json --device cpu --threads 1 --data " + tags + " --weights " + run);
  REQUIRE_MESSAGE(measured.code == 0, measured.text);
  const nlohmann::json numbers = last_line(measured.text);
  CHECK(numbers["pictures"] == 12);
  CHECK(numbers["classes"].contains("Café #2, or so"));
  CHECK(says(measured.text, "precision"));

  const std::string out = (folder / "labels.json").string();
  const Outcome used = run_program(
      "classify --json --top 2 --device cpu --threads 1 --weights " + run + " --out " + out + " " +
      tags);
  REQUIRE_MESSAGE(used.code == 0, used.text);
  const auto said = nlohmann::json::parse(ocelli::read_file(out));
  REQUIRE(said.size() == 12);
  for (const auto& one : said) {
    CHECK(std::find(labels.begin(), labels.end(), one["label"]) != labels.end());
    CHECK(one["score"] == one["best"][0]["score"]);
    CHECK(one["best"][0]["score"] >= one["best"][1]["score"]);
  }
  const Outcome boxes = run_program("detect --device cpu --weights " + run + " " + tags);
  CHECK(boxes.code == 2);
  CHECK_MESSAGE(says(boxes.text, "use ocelli classify"), boxes.text);
}

TEST_CASE("classifier: the demo trains one") {
  const TemporaryFolder folder;
  const Outcome trained = run_program(
      "demo --task classification --pictures 12 --steps 2 --device cpu --threads 1 --out " +
      (folder / "demo").string());
  REQUIRE_MESSAGE(trained.code == 0, trained.text);
  const nlohmann::json results = last_line(trained.text);
  REQUIRE(results.is_object());
  CHECK(results["steps"] == 2);
  CHECK(results.contains("accuracy"));
}

TEST_CASE("classifier: what it cannot be trained with") {
  const TemporaryFolder folder;
  const std::string tags = (folder / "tags").string(), shapes = (folder / "shapes").string();
  const std::string out = (folder / "run").string();
  REQUIRE(run_program("demo --task classification --pictures 12 --data-only " + tags).code == 0);
  REQUIRE(run_program("demo --pictures 12 --data-only " + shapes).code == 0);
  const auto refused = [&](const std::string& arguments, int code, const char* text) {
    const Outcome outcome =
        run_program("train --device cpu --steps 1 --out " + out + " " + arguments);
    CHECK(outcome.code == code);
    CHECK_MESSAGE(says(outcome.text, text), outcome.text);
  };
  refused("--model classifier --data " + shapes, 3, "give pictures a label as a whole");
  refused("--set matched_threshold=0.4 --data " + tags, 2, "belongs to an SSD");
  refused("--set freeze_backbone=true --data " + tags, 2, "--from");
  refused("--model ssdlite-mobilenet-v2 --data " + tags, 3, "label some pictures with boxes");
}
