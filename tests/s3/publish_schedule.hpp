// A schedule of publishing and watching: publishers and a watcher whose lines to the server break
// as a seed says, and all that is wrong with what came of them.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <random>
#include <span>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "ocelli/core/file.hpp"
#include "ocelli/deploy/publish.hpp"
#include "ocelli/deploy/watch.hpp"
#include "ocelli/train/safetensors_file.hpp"
#include "s3/fault_line.hpp"
#include "support/temporary_folder.hpp"

namespace ocelli::test {

class PublishSchedule {
 public:
  struct Plan {
    std::uint64_t seed = 0;
    double share = 0.25;        ///< of the requests that break
    std::vector<Fault> faults;  ///< in which ways
    int publishers = 1;         ///< at once
    bool beside = false;        ///< the watcher runs beside them, not between
  };
  struct Result {
    std::vector<std::string> wrong;  ///< sentences; none is as it should be
    int published = 0, failed = 0, conditions = 0, loaded = 0, failed_polls = 0;
  };

  PublishSchedule(bucket::S3Store& direct, const Plan& plan)
      : plan_(plan), direct_(direct), prefix_("p" + std::to_string(plan.seed)) {
    for (int i = 0; i <= plan.publishers; ++i)  // the last one is the watcher's
      lines_.push_back(std::make_unique<FaultLine>(
          direct.bucket(),
          seeded(plan.seed * 8 + static_cast<unsigned>(i), plan.share, plan.faults)));
  }

  Result run() {
    start_watcher();
    {
      std::jthread watching;
      if (plan_.beside)
        watching = std::jthread([this](std::stop_token stop) {
          while (!stop.stop_requested()) poll();
        });
      std::vector<std::jthread> publishing;
      for (int i = 0; i < plan_.publishers; ++i) publishing.emplace_back([this, i] { publish(i); });
    }
    for (const auto& line : lines_) {
      line->proxy.settle();
      line->proxy.set_schedule({});
    }
    finish();
    return std::move(result_);
  }

 private:
  using Kind = deploy::WatchEvent::Kind;

  void complain(const std::string& what) {
    const std::lock_guard lock(mutex_);
    result_.wrong.push_back("seed " + std::to_string(plan_.seed) + ": " + what);
  }

  static std::vector<std::string> labels_of(int version) {
    return {"cat", "v" + std::to_string(version)};
  }
  /// Of more than a part, so that it is uploaded in parts.
  std::filesystem::path write(int version) const {
    const std::filesystem::path path = folder_ / ("v" + std::to_string(version));
    const std::vector<float> values(20000, static_cast<float>(version));
    const train::TensorView view{
        "bias", train::TensorDtype::f32, {static_cast<std::int64_t>(values.size())}, values.data()};
    train::write_safetensors(
        path, std::span(&view, 1),
        {{"format", "ocelli"},
         {"format_version", "1"},
         {"model", "m"},
         {"labels", nlohmann::json(labels_of(version)).dump()},
         {"step", std::to_string(version)}});
    return path;
  }

  /// Four changes of the branch; a version belongs to one publisher alone.
  void publish(int who) {
    FaultLine& line = *lines_[static_cast<std::size_t>(who)];
    std::mt19937 random(
        static_cast<std::mt19937::result_type>(plan_.seed * 8 + static_cast<unsigned>(who)));
    for (int i = 1; i <= 4; ++i) {
      const std::string name = "publisher " + std::to_string(who) + ", change " + std::to_string(i);
      try {
        deploy::Published done;
        if (i > 2 && random() % 3 == 0) {
          done = deploy::rollback(line.store, prefix_, "master");
        } else if (i > 1 && random() % 4 == 0) {
          deploy::publish(line.store, prefix_, write(10 * i + who), "trial");
          done = deploy::promote(line.store, prefix_, "trial", "master");
        } else {
          done = deploy::publish(line.store, prefix_, write(10 * i + who), "master");
        }
        const std::lock_guard lock(mutex_);
        ++result_.published;
        returned_.push_back(done.publication.id);
      } catch (const bucket::NotFoundError&) {  // nothing to go back to
      } catch (const bucket::ConditionError& fault) {
        const std::lock_guard lock(mutex_);
        ++result_.conditions;
        if (plan_.publishers == 1)
          result_.wrong.push_back(
              "seed " + std::to_string(plan_.seed) + ": " + name +
              ": a rival that is not there: " + fault.what());
      } catch (const StoreError&) {
        const std::lock_guard lock(mutex_);
        ++result_.failed;
      } catch (const std::exception& fault) {
        complain(name + " threw something else: " + fault.what());
      }
      line.proxy.settle();
      if (plan_.publishers > 1) continue;  // the others are at work on it
      check_copies();
      if (!plan_.beside) {
        for (auto polls = random() % 3; polls > 0; --polls) poll();
        if (random() % 4 == 0) start_watcher();
      }
    }
  }

