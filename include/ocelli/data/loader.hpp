// Loader: the batches of training, prepared ahead by threads of its own. The batch of a step is a
// function of (seed, step): the same bits on any number of threads, and from any step on.
//
//   sample g = step * batch + i   epoch = g / n   picture = permutation(seed, epoch)[g % n]
//   its random draws: (seed, Stream::augment, step, i)
//
// What belongs to a picture is its boxes, or one class (whole_pictures.hpp); all else is the same.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <chrono>
#include <cmath>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "ocelli/box/box.hpp"
#include "ocelli/core/buffer.hpp"
#include "ocelli/core/error.hpp"
#include "ocelli/core/random.hpp"
#include "ocelli/data/augment.hpp"
#include "ocelli/data/cache.hpp"
#include "ocelli/data/dataset.hpp"
#include "ocelli/data/image.hpp"
#include "ocelli/data/resize.hpp"
#include "ocelli/data/sample.hpp"
#include "ocelli/data/targets.hpp"
#include "ocelli/data/whole_pictures.hpp"

namespace ocelli::data {

struct LoaderOptions {
  int height = 300, width = 300;  ///< of the net's input
  int batch = 24;
  std::uint64_t seed = 0;
  Augmentation augmentation = Augmentation::ssd();
  PixelScale scale{};  ///< to the net's range; [-1, 1]
  Resampling resampling = Resampling::bilinear;
  int max_boxes = 100;  ///< of one picture, after augmentation: the first ones
  int threads = 1;      ///< that prepare batches; 0: get() prepares them itself
  int prefetch = 2;     ///< batches that are prepared ahead
  TargetKind targets = TargetKind::boxes;
};

/// One batch, in the loader's memory: good until the next get(). Rows past a picture's count are 0.
struct Batch {
  std::int64_t step = -1;
  int size = 0, height = 0, width = 0;
  int max_boxes = 0;                 ///< 0 for whole pictures, which have no boxes, labels, counts
  float* images = nullptr;           ///< [size, height, width, 3], aligned to 64 bytes
  Box* boxes = nullptr;              ///< [size, max_boxes] of [ymin, xmin, ymax, xmax]
  std::int32_t* labels = nullptr;    ///< [size, max_boxes], 1-based; 0 is padding
  std::int32_t* counts = nullptr;    ///< [size] boxes in use
  std::int32_t* pictures = nullptr;  ///< [size] positions in Dataset::pictures
  std::int32_t* classes = nullptr;   ///< [size] of whole pictures: 0 .. C-1
};

/// A picture as evaluation sees it, only resized and scaled: writes [height, width, 3] to out.
/// Returns the picture's own size, which boxes map back to. Safe from any thread.
/// @param central  share of each side that is kept around the middle, (0, 1]; for whole pictures
inline ImageSize load_for_eval(
    const ImageCache& cache, std::size_t picture, int height, int width, float* out,
    PixelScale scale = {}, Resampling resampling = Resampling::bilinear, double central = 1) {
  if (!(central > 0 && central <= 1)) {
    throw ConfigError(
        "the central share of a picture must lie above 0 and not above 1", "load_for_eval");
  }
  Image decoded;
  Pixels<std::uint8_t> pixels;
  ImageSize size{cache.height(picture), cache.width(picture)};
  if (cache.usable(picture)) {
    pixels = cache.get(picture, decoded);
  } else {  // unlabelled: not looked at so far
    decoded = cache.read(picture);
    pixels = {decoded.pixels.data(), decoded.height, decoded.width};
    size = {decoded.height, decoded.width};
  }
  Resizer resize;
  const auto kept = [central](int side) {
    return std::max(1, static_cast<int>(std::lround(side * central)));
  };
  const int h = kept(pixels.height), w = kept(pixels.width);
  const Window middle{(pixels.height - h) / 2, (pixels.width - w) / 2, h, w, false, false, {}};
  resize(pixels, middle, height, width, out, scale, resampling);
  return size;
}

/// One thread calls get(); the rest is safe from any.
class Loader {
 public:
  /// The cache must outlive the loader; the data set is read now only.
  /// @throws ConfigError for an option out of range; DataError when no picture is left to train on,
  /// or a label is not in the data set's list
  Loader(const Dataset& dataset, const ImageCache& cache, LoaderOptions options)
      : cache_(&cache), options_(std::move(options)) {
    check_options();
    targets_ = collect_targets(dataset, cache, options_.targets);
    slots_.resize(static_cast<std::size_t>(options_.threads == 0 ? 1 : options_.prefetch + 1));
    for (Slot& slot : slots_) slot.allocate(options_);

    int widest = 0;
    std::size_t most_objects = 0;
    for (const TrainingPicture& picture : targets_.pictures) {
      widest = std::max(widest, cache.width(picture.picture));
      most_objects = std::max(most_objects, picture.objects.size());
    }
    workers_.resize(static_cast<std::size_t>(std::max(options_.threads, 1)));
    for (Worker& worker : workers_) {
      worker.sample.reserve(widest, most_objects, options_.height, options_.width);
    }
    threads_.reserve(static_cast<std::size_t>(options_.threads));
    for (std::size_t t = 0; t < static_cast<std::size_t>(options_.threads); ++t) {
      threads_.emplace_back([this, t] { serve(workers_[t]); });
    }
  }
  ~Loader() {
    {
      const std::lock_guard lock(mutex_);
      stop_ = true;
    }
    work_.notify_all();
    for (std::thread& thread : threads_) thread.join();
  }
  Loader(const Loader&) = delete;
  Loader& operator=(const Loader&) = delete;

