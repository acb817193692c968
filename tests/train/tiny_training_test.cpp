// The tiny training of tiny_training.hpp: the place where the trainer is instantiated for tests.
// SPDX-License-Identifier: Apache-2.0
#include "train/tiny_training.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <iostream>
#include <stdexcept>

#include "ocelli/cpu/backend.hpp"
#include "ocelli/train/json_log.hpp"
#include "ocelli/train/recorded_training.hpp"
#include "ocelli/train/ssd_trainer.hpp"
#include "support/counting_allocator.hpp"
#include "support/temporary_folder.hpp"
#include "train/tiny_net.hpp"

namespace ocelli::test {

namespace {

constexpr const char* kChildRun = "OCELLI_TEST_TINY_RUN";

/// Hands a training's events to the run's callbacks and keeps its messages.
class Listener : public train::TrainingObserver {
 public:
  Listener(const TinyRun& run, TinyOutcome& outcome) : run_(run), outcome_(outcome) {}
  void on_point(const train::TrainingPoint& point) override {
    if (outcome_.first_loss == 0) outcome_.first_loss = point.loss();
    outcome_.last_loss = point.loss();
    if (run_.on_point) run_.on_point(point.step);
  }
  void on_evaluation(long step, const train::Evaluation&, bool) override {
    if (run_.on_evaluation) run_.on_evaluation(step);
  }
  void on_snapshot(long step, const std::filesystem::path&) override {
    if (run_.on_snapshot) run_.on_snapshot(step);
  }
  void on_message(const std::string& text, bool warning) override {
    (warning ? outcome_.warnings : outcome_.messages).push_back(text);
  }

