// ocelli demo: draws a labelled picture set, trains a detector on it and shows what it finds, or
// trains a classifier of whole pictures.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/core.h>

#include <filesystem>

#include "computer.hpp"
#include "drawing.hpp"
#include "loaded.hpp"
#include "ocelli/data/open.hpp"
#include "ocelli/data/shapes.hpp"
#include "ocelli/data/split.hpp"
#include "program.hpp"
#include "training.hpp"

namespace program {
namespace {

using namespace ocelli;

struct Options {
  std::string out = "demo";
  std::string data_only;
  std::string task = "detection";
  int pictures = 800;
  ComputerOptions computer;
  long steps = 0;
  std::uint64_t seed = 42;
};

/// The pictures that nobody trained on, with the boxes that were found, from a score on.
std::size_t draw_held_out(
    Computer& computer, const Data& data, const data::Dataset& held_out, const std::string& weights,
    double threshold, const std::filesystem::path& folder, std::size_t limit) {
  Loaded loaded = load_weights(weights);
  const std::unique_ptr<AnyDetector> detector =
      computer.detector(loaded.model.spec, loaded.settings.values(), *loaded.weights, 1, threshold);
  const Shape input = detector->input();
  std::filesystem::create_directories(folder);
  data::Resizer resize;
  std::size_t drawn = 0;
  for (const data::Picture& picture : held_out.pictures) {
    if (drawn == limit) break;
    data::Image image = data::decode(data.source->read(picture.key), picture.key);
    const data::Window whole{0, 0, image.height, image.width, false, false, {}};
    resize(
        data::Pixels<std::uint8_t>{image.pixels.data(), image.height, image.width}, whole,
        input.height, input.width, detector->image(0));
    detector->run(1);
    draw_detections(
        image, detector->detections(0), loaded.info.labels,
        folder / (std::filesystem::path(picture.key).stem().string() + ".jpg"));
    ++drawn;
  }
  return drawn;
}

/// Trains the demo's net in --out, whatever was trained there before.
nlohmann::ordered_json train_demo(
    const Options& options, Computer& computer, const Data& data, TrainingRequest& request) {
  request.demo = true;
  if (options.steps > 0)
    request.settings.set(
        "num_steps", std::to_string(options.steps), train::Provenance::flag, "--steps");
  request.settings.check();
  data::Split parts = data::split_percent(data.dataset, 20);
  request.train = std::move(parts.train);
  request.held_out = std::move(parts.validation);
  request.source = data.source.get();
  const std::filesystem::path out = options.out;
  request.options.out = out;
  request.options.seed = options.seed;
  std::filesystem::remove_all(out / "snapshots");
  for (const char* name : {"config.json", "last.safetensors", "best.safetensors"})
    std::filesystem::remove(out / name);
  return run_training(computer, request);
}

int run_classification(const Options& options, std::unique_ptr<Computer>& computer) {
  prepare_for_classifier(options.computer, computer);
  const std::string bucket = (std::filesystem::path(options.out) / "bucket").string();
  fmt::print(stderr, "drawing {} labelled pictures into {}\n", options.pictures, bucket);
  data::write_whole_pictures(bucket, options.pictures, options.seed);
  DataOptions where;
  where.source = bucket;
  const Data data = open_data(where);
  TrainingRequest request{
      train::Hyperparameters(train::ModelName::mobilenet_v1_classifier, demo_classifier_compiled()),
      {},
      {},
      {}};
  request.settings.load_text(
      "num_steps=2000\nbatch_size=16\n"
      "augmentation=horizontal_flip(p=0.5), vertical_flip(p=0.5), random_rotate90(p=0.5)\n",
      "the demo's recipe");
  const nlohmann::ordered_json results = train_demo(options, *computer, data, request);
  fmt::print(
      stderr, "accuracy {:.3f} on {} pictures it had not seen\n  the training:  {}\n",
      results["accuracy"].get<double>(), request.held_out.pictures.size(),
      results["report"].get<std::string>());
  print_json(results);
  return done;
}

int run_demo(const Options& options) {
  if (!options.data_only.empty()) {
    const bool whole = options.task == "classification";
    if (whole)
      data::write_whole_pictures(options.data_only, options.pictures, options.seed);
    else
      data::write_shapes(options.data_only, options.pictures, options.seed);
    fmt::print(stderr, "{} labelled pictures in {}\n", options.pictures, options.data_only);
    print_json({{"data", options.data_only}, {"pictures", options.pictures}});
    return done;
  }
  std::unique_ptr<Computer> computer = make_computer(options.computer);
  if (options.task == "classification") return run_classification(options, computer);
  const std::filesystem::path out = options.out;
  const std::string bucket = (out / "bucket").string();
  fmt::print(stderr, "drawing {} labelled pictures into {}\n", options.pictures, bucket);
  data::write_shapes(bucket, options.pictures, options.seed);

  DataOptions where;
  where.source = bucket;
  Data data = open_data(where);
  // From random weights in a few minutes: momentum, a cosine, statistics that follow quickly.
  TrainingRequest request{
      train::Hyperparameters(train::ModelName::ssdlite_mobilenet_v2, demo_compiled()), {}, {}, {}};
  request.settings.load_text(
      "num_steps=1800\nbatch_size=16\noptimizer=sgd\ninitial_learning_rate=0.04\n"
      "schedule=cosine\nwarmup_steps=50\ngradient_clipping_by_norm=10\n"
      "batchnorm_decay=0.98\nfirst_stage_batchnorm_decay=0.98\n"
      "second_stage_batchnorm_decay=0.98\n"
      "augmentation=horizontal_flip(p=0.5), ssd_random_crop(p=0.5,min_area=0.4)\n",
      "the demo's recipe");
  nlohmann::ordered_json results = train_demo(options, *computer, data, request);

  const std::filesystem::path drawn = out / "detections";
  const std::size_t count = draw_held_out(
      *computer, data, request.held_out, results["weights"].get<std::string>(),
      results["threshold"].get<double>(), drawn, 24);
  results["detections"] = drawn.string();
  fmt::print(
      stderr,
      "AP50 {:.3f} on {} pictures it had not seen\n  the training:  {}\n  {} drawn pictures:  {}\n",
      results["ap50"].get<double>(), request.held_out.pictures.size(),
      results["report"].get<std::string>(), count, drawn.string());
  print_json(results);
  return done;
}

}  // namespace

void add_demo(CLI::App& app, Run& run) {
  auto options = std::make_shared<Options>();
  Options& o = *options;
  CLI::App* command = app.add_subcommand(
      "demo", "Draw a labelled picture set and train a detector, or a classifier, on it");
  command->add_option("--out", o.out, "Folder for the pictures, the training and its report")
      ->capture_default_str();
  command->add_option("--data-only", o.data_only, "Only draw the picture set, into this folder");
  command
      ->add_option(
          "--task", o.task, "What the pictures are labelled for: detection, classification")
      ->check(CLI::IsMember({"detection", "classification"}))
      ->capture_default_str();
  command->add_option("--pictures", o.pictures, "Pictures to draw")
      ->check(CLI::Range(10, 1000000))
      ->capture_default_str();
  command->add_option("--steps", o.steps, "Steps of training")->check(CLI::PositiveNumber);
  add_computer_options(*command, o.computer);
  command->add_option("--seed", o.seed, "Seed of pictures and training")->capture_default_str();
  command->callback([options, &run] { run = [options] { return run_demo(*options); }; });
}

}  // namespace program