  /// What any reader takes: a pair that belongs together, or not both of them.
  void check_copies() {
    const deploy::ModelKeys keys(prefix_, direct_.bucket(), "master");
    try {
      const std::vector<std::byte> weights = direct_.get(keys.copy(deploy::kWeightsExtension));
      const std::vector<std::byte> labels = direct_.get(keys.copy(deploy::kLabelsExtension));
      if (text_of(labels) != "cat\nv" + std::to_string(version_of(text_of(weights))) + "\n")
        complain("the copies do not belong together");
    } catch (const bucket::NotFoundError&) {
    } catch (const std::exception& fault) {
      complain(std::string("the copies cannot be read: ") + fault.what());
    }
  }

  void start_watcher() {
    watcher_.reset();
    deploy::WatchOptions options;
    options.out = folder_ / "field/model.safetensors";
    options.prefix = prefix_;
    watcher_.emplace(
        lines_.back()->store, options,
        [this](const std::filesystem::path& weights, const deploy::Publication& publication) {
          load(weights, publication);
        });
  }

  void load(const std::filesystem::path& weights, const deploy::Publication& publication) {
    const std::string bytes = read_file(weights);
    int version = 0;
    try {
      version = version_of(bytes);
    } catch (const std::exception& fault) {
      complain(std::string("a torn model is loaded: ") + fault.what());
      return;
    }
    if (bytes != read_file(folder_ / ("v" + std::to_string(version))))
      complain("a model is loaded that is none of those published");
    if (publication.labels != labels_of(version))
      complain("a model is loaded with labels of another");
    const std::lock_guard lock(mutex_);
    ++result_.loaded;
  }

  void poll() {
    try {
      const deploy::WatchEvent event = watcher_->check();
      const std::filesystem::path file = folder_ / "field/model.safetensors";
      if (!event.publication.id.empty() &&
          version_of(read_file(file)) != version_of(event.publication))
        complain("the file is not the model that the watcher tells");
      failure_ = event.text;
      if (event.kind == Kind::failed) {
        if (event.text.find("is not used") != std::string::npos)
          complain("a good model was refused: " + event.text);
        const std::lock_guard lock(mutex_);
        ++result_.failed_polls;
      }
    } catch (const std::exception& fault) {
      complain(std::string("the watcher threw: ") + fault.what());
    }
    lines_.back()->proxy.settle();
  }

  /// The lines hold again.
  void finish() {
    for (const auto& line : lines_) {
      try {
        line->store.head("k");  // learns the date, if the last one was a lie
      } catch (const StoreError&) {
      }
    }
    const deploy::ModelKeys keys(prefix_, direct_.bucket(), "master");
    try {
      // The last word, so that the copies are brought up too.
      patiently([&] { deploy::publish(lines_.front()->store, prefix_, write(99), "master"); });
      const auto stored = deploy::find_manifest(direct_, keys);
      if (!stored || version_of(stored->manifest.current) != 99)
        complain("what was published on a good line is not there");
      for (const std::string& id : returned_)
        if (stored && !stored->manifest.find(id)) complain("publication " + id + " is lost");
      check_copies();
      if (text_of(direct_.get(keys.copy(deploy::kLabelsExtension))) != "cat\nv99\n")
        complain("the copies are not those of the last publication");
    } catch (const std::exception& fault) {
      complain(std::string("on a good line: ") + fault.what());
    }
    for (int i = 0; i < 20 && (i == 0 || out_of_time(failure_)); ++i) poll();
    if (watcher_->current().id.empty() || version_of(watcher_->current()) != 99)
      complain("the watcher does not end with the last model");
  }

  static int version_of(const std::string& bytes) {
    const auto values = train::SafetensorsReader(bytes, "model").floats("bias");
    for (const float value : values)
      if (value != values.at(0)) throw Error("the values differ");
    return static_cast<int>(values.at(0));
  }
  static int version_of(const deploy::Publication& publication) {
    return std::stoi(publication.labels.at(1).substr(1));
  }
  const Plan plan_;
  bucket::S3Store& direct_;
  const std::string prefix_;
  TemporaryFolder folder_;
  std::vector<std::unique_ptr<FaultLine>> lines_;
  std::optional<deploy::Watcher> watcher_;
  std::string failure_;  // of the last poll
  std::mutex mutex_;     // of what follows
  std::vector<std::string> returned_;
  Result result_;
};

}  // namespace ocelli::test
