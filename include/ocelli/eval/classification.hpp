// ClassificationEvaluator: the numbers of a classifier of whole pictures.
//
//   said       the class of the highest score; of equal scores the one with the lowest index
//   accuracy   share of pictures where what was said is the truth
//   top k      share where the truth is among the k highest scores, k = 5; ties as above
//   per class  precision = right / said, recall = right / pictures of the class,
//              f1 = 2 right / (said + pictures of the class)
//   means      of recall (mean class accuracy) and of f1, over the classes that have them
//   log loss   mean of -log(score of the truth), natural; a score below 1e-15 counts as 1e-15
//
// Where there is nothing to divide by, a number is -1 and left out of every mean. Classes are 0 ..
// C-1 here, since a classifier has no background; a data set's label is class + 1.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <unordered_set>
#include <vector>

#include "ocelli/core/error.hpp"

namespace ocelli::eval {

inline constexpr std::size_t kTopK = 5;
inline constexpr double kLeastProbability = 1e-15;
inline constexpr std::array<const char*, 5> kClassificationNames = {
    "accuracy", "mean_class_accuracy", "top5", "macro_f1", "log_loss"};

struct ScoredClass {
  int index = 0;    ///< 0 .. C-1
  float score = 0;  ///< probability
};

/// What a classifier said of one picture.
struct ClassifiedPicture {
  std::int64_t id = 0;
  int truth = 0;                    ///< 0 .. C-1
  float truth_score = 0;            ///< probability that it gave to the truth
  std::vector<ScoredClass> best{};  ///< the highest min(5, C) scores, highest first

  int said() const { return best.front().index; }
  float score() const { return best.front().score; }
  bool right() const { return said() == truth; }
  /// -log of the probability of the truth, 0 .. 34.6.
  double loss() const {
    return -std::log(std::max(static_cast<double>(truth_score), kLeastProbability));
  }
};

/// The numbers of one class; -1 where there is nothing to divide by.
struct ClassScores {
  int index = 0;      ///< 0 .. C-1
  long pictures = 0;  ///< whose truth it is (its support)
  long said = 0;      ///< of which it was said
  long right = 0;     ///< both
  double precision = -1, recall = -1, f1 = -1;
};

struct ClassificationResult {
  double accuracy = -1;
  double mean_class_accuracy = -1;  ///< mean recall: each class counts alike
  double top5 = -1;                 ///< 1 for up to five classes
  double macro_f1 = -1;
  double log_loss = -1;                  ///< >= 0, lower is better
  std::vector<ClassScores> per_class{};  ///< [C]
  std::vector<long> confusion{};         ///< [C * C], row = truth, column = said
  long pictures = 0;

  int classes() const { return static_cast<int>(per_class.size()); }
  /// Pictures of class `truth` of which `said` was said. Both 0 .. C-1.
  long at(int truth, int said) const {
    return confusion
        [static_cast<std::size_t>(truth) * per_class.size() + static_cast<std::size_t>(said)];
  }
  /// In the order of kClassificationNames.
  std::array<double, 5> numbers() const {
    return {accuracy, mean_class_accuracy, top5, macro_f1, log_loss};
  }
};

/// Collects pictures, in any order, then accumulates. The result depends on the pictures' ids and
/// not on the order of the calls.
class ClassificationEvaluator {
 public:
  /// @param classes  C, at least 1
  explicit ClassificationEvaluator(int classes) : classes_(classes) {
    if (classes < 1)
      throw DataError(
          "no classes to evaluate", "classification", "give the data set at least one label");
  }

  int classes() const { return classes_; }

  /// Adds a picture.
  /// @param truth   0 .. C-1
  /// @param scores  [C] probabilities, as softmax gives them
  /// @throws DataError when the id comes twice, the truth is outside 0 .. C-1, or the scores are
  /// not C numbers of 0 .. 1 that sum to 1 (within 1 in 100, since they may be 16-bit numbers)
  void add_picture(std::int64_t id, int truth, std::span<const float> scores) {
    const auto where = [&] { return "picture " + std::to_string(id); };
    if (truth < 0 || truth >= classes_)
      throw DataError(
          "class " + std::to_string(truth) + " is outside 0.." + std::to_string(classes_ - 1),
          where(), "evaluate with the list of labels that the classifier was trained with");
    if (scores.size() != static_cast<std::size_t>(classes_))
      throw DataError(
          std::to_string(scores.size()) + " scores for " + std::to_string(classes_) + " classes",
          where(), "give one score a class");
    double sum = 0;
    for (const float score : scores) {
      if (!std::isfinite(score))
        throw DataError("a score is not finite", where(), "look for a diverged training");
      if (score < 0 || score > 1.01f)
        throw DataError(
            "a score is " + std::to_string(score), where(),
            "give probabilities, as softmax makes them");
      sum += static_cast<double>(score);
    }
    if (std::abs(sum - 1) > 0.01)
      throw DataError(
          "the scores sum to " + std::to_string(sum) + ", not to 1", where(),
          "give probabilities, as softmax makes them");
    if (!seen_.insert(id).second)
      throw DataError("the picture was added twice", where(), "give each picture an id of its own");
    ClassifiedPicture picture;
    picture.id = id;
    picture.truth = truth;
    picture.truth_score = scores[static_cast<std::size_t>(truth)];
    order_.resize(scores.size());
    for (std::size_t c = 0; c < order_.size(); ++c) order_[c] = static_cast<int>(c);
    const std::size_t count = std::min(kTopK, order_.size());
    std::partial_sort(
        order_.begin(), order_.begin() + static_cast<std::ptrdiff_t>(count), order_.end(),
        [&](int a, int b) {
          const float x = scores[static_cast<std::size_t>(a)];
          const float y = scores[static_cast<std::size_t>(b)];
          return x > y || (x == y && a < b);
        });
    for (std::size_t k = 0; k < count; ++k)
      picture.best.push_back({order_[k], scores[static_cast<std::size_t>(order_[k])]});
    pictures_.push_back(std::move(picture));
  }