 private:
  const TinyRun& run_;
  TinyOutcome& outcome_;
};

nlohmann::json to_json(const TinyRun& run) {
  const train::TrainingOptions& o = run.options;
  return {
      {"out", run.out.string()},
      {"set", run.set},
      {"threads", run.threads},
      {"classes", run.classes},
      {"model", run.model},
      {"resume", o.resume},
      {"from", o.from.string()},
      {"seed", o.seed},
      {"log_steps", o.log_steps},
      {"eval_steps", o.eval_steps},
      {"snapshot_steps", o.snapshot_steps},
      {"snapshot_minutes", o.snapshot_minutes},
      {"keep", o.keep},
      {"time_budget", o.time_budget},
      {"loader_threads", o.loader_threads},
      {"file_limit", run.file_limit}};
}

TinyRun from_json(const nlohmann::json& json) {
  TinyRun run;
  run.out = json.at("out").get<std::string>();
  run.set = json.at("set").get<std::vector<std::string>>();
  run.threads = json.at("threads");
  run.classes = json.at("classes");
  run.model = json.at("model");
  run.file_limit = json.at("file_limit");
  train::TrainingOptions& o = run.options;
  o.resume = json.at("resume");
  o.from = json.at("from").get<std::string>();
  o.seed = json.at("seed");
  o.log_steps = json.at("log_steps");
  o.eval_steps = json.at("eval_steps");
  o.snapshot_steps = json.at("snapshot_steps");
  o.snapshot_minutes = json.at("snapshot_minutes");
  o.keep = json.at("keep");
  o.time_budget = json.at("time_budget");
  o.loader_threads = json.at("loader_threads");
  return run;
}

}  // namespace

TinyRun tiny_run(const std::filesystem::path& out) {
  TinyRun run;
  run.out = out;
  run.set = {"num_steps=12", "batch_size=3"};
  run.options.log_steps = 5;
  run.options.eval_steps = 6;
  run.options.snapshot_steps = 3;
  run.options.book_pictures = 4;
  return run;
}

TinyOutcome train_tiny(const TinyRun& run) {
  train::Hyperparameters settings = tiny_settings(run.model);
  for (const std::string& one : run.set) settings.set_flag(one);
  settings.check();
  train::TrainingOptions options = run.options;
  options.out = run.out;

  ThreadPool pool(run.threads);
  CpuBackend backend(pool);
  const TinyPictures pictures(run.classes);
  const data::ImageCache cache(pictures.dataset, pictures.source, pool);
  const TinyDetector detector(Shape{64, 64, 3}, run.classes);
  const train::TrainingData part{&pictures.dataset, &cache};
  train::SsdTrainer<CpuBackend> trainer(
      backend, pool, detector.spec(), settings, options, part,
      run.held_out ? part : train::TrainingData{});

  TinyOutcome result;
  Listener listener(run, result);
  trainer.observe(listener);
  if (run.observer != nullptr) trainer.observe(*run.observer);
  if (run.prepare_only) {
    result.first = trainer.prepare();
    trainer.save(run.out / "prepared.safetensors");
    return result;
  }
  const train::TrainingOutcome outcome = train::fit_recorded(trainer, false);
  result.first = outcome.first;
  result.end = train::name(outcome.end);
  result.steps = outcome.steps;
  if (outcome.last) {
    result.ap = outcome.last->coco.ap();
    result.ap50 = outcome.last->coco.ap50();
  }
  result.best_ap = outcome.best.value;
  result.best_step = outcome.best_step;
  return result;
}

std::vector<long> allocations_of_steps(const TinyRun& run, int steps) {
  train::Hyperparameters settings = tiny_settings(run.model);
  for (const std::string& one : run.set) settings.set_flag(one);
  const train::SsdHyperparameters& values = settings.values();
  ThreadPool pool(run.threads);
  CpuBackend backend(pool);
  const TinyPictures pictures(run.classes);
  const data::ImageCache cache(pictures.dataset, pictures.source, pool);
  const TinyDetector detector(Shape{64, 64, 3}, run.classes);
  const SsdSpec spec = detector.spec();
  train::TrainingState<> state(
      spec.model, values.optimizer == "rmsprop", values.moving_average_decay > 0);
  train::SsdStep<CpuBackend> step(
      backend, pool, spec, values, state, static_cast<int>(values.batch_size));
  train::initialize(spec.model, step.groups(), 1, state.weights);
  state.start_average();
  data::LoaderOptions loading;
  loading.height = loading.width = 64;
  loading.batch = static_cast<int>(values.batch_size);
  loading.threads = run.options.loader_threads;
  data::Loader loader(pictures.dataset, cache, loading);
  std::vector<long> counts(static_cast<std::size_t>(steps));
  for (int k = 0; k < steps; ++k) {
    const AllocationCount count;
    const StepResult result = step.run(loader.get(k), 1, k);
    counts[static_cast<std::size_t>(k)] = result.finite ? count.so_far() : -1;
  }
  return counts;
}

pid_t start_tiny(const TinyRun& run) {
  const std::string json = to_json(run).dump();
  const std::string output = run.out.string() + ".child";
  const pid_t child = ::fork();
  if (child < 0) throw std::runtime_error("fork failed");
  if (child > 0) return child;
  const int file = ::open(output.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0666);
  ::dup2(file, 1);
  ::dup2(file, 2);
  ::setenv(kChildRun, json.c_str(), 1);
  // The program runs itself again, with this one test case.
  ::execl("/proc/self/exe", "test", "--no-skip", "--test-case=tiny training: the child", nullptr);
  ::_exit(127);
}

int wait_for_child(pid_t child) {
  int status = 0;
  while (::waitpid(child, &status, 0) < 0)
    if (errno != EINTR) throw std::runtime_error("waitpid failed");
  return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

std::string bytes_of(const std::filesystem::path& path) { return read_file(path); }

bool same_bytes(const std::filesystem::path& a, const std::filesystem::path& b) {
  return std::filesystem::exists(a) && std::filesystem::exists(b) && bytes_of(a) == bytes_of(b);
}

std::vector<nlohmann::ordered_json> evaluations_in_log(const std::filesystem::path& run) {
  std::vector<nlohmann::ordered_json> lines;
  for (nlohmann::ordered_json& line : train::JsonLog::read(run / "log.jsonl"))
    if (line.contains("evaluation")) lines.push_back(std::move(line));
  return lines;
}

}  // namespace ocelli::test

using namespace ocelli::test;

TEST_CASE("tiny training: the child" * doctest::skip()) {
  const char* json = std::getenv(kChildRun);
  REQUIRE(json != nullptr);
  const TinyRun run = from_json(nlohmann::json::parse(json));
  if (run.file_limit > 0) {
    const auto bytes = static_cast<rlim_t>(run.file_limit);
    const rlimit limit{bytes, bytes};
    REQUIRE(::setrlimit(RLIMIT_FSIZE, &limit) == 0);
  }
  const TinyOutcome outcome = train_tiny(run);
  for (const std::string& warning : outcome.warnings) std::cerr << warning << "\n";
  CHECK(outcome.end != "");
}

TEST_CASE("tiny training: a run has what the other tests look for") {
  const TemporaryFolder folder;
  TinyRun run = tiny_run(folder / "run");
  const TinyOutcome outcome = train_tiny(run);
  CHECK(outcome.end == "finished");
  CHECK(outcome.steps == 12);
  CHECK(outcome.first_loss > 0);
  CHECK(evaluations_in_log(run.out).size() == 2);
  for (const char* name : {"last.safetensors", "best.safetensors", "results.csv", "config.json"})
    CHECK(std::filesystem::file_size(run.out / name) > 0);

  TinyRun in_child = run;
  in_child.out = folder / "child";
  CHECK(wait_for_child(start_tiny(in_child)) == 0);
  CHECK(same_bytes(in_child.out / "last.safetensors", run.out / "last.safetensors"));
}
