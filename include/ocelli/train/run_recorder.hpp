// RunRecorder: writes down what a training tells: log.jsonl, results.csv, TensorBoard events,
// status.json and the report with its Flip Book.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

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
  RunRecorder(
      const RunFolder& run, const Hyperparameters& settings, const TrainingOptions& options,
      const std::vector<std::string>& labels, const data::Dataset* held_out,
      const data::ImageCache* cache, long done)
      : folder_(run.root()),
        held_out_(held_out),
        cache_(cache),
        log_(run.log(), done > 0 ? done : -1),
        results_(run.results(), result_columns(labels), done),
        events_(run.root(), done),
        status_(run.status()) {
    report_.title = name_of(settings.model()) + " on " + options.out.filename().string();
    report_.labels = labels;
    report_.total_steps = settings.values().num_steps;
    for (const Hyperparameter& row : all_hyperparameters())
      if (belongs(row, settings.architecture()) && !settings.is_default(row.name))
        report_.config.emplace_back(std::string(row.name), settings.text(row.name));
    report_.config.emplace_back("seed", std::to_string(options.seed));
    if (held_out != nullptr) {
      book_ = std::make_unique<FlipBook>(
          folder_.root() / "flipbook", *held_out, *cache, options.book_pictures,
          done > 0 ? done : -1);
      report_.pictures = book_->pictures();
    }
    last_.step = done;
    if (done > 0) read_log();
    state("training");
  }

  void on_point(const TrainingPoint& point) override {
    last_ = point;
    log_.append(
        point.step, {{"loss", point.loss()},
                     {"classification", point.classification},
                     {"localization", point.localization},
                     {"regularization", point.regularization},
                     {"learning_rate", point.learning_rate},
                     {"epoch", point.epoch},
                     {"images_per_second", point.images_per_second},
                     {"data_wait", point.data_wait}});
    const EventWriter::Scalar scalars[] = {
        {"loss/total", point.loss()},
        {"loss/classification", point.classification},
        {"loss/localization", point.localization},
        {"loss/regularization", point.regularization},
        {"learning_rate", point.learning_rate},
        {"speed/images_per_second", point.images_per_second},
        {"speed/data_wait", point.data_wait}};
    events_.add(point.step, scalars);
    report_.log.push_back(
        {point.step, point.epoch, point.loss(), point.classification, point.localization,
         point.regularization, point.learning_rate, point.images_per_second, point.data_wait});
    report_.seconds = point.seconds;
    state("training");
  }

  void on_evaluation(long step, const Evaluation& evaluation, bool best) override {
    const eval::CocoResult& coco = evaluation.coco;
    ReportEvaluation line{step, coco.numbers, {}};
    std::vector<double> row(coco.numbers.begin(), coco.numbers.end());
    std::vector<std::pair<std::string, double>> scalars;
    for (std::size_t i = 0; i < coco.numbers.size(); ++i)
      scalars.emplace_back(std::string("coco/") + eval::kCocoNames[i], coco.numbers[i]);
    for (std::size_t c = 0; c < coco.per_class.size(); ++c) {
      line.class_ap50.push_back(coco.per_class[c].ap50);
      row.push_back(coco.per_class[c].ap);
      row.push_back(coco.per_class[c].ap50);
      scalars.emplace_back("ap50/" + report_.labels[c], coco.per_class[c].ap50);
    }
    results_.append(step, row);
    std::vector<EventWriter::Scalar> events;
    for (const auto& [tag, value] : scalars) events.push_back({tag, value});
    events_.add(step, events);
    log_.append(
        step, {{"evaluation", coco.numbers}, {"class_ap50", line.class_ap50}, {"best", best}});
    std::erase_if(report_.evaluations, [&](const auto& old) { return old.step == step; });
    report_.evaluations.push_back(std::move(line));
    show_evaluation(report_, evaluation, *held_out_, *cache_);
    if (book_) book_->add(step, evaluation.pictures, report_.match, report_);
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
  static std::vector<std::string> result_columns(const std::vector<std::string>& labels) {
    std::vector<std::string> columns(eval::kCocoNames.begin(), eval::kCocoNames.end());
    for (const std::string& label : labels) {
      columns.push_back("AP/" + label);
      columns.push_back("AP50/" + label);
    }
    return columns;
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
      json["ap"] = report_.evaluations.back().numbers[0];
      json["ap50"] = report_.evaluations.back().numbers[1];
    }
    return json;
  }
  void state(const char* text) { status_.update(state_json(text)); }

  /// What the run told before it was resumed.
  void read_log() {
    const auto number = [](const nlohmann::ordered_json& line, const char* name) {
      const auto found = line.find(name);
      return found != line.end() && found->is_number() ? found->get<double>() : 0.0;
    };
    for (const nlohmann::ordered_json& line : JsonLog::read(folder_.log())) {
      const long step = line.at("step").get<long>();
      if (line.contains("evaluation")) {
        ReportEvaluation one;
        one.step = step;
        one.numbers = line.at("evaluation").get<std::array<double, 12>>();
        one.class_ap50 = line.at("class_ap50").get<std::vector<double>>();
        report_.evaluations.push_back(std::move(one));
      } else {
        report_.log.push_back(
            {step, number(line, "epoch"), number(line, "loss"), number(line, "classification"),
             number(line, "localization"), number(line, "regularization"),
             number(line, "learning_rate"), number(line, "images_per_second"),
             number(line, "data_wait")});
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
