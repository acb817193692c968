// TaskTrainer: a training from the first step to the last: data, steps, evaluations, snapshots,
// resuming. What a step computes, what an evaluation is and which number of it is the best is the
// task's: SsdTask, ClassifierTask.
//
// A run that was killed anywhere and resumed ends with the same bytes as one never stopped: a step
// is a function of the state and its number, and a snapshot holds the whole state.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "ocelli/data/loader.hpp"
#include "ocelli/train/evaluation_numbers.hpp"
#include "ocelli/train/observer.hpp"
#include "ocelli/train/outcome.hpp"
#include "ocelli/train/signals.hpp"
#include "ocelli/train/start_weights.hpp"
#include "ocelli/train/training_data.hpp"
#include "ocelli/train/training_options.hpp"
#include "ocelli/train/training_rules.hpp"
#include "ocelli/train/weights_file.hpp"

namespace ocelli::train {

/// @tparam Task  a type with
///   Device                   the backend
///   Spec                     what is known of the net: `model`, a ModelView, and more
///   Stepper                  makes the steps: see SsdStepper
///   Evaluator                made from (backend, pool, spec, values, options, weights, held out);
///                            called, it measures the weights as they are: an Evaluation
///   target                   what is learned of a picture, a data::TargetKind
template <class Task>
class TaskTrainer {
 public:
  using B = typename Task::Device;
  using Spec = typename Task::Spec;
  using Stepper = typename Task::Stepper;

  /// @param train, held_out  the second's dataset may be null: then nothing is evaluated
  /// Everything given must outlive the trainer. Throws ConfigError, DataError, StoreError.
  TaskTrainer(
      B& backend, ThreadPool& pool, const Spec& spec, const Hyperparameters& settings,
      const TrainingOptions& options, TrainingData train, TrainingData held_out)
      : backend_(backend),
        pool_(pool),
        spec_(spec),
        settings_(settings),
        values_(settings.values()),
        options_(options),
        train_(train),
        held_out_(held_out),
        run_(options.out),
        state_(spec.model, values_.optimizer == "rmsprop", values_.moving_average_decay > 0),
        stepper_(backend, pool, spec, values_, options, state_, train),
        metadata_(describe_weights(settings, train.dataset->labels)) {
    metadata_["seed"] = std::to_string(options.seed);
    if (options_.eval_steps <= 0) options_.eval_steps = std::max(1L, (values_.num_steps + 9) / 10);
  }

  /// Observers are told in the order they were added; they must outlive fit().
  void observe(TrainingObserver& observer) { observers_.push_back(&observer); }

  const Hyperparameters& settings() const { return settings_; }
  const TrainingOptions& options() const { return options_; }
  const TrainingData& train_data() const { return train_; }
  const TrainingData& held_out() const { return held_out_; }
  const RunFolder& run() const { return run_; }
  const data::Loader& loader() const { return stepper_.loader(); }

  /// Opens the run folder and brings the state to where the training goes on: the seed's initial
  /// weights, other weights (`from`), or a snapshot (`resume`). Returns the steps that are done.
  long prepare() {
    run_.open_for_training(options_.resume);
    initialize(spec_.model, stepper_.groups(), options_.seed, state_.weights);
    if (!options_.from.empty()) start_from(options_.from);
    state_.start_average();
    done_ = 0;
    if (options_.resume) restore();
    stepper_.upload();
    nlohmann::ordered_json config = settings_.json();
    config["seed"] = options_.seed;
    config["device"] = options_.device;
    config["labels"] = train_.dataset->labels;
    config["data"] = train_.dataset->root;
    if (const std::string told = stepper_.prepare(config); !told.empty()) message(told, false);
    warn_of_other_pictures(config);
    run_.write_config(config);
    return done_;
  }

