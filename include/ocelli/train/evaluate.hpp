// evaluate: a detector over a labelled data set: what it finds in each picture, and the COCO
// numbers.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <vector>

#include "ocelli/data/cache.hpp"
#include "ocelli/data/loader.hpp"
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

/// The labelled objects of a picture, for a metric.
inline std::vector<eval::GroundTruth> truths_of(const data::Picture& picture) {
  std::vector<eval::GroundTruth> truths;
  for (const data::Object& object : picture.objects)
    truths.push_back({object.box, object.label, object.crowd, object.difficult, -1});
  return truths;
}

/// @param detector  an SsdDetector of any backend, or what has its batch, input, image, run and
///                  detections
/// @param progress  called after each batch with pictures done and their number; may be empty
template <class Detector>
Evaluation evaluate(
    Detector& detector, ThreadPool& pool, const data::Dataset& dataset,
    const data::ImageCache& cache, data::Resampling resampling,
    const std::function<void(std::size_t, std::size_t)>& progress = {}) {
  const std::vector<std::size_t> chosen = evaluable_pictures(dataset, cache);
  if (chosen.empty())
    throw DataError(
        "no picture to evaluate on", dataset.root, "choose a split that holds labelled pictures");
  Evaluation evaluation{eval::CocoEvaluator(static_cast<int>(dataset.labels.size())), {}, {}};
  const Shape input = detector.input();
  const auto batch = static_cast<std::size_t>(detector.batch());
  std::vector<data::ImageSize> sizes(batch);
  std::vector<std::exception_ptr> faults(batch);
  for (std::size_t start = 0; start < chosen.size(); start += batch) {
    const std::size_t count = std::min(batch, chosen.size() - start);
    pool.for_each(static_cast<long>(count), [&](long task, int) {
      const auto i = static_cast<std::size_t>(task);
      try {
        sizes[i] = data::load_for_eval(
            cache, chosen[start + i], input.height, input.width,
            detector.image(static_cast<int>(i)), {}, resampling);
      } catch (...) {
        faults[i] = std::current_exception();
      }
    });
    for (const std::exception_ptr& fault : faults)
      if (fault) std::rethrow_exception(fault);
    detector.run(static_cast<int>(count));
    for (std::size_t i = 0; i < count; ++i) {
      eval::EvaluatedPicture picture;
      picture.id = static_cast<std::int64_t>(chosen[start + i]);
      picture.truths = truths_of(dataset.pictures[chosen[start + i]]);
      for (const Detection& found : detector.detections(static_cast<int>(i)))
        picture.detections.push_back(
            {in_pixels(found.box, sizes[i].height, sizes[i].width), found.label, found.score});
      evaluation.matches.add_picture(picture);
      evaluation.pictures.push_back(std::move(picture));
    }
    if (progress) progress(start + count, chosen.size());
  }
  evaluation.coco = evaluation.matches.accumulate();
  return evaluation;
}

}  // namespace ocelli::train
