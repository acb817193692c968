// The Flip Book: the same pictures at each evaluation, whole again after a resume.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/train/flip_book.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <vector>

#include "ocelli/core/file.hpp"
#include "support/temporary_folder.hpp"
#include "train/tiny_net.hpp"

using namespace ocelli;
using namespace ocelli::test;
using namespace ocelli::train;

namespace {

struct Fixture {
  TemporaryFolder folder;
  ThreadPool pool{1};
  TinyPictures pictures;
  std::filesystem::path pages = folder / "flipbook";
  std::unique_ptr<data::ImageCache> cache;

  Fixture() {
    pictures.dataset.pictures[1].state = data::PictureState::unlabelled;
    cache = std::make_unique<data::ImageCache>(pictures.dataset, pictures.source, pool);
  }
  FlipBook open(long step, std::size_t limit = 4) const {
    return FlipBook(pages, pictures.dataset, *cache, limit, step);
  }
  /// The truth found again, with a score that tells the step, and one detection of low score.
  std::vector<eval::EvaluatedPicture> evaluated(long step) const {
    std::vector<eval::EvaluatedPicture> all;
    for (const std::size_t at : evaluable_pictures(pictures.dataset, *cache)) {
      eval::EvaluatedPicture one;
      one.id = static_cast<std::int64_t>(at);
      one.truths = truths_of(pictures.dataset.pictures[at]);
      for (const eval::GroundTruth& truth : one.truths)
        one.detections.push_back({truth.box, truth.label, 0.5f + static_cast<float>(step) / 64});
      one.detections.push_back({{0, 0, 9, 9}, 1, 0.01f});
      all.push_back(std::move(one));
    }
    return all;
  }
  std::vector<ReportFound> found(const FlipBook& book, long step) const {
    return found_in_pictures(
        {eval::CocoEvaluator(3), {}, evaluated(step)}, book.chosen(), *cache, {});
  }
};

void check_equal(const std::vector<ReportPage>& got, const std::vector<ReportPage>& wanted) {
  REQUIRE(got.size() == wanted.size());
  for (std::size_t p = 0; p < got.size(); ++p) {
    CHECK(got[p].step == wanted[p].step);
    REQUIRE(got[p].found.size() == wanted[p].found.size());
    for (std::size_t i = 0; i < got[p].found.size(); ++i) {
      const ReportFound &a = got[p].found[i], &b = wanted[p].found[i];
      CHECK(a.score == b.score);
      REQUIRE(a.detections.size() == b.detections.size());
      for (std::size_t k = 0; k < a.detections.size(); ++k) {
        CHECK(a.detections[k].label == b.detections[k].label);
        CHECK(a.detections[k].score == b.detections[k].score);
        CHECK(a.detections[k].box.ymin == b.detections[k].box.ymin);
        CHECK(a.detections[k].box.xmin == b.detections[k].box.xmin);
        CHECK(a.detections[k].box.ymax == b.detections[k].box.ymax);
        CHECK(a.detections[k].box.xmax == b.detections[k].box.xmax);
      }
    }
  }
}

}  // namespace

TEST_CASE("flip_book: shows labelled pictures, spread over the set, and what was found in them") {
  const Fixture f;
  FlipBook book = f.open(-1);
  REQUIRE(book.pictures().size() == 4);
  CHECK(book.pictures()[0].key == "shapes-0.png");
  for (const ReportPicture& picture : book.pictures()) CHECK(picture.key != "shapes-1.png");
  CHECK(book.pictures()[3].key == "shapes-9.png");  // the eleven others, in four equal steps
  CHECK(f.open(-1, 100).pictures().size() == 11);

  book.add(8, f.found(book, 8));
  REQUIRE(book.pages().size() == 1);
  REQUIRE(book.pages()[0].found.size() == 4);
  for (std::size_t i = 0; i < 4; ++i) {
    const ReportFound& found = book.pages()[0].found[i];
    CHECK(found.score == 1.0);
    CHECK(found.detections.size() == book.pictures()[i].truths.size());  // not the one of 0.01
    for (const eval::DetectedBox& box : found.detections) CHECK(box.score == 0.625f);
  }
}

TEST_CASE("flip_book: after a resume it holds the pages up to that step") {
  const Fixture f;
  std::vector<ReportPage> wanted;
  {
    FlipBook book = f.open(-1);
    for (const long step : {2L, 4L, 6L, 6L}) book.add(step, f.found(book, step));
    wanted = book.pages();
    REQUIRE(wanted.size() == 3);  // an evaluation that was made again takes the old one's place
  }
  check_equal(f.open(6).pages(), wanted);

  // Steps behind the resumed one come again, damaged pages and those of other pictures are gone.
  wanted.pop_back();
  check_equal(f.open(5).pages(), wanted);
  CHECK_FALSE(std::filesystem::exists(f.pages / "step-00000006.json"));
  write_file(f.pages / "step-00000004.json", "[{\"score\": 1, \"boxes\": [[1, 2]]}");
  write_file(f.pages / "notes.json", "mine");
  wanted.pop_back();
  check_equal(f.open(5).pages(), wanted);
  CHECK_FALSE(std::filesystem::exists(f.pages / "step-00000004.json"));
  for (const char* text :
       {"[]", "{}", "[{}, {}, {}, {}]", "[1, 2, 3, 4]", "",
        "[{\"score\":1,\"boxes\":[[1]]},{},{},{}]"}) {
    write_file(f.pages / "step-00000003.json", text);
    check_equal(f.open(5).pages(), wanted);
  }
  CHECK(f.open(5, 3).pages().empty());

  CHECK(f.open(-1).pages().empty());
  CHECK_FALSE(std::filesystem::exists(f.pages / "step-00000002.json"));
  CHECK(std::filesystem::exists(f.pages / "notes.json"));
}
