// What a run writes down: files that exist, parse and agree with each other.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/train/run_recorder.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <sstream>
#include <string>
#include <vector>

#include "support/message_of.hpp"
#include "support/temporary_folder.hpp"
#include "train/tiny_net.hpp"
#include "train/tiny_training.hpp"

using namespace ocelli;
using namespace ocelli::test;
using namespace ocelli::train;
namespace fs = std::filesystem;

namespace {

std::vector<std::string> lines_of(const fs::path& file) {
  std::istringstream text(bytes_of(file));
  std::vector<std::string> lines;
  for (std::string line; std::getline(text, line);) lines.push_back(line);
  return lines;
}

nlohmann::json status_of(const fs::path& run) {
  return nlohmann::json::parse(bytes_of(run / "status.json"));
}

std::size_t event_bytes(const fs::path& run) {
  std::size_t bytes = 0;
  for (const auto& entry : fs::directory_iterator(run))
    if (says(entry.path().filename().string(), "tfevents")) bytes += entry.file_size();
  return bytes;
}

/// A recorder over the drawn pictures, with points and evaluations that are made up.
struct Recorded {
  TemporaryFolder folder;
  ThreadPool pool{1};
  TinyPictures pictures;
  data::ImageCache cache{pictures.dataset, pictures.source, pool};
  Hyperparameters settings = tiny_settings();
  TrainingOptions options;
  RunFolder run{folder / "my-run"};

  Recorded() {
    settings.set_flag("num_steps=100");
    options.out = run.root();
    options.book_pictures = 3;
    run.open_for_training(false);
  }
  RunRecorder open(long done, bool held_out = true) {
    return RunRecorder(
        run, settings, options, pictures.dataset.labels, held_out ? &pictures.dataset : nullptr,
        held_out ? &cache : nullptr, done);
  }
  static TrainingPoint point(long step) {
    TrainingPoint point;
    point.step = step;
    point.steps = 100;
    point.classification = 1.0 / static_cast<double>(step);
    point.localization = 0.25;
    point.learning_rate = 0.5;
    return point;
  }
  Evaluation evaluation() const {
    Evaluation one{eval::CocoEvaluator(3), {}, {}};
    for (std::size_t i = 0; i < pictures.dataset.pictures.size(); ++i) {
      eval::EvaluatedPicture picture;
      picture.id = static_cast<std::int64_t>(i);
      picture.truths = truths_of(pictures.dataset.pictures[i]);
      for (const eval::GroundTruth& truth : picture.truths)
        picture.detections.push_back({truth.box, truth.label, 0.75f});
      one.matches.add_picture(picture);
      one.pictures.push_back(std::move(picture));
    }
    one.coco = one.matches.accumulate();
    return one;
  }
};

}  // namespace

