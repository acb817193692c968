// RunRecorder: writes down what a training tells: log.jsonl, results.csv, TensorBoard events,
// status.json and the report with its Flip Book.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "ocelli/train/evaluation_numbers.hpp"
#include "ocelli/train/flip_book.hpp"
#include "ocelli/train/hyperparameters.hpp"
#include "ocelli/train/json_log.hpp"
#include "ocelli/train/observer.hpp"
#include "ocelli/train/report.hpp"
#include "ocelli/train/report_evaluation.hpp"
#include "ocelli/train/results_csv.hpp"
#include "ocelli/train/run_folder.hpp"
#include "ocelli/train/status_file.hpp"
#include "ocelli/train/tensorboard.hpp"
#include "ocelli/train/training_options.hpp"

namespace ocelli::train {

class RunRecorder : public TrainingObserver {
 public:
  /// @param done  steps that the run has behind it: later lines are taken back
  /// @param held_out, cache  the pictures of the Flip Book; null: no evaluation, no book
  /// @param task  what is learned, and so which numbers there are
  RunRecorder(
      const RunFolder& run, const Hyperparameters& settings, const TrainingOptions& options,
      const std::vector<std::string>& labels, const data::Dataset* held_out,
      const data::ImageCache* cache, long done, data::TargetKind task = data::TargetKind::boxes)
      : folder_(run.root()),
        held_out_(held_out),
        cache_(cache),
        log_(run.log(), done > 0 ? done : -1),
        results_(run.results(), result_columns(task, labels), done),
        events_(run.root(), done),
        status_(run.status()) {
    report_.title = name_of(settings.model()) + " on " + options.out.filename().string();
    report_.labels = labels;
    report_.task = task;
    report_.total_steps = settings.values().num_steps;
    for (const Hyperparameter& row : all_hyperparameters())
      if (belongs(row, settings.architecture()) && !settings.is_default(row.name))
        report_.config.emplace_back(std::string(row.name), settings.text(row.name));
    report_.config.emplace_back("seed", std::to_string(options.seed));
    if (held_out != nullptr) {
      book_ = std::make_unique<FlipBook>(
          folder_.root() / "flipbook", *held_out, *cache, options.book_pictures,
          done > 0 ? done : -1, task);
      report_.pictures = book_->pictures();
    }
    last_.step = done;
    if (done > 0) read_log();
    state("training");
  }

  void on_point(const TrainingPoint& point) override {
    last_ = point;
    std::vector<NamedNumber> losses = {
        {"total", point.loss()}, {"classification", point.classification}};
    if (report_.task == data::TargetKind::boxes)
      losses.push_back({"localization", point.localization});
    losses.push_back({"regularization", point.regularization});

    nlohmann::ordered_json line;
    std::vector<NamedNumber> scalars;
    for (const NamedNumber& loss : losses) {
      line[loss.name == "total" ? "loss" : loss.name] = loss.value;
      scalars.push_back({"loss/" + loss.name, loss.value});
    }
    if (point.accuracy >= 0) {
      line["accuracy"] = point.accuracy;
      scalars.push_back({"training/accuracy", point.accuracy});
    }
    line["learning_rate"] = point.learning_rate;
    line["epoch"] = point.epoch;
    line["images_per_second"] = point.images_per_second;
    line["data_wait"] = point.data_wait;
    log_.append(point.step, line);
    scalars.push_back({"learning_rate", point.learning_rate});
    scalars.push_back({"speed/images_per_second", point.images_per_second});
    scalars.push_back({"speed/data_wait", point.data_wait});
    add_events(point.step, scalars);
    report_.log.push_back(
        {point.step, point.epoch, point.loss(), point.classification, point.localization,
         point.regularization, point.learning_rate, point.images_per_second, point.data_wait,
         point.accuracy});
    report_.seconds = point.seconds;
    state("training");
  }

  void on_evaluation(long step, const Evaluation& evaluation, bool best) override {
    results_.append(step, result_row(evaluation));
    add_events(step, tagged_numbers(evaluation, report_.labels));
    ReportEvaluation line = report_line(step, evaluation);
    log_.append(step, log_line(line, best));
    std::erase_if(report_.evaluations, [&](const auto& old) { return old.step == step; });
    report_.evaluations.push_back(std::move(line));
    show_evaluation(report_, evaluation, *held_out_, *cache_);
    if (book_) book_->add(step, found_in_pictures(evaluation, book_->chosen(), *cache_, report_));
    write_page();
    state("training");
  }