  /// Trains until the steps, the time or the user's patience are at their end. The folder holds
  /// last.safetensors then, and best.safetensors if an evaluation was due; the look at the end of a
  /// time budget is none, so that a resumed run ends with the same bytes.
  TrainingOutcome fit() {
    using clock = std::chrono::steady_clock;
    const StopSignals signals;
    const auto start = clock::now();
    const auto seconds_since = [](clock::time_point then) {
      return std::chrono::duration<double>(clock::now() - then).count();
    };
    const long steps = values_.num_steps, first = done_;
    auto last_snapshot = clock::now(), last_evaluation = clock::now();
    double trained = 0;  // seconds spent in steps
    Window window;
    const auto timed = [&](auto&& work) {
      const auto before = clock::now();
      work();
      trained += seconds_since(before);
      window.seconds += seconds_since(before);
    };
    // What came of the steps, but for the `most` newest; all before anybody looks at anything.
    const auto look = [&](int most) {
      timed([&] {
        stepper_.look(most, [&](const typename Stepper::Seen& seen) {
          learning_rate_ = seen.result.learning_rate;
          if (!seen.fault.empty()) diverged(seen.step, seen.fault);
          window.add(seen.result);
        });
      });
    };
    TrainingOutcome outcome;
    if (done_ < steps && patience_gone()) outcome.end = TrainingEnd::early_stop;
    while (done_ < steps && outcome.end != TrainingEnd::early_stop) {
      timed([&] { stepper_.ask(done_); });
      ++done_;
      look(Stepper::kAhead);
      if (done_ % options_.log_steps == 0 || done_ == steps) {
        look(0);
        tell(window, seconds_since(start), first, trained);
      }
      const bool due =
          done_ % options_.eval_steps == 0 || done_ == steps ||
          (values_.eval_interval_secs > 0 &&
           seconds_since(last_evaluation) >= static_cast<double>(values_.eval_interval_secs));
      if (due && held_out_.dataset != nullptr) {
        look(0);
        if (window.steps > 0) tell(window, seconds_since(start), first, trained);
        outcome.last = evaluate_now();
        last_evaluation = clock::now();
      }
      const bool time_up = options_.time_budget > 0 && seconds_since(start) >= options_.time_budget;
      const bool leaving = done_ == steps || patience_gone() || time_up || StopSignals::requested();
      if (leaving || done_ % options_.snapshot_steps == 0 ||
          (options_.snapshot_minutes > 0 &&
           seconds_since(last_snapshot) >= 60 * options_.snapshot_minutes)) {
        look(0);
        snapshot();
        last_snapshot = clock::now();
      }
      if (leaving) {
        outcome.end = done_ == steps             ? TrainingEnd::finished
                      : patience_gone()          ? TrainingEnd::early_stop
                      : StopSignals::requested() ? TrainingEnd::stopped
                                                 : TrainingEnd::time_up;
        break;
      }
    }
    if (!outcome.last && held_out_.dataset != nullptr && outcome.end != TrainingEnd::stopped)
      outcome.last = look_at(evaluated_weights());
    save(run_.last());
    outcome.first = first;
    outcome.steps = done_;
    outcome.seconds = seconds_since(start);
    outcome.images_per_second =
        trained > 0
            ? static_cast<double>(
                  (done_ - first) * values_.batch_size * values_.gradient_accumulation_steps) /
                  trained
            : 0;
    outcome.best = {kHeadline, best_};
    outcome.best_step = best_step_;
    return outcome;
  }

  /// Nothing more is written into the run folder: another training may go on there.
  void close() { run_.close(); }

  /// Writes the weights that are evaluated (the moving average where there is one) to a file.
  void save(const std::filesystem::path& path) {
    Metadata metadata = metadata_;
    metadata["step"] = std::to_string(done_);
    const auto views = as_views(weight_tensors(spec_.model, evaluated_weights()));
    with_retry({}, [&] { return write_safetensors(path, views, metadata); });
  }

 private:
  static constexpr bool kClassifies = Task::target == data::TargetKind::whole_picture;
  /// headline()'s name.
  static constexpr const char* kHeadline = kClassifies ? "accuracy" : "ap";

  /// Sums over the steps since the last line of the log.
  struct Window {
    StepResult sum;
    double seconds = 0, waited = 0;
    long steps = 0;
    void add(const StepResult& result) {
      sum.localization += result.localization;
      sum.classification += result.classification;
      sum.regularization += result.regularization;
      sum.matches += result.matches;
      sum.learning_rate = result.learning_rate;
      ++steps;
    }
  };

  /// Has there been no better evaluation for too long? A run that ended so and is resumed is still
  /// at its end.
  bool patience_gone() const {
    return values_.patience > 0 && evaluations_since_best_ >= values_.patience;
  }