  /// The batch of a training step; later steps are prepared meanwhile. Steps in sequence come
  /// without waiting; any other step (a resumed run, a replay) is right too.
  /// @throws what preparing one of its pictures threw
  const Batch& get(std::int64_t step) {
    if (step < 0 || step > std::int64_t{0xFFFFFFFF}) {
      throw ConfigError("step " + std::to_string(step) + " is not in 0 .. 2^32 - 1", "loader");
    }
    const auto begin = std::chrono::steady_clock::now();
    Slot& slot = options_.threads == 0 ? prepare_here(step) : wait_for(step);
    waited_ += std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    if (slot.fault) std::rethrow_exception(slot.fault);
    return slot.batch;
  }

  /// Seconds that get() has waited (or, without threads, worked) in all. For the thread of get().
  double data_wait_seconds() const { return waited_; }

  const TargetCounts& counts() const { return targets_.counts; }
  const LoaderOptions& options() const { return options_; }
  /// Position in Dataset::pictures of place i of a step's batch.
  std::size_t picture_of(std::int64_t step, int i) const { return chosen(step, i).picture; }

 private:
  struct Slot {
    Batch batch;
    Buffer<float> images;
    Buffer<Box> boxes;
    Buffer<std::int32_t> labels, counts, pictures, classes;
    int left = 0;              ///< pictures that are not ready
    int fault_at = 0;          ///< the place that `fault` is about
    std::exception_ptr fault;  ///< of the first place that failed

    void allocate(const LoaderOptions& options) {
      const auto n = static_cast<std::size_t>(options.batch);
      const bool whole = options.targets == TargetKind::whole_picture;
      const int max_boxes = whole ? 0 : options.max_boxes;
      const auto rows = n * static_cast<std::size_t>(max_boxes);
      const auto area =
          static_cast<std::size_t>(options.height) * static_cast<std::size_t>(options.width);
      images = Buffer<float>(n * area * 3);
      pictures = Buffer<std::int32_t>(n);
      if (whole) {
        classes = Buffer<std::int32_t>(n);
      } else {
        boxes = Buffer<Box>(rows);
        labels = Buffer<std::int32_t>(rows);
        counts = Buffer<std::int32_t>(n);
      }
      batch = {-1,
               options.batch,
               options.height,
               options.width,
               max_boxes,
               images.data(),
               boxes.data(),
               labels.data(),
               counts.data(),
               pictures.data(),
               classes.data()};
    }
    void begin(std::int64_t step) {
      batch.step = step;
      left = batch.size;
      fault = nullptr;
    }
    void finish_place(int i, std::exception_ptr problem) {
      --left;
      if (problem && (!fault || i < fault_at)) {
        fault = std::move(problem);
        fault_at = i;
      }
    }
  };
  /// What one thread works with.
  struct Worker {
    Sample sample;
    Image decoded;
  };

  void check_options() const {
    const auto at_least = [](int value, int low, const char* name) {
      if (value >= low) return;
      throw ConfigError(
          std::string(name) + " is " + std::to_string(value), "loader",
          "it must be at least " + std::to_string(low));
    };
    at_least(options_.height, 1, "height");
    at_least(options_.width, 1, "width");
    at_least(options_.batch, 1, "batch");
    at_least(options_.max_boxes, 1, "max_boxes");
    at_least(options_.threads, 0, "threads");
    at_least(options_.prefetch, 1, "prefetch");
  }

  const TrainingPicture& chosen(std::int64_t step, int i) const {
    const std::uint64_t n = targets_.pictures.size();
    const std::uint64_t g =
        static_cast<std::uint64_t>(step) * static_cast<std::uint64_t>(options_.batch) +
        static_cast<std::uint64_t>(i);
    const Permutation order(
        options_.seed, static_cast<std::uint32_t>(g / n), static_cast<std::uint32_t>(n));
    return targets_.pictures[order(static_cast<std::uint32_t>(g % n))];
  }