  void on_before_snapshot(long) override { log_.flush(); }
  void on_snapshot(long step, const std::filesystem::path&) override {
    last_.step = step;
    state("training");
  }

  /// The end of the run: the last state, and the report as it stays.
  /// @param text  "finished", "stopped: ..."
  void finish(const std::string& text, bool finished, const Evaluation* last) {
    report_.finished = true;
    if (last != nullptr) show_evaluation(report_, *last, *held_out_, *cache_);
    write_page();
    nlohmann::ordered_json state = state_json(finished ? "finished" : "stopped");
    state["message"] = text;
    status_.finish(std::move(state));
  }
  /// The run ended by an error.
  void fail(const std::string& text) {
    nlohmann::ordered_json state = state_json("failed");
    state["message"] = text;
    status_.finish(std::move(state));
  }

  std::filesystem::path report_path() const { return folder_.report() / "index.html"; }

 private:
  void add_events(long step, const std::vector<NamedNumber>& numbers) {
    std::vector<EventWriter::Scalar> scalars;
    for (const NamedNumber& number : numbers) scalars.push_back({number.name, number.value});
    events_.add(step, scalars);
  }

  /// A detector's 12 numbers are an array, as they have a fixed order; a classifier's have names.
  nlohmann::ordered_json log_line(const ReportEvaluation& line, bool best) const {
    nlohmann::ordered_json numbers = line.numbers;
    if (report_.task == data::TargetKind::whole_picture) {
      numbers = nlohmann::ordered_json::object();
      const auto names = number_names(report_.task);
      for (std::size_t i = 0; i < names.size(); ++i) numbers[names[i]] = line.numbers[i];
    }
    return {{"evaluation", numbers}, {class_key(), line.classes}, {"best", best}};
  }
  std::string class_key() const { return std::string("class_") + class_chart_name(report_.task); }
  ReportEvaluation read_evaluation(const nlohmann::ordered_json& line) const {
    ReportEvaluation one;
    one.step = line.at("step").get<long>();
    for (const nlohmann::ordered_json& number : line.at("evaluation"))
      one.numbers.push_back(number.get<double>());
    one.classes = line.at(class_key()).get<std::vector<double>>();
    return one;
  }

  nlohmann::ordered_json state_json(const char* state) const {
    nlohmann::ordered_json json = {
        {"state", state},
        {"step", last_.step},
        {"steps", report_.total_steps},
        {"loss", last_.loss()},
        {"learning_rate", last_.learning_rate},
        {"images_per_second", last_.images_per_second},
        {"data_wait", last_.data_wait},
        {"seconds_left", last_.seconds_left}};
    if (!report_.evaluations.empty()) {
      const bool boxes = report_.task == data::TargetKind::boxes;
      const std::vector<double>& numbers = report_.evaluations.back().numbers;
      json[boxes ? "ap" : "accuracy"] = numbers[0];
      json[boxes ? "ap50" : "mean_class_accuracy"] = numbers[1];
    }
    return json;
  }
  void state(const char* text) { status_.update(state_json(text)); }

  /// What the run told before it was resumed.
  void read_log() {
    const auto number = [](const nlohmann::ordered_json& line, const char* name, double none = 0) {
      const auto found = line.find(name);
      return found != line.end() && found->is_number() ? found->get<double>() : none;
    };
    for (const nlohmann::ordered_json& line : JsonLog::read(folder_.log())) {
      if (line.contains("evaluation")) {
        report_.evaluations.push_back(read_evaluation(line));
      } else {
        report_.log.push_back(
            {line.at("step").get<long>(), number(line, "epoch"), number(line, "loss"),
             number(line, "classification"), number(line, "localization"),
             number(line, "regularization"), number(line, "learning_rate"),
             number(line, "images_per_second"), number(line, "data_wait"),
             number(line, "accuracy", -1)});
      }
    }
  }

  void write_page() {
    if (book_) report_.pages = book_->pages();
    write_report(report_path(), report_);
  }

  RunFolder folder_;
  const data::Dataset* held_out_;
  const data::ImageCache* cache_;
  JsonLog log_;
  ResultsCsv results_;
  EventWriter events_;
  StatusFile status_;
  ReportData report_;
  std::unique_ptr<FlipBook> book_;
  TrainingPoint last_;
};

}  // namespace ocelli::train
