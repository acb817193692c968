// ocelli step: one training step on a given batch, with everything it computed in a safetensors
// file, so that anyone can compare it with another framework.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "ocelli/cpu/backend.hpp"
#include "ocelli/reference/backend.hpp"
#include "ocelli/train/ssd_step.hpp"
#include "ocelli/train/weights_file.hpp"
#include "program.hpp"

extern char** environ;

namespace program {
namespace {

using namespace ocelli;

struct Options {
  std::string model = default_model();
  bool model_named = false;
  std::string weights, batch, out;
  std::vector<std::string> set;
  std::string params;
  std::string backend = "cpu";
  std::uint64_t seed = 42;
  int classes = 0, threads = 0;
};

/// A batch from a file, checked: images [N,H,W,3], boxes [N,M,4], labels [N,M].
struct FileBatch {
  Buffer<float> images;
  std::vector<Box> boxes;
  std::vector<std::int32_t> labels, counts, pictures;
  data::Batch view;
};

const train::TensorEntry& find_tensor(
    const train::SafetensorsReader& file, const char* name, train::TensorDtype dtype,
    std::size_t rank, const char* expected) {
  const train::TensorEntry* entry = file.find(name);
  if (entry == nullptr)
    throw DataError(
        fmt::format("there is no tensor \"{}\"", name), file.where(),
        fmt::format("give {}", expected));
  if (entry->dtype != dtype || entry->shape.size() != rank)
    throw DataError(
        fmt::format(
            "tensor \"{}\" is {}{}", name, train::info_of(entry->dtype).name,
            train::shape_text(entry->shape)),
        file.where(), fmt::format("give {}", expected));
  return *entry;
}

/// Checks the labels and boxes of picture n, and counts them: the rest of its row is padding.
int count_boxes(const FileBatch& batch, int n, int classes, const std::string& file) {
  const int capacity = batch.view.max_boxes;
  int count = 0;
  for (int row = 0; row < capacity; ++row) {
    const auto i = static_cast<std::size_t>(n * static_cast<long>(capacity) + row);
    const std::int32_t label = batch.labels[i];
    const std::string where = fmt::format("{}: picture {}, box {}", file, n, row);
    if (label == 0) continue;
    if (label < 0 || label > classes)
      throw DataError(
          fmt::format("label {} is not in 1..{}", label, classes), where,
          "number the classes from 1; 0 is padding");
    if (count != row)
      throw DataError(
          fmt::format("a box follows the padding at {}", count), where,
          "put padding at the end of a picture's row");
    const Box& box = batch.boxes[i];
    const float values[] = {box.ymin, box.xmin, box.ymax, box.xmax};
    if (!std::all_of(
            std::begin(values), std::end(values), [](float v) { return std::isfinite(v); }))
      throw DataError("the box is not finite", where, "give [ymin, xmin, ymax, xmax]");
    if (box.ymax < box.ymin || box.xmax < box.xmin)
      throw DataError(
          fmt::format(
              "the corners [{}, {}, {}, {}] are not in order", box.ymin, box.xmin, box.ymax,
              box.xmax),
          where, "give [ymin, xmin, ymax, xmax]");
    ++count;
  }
  return count;
}

void read_batch(const std::string& path, const SsdSpec& spec, FileBatch& batch) {
  const train::SafetensorsReader file{std::filesystem::path(path)};
  const Shape in = spec.model.input;
  const std::string wanted =
      fmt::format("images [N,{},{},{}] of F32", in.height, in.width, in.channels);
  const auto& images = find_tensor(file, "images", train::TensorDtype::f32, 4, wanted.c_str());
  const auto& boxes =
      find_tensor(file, "boxes", train::TensorDtype::f32, 3, "boxes [N,M,4] of F32");
  const auto& labels =
      find_tensor(file, "labels", train::TensorDtype::i32, 2, "labels [N,M] of I32");
  const std::int64_t size = images.shape[0], capacity = labels.shape[1];
  if (size < 1 || size > 65536 || images.shape[1] != in.height || images.shape[2] != in.width ||
      images.shape[3] != in.channels)
    throw DataError(
        "tensor \"images\" is " + train::shape_text(images.shape), path, "give " + wanted);
  if (boxes.shape != train::TensorShape{size, capacity, 4} || labels.shape[0] != size)
    throw DataError(
        fmt::format(
            "{} pictures, boxes {}, labels {}", size, train::shape_text(boxes.shape),
            train::shape_text(labels.shape)),
        path, "give boxes [N,M,4] and labels [N,M] for N pictures");
  if (capacity > 100000)
    throw DataError(
        fmt::format("room for {} boxes a picture", capacity), path, "give at most 100000");

  batch.images = Buffer<float>(static_cast<std::size_t>(images.count()));
  const std::span<float> pixels(batch.images.data(), batch.images.size());
  file.read_floats(images, pixels);
  for (std::size_t i = 0; i < pixels.size(); ++i)
    if (!std::isfinite(pixels[i]))
      throw DataError(
          fmt::format("value {} of \"images\" is not finite", i), path,
          "give pixels as the net sees them, from -1 to 1");
  const std::vector<float> corners = file.floats("boxes");
  for (std::size_t i = 0; i + 4 <= corners.size(); i += 4)
    batch.boxes.push_back({corners[i], corners[i + 1], corners[i + 2], corners[i + 3]});
  for (const std::int64_t label : file.integers("labels"))
    batch.labels.push_back(static_cast<std::int32_t>(label));
  batch.view.size = static_cast<int>(size);
  batch.view.height = in.height;
  batch.view.width = in.width;
  batch.view.max_boxes = static_cast<int>(capacity);
  for (int n = 0; n < batch.view.size; ++n) {
    batch.counts.push_back(count_boxes(batch, n, spec.model.classes, path));
    batch.pictures.push_back(n);
  }
  batch.view.images = batch.images.data();
  batch.view.boxes = batch.boxes.data();
  batch.view.labels = batch.labels.data();
  batch.view.counts = batch.counts.data();
  batch.view.pictures = batch.pictures.data();
}

/// The number of classes of weights that do not name them: from the biases of a class head.
int classes_of(const train::SafetensorsReader& file, train::ModelName name) {
  const Model one = make_model(name, 1);
  const GraphView& graph = one.spec.model.graph;
  for (int p = 0; p < graph.param_count; ++p) {
    const std::string param = graph.param_name(p);
    if (graph.params[p].kind != ParamKind::bias || param.find("/class/") == std::string::npos)
      continue;
    const train::TensorEntry* entry = file.find(param);
    const int boxes = graph.params[p].dims[3] / 2;  // with one class: itself and the background
    if (entry == nullptr || entry->shape.size() != 1 || entry->shape[0] % boxes != 0 ||
        entry->shape[0] / boxes < 2 || entry->shape[0] / boxes > 100001)
      throw CheckpointError(
          "the number of classes cannot be told from \"" + param + "\"", file.where(),
          "give weights by the names that `ocelli step` writes, or name --classes");
    return static_cast<int>(entry->shape[0] / boxes) - 1;
  }
  throw ConfigError("the number of classes is open", "--classes", "name it");
}

/// Everything that the step starts from.
struct Start {
  train::ModelName name;
  int classes = 0;
  std::vector<std::string> labels;
  std::optional<train::SafetensorsReader> file;
};

void require_detector(train::ModelName name, const std::string& where) {
  if (is_classifier(name))
    throw ConfigError("the step of a classifier cannot be written out", where, "name a detector's");
}

Start read_start(const Options& options) {
  Start start{train::model_by_name(options.model), options.classes, {}, {}};
  require_detector(start.name, "--model");
  if (options.weights.empty()) {
    if (options.classes == 0)
      throw ConfigError(
          "the number of classes is open without --weights", "--classes",
          "name it, without the background");
    return start;
  }
  start.file.emplace(train::weights_of(options.weights));
  const auto& metadata = start.file->header().metadata;
  const auto format = metadata.find("format");
  if (format == metadata.end() || format->second != "ocelli") {
    if (start.classes == 0) start.classes = classes_of(*start.file, start.name);
    return start;
  }
  const train::WeightsInfo info = train::weights_info(*start.file, start.file->where());
  require_detector(info.model, options.weights);
  if (options.model_named && info.model != start.name)
    throw ConfigError(
        "the weights are of " + train::name_of(info.model) + ", not " + options.model, "--model",
        "leave --model out");
  const int classes = static_cast<int>(info.labels.size());
  if (options.classes != 0 && options.classes != classes)
    throw ConfigError(
        fmt::format("the weights have {} classes, not {}", classes, options.classes), "--classes",
        "leave --classes out");
  start.name = info.model;
  start.classes = classes;
  start.labels = info.labels;
  return start;
}

train::Hyperparameters read_settings(const Options& options, const Start& start) {
  train::Hyperparameters settings(start.name, compiled(start.name));
  if (const std::string lines = built_in_params(); !lines.empty())
    settings.load_text(lines, "built in");
  if (!options.params.empty()) settings.load_file(options.params);
  settings.load_environment(environ);
  for (const std::string& one : options.set) settings.set_flag(one);
  if (const long classes = settings.values().num_classes; classes != 0 && classes != start.classes)
    throw ConfigError(
        fmt::format("num_classes is {}, the weights have {}", classes, start.classes),
        settings.origin("num_classes").where, "leave it out");
  settings.check();
  for (const std::string& warning : settings.warnings())
    fmt::print(stderr, "warning: {}\n", warning);
  return settings;
}

/// Tensors to be written, with the memory of those that would change until then.
class Output {
 public:
  void add(const std::string& name, train::TensorShape shape, const float* values) {
    std::size_t count = 1;
    for (const std::int64_t extent : shape) count *= static_cast<std::size_t>(extent);
    copies_.emplace_back(values, values + count);
    views_.push_back({name, train::TensorDtype::f32, std::move(shape), copies_.back().data()});
  }
  void add(const std::vector<train::SnapshotTensor>& tensors) {
    for (const train::SnapshotTensor& tensor : tensors)
      add(tensor.name, tensor.shape, static_cast<const float*>(tensor.data));
  }
  void add(const std::string& name, double value) {
    scalars_.push_back(std::make_unique<double>(value));
    views_.push_back({name, train::TensorDtype::f64, {}, scalars_.back().get()});
  }
  std::uint64_t write(const std::string& path, const train::Metadata& metadata) const {
    return train::write_safetensors(path, views_, metadata);
  }

