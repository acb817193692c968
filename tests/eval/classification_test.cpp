// Tests of the classifier's numbers: by hand, against plain loops, and at the edges.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/eval/classification.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "ocelli/core/random.hpp"
#include "support/message_of.hpp"

namespace ocelli::eval {
namespace {

using test::message_of;
using Scores = std::vector<float>;

TEST_CASE("classification: by hand") {
  ClassificationEvaluator evaluator(4);
  // Truths 0 0 0 1 1 2; said 0 0 1 1 0 1. Class 3 has no pictures and is never said.
  evaluator.add_picture(1, 0, Scores{0.5f, 0.25f, 0.125f, 0.125f});
  evaluator.add_picture(2, 0, Scores{1, 0, 0, 0});
  evaluator.add_picture(3, 0, Scores{0.25f, 0.5f, 0.125f, 0.125f});
  evaluator.add_picture(4, 1, Scores{0.125f, 0.75f, 0.125f, 0});
  evaluator.add_picture(5, 1, Scores{0.5f, 0.25f, 0.25f, 0});
  evaluator.add_picture(6, 2, Scores{0, 1, 0, 0});
  const ClassificationResult result = evaluator.accumulate();
  CHECK(result.pictures == 6);
  CHECK(result.classes() == 4);
  CHECK(result.accuracy == doctest::Approx(3.0 / 6));
  CHECK(result.mean_class_accuracy == doctest::Approx((2.0 / 3 + 1.0 / 2 + 0) / 3));
  CHECK(result.top5 == 1);  // of four classes all are among the first five
  // Class 0: 2 right, said 3, has 3; class 1: 1 right, said 3, has 2; class 2: never said, has 1.
  CHECK(result.macro_f1 == doctest::Approx((4.0 / 6 + 2.0 / 5 + 0) / 3));
  const double loss =
      (std::log(2) + 0 + std::log(4) - std::log(0.75) + std::log(4) + -std::log(1e-15)) / 6;
  CHECK(result.log_loss == doctest::Approx(loss));
  CHECK(result.confusion == std::vector<long>{2, 1, 0, 0, 1, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0});
  CHECK(result.at(0, 1) == 1);
  CHECK(result.at(1, 0) == 1);
  CHECK(result.at(2, 1) == 1);
  CHECK(result.at(1, 2) == 0);
  CHECK(result.per_class[0].precision == doctest::Approx(2.0 / 3));
  CHECK(result.per_class[0].recall == doctest::Approx(2.0 / 3));
  CHECK(result.per_class[1].precision == doctest::Approx(1.0 / 3));
  CHECK(result.per_class[1].recall == doctest::Approx(1.0 / 2));
  CHECK(result.per_class[1].f1 == doctest::Approx(2.0 / 5));
  CHECK(result.per_class[1].pictures == 2);
  CHECK(result.per_class[1].said == 3);
  CHECK(result.per_class[1].right == 1);
  CHECK(result.per_class[2].precision == -1);  // never said
  CHECK(result.per_class[2].recall == 0);
  CHECK(result.per_class[2].f1 == 0);
  CHECK(result.per_class[3].recall == -1);  // no pictures
  CHECK(result.per_class[3].f1 == -1);
  CHECK(
      result.numbers() == std::array<double, 5>{
                              result.accuracy, result.mean_class_accuracy, result.top5,
                              result.macro_f1, result.log_loss});
  // Worst first: 6 gave the truth nothing, then 3 and 5 alike, with equal scores: the earlier.
  const std::vector<ClassifiedPicture> pictures = evaluator.pictures();
  CHECK(worst_pictures(pictures, 9) == std::vector<std::size_t>{5, 2, 4});
  CHECK(worst_pictures(pictures, 1) == std::vector<std::size_t>{5});
  CHECK(least_sure_pictures(pictures, 2) == std::vector<std::size_t>{0, 3});
  CHECK(pictures[4].said() == 0);
  CHECK(pictures[4].truth_score == 0.25f);
  REQUIRE(pictures[4].best.size() == 4);
  CHECK(pictures[4].best[1].index == 1);  // of equal scores the lowest index
  CHECK(pictures[4].best[2].index == 2);
}

TEST_CASE("classification: against plain loops, and in any order") {
  constexpr int C = 9, N = 400;
  std::vector<Scores> scores;
  std::vector<int> truths;
  for (int n = 0; n < N; ++n) {
    Random random(3, Stream::demo, 0, static_cast<std::uint32_t>(n));
    Scores one(C);
    float sum = 0;
    // Few levels, so that ties are frequent.
    for (float& v : one) sum += v = static_cast<float>(1 + random.below(4));
    for (float& v : one) v /= sum;
    truths.push_back(static_cast<int>(random.below(C - 1)));  // the last class has no pictures
    scores.push_back(one);
  }
  ClassificationEvaluator forward(C), backward(C);
  for (int n = 0; n < N; ++n) {
    const auto i = static_cast<std::size_t>(n), j = static_cast<std::size_t>(N - 1 - n);
    forward.add_picture(n, truths[i], scores[i]);
    backward.add_picture(N - 1 - n, truths[j], scores[j]);
  }
  const ClassificationResult result = forward.accumulate();
  CHECK(backward.accumulate().numbers() == result.numbers());
  CHECK(backward.accumulate().confusion == result.confusion);

  long right = 0, first_five = 0;
  double loss = 0, recalls = 0, f1s = 0;
  std::vector<long> pairs(C * C);
  for (std::size_t n = 0; n < N; ++n) {
    const Scores& s = scores[n];
    const auto t = static_cast<std::size_t>(truths[n]);
    std::size_t said = 0;
    int before = 0;  // classes that rank before the truth
    for (std::size_t c = 0; c < C; ++c) {
      if (s[c] > s[said]) said = c;
      if (s[c] > s[t] || (s[c] == s[t] && c < t)) ++before;
    }
    right += said == t ? 1 : 0;
    first_five += before < 5 ? 1 : 0;
    loss -= std::log(static_cast<double>(s[t]));
    ++pairs[t * C + said];
  }
  for (std::size_t c = 0; c < C; ++c) {
    long has = 0, said = 0;
    for (std::size_t k = 0; k < C; ++k) has += pairs[c * C + k], said += pairs[k * C + c];
    const auto own = static_cast<double>(pairs[c * C + c]);
    if (has > 0) recalls += own / static_cast<double>(has);
    f1s += 2 * own / static_cast<double>(has + said);
    CHECK(result.per_class[c].pictures == has);
    CHECK(result.per_class[c].said == said);
    CHECK(result.per_class[c].precision == doctest::Approx(own / static_cast<double>(said)));
  }
  CHECK(result.confusion == pairs);
  CHECK(result.accuracy == doctest::Approx(static_cast<double>(right) / N));
  CHECK(result.top5 == doctest::Approx(static_cast<double>(first_five) / N));
  CHECK(result.top5 < 1);
  CHECK(result.log_loss == doctest::Approx(loss / N));
  CHECK(result.mean_class_accuracy == doctest::Approx(recalls / (C - 1)));
  CHECK(result.macro_f1 == doctest::Approx(f1s / C));  // the last class is said, so it has an f1
}

TEST_CASE("classification: nothing, and one class alone") {
  const ClassificationResult none = ClassificationEvaluator(3).accumulate();
  CHECK(none.pictures == 0);
  CHECK(none.numbers() == std::array<double, 5>{-1, -1, -1, -1, -1});
  CHECK(none.per_class[2].precision == -1);
  ClassificationEvaluator one(1);
  one.add_picture(7, 0, Scores{1});
  CHECK(one.accumulate().numbers() == std::array<double, 5>{1, 1, 1, 1, 0});
}

TEST_CASE("classification: what is refused") {
  ClassificationEvaluator evaluator(2);
  const auto says = [&](int truth, Scores scores) {
    return message_of<DataError>([&] { evaluator.add_picture(4, truth, scores); });
  };
  constexpr float nan = std::numeric_limits<float>::quiet_NaN();
  CHECK(says(0, {nan, 1}) == "picture 4: a score is not finite; look for a diverged training");
  CHECK(test::says(says(0, {-0.5f, 1.5f}), "a score is -0.5"));
  CHECK(test::says(says(0, {0.7f, 0.7f}), "the scores sum to 1.4"));
  CHECK(test::says(says(0, {0.1f, 0.1f}), "give probabilities"));
  CHECK(test::says(says(2, {0.5f, 0.5f}), "class 2 is outside 0..1"));
  CHECK(test::says(says(-1, {0.5f, 0.5f}), "class -1 is outside 0..1"));
  CHECK(test::says(says(0, {1}), "1 scores for 2 classes"));
  CHECK(evaluator.accumulate().pictures == 0);  // none of them counts
  evaluator.add_picture(4, 0, Scores{0.5f, 0.5f});
  CHECK(test::says(says(1, {0.5f, 0.5f}), "added twice"));
  CHECK(evaluator.accumulate().accuracy == 1);
  CHECK_THROWS_AS(ClassificationEvaluator(0), DataError);
}

}  // namespace
}  // namespace ocelli::eval