  /// Writes place i of the slot's batch; touches nothing else of it.
  void prepare(Worker& worker, const Batch& batch, int i) const {
    const TrainingPicture& source = chosen(batch.step, i);
    const Pixels<std::uint8_t> pixels = cache_->get(source.picture, worker.decoded);
    Sample& sample = worker.sample;
    sample.begin(pixels, options_.height, options_.width, options_.resampling);
    const float y = static_cast<float>(pixels.height) / static_cast<float>(source.height);
    const float x = static_cast<float>(pixels.width) / static_cast<float>(source.width);
    for (const Object& object : source.objects) {
      sample.objects.push_back(object);
      PixelBox& box = sample.objects.back().box;
      box = {box.ymin * y, box.xmin * x, box.ymax * y, box.xmax * x};
    }
    Random random(
        options_.seed, Stream::augment, static_cast<std::uint32_t>(batch.step),
        static_cast<std::uint32_t>(i));
    options_.augmentation.apply(sample, random);

    const auto place = static_cast<std::size_t>(i);
    const auto values =
        static_cast<std::size_t>(batch.height) * static_cast<std::size_t>(batch.width) * 3;
    sample.finish(batch.images + place * values, options_.scale);
    batch.pictures[place] = static_cast<std::int32_t>(source.picture);
    if (options_.targets == TargetKind::whole_picture) {
      batch.classes[place] = static_cast<std::int32_t>(source.tag - 1);
      return;
    }
    const auto rows = static_cast<std::size_t>(batch.max_boxes);
    Box* boxes = batch.boxes + place * rows;
    std::int32_t* labels = batch.labels + place * rows;
    const std::size_t count = std::min(rows, sample.objects.size());
    for (std::size_t k = 0; k < count; ++k) {
      boxes[k] = normalised(sample.objects[k].box, sample.height(), sample.width());
      labels[k] = sample.objects[k].label;
    }
    std::fill(boxes + count, boxes + rows, Box{});
    std::fill(labels + count, labels + rows, 0);
    batch.counts[place] = static_cast<std::int32_t>(count);
  }
  std::exception_ptr try_prepare(Worker& worker, const Batch& batch, int i) const noexcept {
    try {
      prepare(worker, batch, i);
      return nullptr;
    } catch (...) {
      return std::current_exception();
    }
  }

  Slot& prepare_here(std::int64_t step) {
    Slot& slot = slots_[0];
    if (slot.batch.step == step) return slot;
    slot.begin(step);
    for (int i = 0; i < slot.batch.size; ++i) {
      slot.finish_place(i, try_prepare(workers_[0], slot.batch, i));
    }
    return slot;
  }

  Slot& slot_of(std::int64_t step) {
    return slots_[static_cast<std::size_t>(step) % slots_.size()];
  }

  Slot& wait_for(std::int64_t step) {
    std::unique_lock lock(mutex_);
    if (current_ < 0 || (step != current_ && step != current_ + 1)) {
      current_ = -1;  // no more work is handed out; what is under way must leave the slots first
      ready_.wait(lock, [this] { return under_way_ == 0; });
      for (Slot& slot : slots_) slot.batch.step = -1;
      next_step_ = step;
      next_place_ = 0;
    }
    if (step != current_) {
      current_ = step;
      work_.notify_all();
    }
    Slot& slot = slot_of(step);
    ready_.wait(lock, [&] { return slot.batch.step == step && slot.left == 0; });
    return slot;
  }

  /// A thread's life: takes the next place of the next batch that there is room for.
  void serve(Worker& worker) {
    std::unique_lock lock(mutex_);
    for (;;) {
      work_.wait(lock, [this] {
        const auto slots = static_cast<std::int64_t>(slots_.size());
        return stop_ || (current_ >= 0 && next_step_ < current_ + slots);
      });
      if (stop_) return;
      Slot& slot = slot_of(next_step_);
      const int i = next_place_++;
      if (i == 0) slot.begin(next_step_);
      if (next_place_ == options_.batch) {
        next_place_ = 0;
        ++next_step_;
      }
      ++under_way_;
      lock.unlock();
      std::exception_ptr problem = try_prepare(worker, slot.batch, i);
      lock.lock();
      --under_way_;
      slot.finish_place(i, std::move(problem));
      if (slot.left == 0 || under_way_ == 0) ready_.notify_all();
    }
  }

  const ImageCache* cache_;
  LoaderOptions options_;
  Targets targets_;
  std::vector<Slot> slots_;
  std::vector<Worker> workers_;
  std::vector<std::thread> threads_;
  double waited_ = 0;

  // Below: under the mutex. The slots hold the batches of steps current_ .. current_ + prefetch;
  // the consumer reads current_'s, and places are handed out in order from (next_step_,
  // next_place_).
  std::mutex mutex_;
  std::condition_variable work_, ready_;
  std::int64_t current_ = -1, next_step_ = 0;
  int next_place_ = 0, under_way_ = 0;
  bool stop_ = false;
};

}  // namespace ocelli::data
