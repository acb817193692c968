// A classifier's evaluation, what a run writes down of it, and its page.
// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <span>
#include <sstream>
#include <string>
#include <vector>

#include "ocelli/data/image_writer.hpp"
#include "ocelli/train/run_recorder.hpp"
#include "support/message_of.hpp"
#include "support/temporary_folder.hpp"
#include "train/tiny_net.hpp"

using namespace ocelli;
using namespace ocelli::test;
using namespace ocelli::train;
namespace fs = std::filesystem;

namespace {

const std::string kCafe = "Caf\xC3\xA9 #2";

/// Twelve plain pictures: class k is a grey of 40 + 80 k. Picture 5 is labelled wrongly, picture 7
/// is unlabelled, picture 8 has a box only.
struct Greys {
  data::MemorySource source;
  data::Dataset dataset;
  ThreadPool pool{1};

  Greys() {
    dataset.labels = {"dark, grey", "grey", kCafe};
    for (int k = 0; k < 12; ++k) {
      data::Image image = data::make_image(10 + k, 20);
      const int grey = 40 + 80 * (k % 3) + (k == 5 ? 15 : k);
      std::fill(image.pixels.begin(), image.pixels.end(), static_cast<std::uint8_t>(grey));
      data::Picture picture;
      picture.key = "grey-" + std::to_string(k) + ".png";
      picture.state = data::PictureState::labelled;
      picture.tags = {1 + (k == 5 ? 0 : k % 3)};
      if (k == 7) picture.state = data::PictureState::unlabelled;
      if (k == 7 || k == 8) picture.tags.clear();
      if (k == 8) {
        picture.objects.resize(1);
        picture.objects[0].box = {0, 0, 5, 5};
        picture.objects[0].label = 1;
      }
      source.put(picture.key, data::encode_png(image));
      dataset.pictures.push_back(picture);
    }
  }
};

/// Knows a grey by its distance from the three.
class GreyClassifier {
 public:
  int batch() const { return 4; }
  Shape input() const { return {2, 3, 3}; }
  float* image(int i) { return images_.data() + i * 18; }
  void run(int count) {
    ++runs_;
    for (int i = 0; i < count; ++i) {
      const float value = (image(i)[0] + 1) * 127.5f;
      float sum = 0;
      for (int c = 0; c < 3; ++c)
        sum += scores_[at(i, c)] =
            std::exp(-std::abs(value - static_cast<float>(40 + 80 * c)) / 20);
      for (int c = 0; c < 3; ++c) scores_[at(i, c)] /= sum;
    }
  }
  std::span<const float> scores(int i) const { return {&scores_[at(i, 0)], 3}; }
  int runs() const { return runs_; }

 private:
  static std::size_t at(int i, int c) { return static_cast<std::size_t>(i * 3 + c); }
  std::vector<float> images_ = std::vector<float>(4 * 18), scores_ = std::vector<float>(12);
  int runs_ = 0;
};

struct Recorded : Greys {
  TemporaryFolder folder;
  data::ImageCache cache{dataset, source, pool};
  Hyperparameters settings = tiny_settings();
  TrainingOptions options;
  RunFolder run{folder / "my-run"};

