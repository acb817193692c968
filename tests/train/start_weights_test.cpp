// Tests of starting from other weights: what belongs to a class goes where the data has that class.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/train/start_weights.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "support/message_of.hpp"
#include "support/temporary_folder.hpp"
#include "train/tiny_classifier.hpp"
#include "train/tiny_net.hpp"

using namespace ocelli;
using namespace ocelli::test;
using namespace ocelli::train;

namespace {

using Labels = std::vector<std::string>;

/// Numbers that differ everywhere.
void fill(Weights<float>& weights, float first) {
  float value = first;
  for (float& one : weights.params.span()) one = value += 1;
  for (float& one : weights.moving.span()) one = value += 1;
}

std::filesystem::path write(
    const TemporaryFolder& folder, const ModelView& model, Weights<float>& weights,
    const Metadata& metadata) {
  const std::filesystem::path file = folder / "from.safetensors";
  const auto tensors = weight_tensors(model, weights);
  write_safetensors(file, as_views(tensors), metadata);
  return file;
}

struct Loaded {
  StartReport report;
  std::map<std::string, std::vector<float>> before, after;  ///< by name
};

std::map<std::string, std::vector<float>> values_of(const ModelView& model, Weights<float>& w) {
  std::map<std::string, std::vector<float>> values;
  for (const SnapshotTensor& tensor : weight_tensors(model, w)) {
    std::size_t count = 1;
    for (const auto extent : tensor.shape) count *= static_cast<std::size_t>(extent);
    const auto* data = static_cast<const float*>(tensor.data);
    values[tensor.name].assign(data, data + count);
  }
  return values;
}

/// A net for `here` that starts from the file, over numbers of its own.
Loaded start(const std::filesystem::path& file, const ModelView& model, const Labels& here) {
  Weights<float> weights(model);
  fill(weights, -1e6f);
  Loaded loaded;
  loaded.before = values_of(model, weights);
  loaded.report = load_start(SafetensorsReader(file), model, here, weights);
  loaded.after = values_of(model, weights);
  return loaded;
}

/// Which column of a block a class has: `front` columns come before.
struct Columns {
  std::size_t front;
  Labels labels;
  std::size_t size() const { return front + labels.size(); }
  /// `labels.size()` when there is none of this name.
  std::size_t find(const std::string& label) const {
    std::size_t i = 0;
    while (i < labels.size() && labels[i] != label) ++i;
    return i;
  }
};

/// Each column of `here` is that of the same name in `file`, or as it was.
void check_columns(
    const std::vector<float>& file, const Columns& from, const std::vector<float>& before,
    const std::vector<float>& after, const Columns& here) {
  REQUIRE(file.size() % from.size() == 0);
  const std::size_t blocks = file.size() / from.size();
  REQUIRE(after.size() == blocks * here.size());
  std::size_t wrong = 0;
  for (std::size_t block = 0; block < blocks; ++block)
    for (std::size_t i = 0; i < here.size(); ++i) {
      const std::size_t at = block * here.size() + i;
      float expected = before[at];
      if (i < here.front) {
        expected = file[block * from.size() + i];
      } else if (const std::size_t c = from.find(here.labels[i - here.front]);
                 c < from.labels.size()) {
        expected = file[block * from.size() + from.front + c];
      }
      wrong += after[at] == expected ? 0 : 1;
    }
  CHECK(wrong == 0);
}

/// A detector's file with these labels.
struct DetectorFile {
  TemporaryFolder folder;
  TinyDetector net;
  Weights<float> weights;
  std::filesystem::path path;
  std::map<std::string, std::vector<float>> values;

  explicit DetectorFile(const Labels& labels)
      : net(Shape{64, 64, 3}, static_cast<int>(labels.size())), weights(net.view()) {
    fill(weights, 0);
    path = write(folder, net.view(), weights, describe_weights(tiny_settings(), labels));
    values = values_of(net.view(), weights);
  }
};

bool of_classes(const std::string& name) { return says(name, "/class/conv/"); }

/// All that belongs to classes went where `here` has them, and everything else is the file's.
void check_detector(
    const DetectorFile& file, const Labels& labels, const Loaded& loaded, const Labels& here) {
  int heads = 0;
  for (const auto& tensor : file.values) {
    const std::string& name = tensor.first;
    const std::vector<float>& values = tensor.second;
    CAPTURE(name);
    if (of_classes(name)) {
      check_columns(values, {1, labels}, loaded.before.at(name), loaded.after.at(name), {1, here});
      CHECK(loaded.after.at(name) != values);
      ++heads;
    } else {
      CHECK(loaded.after.at(name) == values);
    }
  }
  CHECK(heads == 12);  // weight and bias of six maps
}

}  // namespace

TEST_CASE("start_weights: which parameters have columns for classes") {
  const TinyDetector detector(Shape{64, 64, 3}, 3);
  const ClassParams found = class_params(detector.view());
  CHECK(found.before == 1);
  CHECK(found.params.size() == 12);  // weight and bias of six maps
  for (const int param : found.params) {
    CAPTURE(detector.view().graph.param_name(param));
    CHECK(of_classes(detector.view().graph.param_name(param)));
    CHECK(detector.view().graph.params[param].dims[3] % 4 == 0);
  }
  const TinyClassifier classifier(Shape{32, 32, 3}, 5);
  const ClassParams head = class_params(classifier.view());
  CHECK(head.before == 0);
  REQUIRE(head.params.size() == 2);
  CHECK(classifier.view().graph.param_name(head.params[0]) == "head/conv/weight");
  CHECK(classifier.view().graph.param_name(head.params[1]) == "head/conv/bias");
}