  /// What was said of each picture, in the order of their ids.
  std::vector<ClassifiedPicture> pictures() const {
    std::vector<ClassifiedPicture> sorted = pictures_;
    std::sort(
        sorted.begin(), sorted.end(),
        [](const ClassifiedPicture& a, const ClassifiedPicture& b) { return a.id < b.id; });
    return sorted;
  }

  /// The numbers of all pictures added so far; all -1 when there are none.
  ClassificationResult accumulate() const {
    const auto C = static_cast<std::size_t>(classes_);
    ClassificationResult result;
    result.pictures = static_cast<long>(pictures_.size());
    result.confusion.assign(C * C, 0);
    result.per_class.resize(C);
    long right = 0, among_best = 0;
    double loss = 0;
    for (const ClassifiedPicture& picture : pictures()) {
      ++result.confusion
            [static_cast<std::size_t>(picture.truth) * C +
             static_cast<std::size_t>(picture.said())];
      right += picture.right() ? 1 : 0;
      among_best += std::any_of(
                        picture.best.begin(), picture.best.end(),
                        [&](const ScoredClass& one) { return one.index == picture.truth; })
                        ? 1
                        : 0;
      loss += picture.loss();
    }
    Mean recall, f1;
    for (std::size_t c = 0; c < C; ++c) {
      ClassScores& row = result.per_class[c];
      row.index = static_cast<int>(c);
      row.right = result.confusion[c * C + c];
      for (std::size_t k = 0; k < C; ++k) {
        row.pictures += result.confusion[c * C + k];
        row.said += result.confusion[k * C + c];
      }
      row.precision = share(row.right, row.said);
      row.recall = share(row.right, row.pictures);
      row.f1 = share(2 * row.right, row.said + row.pictures);
      recall.add(row.recall);
      f1.add(row.f1);
    }
    result.accuracy = share(right, result.pictures);
    result.top5 = share(among_best, result.pictures);
    result.mean_class_accuracy = recall.value();
    result.macro_f1 = f1.value();
    if (result.pictures > 0) result.log_loss = loss / static_cast<double>(result.pictures);
    return result;
  }

 private:
  /// A mean that leaves out -1.
  struct Mean {
    double sum = 0;
    long count = 0;
    void add(double value) {
      if (value >= 0) sum += value, ++count;
    }
    double value() const { return count == 0 ? -1.0 : sum / static_cast<double>(count); }
  };
  static double share(long part, long whole) {
    return whole == 0 ? -1.0 : static_cast<double>(part) / static_cast<double>(whole);
  }

  int classes_;
  std::vector<ClassifiedPicture> pictures_;
  std::unordered_set<std::int64_t> seen_;
  std::vector<int> order_;  // scratch of add_picture
};

/// Positions of the pictures that went wrong, the worst first: those that gave the truth the least
/// probability; of equal ones the surest, then the earliest.
inline std::vector<std::size_t> worst_pictures(
    std::span<const ClassifiedPicture> pictures, std::size_t limit) {
  std::vector<std::size_t> wrong;
  for (std::size_t i = 0; i < pictures.size(); ++i)
    if (!pictures[i].right()) wrong.push_back(i);
  std::stable_sort(wrong.begin(), wrong.end(), [&](std::size_t a, std::size_t b) {
    const ClassifiedPicture &x = pictures[a], &y = pictures[b];
    return x.truth_score < y.truth_score ||
           (x.truth_score == y.truth_score && x.score() > y.score());
  });
  if (wrong.size() > limit) wrong.resize(limit);
  return wrong;
}

/// Positions of the pictures that it had right, but with the least probability; then the earliest.
inline std::vector<std::size_t> least_sure_pictures(
    std::span<const ClassifiedPicture> pictures, std::size_t limit) {
  std::vector<std::size_t> right;
  for (std::size_t i = 0; i < pictures.size(); ++i)
    if (pictures[i].right()) right.push_back(i);
  std::stable_sort(right.begin(), right.end(), [&](std::size_t a, std::size_t b) {
    return pictures[a].truth_score < pictures[b].truth_score;
  });
  if (right.size() > limit) right.resize(limit);
  return right;
}

}  // namespace ocelli::eval