  Recorded() {
    settings.set_flag("num_steps=100");
    options.out = run.root();
    options.book_pictures = 4;
    run.open_for_training(false);
  }
  RunRecorder open(long done) {
    return RunRecorder(
        run, settings, options, dataset.labels, &dataset, &cache, done,
        data::TargetKind::whole_picture);
  }
  Evaluation evaluation() {
    GreyClassifier classifier;
    return classify(classifier, pool, dataset, cache, data::Resampling::bilinear);
  }
  static TrainingPoint point(long step) {
    TrainingPoint point;
    point.step = step;
    point.steps = 100;
    point.classification = 1.0 / static_cast<double>(step);
    point.regularization = 0.125;
    point.accuracy = 0.5;
    return point;
  }
  nlohmann::json page() const {
    const std::string html = bytes_of(run.report() / "index.html");
    const std::string begin = "<script type=\"application/json\" id=\"data\">";
    const std::size_t from = html.find(begin) + begin.size();
    return nlohmann::json::parse(html.substr(from, html.find("</script>", from) - from));
  }
  std::string bytes_of(const fs::path& path) const { return read_file(path); }
};

std::vector<std::string> lines_of(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> lines;
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

}  // namespace

TEST_CASE("classified_run: an evaluation of the pictures with a label of their own") {
  Greys greys;
  const data::ImageCache cache(greys.dataset, greys.source, greys.pool);
  GreyClassifier classifier;
  std::vector<std::size_t> told;
  const Evaluation evaluation = classify(
      classifier, greys.pool, greys.dataset, cache, data::Resampling::bilinear, 1,
      [&](std::size_t done, std::size_t total) {
        told.push_back(done);
        CHECK(total == 10);
      });
  CHECK(told == std::vector<std::size_t>{4, 8, 10});
  CHECK(classifier.runs() == 3);
  REQUIRE(evaluation.classified);
  const eval::ClassificationResult& result = evaluation.classified->result;
  CHECK(result.pictures == 10);
  CHECK(result.accuracy == doctest::Approx(0.9));
  CHECK(result.at(0, 2) == 1);  // picture 5
  CHECK(evaluation.classified->pictures[5].id == 5);
  CHECK(evaluation.pictures.empty());
  CHECK(evaluation.coco.ap() == -1);

  CHECK(task_of(evaluation) == data::TargetKind::whole_picture);
  CHECK(headline(evaluation).name == "accuracy");
  CHECK(headline(evaluation).value == result.accuracy);
  CHECK(says(in_words(evaluation), "accuracy 0.900  mean of classes 0.933  log loss "));
  CHECK(numbers_of(evaluation).size() == 5);
  CHECK(
      result_columns(task_of(evaluation), {"a", kCafe}) ==
      std::vector<std::string>{
          "accuracy", "mean_class_accuracy", "top5", "macro_f1", "log_loss", "recall/a",
          "precision/a", "recall/" + kCafe, "precision/" + kCafe});
  CHECK(result_row(evaluation).size() == 5 + 2 * 3);

  for (data::Picture& picture : greys.dataset.pictures) picture.tags.clear();
  CHECK_THROWS_AS(
      classify(classifier, greys.pool, greys.dataset, cache, data::Resampling::bilinear),
      DataError);
}

TEST_CASE("classified_run: a detector's evaluation keeps its names") {
  const eval::CocoEvaluator matches(2);
  const Evaluation evaluation{matches, matches.accumulate(), {}};
  CHECK(task_of(evaluation) == data::TargetKind::boxes);
  CHECK(headline(evaluation).name == "ap");
  CHECK(in_words(evaluation) == "AP -1.000  AP50 -1.000  AP75 -1.000");
  CHECK(result_columns(data::TargetKind::boxes, {"cat"}).size() == 14);
  CHECK(result_columns(data::TargetKind::boxes, {"cat"})[12] == "AP/cat");
  CHECK(result_row(evaluation).size() == 16);
  const std::vector<NamedNumber> tagged = tagged_numbers(evaluation, {"cat", "dog"});
  REQUIRE(tagged.size() == 14);
  CHECK(tagged[1].name == "coco/AP50");
  CHECK(tagged[13].name == "ap50/dog");
}

TEST_CASE("classified_run: what a run writes down") {
  Recorded r;
  const Evaluation evaluation = r.evaluation();
  {
    RunRecorder recorder = r.open(0);
    recorder.on_point(r.point(10));
    recorder.on_evaluation(10, evaluation, true);
    recorder.on_before_snapshot(10);
    recorder.finish("finished", true, &evaluation);
  }
  const auto lines = JsonLog::read(r.run.log());
  REQUIRE(lines.size() == 2);
  CHECK(lines[0].at("loss") == 0.225);
  CHECK(lines[0].at("classification") == 0.1);
  CHECK(lines[0].at("accuracy") == 0.5);
  CHECK_FALSE(lines[0].contains("localization"));
  CHECK(lines[1].at("evaluation").at("accuracy") == 0.9);
  CHECK(lines[1].at("evaluation").at("top5") == 1);
  CHECK(lines[1].at("class_recall")[0].get<double>() == doctest::Approx(0.8));
  CHECK(lines[1].at("best") == true);

  const auto rows = lines_of(r.bytes_of(r.run.results()));
  REQUIRE(rows.size() == 2);
  CHECK(
      rows[0] ==
      "step,accuracy,mean_class_accuracy,top5,macro_f1,log_loss,\"recall/dark, grey\","
      "\"precision/dark, grey\",recall/grey,precision/grey,recall/" +
          kCafe + ",precision/" + kCafe);
  CHECK(rows[1].starts_with("10,0.9,"));

  const auto status = nlohmann::json::parse(r.bytes_of(r.run.status()));
  CHECK(status.at("accuracy") == 0.9);
  CHECK(status.at("mean_class_accuracy").get<double>() == doctest::Approx(0.9333333));
  CHECK_FALSE(status.contains("ap"));
  std::string events;
  for (const auto& entry : fs::directory_iterator(r.run.root()))
    if (says(entry.path().filename().string(), "tfevents")) events += r.bytes_of(entry.path());
  CHECK(says(events, "classification/accuracy"));
  CHECK(says(events, "recall/" + kCafe));
  CHECK(says(events, "training/accuracy"));
  CHECK_FALSE(says(events, "loss/localization"));
}

TEST_CASE("classified_run: its page") {
  Recorded r;
  RunRecorder recorder = r.open(0);
  recorder.on_point(r.point(10));
  recorder.on_evaluation(10, r.evaluation(), true);
  recorder.finish("finished", true, nullptr);
  const nlohmann::json page = r.page();
  CHECK(page.at("task") == "whole_picture");
  CHECK(page.at("classes")[2].at("name") == kCafe);
  CHECK(page.at("log").at("accuracy") == std::vector<double>{0.5});
  CHECK(page.at("evaluations")[0].at("n").size() == 5);
  CHECK(page.at("evaluations")[0].at("n")[0] == 0.9);
  CHECK(page.at("evaluations")[0].at("c").size() == 3);
  // Rows are truths: five of the first class, of which one is taken for the third.
  CHECK(page.at("confusion").at("counts") == std::vector<long>{4, 0, 1, 0, 3, 0, 0, 0, 2});
  CHECK(page.at("confusion").at("score") == 0);
  const auto& rows = page.at("perClass");
  REQUIRE(rows.size() == 3);
  CHECK(rows[0].at("label") == 1);
  CHECK(rows[0].at("truths") == 5);
  CHECK(rows[0].at("detections") == 4);
  CHECK(rows[0].at("n") == nlohmann::json({0.8, 1, 0.888889}));
  CHECK(page.at("curves").empty());

  // The worst picture is the one that is labelled wrongly.
  const auto& worst = page.at("galleries")[0].at("items");
  REQUIRE(worst.size() == 1);
  CHECK(worst[0].at("picture").at("key") == "grey-5.png");
  CHECK(worst[0].at("picture").at("truths")[0] == nlohmann::json({1, 0, 0, 0, 10000, 10000}));
  CHECK(worst[0].at("found").at("d").size() == 3);
  CHECK(worst[0].at("found").at("d")[0][0] == 3);
  CHECK(worst[0].at("caption").get<std::string>().starts_with("said " + kCafe + " 0."));
  CHECK(says(worst[0].at("caption").get<std::string>(), ", is dark, grey 0.00"));
  CHECK(page.at("galleries")[1].at("items").size() == 8);

  // The book shows pictures with a label, and all that was said of them.
  const auto& book = page.at("book");
  REQUIRE(book.at("pictures").size() == 4);
  for (const auto& picture : book.at("pictures")) CHECK(picture.at("truths").size() == 1);
  REQUIRE(book.at("pages").size() == 1);
  for (const auto& found : book.at("pages")[0].at("p")) CHECK(found.at("d").size() == 3);
}

TEST_CASE("classified_run: a resumed run goes on with its numbers and its page") {
  Recorded r;
  const Evaluation evaluation = r.evaluation();
  {
    RunRecorder recorder = r.open(0);
    for (const long step : {10L, 20L, 30L}) {
      recorder.on_point(r.point(step));
      recorder.on_evaluation(step, evaluation, step == 10);
    }
    recorder.finish("finished", true, nullptr);
  }
  const std::string page = r.bytes_of(r.run.report() / "index.html");
  const std::string results = r.bytes_of(r.run.results());
  RunRecorder recorder = r.open(20);
  CHECK(lines_of(r.bytes_of(r.run.results())).size() == 3);
  recorder.on_point(r.point(30));
  recorder.on_evaluation(30, evaluation, false);
  recorder.finish("finished", true, nullptr);
  CHECK(r.bytes_of(r.run.results()) == results);
  CHECK(r.bytes_of(r.run.report() / "index.html") == page);
}

TEST_CASE("classified_run: the matrix of a report must fit its classes") {
  ReportData report;
  report.task = data::TargetKind::whole_picture;
  report.labels = {"a", "b"};
  report.confusion = {1, 2, 3, 4};
  CHECK(says(report_html(report), "[1,2,3,4]"));
  report.confusion.resize(9);
  CHECK(says(
      message_of<ConfigError>([&] { report_html(report); }),
      "the confusion matrix has 9 cells for 2 classes; give C^2 counts"));
}