TEST_CASE("start_weights: a detector's classes in another order") {
  const Labels labels = {"disc", "triangle", "square"}, here = {"triangle", "square", "disc"};
  const DetectorFile file(labels);
  const Loaded loaded = start(file.path, file.net.view(), here);
  CHECK(loaded.report.labels == "3 of 3 labels taken over by name");
  CHECK(loaded.report.tensors.complete());
  CHECK(loaded.report.tensors.unexpected.empty());
  CHECK(loaded.report.tensors.matched.size() == file.values.size());
  check_detector(file, labels, loaded, here);
}

TEST_CASE("start_weights: the same labels in the same order are taken as they are") {
  const Labels labels = {"disc", "triangle", "square"};
  const DetectorFile file(labels);
  const Loaded loaded = start(file.path, file.net.view(), labels);
  CHECK(loaded.report.labels.empty());
  CHECK(loaded.report.tensors.complete());
  CHECK(loaded.after == file.values);
}

TEST_CASE("start_weights: labels that both have are taken over, new ones start anew") {
  const Labels labels = {"disc", "triangle", "square"}, here = {"owl", "square", "disc", "cat"};
  const DetectorFile file(labels);
  const TinyDetector net(Shape{64, 64, 3}, 4);
  const Loaded loaded = start(file.path, net.view(), here);
  CHECK(
      loaded.report.labels ==
      "2 of 4 labels taken over by name, 2 new: owl, cat, 1 left behind: triangle");
  CHECK(loaded.report.tensors.complete());
  check_detector(file, labels, loaded, here);
}

TEST_CASE(
    "start_weights: without a label in common the classes start anew, whatever their number") {
  const DetectorFile file({"disc", "triangle", "square"});
  for (const Labels& here : {Labels{"cat", "owl"}, Labels{"cat", "owl", "dog"}}) {
    const TinyDetector net(Shape{64, 64, 3}, static_cast<int>(here.size()));
    const Loaded loaded = start(file.path, net.view(), here);
    CHECK(
        loaded.report.labels ==
        "no label of the data is in the file: the class predictors start anew");
    CHECK(loaded.report.tensors.reset.size() == 12);
    CHECK(says(loaded.report.tensors.summary(), "for other labels in the file"));
    for (const auto& tensor : file.values) {
      const std::string& name = tensor.first;
      const std::vector<float>& values = tensor.second;
      CAPTURE(name);
      CHECK(loaded.after.at(name) == (of_classes(name) ? loaded.before.at(name) : values));
    }
  }
}

TEST_CASE("start_weights: a classifier's head in the order of the data") {
  const Labels labels = {"red", "green", "blue"}, here = {"blue", "owl", "red"};
  const TemporaryFolder folder;
  const TinyClassifier net(Shape{32, 32, 3}, 3);
  Weights<float> weights(net.view());
  fill(weights, 0);
  const auto path =
      write(folder, net.view(), weights, describe_weights(tiny_classifier_settings(), labels));
  const Loaded loaded = start(path, net.view(), here);
  CHECK(
      loaded.report.labels == "2 of 3 labels taken over by name, 1 new: owl, 1 left behind: green");
  for (const auto& tensor : values_of(net.view(), weights)) {
    const std::string& name = tensor.first;
    const std::vector<float>& values = tensor.second;
    CAPTURE(name);
    if (name.starts_with("head/")) {
      check_columns(values, {0, labels}, loaded.before.at(name), loaded.after.at(name), {0, here});
    } else {
      CHECK(loaded.after.at(name) == values);
    }
  }
}

TEST_CASE("start_weights: files without labels, and labels that make no sense") {
  const TemporaryFolder folder;
  const TinyDetector net(Shape{64, 64, 3}, 3);
  Weights<float> weights(net.view());
  fill(weights, 0);
  const auto values = values_of(net.view(), weights);
  const Labels here = {"a", "b", "c"};
  for (const Metadata& metadata :
       {Metadata{}, Metadata{{"labels", "[\"c\",\"b\",\"a\"]"}},
        Metadata{{"format", "ocelli"}, {"labels", "[]"}}}) {
    const Loaded loaded = start(write(folder, net.view(), weights, metadata), net.view(), here);
    CHECK(loaded.report.labels.empty());
    CHECK(loaded.after == values);
  }
  // Two labels do not make the file's columns.
  const Loaded other = start(
      write(folder, net.view(), weights, {{"format", "ocelli"}, {"labels", "[\"a\",\"b\"]"}}),
      net.view(), here);
  CHECK(says(other.report.labels, "of another form: they start anew"));
  CHECK(other.report.tensors.reset.size() == 12);
  const std::string text = message_of<CheckpointError>([&] {
    start(
        write(folder, net.view(), weights, {{"format", "ocelli"}, {"labels", "[1"}}), net.view(),
        here);
  });
  CHECK_MESSAGE(says(text, "from.safetensors: the labels cannot be read"), text);
}

TEST_CASE("start_weights: a net of another kind says nothing of labels") {
  const DetectorFile file({"disc", "square"});
  const TinyClassifier net(Shape{32, 32, 3}, 2);
  const Loaded loaded = start(file.path, net.view(), {"square", "disc"});
  CHECK(loaded.report.labels.empty());
  CHECK(loaded.report.tensors.missing.size() == 2);
}
