// Tests of the drawn picture set: exact boxes, determinism, limits, and the files it writes.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/data/shapes.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "ocelli/data/open.hpp"

namespace ocelli::data {
namespace {

/// A folder of its own below the system's temporary one, removed afterwards.
struct TemporaryFolder {
  std::filesystem::path path =
      std::filesystem::temp_directory_path() / ("ocelli-shapes-" + std::to_string(::getpid()));
  TemporaryFolder() { std::filesystem::remove_all(path); }
  ~TemporaryFolder() { std::filesystem::remove_all(path); }
};

std::string text_of(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

TEST_CASE("shapes: the box is the tight box of the pixels") {
  for (int label = 1; label <= 3; ++label) {
    for (std::uint32_t k = 0; k < 30; ++k) {
      Random random(1, Stream::demo, static_cast<std::uint32_t>(label), k);
      detail::Shape shape = detail::make_shape(label, random.uniform(20, 60), random);
      detail::move_to(shape, {random.uniform(50, 60), random.uniform(50, 60)});
      const PixelBox box = shape.box();
      Canvas canvas(110, 110);
      canvas.draw(
          {0, 0, 110, 110}, [&](Point at) { return shape.distance(at); }, Canvas::edge,
          [](Point, float) {
            return Colour{255, 255, 255};
          });
      const Image image = canvas.image();
      // Where a pixel is half covered there is an edge: none further out than the box, and one
      // within a pixel of each of its sides (corners are thin, so a pixel more for those).
      PixelBox found{1e9f, 1e9f, -1e9f, -1e9f};
      for (int y = 0; y < 110; ++y) {
        for (int x = 0; x < 110; ++x) {
          if (image.at(y, x)[0] < 128) continue;
          const auto fy = static_cast<float>(y), fx = static_cast<float>(x);
          found.ymin = std::min(found.ymin, fy), found.ymax = std::max(found.ymax, fy + 1);
          found.xmin = std::min(found.xmin, fx), found.xmax = std::max(found.xmax, fx + 1);
        }
      }
      CAPTURE(label);
      CAPTURE(k);
      CHECK(found.ymin >= box.ymin - 0.51f);
      CHECK(found.xmin >= box.xmin - 0.51f);
      CHECK(found.ymax <= box.ymax + 0.51f);
      CHECK(found.xmax <= box.xmax + 0.51f);
      const float corner = label == 1 ? 1.0f : 2.0f;
      CHECK(found.ymin <= box.ymin + corner);
      CHECK(found.xmin <= box.xmin + corner);
      CHECK(found.ymax >= box.ymax - corner);
      CHECK(found.xmax >= box.xmax - corner);
    }
  }
}

TEST_CASE("shapes: pictures are a function of seed and index, with objects inside") {
  int seen[4] = {};
  std::set<std::vector<std::uint8_t>> different;
  for (std::uint32_t k = 0; k < 60; ++k) {
    const int h = k % 2 == 0 ? 96 : 64, w = 80;
    const Drawing drawing = draw_shapes(7, k, h, w);
    REQUIRE(drawing.image.height == h);
    REQUIRE(drawing.image.width == w);
    different.insert(drawing.image.pixels);
    CHECK(drawing.objects.size() >= 1);
    CHECK(drawing.objects.size() <= 4);
    for (const Object& object : drawing.objects) {
      REQUIRE(object.label >= 1);
      REQUIRE(object.label <= 3);
      ++seen[object.label];
      CHECK(object.box.ymin >= 0);
      CHECK(object.box.xmin >= 0);
      CHECK(object.box.ymax <= static_cast<float>(h));
      CHECK(object.box.xmax <= static_cast<float>(w));
      CHECK(object.box.area() > 100);
    }
    const Drawing again = draw_shapes(7, k, h, w);
    CHECK(again.image.pixels == drawing.image.pixels);
    CHECK(again.objects.size() == drawing.objects.size());
  }
  CHECK(different.size() == 60);
  CHECK(std::min({seen[1], seen[2], seen[3]}) > 20);
  CHECK(draw_shapes(8, 0, 64, 64).image.pixels != draw_shapes(7, 0, 64, 64).image.pixels);
}

TEST_CASE("shapes: distances") {
  const std::vector<Point> square = {{0, 0}, {10, 0}, {10, 10}, {0, 10}};
  CHECK(distance_to_polygon({5, 4}, square, 0) == doctest::Approx(-4));
  CHECK(distance_to_polygon({13, 14}, square, 0) == doctest::Approx(5));
  CHECK(distance_to_polygon({13, 14}, square, 2) == doctest::Approx(3));
  CHECK(distance_to_disc({3, 4}, {0, 0}, 2) == doctest::Approx(3));
  CHECK(distance_to_line({5, 3}, {0, 0}, {10, 0}, 1) == doctest::Approx(2));
  CHECK(distance_to_line({13, 4}, {0, 0}, {10, 0}, 1) == doctest::Approx(4));
  CHECK(box_of(square, 1) == PixelBox{-1, -1, 11, 11});
  CHECK(colour_of(0, 1, 1) == Colour{255, 0, 0});
  CHECK(colour_of(1.0f / 3, 1, 1)[1] == doctest::Approx(255));
  CHECK(colour_of(-0.5f, 1, 1)[0] == doctest::Approx(0));  // cyan
}

TEST_CASE("shapes: a folder in Cloud Annotations' layout") {
  const TemporaryFolder folder;
  write_shapes(folder.path.string(), 3, 5, 64, 80);
  const auto json = nlohmann::json::parse(text_of(folder.path / "_annotations.json"));
  CHECK(json["version"] == "1.0");
  CHECK(json["type"] == "localization");
  CHECK(json["labels"] == shape_labels());
  REQUIRE(json["annotations"].size() == 3);
  for (std::uint32_t k = 0; k < 3; ++k) {
    const std::string key = "shapes-0000" + std::to_string(k) + ".jpg";
    const Drawing drawing = draw_shapes(5, k, 64, 80);
    const auto& entries = json["annotations"][key];
    REQUIRE(entries.size() == drawing.objects.size());
    for (std::size_t i = 0; i < entries.size(); ++i) {
      const Object& object = drawing.objects[i];
      CHECK(entries[i]["label"] == shape_labels()[static_cast<std::size_t>(object.label - 1)]);
      CHECK(entries[i]["x"].get<float>() * 80 == doctest::Approx(object.box.xmin));
      CHECK(entries[i]["y"].get<float>() * 64 == doctest::Approx(object.box.ymin));
      CHECK(entries[i]["x2"].get<float>() * 80 == doctest::Approx(object.box.xmax));
      CHECK(entries[i]["y2"].get<float>() * 64 == doctest::Approx(object.box.ymax));
    }
    const std::string bytes = text_of(folder.path / key);
    const Image image = decode(std::as_bytes(std::span(bytes)), key);
    REQUIRE(image.pixels.size() == drawing.image.pixels.size());
    double error = 0;
    for (std::size_t i = 0; i < image.pixels.size(); ++i) {
      error += std::abs(image.pixels[i] - drawing.image.pixels[i]);
    }
    CHECK(error / static_cast<double>(image.pixels.size()) < 8);  // JPEG
  }

  // Read back as any bucket is.
  const Dataset dataset = open(folder.path.string());
  CHECK(dataset.labels == shape_labels());
  REQUIRE(dataset.pictures.size() == 3);
  for (std::uint32_t k = 0; k < 3; ++k) {
    const Picture& picture = dataset.pictures[k];
    const auto objects = draw_shapes(5, k, 64, 80).objects;
    CHECK(picture.state == PictureState::labelled);
    REQUIRE(picture.objects.size() == objects.size());
    for (std::size_t i = 0; i < objects.size(); ++i) {
      CHECK(picture.objects[i].label == objects[i].label);
      CHECK(picture.objects[i].box.xmin == doctest::Approx(objects[i].box.xmin));
      CHECK(picture.objects[i].box.ymax == doctest::Approx(objects[i].box.ymax));
    }
  }

  // A smaller set replaces it, and leaves no picture without labels.
  write_shapes(folder.path.string(), 1, 6, 64, 80);
  CHECK(std::filesystem::exists(folder.path / "shapes-00000.jpg"));
  CHECK(!std::filesystem::exists(folder.path / "shapes-00002.jpg"));

  // Somebody's own labels are not overwritten.
  const std::string own = R"({"version":"1.0","labels":["cat"],"annotations":{}})";
  std::ofstream(folder.path / "_annotations.json") << own;
  CHECK_THROWS_WITH_AS(
      write_shapes(folder.path.string(), 1, 6), doctest::Contains("holds another data set"),
      StoreError);
  CHECK(text_of(folder.path / "_annotations.json") == own);
}

TEST_CASE("shapes: a whole picture shows one of them, large") {
  int seen[4] = {};
  std::set<std::vector<std::uint8_t>> different;
  for (std::uint32_t k = 0; k < 60; ++k) {
    const int h = k % 2 == 0 ? 96 : 33, w = 80;
    const Drawing drawing = draw_whole_picture(7, k, h, w);
    different.insert(drawing.image.pixels);
    different.insert(draw_shapes(7, k, h, w).image.pixels);
    REQUIRE(drawing.objects.size() == 1);
    const Object& object = drawing.objects[0];
    REQUIRE(object.label >= 1);
    REQUIRE(object.label <= 3);
    ++seen[object.label];
    CHECK(object.box.ymin >= 1);
    CHECK(object.box.xmin >= 1);
    CHECK(object.box.ymax <= static_cast<float>(h - 1));
    CHECK(object.box.xmax <= static_cast<float>(w - 1));
    const float larger = std::max(object.box.height(), object.box.width());
    CHECK(larger > 0.44f * static_cast<float>(std::min(h, w)));
    CHECK(draw_whole_picture(7, k, h, w).image.pixels == drawing.image.pixels);
  }
  CHECK(different.size() == 120);
  CHECK(std::min({seen[1], seen[2], seen[3]}) > 10);
}

TEST_CASE("shapes: a classification project, with labels exactly as they are given") {
  const TemporaryFolder folder;
  const std::vector<std::string> labels = {"Caf\xC3\xA9 #2", "a, \"b\"", "Dreieck"};
  write_whole_pictures(folder.path.string(), 12, 5, 64, 80, labels);
  CHECK(text_of(folder.path / "_type") == "classification\n");
  CHECK(text_of(folder.path / "_labels.csv") == labels[0] + "\n\"a, \"\"b\"\"\"\nDreieck\n");
  CHECK(!std::filesystem::exists(folder.path / "_annotations.json"));

  const Dataset dataset = open(folder.path.string());
  // Classes are in the order in which pictures have them.
  CHECK(
      std::set<std::string>(dataset.labels.begin(), dataset.labels.end()) ==
      std::set<std::string>(labels.begin(), labels.end()));
  CHECK(dataset.type == "classification");
  CHECK(dataset.findings.empty());
  REQUIRE(dataset.pictures.size() == 12);
  for (std::uint32_t k = 0; k < 12; ++k) {
    const Picture& picture = dataset.pictures[k];
    CHECK(picture.key == detail::shapes_key(static_cast<int>(k)));
    CHECK(picture.state == PictureState::labelled);
    CHECK(picture.objects.empty());
    REQUIRE(picture.tags.size() == 1);
    const int drawn = draw_whole_picture(5, k, 64, 80).objects[0].label;
    CHECK(
        dataset.labels[static_cast<std::size_t>(picture.tags[0] - 1)] ==
        labels[static_cast<std::size_t>(drawn - 1)]);
  }
  CHECK_THROWS_AS(write_whole_pictures(folder.path.string(), 1, 5, 64, 80, {"a"}), ConfigError);

  // Either kind replaces the other, whole.
  write_shapes(folder.path.string(), 1, 6, 64, 80);
  CHECK(!std::filesystem::exists(folder.path / "_annotations.csv"));
  CHECK(!std::filesystem::exists(folder.path / "_labels.csv"));
  CHECK(!std::filesystem::exists(folder.path / "_type"));
  CHECK(!std::filesystem::exists(folder.path / "shapes-00001.jpg"));
  write_whole_pictures(folder.path.string(), 2, 6, 64, 80);
  CHECK(!std::filesystem::exists(folder.path / "_annotations.json"));
  for (const std::string& label : open(folder.path.string()).labels)
    CHECK(std::count(shape_labels().begin(), shape_labels().end(), label) == 1);

  // Somebody's own labels are not overwritten.
  const std::string own = "cat.jpg,cat\n";
  std::ofstream(folder.path / "_annotations.csv") << own;
  CHECK_THROWS_WITH_AS(
      write_whole_pictures(folder.path.string(), 1, 6), doctest::Contains("holds another data set"),
      StoreError);
  CHECK_THROWS_AS(write_shapes(folder.path.string(), 1, 6), StoreError);
  CHECK(text_of(folder.path / "_annotations.csv") == own);
  CHECK(std::filesystem::exists(folder.path / "shapes-00001.jpg"));
}

}  // namespace ocelli::data
