// ocelli step, by running the program OCELLI_CLI.
// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "cli/run_program.hpp"
#include "ocelli/train/safetensors_file.hpp"
#include "support/message_of.hpp"
#include "support/temporary_folder.hpp"

namespace {

using namespace ocelli::train;
using ocelli::test::Outcome;
using ocelli::test::run_program;
using ocelli::test::says;
using ocelli::test::TemporaryFolder;

Outcome step(const std::string& arguments) { return run_program("step " + arguments); }

/// One picture with two boxes and room for three; tests change what they need.
struct Batch {
  TensorShape images_shape{1, 300, 300, 3}, boxes_shape{1, 3, 4}, labels_shape{1, 3};
  std::vector<float> images, boxes{0.1f, 0.2f, 0.5f, 0.6f, 0.3f, 0.05f, 0.98f, 0.9f, 0, 0, 0, 0};
  std::vector<std::int32_t> labels{2, 1, 0};
  std::vector<std::int64_t> long_labels;  ///< written in place of `labels` when there are any
  bool with_boxes = true;

  Batch() : images(300 * 300 * 3) {
    for (std::size_t i = 0; i < images.size(); ++i)
      images[i] = 0.9f * std::sin(0.01f * static_cast<float>(i % 7919));
  }
  std::filesystem::path write(const TemporaryFolder& folder) const {
    std::vector<TensorView> tensors{{"images", TensorDtype::f32, images_shape, images.data()}};
    if (with_boxes) tensors.push_back({"boxes", TensorDtype::f32, boxes_shape, boxes.data()});
    if (long_labels.empty())
      tensors.push_back({"labels", TensorDtype::i32, labels_shape, labels.data()});
    else
      tensors.push_back({"labels", TensorDtype::i64, labels_shape, long_labels.data()});
    write_safetensors(folder / "batch.safetensors", tensors);
    return folder / "batch.safetensors";
  }
};

std::string flags(const TemporaryFolder& folder, const Batch& batch, const std::string& out) {
  return "--batch " + batch.write(folder).string() + " --out " + (folder / out).string() + " ";
}

}  // namespace

TEST_CASE("step: everything it computed is in the file, and fits together") {
  const TemporaryFolder folder;
  const Batch batch;
  const Outcome first = step(
      flags(folder, batch, "a") +
      "--model ssdlite-mobilenet-v2 --classes 2 --seed 7 --threads 1 --set learning-rate=0.5");
  REQUIRE_MESSAGE(first.code == 0, first.text);
  const SafetensorsReader a(folder / "a");
  const auto one = [](const SafetensorsReader& file, const char* name) {
    return file.floats(name).at(0);
  };
  CHECK(a.at("loss").shape.empty());
  CHECK(
      one(a, "loss") == doctest::Approx(
                            one(a, "loss/classification") + one(a, "loss/localization") +
                            one(a, "loss/regularization")));
  CHECK(one(a, "loss/localization") > 0);
  CHECK(a.at("output/box").shape == TensorShape{1, 1917, 4});
  CHECK(a.at("output/class").shape == TensorShape{1, 1917, 3});

  // The update is TensorFlow's RMSProp from fresh state: r = 0.9 + 0.1 g^2, w -= lr g / sqrt(r + 1)
  std::size_t params = 0, moved_statistics = 0;
  std::vector<TensorView> start;
  std::vector<std::vector<float>> values;
  values.reserve(a.tensors().size());
  for (const TensorEntry& entry : a.tensors()) {
    if (!entry.name.starts_with("init/")) continue;
    const std::string name = entry.name.substr(5);
    values.push_back(a.floats(entry.name));
    const std::vector<float>& before = values.back();
    start.push_back({name, TensorDtype::f32, entry.shape, before.data()});
    if (a.find("param/" + name) == nullptr) {
      REQUIRE(a.at("stat/" + name).shape == entry.shape);
      moved_statistics += a.floats("stat/" + name) != before;
      continue;
    }
    ++params;
    const std::vector<float> w = a.floats("param/" + name), g = a.floats("grad/" + name);
    REQUIRE(w.size() == before.size());
    float farthest = 0;
    for (std::size_t i = 0; i < w.size(); ++i) {
      const float change = 0.5f * g[i] / std::sqrt(1.9f + 0.1f * g[i] * g[i]);
      farthest = std::max(farthest, std::abs(before[i] - change - w[i]));
    }
    CHECK_MESSAGE(farthest < 2e-6f, name);  // a few roundings of numbers of order 1
  }
  CHECK(params > 100);
  CHECK(moved_statistics > 100);

  // The same weights from a file, on other threads, by a number of classes that the file tells:
  // the same bits.
  write_safetensors(folder / "weights", start);
  const Outcome second = step(
      flags(folder, batch, "b") +
      "--model ssdlite-mobilenet-v2 --threads 2 --set learning-rate=0.5 --weights " +
      (folder / "weights").string());
  REQUIRE_MESSAGE(second.code == 0, second.text);
  const SafetensorsReader b(folder / "b");
  CHECK(b.tensors().size() == a.tensors().size() - start.size());
  for (const TensorEntry& entry : b.tensors()) {
    CAPTURE(entry.name);
    CHECK(b.data(entry) == a.data(a.at(entry.name)));
  }
}

