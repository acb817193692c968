// Tests of a classifier's pictures: who takes part, batches that can be made again, evaluation's
// view.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/data/whole_pictures.hpp"

#include <doctest/doctest.h>

#include <cstring>
#include <set>
#include <string>
#include <vector>

#include "ocelli/data/image_writer.hpp"
#include "ocelli/data/loader.hpp"
#include "support/counting_allocator.hpp"
#include "support/message_of.hpp"

namespace ocelli::data {
namespace {

/// Noisy pictures; picture k has tag 1 + k % 3, and number 7 has none.
struct Set {
  MemorySource source;
  Dataset dataset;
  ThreadPool pool{1};

  explicit Set(int count) {
    dataset.labels = {"cat", "dog", "Caf\xC3\xA9 #2"};
    for (int k = 0; k < count; ++k) {
      Random random(1, Stream::demo, 0, static_cast<std::uint32_t>(k));
      Image image = make_image(50 + k, 70 - k);
      for (auto& v : image.pixels) v = static_cast<std::uint8_t>(random.below(256));
      Picture picture;
      picture.key = std::to_string(k) + ".png";
      picture.state = PictureState::labelled;
      if (k != 7) picture.tags = {1 + k % 3};
      source.put(picture.key, encode_png(image));
      dataset.pictures.push_back(picture);
    }
  }
  ImageCache cache(CacheOptions options = {}) { return {dataset, source, pool, options}; }
  Picture& at(std::size_t i) { return dataset.pictures[i]; }
};

LoaderOptions small(int threads = 1) {
  LoaderOptions options;
  options.height = 33;
  options.width = 37;
  options.batch = 4;
  options.seed = 5;
  options.threads = threads;
  options.augmentation = Augmentation::whole_picture();
  options.targets = TargetKind::whole_picture;
  return options;
}

std::string bytes_of(const Batch& batch) {
  const auto n = static_cast<std::size_t>(batch.size);
  std::string bytes;
  const auto add = [&](const auto* data, std::size_t count) {
    bytes.append(reinterpret_cast<const char*>(data), count * sizeof *data);
  };
  add(batch.images, n * 33 * 37 * 3);
  add(batch.classes, n);
  add(batch.pictures, n);
  return bytes;
}

}  // namespace

TEST_CASE("whole_pictures: who takes part, and what is counted instead") {
  Set set(12);
  set.at(1).tags = {3, 1};  // the first counts
  set.at(2).state = PictureState::unlabelled;
  set.at(2).tags.clear();
  set.at(3).state = PictureState::negative;
  set.at(3).tags.clear();
  Object box;
  box.box = {0, 0, 10, 10};
  box.label = 1;
  set.at(7).objects = {box};
  set.source.put("5.png", "no picture");
  const ImageCache cache = set.cache({.skip_bad = true});
  const Targets targets = collect_whole_pictures(set.dataset, cache);
  CHECK(targets.counts.pictures == 8);
  CHECK(targets.counts.unlabelled == 1);
  CHECK(targets.counts.without_targets == 2);
  CHECK(targets.counts.bad == 1);
  CHECK(targets.counts.several_tags == 1);
  REQUIRE(targets.pictures.size() == 8);
  CHECK(targets.pictures[0].picture == 0);
  CHECK(targets.pictures[0].tag == 1);
  CHECK(targets.pictures[1].picture == 1);
  CHECK(targets.pictures[1].tag == 3);
  CHECK(targets.pictures[1].height == 51);
  CHECK(targets.pictures[1].width == 69);
  CHECK(class_of(set.at(1)) == 2);
  CHECK(class_of(set.at(7)) == -1);
  // A detector on the same data has the one picture with a box, and the negative.
  CHECK(collect_targets(set.dataset, cache, TargetKind::boxes).counts.pictures == 2);
}

TEST_CASE("whole_pictures: labels that are not in the list, and nothing to train on") {
  Set set(3);
  const ImageCache cache = set.cache();
  set.at(1).tags = {1, 4};
  CHECK(test::message_of<DataError>([&] {
          collect_whole_pictures(set.dataset, cache);
        }) == "1.png: a picture has label 4 of 3; labels are numbered from 1");
  for (Picture& picture : set.dataset.pictures) picture.tags.clear();
  set.at(0).state = PictureState::unlabelled;
  CHECK(test::says(
      test::message_of<DataError>([&] { Loader(set.dataset, cache, small()); }),
      "no picture to train on among 3 (1 unlabelled, 0 that cannot be read, 2 without a label"));
}

TEST_CASE("whole_pictures: batches are the same on any number of threads, and after seeking") {
  Set set(11);
  const ImageCache cache = set.cache();
  std::vector<std::string> expected;
  Loader here(set.dataset, cache, small(0));
  for (int step = 0; step < 8; ++step) expected.push_back(bytes_of(here.get(step)));
  CHECK(std::set<std::string>(expected.begin(), expected.end()).size() == expected.size());
  for (const int threads : {1, 3}) {
    Loader loader(set.dataset, cache, small(threads));
    for (const int step : {0, 1, 2, 5, 6, 7, 3, 4})
      CHECK(bytes_of(loader.get(step)) == expected[static_cast<std::size_t>(step)]);
    // Nothing is allocated once it runs.
    const test::AllocationCount count;
    for (int step = 8; step < 20; ++step) loader.get(step);
    CHECK(count.so_far() == 0);
  }
  LoaderOptions other = small();
  other.seed = 6;
  Loader reseeded(set.dataset, cache, other);
  CHECK(bytes_of(reseeded.get(0)) != expected[0]);
}

TEST_CASE("whole_pictures: a batch has classes and no boxes; every epoch each picture once") {
  Set set(11);
  const ImageCache cache = set.cache();
  LoaderOptions options = small();
  options.augmentation = Augmentation();
  Loader loader(set.dataset, cache, options);
  CHECK(loader.counts().pictures == 10);
  std::vector<float> picture(33 * 37 * 3);
  std::multiset<int> seen;
  for (int step = 0; step < 5; ++step) {
    const Batch& batch = loader.get(step);
    CHECK(batch.max_boxes == 0);
    CHECK(batch.boxes == nullptr);
    CHECK(batch.labels == nullptr);
    CHECK(batch.counts == nullptr);
    for (int i = 0; i < 4; ++i) {
      const int p = batch.pictures[i];
      seen.insert(p);
      CHECK(batch.classes[i] == p % 3);
      load_for_eval(cache, static_cast<std::size_t>(p), 33, 37, picture.data());
      CHECK(
          std::memcmp(
              picture.data(), batch.images + i * 33 * 37 * 3, picture.size() * sizeof(float)) == 0);
    }
  }
  for (int p = 0; p < 11; ++p) CHECK(seen.count(p) == (p == 7 ? 0 : 2));
  for (const float v : picture) CHECK((v >= -1 && v <= 1));
  CHECK(Loader(set.dataset, cache, LoaderOptions{}).get(0).classes == nullptr);
}

TEST_CASE("whole_pictures: evaluation can look at the middle alone") {
  MemorySource source;
  Dataset dataset;
  ThreadPool pool{1};
  dataset.labels = {"a"};
  Image image = make_image(8, 16);
  for (int i = 0; i < 8; ++i)
    for (int j = 0; j < 16; ++j)
      for (int c = 0; c < 3; ++c) image.at(i, j)[c] = i >= 2 && i < 6 && j >= 4 && j < 12 ? 255 : 0;
  source.put("a.png", encode_png(image));
  Picture picture;
  picture.key = "a.png";
  picture.state = PictureState::labelled;
  picture.tags = {1};
  dataset.pictures = {picture};
  const ImageCache cache(dataset, source, pool);
  std::vector<float> out(4 * 4 * 3);
  load_for_eval(cache, 0, 4, 4, out.data(), {}, Resampling::bilinear, 0.5);
  for (const float v : out) CHECK(v == 1);
  load_for_eval(cache, 0, 4, 4, out.data());
  CHECK(out[0] == -1);
  CHECK_THROWS_AS(
      load_for_eval(cache, 0, 4, 4, out.data(), {}, Resampling::bilinear, 0), ConfigError);
}

}  // namespace ocelli::data