  /// The flight recorder: names the first operation that went wrong and the pictures of the batch.
  [[noreturn]] void diverged(long step, const std::string& layer) {
    nlohmann::ordered_json record = {
        {"step", step},
        {"layer", layer},
        {"learning_rate", learning_rate_},
        {"pictures", nlohmann::json::array()}};
    for (const std::size_t picture : stepper_.last_pictures(step))
      record["pictures"].push_back(train_.dataset->pictures[picture].key);
    const std::filesystem::path path = run_.root() / "diverged.json";
    write_file(path, record.dump(2) + "\n");
    throw Error(
        "the training diverged: " + layer + " is not finite at a rate of " +
            nlohmann::json(learning_rate_).dump(),
        "step " + std::to_string(step),
        "use a lower learning rate, a warm-up (warmup_steps) or gradient_clipping_by_norm; "
        "the batch is described in " +
            path.string() + ", and the snapshots before it are whole");
  }

  void tell(Window& window, double seconds, long first, double trained) {
    const double n = static_cast<double>(window.steps);
    TrainingPoint point;
    point.step = done_;
    point.steps = values_.num_steps;
    const double images =
        static_cast<double>(values_.batch_size * values_.gradient_accumulation_steps);
    point.epoch = static_cast<double>(done_) * images /
                  static_cast<double>(std::max(1L, static_cast<long>(loader().counts().pictures)));
    point.localization = window.sum.localization / n;
    point.classification = window.sum.classification / n;
    point.regularization = window.sum.regularization / n;
    point.learning_rate = window.sum.learning_rate;
    if constexpr (kClassifies) point.accuracy = window.sum.matches / (n * images);
    point.images_per_second = images * n / window.seconds;
    const double waited = loader().data_wait_seconds();
    point.data_wait = std::min(1.0, (waited - waited_) / window.seconds);
    waited_ = waited;
    point.seconds = seconds;
    point.seconds_left =
        trained / static_cast<double>(done_ - first) * static_cast<double>(point.steps - done_);
    if (options_.time_budget > 0)
      point.seconds_left = std::min(point.seconds_left, options_.time_budget - seconds);
    window = {};
    for (TrainingObserver* observer : observers_) observer->on_point(point);
  }

  /// The weights that are evaluated and saved: the moving average, or the weights themselves.
  Weights<float>& evaluated_weights() {
    stepper_.download();
    if (state_.average.size() == 0) return state_.weights;
    if (!averaged_) averaged_ = std::make_unique<Weights<float>>(spec_.model);
    std::memcpy(
        averaged_->params.data(), state_.average.data(), state_.average.size() * sizeof(float));
    std::memcpy(
        averaged_->moving.data(), state_.weights.moving.data(),
        state_.weights.moving.size() * sizeof(float));
    return *averaged_;
  }

  Evaluation look_at(Weights<float>& weights) {
    if (!evaluator_)
      evaluator_ = std::make_unique<typename Task::Evaluator>(
          backend_, pool_, spec_, values_, options_, weights, held_out_);
    return (*evaluator_)();
  }

  Evaluation evaluate_now() {
    Evaluation evaluation = look_at(evaluated_weights());
    const double number = headline(evaluation).value;
    const bool best = number > best_;
    if (best) {
      best_ = number;
      best_step_ = done_;
      evaluations_since_best_ = 0;
      save(run_.best());
    } else {
      ++evaluations_since_best_;
    }
    for (TrainingObserver* observer : observers_) observer->on_evaluation(done_, evaluation, best);
    return evaluation;
  }

  static bool all_finite(const SnapshotTensor& tensor) {
    const auto* values = static_cast<const float*>(tensor.data);
    long count = 1;
    for (const std::int64_t extent : tensor.shape) count *= static_cast<long>(extent);
    return std::all_of(values, values + count, [](float v) { return std::isfinite(v); });
  }

  /// What snapshots call the best number so far.
  static std::string best_key() { return std::string("best_") + kHeadline; }

