// Bench of the loader: pictures a second through augmentation and resizing, on one thread, from
// decoded pictures of 640x480 in memory to 300x300 floats. Reading and decoding are apart.
// SPDX-License-Identifier: Apache-2.0
#include <benchmark/benchmark.h>

#include <cstdint>
#include <string>
#include <vector>

#include "ocelli/data/image_writer.hpp"
#include "ocelli/data/loader.hpp"

namespace {

using namespace ocelli;
using namespace ocelli::data;

constexpr int kPictures = 48, kBatch = 24;

/// Smooth pictures with some noise, as photographs are; five boxes each.
struct Set {
  MemorySource source;
  Dataset dataset;
  ThreadPool pool{1};

  Set() {
    dataset.labels = {"thing"};
    for (int k = 0; k < kPictures; ++k) {
      Random random(1, Stream::demo, 0, static_cast<std::uint32_t>(k));
      Image image = make_image(480, 640);
      for (int y = 0; y < 480; ++y) {
        for (int x = 0; x < 640; ++x) {
          for (int c = 0; c < 3; ++c) {
            image.at(y, x)[c] = static_cast<std::uint8_t>(
                (y + x * (c + 1)) / 16 + static_cast<int>(random.below(9)));
          }
        }
      }
      Picture picture{std::to_string(k) + ".jpg", 640, 480, PictureState::labelled, {}, {}, ""};
      for (int b = 0; b < 5; ++b) {
        Object object;
        const float y = random.uniform(0, 300), x = random.uniform(0, 400);
        object.box = {y, x, y + random.uniform(40, 180), x + random.uniform(40, 240)};
        object.label = 1;
        picture.objects.push_back(object);
      }
      source.put(picture.key, encode_jpeg(image));
      dataset.pictures.push_back(picture);
    }
  }
};

const Set& the_set() {
  static const Set set;
  return set;
}

/// Pictures a second of a list of transforms; the consumer does the work itself.
void prepare(benchmark::State& state, const char* augmentation, Resampling resampling) {
  const Set& set = the_set();
  ThreadPool pool(1);
  const ImageCache cache(set.dataset, set.source, pool);
  LoaderOptions options;
  options.batch = kBatch;
  options.augmentation = Augmentation::parse(augmentation);
  options.resampling = resampling;
  options.threads = 0;
  Loader loader(set.dataset, cache, options);
  std::int64_t step = 0;
  for (auto _ : state) benchmark::DoNotOptimize(loader.get(step++).images);
  state.counters["pictures/s"] = benchmark::Counter(
      static_cast<double>(state.iterations() * kBatch), benchmark::Counter::kIsRate);
}

/// Pictures a second of decoding alone.
void decode_jpeg(benchmark::State& state) {
  const auto bytes = the_set().source.read("0.jpg");
  for (auto _ : state) benchmark::DoNotOptimize(decode(bytes, "0.jpg").pixels.data());
  state.counters["pictures/s"] =
      benchmark::Counter(static_cast<double>(state.iterations()), benchmark::Counter::kIsRate);
}

BENCHMARK_CAPTURE(prepare, resize, "none", Resampling::bilinear)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(prepare, resize_area, "none", Resampling::area)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(prepare, ssd, "ssd", Resampling::bilinear)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(prepare, ssd_distort, "ssd_distort", Resampling::bilinear)
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(prepare, workflow, "workflow", Resampling::bilinear)
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(prepare, blur, "gaussian_blur(p=1)", Resampling::bilinear)
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(prepare, noise, "gauss_noise(p=1)", Resampling::bilinear)
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(prepare, hue, "resize, random_adjust_hue", Resampling::bilinear)
    ->Unit(benchmark::kMillisecond);
BENCHMARK(decode_jpeg)->Unit(benchmark::kMillisecond);

}  // namespace