TEST_CASE("run_recorder: a training's files exist, parse and agree") {
  const TemporaryFolder folder;
  const TinyRun run = tiny_run(folder / "run");
  const TinyOutcome outcome = train_tiny(run);

  std::vector<long> points;
  for (const auto& line : JsonLog::read(run.out / "log.jsonl")) {
    if (line.contains("evaluation")) continue;
    points.push_back(line.at("step"));
    for (const char* name :
         {"loss", "classification", "localization", "regularization", "learning_rate", "epoch",
          "images_per_second", "data_wait"}) {
      CAPTURE(name);
      CHECK(std::isfinite(line.at(name).get<double>()));
    }
    CHECK(
        line.at("loss").get<double>() ==
        doctest::Approx(
            line.at("classification").get<double>() + line.at("localization").get<double>() +
            line.at("regularization").get<double>()));
    CHECK(
        line.at("epoch").get<double>() ==
        doctest::Approx(line.at("step").get<double>() * 3 / 12));  // batch 3, twelve pictures
  }
  CHECK(points == std::vector<long>{5, 6, 10, 12});  // every five, and before evaluations

  const auto evaluations = evaluations_in_log(run.out);
  REQUIRE(evaluations.size() == 2);
  const auto rows = lines_of(run.out / "results.csv");
  REQUIRE(rows.size() == 3);
  CHECK(rows[0].starts_with("step,"));
  CHECK(says(rows[0], ",AP/disc,AP50/disc,AP/square,AP50/square,AP/triangle,AP50/triangle"));
  for (std::size_t i = 0; i < 2; ++i) {
    const auto numbers = evaluations[i].at("evaluation").get<std::vector<double>>();
    REQUIRE(numbers.size() == 12);
    CHECK(evaluations[i].at("class_ap50").size() == 3);
    std::istringstream row(rows[i + 1]);
    std::string cell;
    std::getline(row, cell, ',');
    CHECK(std::stol(cell) == evaluations[i].at("step").get<long>());
    for (const double number : numbers) {
      std::getline(row, cell, ',');
      CHECK(std::stod(cell) == number);
    }
  }
  CHECK(evaluations[1].at("evaluation")[0].get<double>() == outcome.ap);

  const nlohmann::json status = status_of(run.out);
  CHECK(status.at("state") == "finished");
  CHECK(status.at("message") == "finished");
  CHECK(status.at("step") == 12);
  CHECK(status.at("steps") == 12);
  CHECK(status.at("ap") == outcome.ap);
  CHECK(status.at("updated").get<long>() > 1'600'000'000);

  const auto config = nlohmann::json::parse(bytes_of(run.out / "config.json"));
  CHECK(config.at("seed") == 42);
  CHECK(config.at("labels") == std::vector<std::string>{"disc", "square", "triangle"});
  CHECK(config.at("hyperparameters").at("num_steps").at("value") == 12);

  CHECK(event_bytes(run.out) > 500);
  const std::string page = bytes_of(run.out / "report" / "index.html");
  CHECK(says(page, "</html>"));
  CHECK(says(page, "ssdlite-mobilenet-v2 on run"));
  CHECK_FALSE(says(page, "src=\"http"));
  CHECK(fs::exists(run.out / "flipbook" / "step-00000006.json"));
  CHECK(fs::exists(run.out / "flipbook" / "step-00000012.json"));
}

TEST_CASE("run_recorder: a resumed run takes back what came after its snapshot") {
  Recorded r;
  std::string page;
  std::size_t events = 0;
  {
    RunRecorder recorder = r.open(0);
    for (const long step : {10L, 20L, 30L}) {
      recorder.on_point(r.point(step));
      recorder.on_evaluation(step, r.evaluation(), step == 10);
    }
    recorder.on_before_snapshot(30);
    recorder.finish("finished", true, nullptr);
    page = bytes_of(recorder.report_path());
    events = event_bytes(r.run.root());
  }
  const auto rows = lines_of(r.run.results());
  REQUIRE(rows.size() == 4);

  RunRecorder recorder = r.open(20);
  CHECK(lines_of(r.run.results()).size() == 3);
  CHECK(evaluations_in_log(r.run.root()).size() == 2);
  CHECK(JsonLog::read(r.run.log()).size() == 4);
  CHECK_FALSE(fs::exists(r.run.root() / "flipbook" / "step-00000030.json"));
  recorder.on_point(r.point(30));
  recorder.on_evaluation(30, r.evaluation(), false);
  recorder.finish("finished", true, nullptr);
  CHECK(lines_of(r.run.results()) == rows);
  CHECK(event_bytes(r.run.root()) > events);
  // The report knows the points, evaluations and pages from before.
  CHECK(bytes_of(recorder.report_path()) == page);
}

TEST_CASE("run_recorder: the state that a reader sees") {
  Recorded r;
  SUBCASE("failed") {
    RunRecorder recorder = r.open(0);
    recorder.on_point(r.point(10));
    recorder.fail("step 11: it \"broke\"");
    CHECK(status_of(r.run.root()).at("state") == "failed");
    CHECK(status_of(r.run.root()).at("message") == "step 11: it \"broke\"");
    CHECK(status_of(r.run.root()).at("step") == 10);
    CHECK_FALSE(status_of(r.run.root()).contains("ap"));
  }
  SUBCASE("stopped") {
    RunRecorder recorder = r.open(0);
    recorder.on_point(r.point(10));
    recorder.on_snapshot(13, {});
    recorder.finish("stopped", false, nullptr);
    CHECK(status_of(r.run.root()).at("state") == "stopped");
    CHECK(status_of(r.run.root()).at("step") == 13);
  }
  SUBCASE("nothing held out: a log, a state and a page of the losses, no book") {
    RunRecorder recorder = r.open(0, false);
    TrainingPoint point = r.point(10);
    point.data_wait = std::numeric_limits<double>::quiet_NaN();  // no word for it in JSON
    recorder.on_point(point);
    recorder.on_before_snapshot(10);
    recorder.finish("finished", true, nullptr);
    CHECK(JsonLog::read(r.run.log()).size() == 1);
    CHECK(JsonLog::read(r.run.log())[0].at("data_wait").is_null());
    CHECK_FALSE(fs::exists(r.run.root() / "flipbook"));
    CHECK(fs::file_size(recorder.report_path()) > 1000);
    CHECK(status_of(r.run.root()).at("state") == "finished");
  }
}