  void snapshot() {
    Metadata metadata = metadata_;
    metadata[best_key()] = nlohmann::json(best_).dump();
    metadata["best_step"] = std::to_string(best_step_);
    metadata["evaluations_since_best"] = std::to_string(evaluations_since_best_);
    stepper_.download();
    const auto tensors = state_.tensors(spec_.model);
    // An update can overflow although its gradient was finite.
    for (const SnapshotTensor& tensor : tensors)
      if (!all_finite(tensor)) diverged(done_ - 1, tensor.name);
    for (TrainingObserver* observer : observers_) observer->on_before_snapshot(done_);
    const auto path = write_snapshot(run_.snapshots(), done_, tensors, metadata);
    keep_newest(run_.snapshots(), static_cast<std::size_t>(options_.keep));
    for (TrainingObserver* observer : observers_) observer->on_snapshot(done_, path);
  }

  void message(const std::string& text, bool warning) {
    for (TrainingObserver* observer : observers_) observer->on_message(text, warning);
  }

  /// A resumed run keeps its bytes only where the same side augments.
  void warn_of_other_pictures(const nlohmann::ordered_json& config) {
    if (done_ == 0 || !config.contains("pictures") || !std::filesystem::exists(run_.config()))
      return;
    const nlohmann::ordered_json before = run_.read_config();
    if (before.contains("pictures") && before.at("pictures") != config.at("pictures"))
      message(
          "until now the pictures came from the " + before.at("pictures").get<std::string>() +
              "; they are the same but for rounding, so the run may end with other bytes than one "
              "that was not stopped",
          true);
  }

  void start_from(const std::filesystem::path& source) {
    const std::filesystem::path file = weights_of(source);
    const SafetensorsReader reader(file);
    const StartReport report =
        load_start(reader, spec_.model, train_.dataset->labels, state_.weights);
    message(
        "from " + file.string() + ": " + report.labels + (report.labels.empty() ? "" : "\n") +
            report.tensors.summary(),
        false);
    if (report.tensors.matched.empty())
      throw CheckpointError(
          "no tensor of the file has a name and shape of this model", file.string(),
          "use weights of " + name_of(settings_.model()));
  }

  void restore() {
    NewestSnapshot newest = newest_valid(run_.snapshots());
    for (const std::string& warning : newest.warnings) message(warning, true);
    if (!newest.snapshot) {
      message("no snapshot to resume from: the training starts at step 0", true);
      return;
    }
    const SafetensorsReader& reader = newest.snapshot->reader;
    const std::string file = newest.snapshot->path.string();
    const WeightsInfo info = weights_info(reader, file);
    if (info.model != settings_.model() || info.labels != train_.dataset->labels)
      throw CheckpointError(
          "the snapshot is of " + name_of(info.model) + " with other labels or of another model",
          file, "resume with the same model and data, or start a new run with --from");
    if (reader.metadata("seed") != metadata_["seed"])
      throw CheckpointError(
          "the run began with seed " + reader.metadata("seed") + ", not " + metadata_["seed"], file,
          "resume with the same --seed");
    const auto tensors = state_.tensors(spec_.model);
    const LoadReport report = load_tensors(reader, tensors);
    if (!report.complete() || !report.unexpected.empty())
      throw CheckpointError(
          "the snapshot holds the state of another optimizer or net: " + report.summary(4), file,
          "resume with the run's own optimizer, or start a new run with --from");
    done_ = newest.snapshot->step;
    const std::string best = reader.metadata(best_key());
    best_ = nlohmann::json::parse(best).get<double>();
    best_step_ = std::stol(reader.metadata("best_step"));
    evaluations_since_best_ = std::stol(reader.metadata("evaluations_since_best"));
    set_aside_beyond(run_.snapshots(), done_);
    message("resumed from step " + std::to_string(done_), false);
  }

  B& backend_;
  ThreadPool& pool_;
  Spec spec_;
  Hyperparameters settings_;
  HyperparameterValues values_;
  TrainingOptions options_;
  TrainingData train_, held_out_;
  RunFolder run_;
  TrainingState<> state_;
  Stepper stepper_;
  Metadata metadata_;
  std::vector<TrainingObserver*> observers_;
  std::unique_ptr<Weights<float>> averaged_;
  std::unique_ptr<typename Task::Evaluator> evaluator_;
  long done_ = 0;
  double best_ = -1, learning_rate_ = 0;
  long best_step_ = 0, evaluations_since_best_ = 0;
  double waited_ = 0;
};

}  // namespace ocelli::train
