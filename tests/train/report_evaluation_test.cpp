// What the report shows of an evaluation, and that a later one takes its place.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/train/report_evaluation.hpp"

#include <doctest/doctest.h>

#include <array>

#include "train/tiny_net.hpp"

using namespace ocelli;
using namespace ocelli::test;
using namespace ocelli::train;

TEST_CASE("report_evaluation: classes, curves, confusion, the worst and the best pictures") {
  ThreadPool pool(1);
  TinyPictures pictures;
  const data::ImageCache cache(pictures.dataset, pictures.source, pool);
  const auto evaluated = [&](std::size_t worst) {
    Evaluation evaluation{eval::CocoEvaluator(3), {}, {}};
    for (const std::size_t at : evaluable_pictures(pictures.dataset, cache)) {
      eval::EvaluatedPicture one;
      one.id = static_cast<std::int64_t>(at);
      one.truths = truths_of(pictures.dataset.pictures[at]);
      for (const eval::GroundTruth& truth : one.truths)
        if (at != worst) one.detections.push_back({truth.box, truth.label, 0.75f});
      one.detections.push_back({{0, 0, 9, 9}, 1, 0.01f});
      evaluation.matches.add_picture(one);
      evaluation.pictures.push_back(std::move(one));
    }
    evaluation.coco = evaluation.matches.accumulate();
    return evaluation;
  };
  ReportData report;
  report.labels = pictures.dataset.labels;
  for (const std::size_t worst : {2, 5}) {
    show_evaluation(report, evaluated(worst), pictures.dataset, cache, 3);
    CHECK(report.classes.size() == 3);
    CHECK(report.curves.size() == 3);
    CHECK(report.match.score == 0.75);  // what is right is that sure
    // Rows are truths, columns what was found; place 0 is nothing.
    REQUIRE(report.confusion.size() == 16);
    std::array<long, 4> objects{}, missed{};
    for (std::size_t at = 0; at < pictures.dataset.pictures.size(); ++at)
      for (const eval::GroundTruth& truth : truths_of(pictures.dataset.pictures[at]))
        ++(at == worst ? missed : objects)[static_cast<std::size_t>(truth.label)];
    for (std::size_t row = 0; row < 4; ++row)
      for (std::size_t column = 0; column < 4; ++column) {
        CAPTURE(row);
        CAPTURE(column);
        const long wanted = column == 0 ? missed[row] : column == row ? objects[row] : 0;
        CHECK(report.confusion[row * 4 + column] == wanted);
      }
    REQUIRE(report.galleries.size() == 2);
    for (const ReportGallery& gallery : report.galleries) CHECK(gallery.items.size() == 3);
    const ReportGallery::Item& first = report.galleries[0].items[0];
    CHECK(first.picture.key == pictures.dataset.pictures[worst].key);
    CHECK(first.found.score == 0.0);
    CHECK(first.found.detections.empty());  // that of 0.01 is below the report's threshold
    CHECK(report.galleries[1].items[0].found.score == 1.0);
  }
}