 private:
  std::vector<std::vector<float>> copies_;  // moved when it grows, their values stay where they are
  std::vector<std::unique_ptr<double>> scalars_;
  std::vector<train::TensorView> views_;
};

/// Starting weights from the file, or the seed's; these are written out.
void fill_weights(
    const Options& options, const Start& start, const SsdSpec& spec, const train::SsdGroups& groups,
    Weights<float>& weights, Output& out) {
  if (start.file) {
    const train::LoadReport report =
        train::load_tensors(*start.file, train::weight_tensors(spec.model, weights));
    if (!report.complete())
      throw CheckpointError(
          "the file does not hold what " + train::name_of(start.name) + " with " +
              std::to_string(start.classes) + " classes needs: " + report.summary(4),
          start.file->where(), "name the model that the weights belong to with --model");
    return;
  }
  train::initialize(spec.model, groups, options.seed, weights);
  out.add(train::parameter_tensors(spec.model, weights.params.data(), "init/"));
  out.add(train::statistics_tensors(spec.model, weights.moving.data(), "init/"));
}

template <Backend B>
StepResult run_step(
    const Options& options, const Start& start, const SsdSpec& spec,
    const train::Hyperparameters& settings, const data::Batch& batch, Output& out) {
  const train::SsdHyperparameters& values = settings.values();
  const ModelView& model = spec.model;
  ThreadPool pool(options.threads);
  B backend(pool);
  train::TrainingState<> state(
      model, values.optimizer == "rmsprop", values.moving_average_decay > 0);
  train::SsdStep<B> step(backend, pool, spec, values, state, batch.size, batch.max_boxes);
  fill_weights(options, start, spec, step.groups(), state.weights, out);
  state.start_average();

  // The step overwrites its outputs, so that they come from a forward of their own: its moving
  // statistics are put back.
  const auto copy = [](const Buffer<float>& slab) {
    return std::vector<float>(slab.data(), slab.data() + slab.size());
  };
  const std::vector<float> before = copy(state.weights.params), moving = copy(state.weights.moving);
  step.executor().forward(batch.images, options.seed, 0);
  out.add("output/box", {batch.size, spec.anchors, 4}, step.executor().output(0));
  out.add("output/class", {batch.size, spec.anchors, model.classes + 1}, step.executor().output(1));
  std::copy(moving.begin(), moving.end(), state.weights.moving.data());

  const StepResult result = step.run(batch, options.seed, 0);
  if (!result.finite)
    throw Error(
        "the loss or a gradient is not finite", options.batch,
        "look at the weights, the pixels (they should be from -1 to 1) and the hyperparameters");
  out.add("loss", result.loss());
  out.add("loss/classification", result.classification);
  out.add("loss/localization", result.localization);
  out.add("loss/regularization", result.regularization);

  std::vector<float> gradient(before.size());
  step.whole_gradient(before.data(), gradient.data());
  const auto gradients = train::parameter_tensors(model, gradient.data(), "grad/");
  for (int p = 0; p < model.graph.param_count; ++p)
    if (!step.groups().settings[model.graph.params[p].group].frozen)
      out.add({gradients[static_cast<std::size_t>(p)]});
  out.add(train::parameter_tensors(model, state.weights.params.data(), "param/"));
  out.add(train::statistics_tensors(model, state.weights.moving.data(), "stat/"));
  if (state.average.size() > 0)
    out.add(train::parameter_tensors(model, state.average.data(), "average/"));
  return result;
}

int run_program(const Options& options) {
  const Start start = read_start(options);
  const train::Hyperparameters settings = read_settings(options, start);
  const Model model = make_model(start.name, start.classes);
  FileBatch batch;
  read_batch(options.batch, model.spec, batch);
  Output out;
  const StepResult result =
      options.backend == "cpu"
          ? run_step<CpuBackend>(options, start, model.spec, settings, batch.view, out)
          : run_step<ReferenceBackend<float>>(
                options, start, model.spec, settings, batch.view, out);
  train::Metadata metadata = train::describe_weights(settings, start.labels);
  metadata["format"] = "ocelli step";
  metadata["learning_rate"] = fmt::format("{}", result.learning_rate);
  metadata["matches"] = fmt::format("{}", result.matches);
  out.write(options.out, metadata);
  fmt::print(
      "loss {:.6f} = classification {:.6f} + localization {:.6f} + regularization {:.6f}; {} "
      "anchors matched; written to {}\n",
      result.loss(), result.classification, result.localization, result.regularization,
      result.matches, options.out);
  return done;
}

}  // namespace

void add_step(CLI::App& app, Run& run) {
  auto options = std::make_shared<Options>();
  Options& o = *options;
  CLI::App* command = app.add_subcommand(
      "step", "One training step with all its numbers, to compare with other frameworks");
  CLI::Option* model = command->add_option("--model", o.model, "Which model; that of --weights");
  model->capture_default_str();
  command->add_option(
      "--weights", o.weights, "Start from these weights; without, from the seed's initial ones");
  command
      ->add_option(
          "--batch", o.batch,
          "safetensors file: images [N,H,W,3] F32 as the net sees them, boxes [N,M,4] F32 of "
          "[ymin,xmin,ymax,xmax] from 0 to 1, labels [N,M] I32 from 1, 0 is padding")
      ->required()
      ->check(CLI::ExistingFile);
  command
      ->add_option(
          "--out", o.out,
          "safetensors file to write: loss, output, grad, param and stat after the update, init")
      ->required();
  command->add_option("--set", o.set, "A hyperparameter: name=value; may be repeated");
  command->add_option("--params", o.params, "File of hyperparameters")->check(CLI::ExistingFile);
  command->add_option("--classes", o.classes, "Classes without background; those of --weights")
      ->check(CLI::Range(1, 100000));
  command->add_option("--seed", o.seed, "Seed of the initial weights and of dropout")
      ->capture_default_str();
  command->add_option("--backend", o.backend, "cpu, or reference: plain loops, slow")
      ->check(CLI::IsMember({"cpu", "reference"}))
      ->capture_default_str();
  command->add_option("--threads", o.threads, "Threads to compute with; 0: one a core")
      ->check(CLI::Range(0, 1024));
  command->callback([options, model, &run] {
    options->model_named = model->count() > 0;
    run = [options] { return run_program(*options); };
  });
}

}  // namespace program
