// ocelli detect: what trained weights find in pictures, as COCO results and as drawn boxes.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/core.h>

#include <chrono>
#include <set>

#include "computer.hpp"
#include "drawing.hpp"
#include "loaded.hpp"
#include "named_pictures.hpp"
#include "ocelli/core/file.hpp"
#include "ocelli/train/ssd_detector.hpp"
#include "program.hpp"

namespace program {
namespace {

using namespace ocelli;

struct Options {
  WeightsOptions weights;
  std::string out = "detections";
  std::vector<std::string> pictures;
  bucket::StoreOptions store;
  double threshold = 0.5;
  ComputerOptions computer;
  bool json = false, draw = true;
};

int run_detect(const Options& options) {
  const std::unique_ptr<Computer> computer = make_computer(options.computer);
  Loaded loaded = load_weights(options.weights, options.store);
  if (loaded.model.classifies())
    throw ConfigError(
        "these are the weights of a classifier, which finds no boxes", options.weights.named,
        "use ocelli classify");
  const std::unique_ptr<AnyDetector> detector = computer->detector(
      loaded.model.spec, loaded.settings.values(), *loaded.weights, 1, options.threshold);
  const Shape input = detector->input();
  make_folder(options.out);
  nlohmann::ordered_json results = nlohmann::ordered_json::array();
  const auto resampling = train::resampling_of(loaded.settings.values());
  NamedPictures pictures(options.pictures, options.store, "detect", options.out);
  std::set<std::string> drawn;  // two folders can hold pictures of one name
  std::size_t found = 0;
  double seconds = 0;
  while (pictures.next()) {
    data::Image& picture = pictures.image();
    const auto start = std::chrono::steady_clock::now();
    pictures.resize_to(input, detector->image(0), resampling);
    detector->run(1);
    seconds += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    for (const Detection& one : detector->detections(0)) {
      const PixelBox box = in_pixels(one.box, picture.height, picture.width);
      results.push_back(
          {{"image_id", pictures.number()},
           {"file_name", pictures.name()},
           {"category_id", one.label},
           {"category", loaded.info.labels[static_cast<std::size_t>(one.label - 1)]},
           {"bbox", {box.xmin, box.ymin, box.width(), box.height()}},
           {"score", one.score}});
      ++found;
    }
    if (options.draw) {
      std::string name = std::filesystem::path(pictures.name()).stem().string();
      while (!drawn.insert(name).second) name += fmt::format(" ({})", pictures.number());
      draw_detections(
          picture, detector->detections(0), loaded.info.labels,
          std::filesystem::path(options.out) / (name + ".jpg"));
    }
  }
  const std::filesystem::path file = std::filesystem::path(options.out) / "detections.json";
  write_file(file, results.dump(1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
  const std::size_t read = pictures.read(), failed = pictures.failed();
  fmt::print(
      "{} detections in {} pictures, {:.1f} ms a picture; {}{}\n", found, read,
      1000 * seconds / static_cast<double>(read), file.string(),
      failed > 0 ? fmt::format("; {} pictures left out", failed) : "");
  if (options.json)
    print_json(
        {{"detections", found},
         {"pictures", read},
         {"left_out", failed},
         {"seconds", seconds},
         {"file", file.string()}});
  return done;
}

}  // namespace

void add_detect(CLI::App& app, Run& run) {
  auto options = std::make_shared<Options>();
  Options& o = *options;
  CLI::App* command = app.add_subcommand("detect", "Find objects in pictures");
  add_weights_options(*command, o.weights);
  command->add_option("--out", o.out, "Folder for detections.json and drawn pictures")
      ->capture_default_str();
  command->add_option("--threshold", o.threshold, "Lowest score of a detection")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  command->add_flag("!--no-draw", o.draw, "Write detections.json alone");
  add_computer_options(*command, o.computer);
  command->add_flag("--json", o.json, "End with one JSON object");
  add_pictures(*command, o.pictures, o.store);
  command->callback([options, &run] { run = [options] { return run_detect(*options); }; });
}

}  // namespace program
