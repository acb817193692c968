// evaluate, classify: a net over a labelled data set: what it finds in each picture, or says of
// each as a whole, and the numbers of its task.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <utility>
#include <vector>

#include "ocelli/data/cache.hpp"
#include "ocelli/data/loader.hpp"
#include "ocelli/data/whole_pictures.hpp"
#include "ocelli/train/evaluation.hpp"
#include "ocelli/train/ssd_detector.hpp"

namespace ocelli::train {

/// The pictures that can be evaluated: labelled or marked as negative, and readable.
inline std::vector<std::size_t> evaluable_pictures(
    const data::Dataset& dataset, const data::ImageCache& cache) {
  std::vector<std::size_t> pictures;
  for (std::size_t i = 0; i < dataset.pictures.size(); ++i)
    if (dataset.pictures[i].state != data::PictureState::unlabelled && cache.usable(i))
      pictures.push_back(i);
  return pictures;
}

/// The same for a task: whole pictures need a label of their own.
inline std::vector<std::size_t> evaluable_pictures(
    const data::Dataset& dataset, const data::ImageCache& cache, data::TargetKind task) {
  std::vector<std::size_t> pictures = evaluable_pictures(dataset, cache);
  if (task == data::TargetKind::whole_picture)
    std::erase_if(pictures, [&](std::size_t i) { return dataset.pictures[i].tags.empty(); });
  return pictures;
}

/// The labelled objects of a picture, for a metric.
inline std::vector<eval::GroundTruth> truths_of(const data::Picture& picture) {
  std::vector<eval::GroundTruth> truths;
  for (const data::Object& object : picture.objects)
    truths.push_back({object.box, object.label, object.crowd, object.difficult, -1});
  return truths;
}

namespace detail {

/// Gives a net the chosen pictures, a batch at a time.
/// @param use  called with (place in the batch, place in `chosen`, the picture's own size) when the
///             net has seen it
template <class Net, class Use>
void show_pictures(
    Net& net, ThreadPool& pool, const std::vector<std::size_t>& chosen,
    const data::ImageCache& cache, data::Resampling resampling, double central,
    const std::function<void(std::size_t, std::size_t)>& progress, const Use& use) {
  const Shape input = net.input();
  const auto batch = static_cast<std::size_t>(net.batch());
  std::vector<data::ImageSize> sizes(batch);
  std::vector<std::exception_ptr> faults(batch);
  for (std::size_t start = 0; start < chosen.size(); start += batch) {
    const std::size_t count = std::min(batch, chosen.size() - start);
    pool.for_each(static_cast<long>(count), [&](long task, int) {
      const auto i = static_cast<std::size_t>(task);
      try {
        sizes[i] = data::load_for_eval(
            cache, chosen[start + i], input.height, input.width, net.image(static_cast<int>(i)), {},
            resampling, central);
      } catch (...) {
        faults[i] = std::current_exception();
      }
    });
    for (const std::exception_ptr& fault : faults)
      if (fault) std::rethrow_exception(fault);
    net.run(static_cast<int>(count));
    for (std::size_t i = 0; i < count; ++i) use(static_cast<int>(i), chosen[start + i], sizes[i]);
    if (progress) progress(start + count, chosen.size());
  }
}

inline std::vector<std::size_t> pictures_to_evaluate(
    const data::Dataset& dataset, const data::ImageCache& cache, data::TargetKind task) {
  std::vector<std::size_t> chosen = evaluable_pictures(dataset, cache, task);
  if (chosen.empty())
    throw DataError(
        "no picture to evaluate on", dataset.root, "choose a split that holds labelled pictures");
  return chosen;
}

}  // namespace detail

/// @param detector  an SsdDetector of any backend, or what has its batch, input, image, run and
///                  detections
/// @param progress  called after each batch with pictures done and their number; may be empty
template <class Detector>
Evaluation evaluate(
    Detector& detector, ThreadPool& pool, const data::Dataset& dataset,
    const data::ImageCache& cache, data::Resampling resampling,
    const std::function<void(std::size_t, std::size_t)>& progress = {}) {
  const auto chosen = detail::pictures_to_evaluate(dataset, cache, data::TargetKind::boxes);
  Evaluation evaluation{eval::CocoEvaluator(static_cast<int>(dataset.labels.size())), {}, {}};
  detail::show_pictures(
      detector, pool, chosen, cache, resampling, 1, progress,
      [&](int place, std::size_t at, data::ImageSize size) {
        eval::EvaluatedPicture picture;
        picture.id = static_cast<std::int64_t>(at);
        picture.truths = truths_of(dataset.pictures[at]);
        for (const Detection& found : detector.detections(place))
          picture.detections.push_back(
              {in_pixels(found.box, size.height, size.width), found.label, found.score});
        evaluation.matches.add_picture(picture);
        evaluation.pictures.push_back(std::move(picture));
      });
  evaluation.coco = evaluation.matches.accumulate();
  return evaluation;
}

/// @param classifier  has batch(), input(), image(i), run(count) as an SsdDetector, and scores(i):
///                    the [C] probabilities of place i as a range of float
/// @param central     share of each side that it is shown: see data::load_for_eval
template <class Classifier>
Evaluation classify(
    Classifier& classifier, ThreadPool& pool, const data::Dataset& dataset,
    const data::ImageCache& cache, data::Resampling resampling, double central = 1,
    const std::function<void(std::size_t, std::size_t)>& progress = {}) {
  const auto chosen = detail::pictures_to_evaluate(dataset, cache, data::TargetKind::whole_picture);
  eval::ClassificationEvaluator said(static_cast<int>(dataset.labels.size()));
  detail::show_pictures(
      classifier, pool, chosen, cache, resampling, central, progress,
      [&](int place, std::size_t at, data::ImageSize) {
        said.add_picture(
            static_cast<std::int64_t>(at), data::class_of(dataset.pictures[at]),
            classifier.scores(place));
      });
  return evaluation_of(said);
}

}  // namespace ocelli::train
