// Batches drawn on the device from a data set are the loader's; what a device cannot draw is told.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/cuda/pictures.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <vector>

#include "ocelli/core/thread_pool.hpp"
#include "ocelli/cuda/stream.hpp"
#include "ocelli/train/device_pictures.hpp"
#include "train/tiny_net.hpp"

using namespace ocelli;
using namespace ocelli::test;

namespace {

std::string why_not(const std::string& augmentation) {
  data::LoaderOptions options;
  options.augmentation = data::Augmentation::parse(augmentation);
  kernel::AugmentRule rule{};
  return train::describe(options, rule);
}
bool says(const std::string& text, const std::string& word) {
  return text.find(word) != std::string::npos;
}

/// Compares `steps` batches of the device with the loader's.
/// @param error  most difference of a pixel, in the net's range
void compare(const std::string& augmentation, int max_side, float error, int steps) {
  CAPTURE(augmentation);
  ThreadPool pool(1);
  const TinyPictures pictures(3, 5);
  data::CacheOptions cache_options;
  cache_options.max_side = max_side;
  cache_options.bytes = max_side > 0 ? 0 : std::size_t{1} << 30;  // some decode each time
  const data::ImageCache cache(pictures.dataset, pictures.source, pool, cache_options);
  data::LoaderOptions options;
  options.height = 24;
  options.width = 32;
  options.batch = 3;
  options.seed = 8;
  options.max_boxes = 2;
  options.threads = 0;
  options.augmentation = data::Augmentation::parse(augmentation);
  data::Loader loader(pictures.dataset, cache, options);

  const cuda::Stream stream;
  const data::Targets targets = data::collect_targets(pictures.dataset, cache);
  kernel::AugmentRule rule{};
  REQUIRE(train::describe(options, rule).empty());
  cuda::Pictures store(
      stream.handle(), train::picture_bytes(targets, cache), {3, 24, 32, 2}, rule,
      {options.scale.multiply, options.scale.add});
  train::fill(store, targets, cache);
  CHECK(store.count() == 5);
  CHECK(store.bytes() == train::picture_bytes(targets, cache));

  cuda::Memory<kernel::AugmentStep> which(1);
  const cuda::BatchInput input = store.input();
  std::vector<float> images(3 * 24 * 32 * 3);
  std::vector<Box> boxes(6);
  std::vector<std::int32_t> labels(6), counts(3);
  bool any = false;
  for (std::int64_t step = 2; step < 2 + steps; ++step) {
    CAPTURE(step);
    const kernel::AugmentStep word{8, step};
    which.upload(&word, 1, 0, stream.handle());
    store.draw(which.data());
    const auto fetch = [&](auto& host, const auto* device) {
      simt::download(host.data(), device, host.size() * sizeof host[0], stream.handle());
    };
    fetch(images, input.images);
    fetch(boxes, input.boxes);
    fetch(labels, input.labels);
    fetch(counts, input.counts);
    const data::Batch& batch = loader.get(step);
    float most = 0;
    for (std::size_t k = 0; k < images.size(); ++k)
      most = std::max(most, std::fabs(images[k] - batch.images[k]));
    CHECK(most <= error);
    for (std::size_t k = 0; k < 3; ++k) CHECK(counts[k] == batch.counts[k]);
    most = 0;
    for (std::size_t k = 0; k < 6; ++k) {
      CHECK(labels[k] == batch.labels[k]);
      any = any || labels[k] != 0;
      const Box &a = boxes[k], &b = batch.boxes[k];
      for (const float d : {a.ymin - b.ymin, a.xmin - b.xmin, a.ymax - b.ymax, a.xmax - b.xmax})
        most = std::max(most, std::fabs(d));
    }
    CHECK(most <= 4e-7f);
  }
  CHECK(any);
}

}  // namespace

TEST_CASE("cuda pictures: a batch is the loader's") {
  compare("ssd", 0, 2e-6f, 4);
  compare("ssd", 40, 2e-6f, 4);  // shrunk by the cache: boxes shrink along
  compare("none", 0, 2e-6f, 2);
  compare("horizontal_flip(p=1), vertical_flip(p=0.5), ssd_random_crop(keep=0)", 0, 2e-6f, 4);
  // Means are summed in another order; hue and saturation divide by differences of colours.
  compare("ssd_distort", 0, 1e-4f, 6);
}

TEST_CASE("cuda pictures: lists that a device does not draw") {
  for (const char* good :
       {"none", "ssd", "ssd_distort", "resize, random_adjust_hue", "ssd_random_crop, resize(p=0.5)",
        "expand, vertical_flip"})
    CHECK(why_not(good).empty());
  CHECK(says(why_not("workflow"), "no random_brightness_contrast"));
  CHECK(says(why_not("horizontal_flip, gauss_noise"), "no gauss_noise"));
  CHECK(says(why_not("ssd_random_crop, horizontal_flip"), "after ssd_random_crop"));
  CHECK(says(why_not("horizontal_flip, horizontal_flip"), "each once"));
  CHECK(says(why_not("random_adjust_hue"), "before the resize"));
  CHECK(says(why_not("resize(p=0.5), random_adjust_hue"), "before the resize"));
  data::LoaderOptions options;
  options.resampling = data::Resampling::area;
  kernel::AugmentRule rule{};
  CHECK(says(train::describe(options, rule), "by area"));
}

TEST_CASE("cuda pictures: a store without pictures, or with more than was said, is refused") {
  const cuda::Stream stream;
  cuda::Pictures store(stream.handle(), 12, {1, 4, 4, 1}, {}, {1, 0});
  CHECK_THROWS_AS(store.finish(), ShapeError);
  const std::vector<std::uint8_t> pixels(12, 7);
  const std::array<float, 3> mean{7, 7, 7};
  CHECK_THROWS_AS(store.add(1, 4, {pixels.data(), 9}, {}, {}, mean), ShapeError);
  store.add(2, 2, pixels, {}, {}, mean);
  CHECK_THROWS_AS(store.add(1, 1, {pixels.data(), 3}, {}, {}, mean), ShapeError);
  store.finish();
  CHECK(store.count() == 1);
}