TEST_CASE("step: a frozen group has no gradient and does not move; an average is kept") {
  const TemporaryFolder folder;
  const Outcome outcome = step(
      flags(folder, Batch(), "out") +
      "--model ssdlite-mobilenet-v2 --classes 2 --set freeze=backbone "
      "--set moving_average_decay=0.5");
  REQUIRE_MESSAGE(outcome.code == 0, outcome.text);
  const SafetensorsReader out(folder / "out");
  const std::string frozen = "backbone/layer_1/conv/weight", trained = "extras/map_2/conv/weight";
  CHECK(out.find("grad/" + frozen) == nullptr);
  CHECK(out.find("grad/" + trained) != nullptr);
  CHECK(out.floats("param/" + frozen) == out.floats("init/" + frozen));
  CHECK(out.floats("param/" + trained) != out.floats("init/" + trained));
  const auto before = out.floats("init/" + trained), after = out.floats("param/" + trained),
             average = out.floats("average/" + trained);
  CHECK(average.at(0) == doctest::Approx((before.at(0) + after.at(0)) / 2));
}

TEST_CASE("step: a faulty batch is refused by picture and box") {
  struct Fault {
    std::function<void(Batch&)> make;
    const char* message;
  };
  const Fault faults[] = {
      {[](Batch& b) { b.with_boxes = false; }, "there is no tensor \"boxes\""},
      {[](Batch& b) {
         b.images_shape = {1, 300, 3, 300};
       },
       "tensor \"images\" is [1,300,3,300]; give images [N,300,300,3] of F32"},
      {[](Batch& b) {
         b.images_shape = {300, 300, 3};
       },
       "tensor \"images\" is F32[300,300,3]"},
      {[](Batch& b) {
         b.boxes_shape = {1, 4, 3};
       },
       "boxes [1,4,3], labels [1,3]"},
      {[](Batch& b) {
         b.long_labels = {2, 1, 0};
       },
       "tensor \"labels\" is I64[1,3]; give labels [N,M] of I32"},
      {[](Batch& b) { b.labels[1] = 3; }, "picture 0, box 1: label 3 is not in 1..2"},
      {[](Batch& b) { b.labels[0] = -1; }, "picture 0, box 0: label -1 is not in 1..2"},
      {[](Batch& b) {
         b.labels = {2, 0, 1};
       },
       "box 2: a box follows the padding at 1"},
      {[](Batch& b) { b.boxes[5] = std::numeric_limits<float>::quiet_NaN(); },
       "picture 0, box 1: the box is not finite"},
      {[](Batch& b) { b.boxes[2] = 0.05f; }, "picture 0, box 0: the corners"},
      {[](Batch& b) { b.images[5] = std::numeric_limits<float>::infinity(); },
       "value 5 of \"images\" is not finite"},
  };
  for (const Fault& fault : faults) {
    const TemporaryFolder folder;
    Batch batch;
    fault.make(batch);
    const Outcome outcome =
        step(flags(folder, batch, "out") + "--model ssdlite-mobilenet-v2 --classes 2");
    CAPTURE(fault.message);
    CHECK_MESSAGE(says(outcome.text, fault.message), outcome.text);
    CHECK(outcome.code == 3);
    CHECK(!std::filesystem::exists(folder / "out"));
  }
}

TEST_CASE("step: options and weights that do not fit are refused") {
  const TemporaryFolder folder;
  const std::string good = flags(folder, Batch(), "out");
  const std::vector<float> bias(12);
  const auto weights = [&](const char* name, std::int64_t size) {
    const TensorView view{name, TensorDtype::f32, {size}, bias.data()};
    write_safetensors(folder / "weights", std::span(&view, 1));
    return good + "--weights " + (folder / "weights").string() + " ";
  };
  const auto refused = [](const std::string& arguments, int code, const char* message) {
    const Outcome outcome = step(arguments);
    CAPTURE(arguments);
    CHECK(outcome.code == code);
    CHECK_MESSAGE(says(outcome.text, message), outcome.text);
  };
  refused(good, 2, "--classes: the number of classes is open without --weights");
  refused(good + "--classes 2 --model ssd-mobilenet-v9", 2, "ssd-mobilenet-v9");
  refused(good + "--classes 2 --set learning_rat=1", 2, "did you mean learning_rate");
  refused(good + "--classes 2 --set num_classes=4", 2, "num_classes is 4");
  refused(weights("other/bias", 9), 6, "the number of classes cannot be told");
  refused(weights("heads/map_0/class/conv/bias", 10), 6, "the number of classes cannot be told");
  refused(weights("heads/map_0/class/conv/bias", 9), 6, "with 2 classes needs: 1 matched");
}
