// A classifier on the device: its scores agree with the CPU's, and it is not trained there.
// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "ocelli/core/random.hpp"
#include "ocelli/cpu/backend.hpp"
#include "ocelli/cuda/backend.hpp"
#include "ocelli/train/classifier_runner.hpp"
#include "ocelli/train/classifier_step.hpp"
#include "train/tiny_classifier.hpp"

using namespace ocelli;
using namespace ocelli::test;

static_assert(train::trains_classifiers<CpuBackend>);
static_assert(!train::trains_classifiers<CudaBackend>);
static_assert(!train::trains_classifiers<CudaBackendBf16>);

namespace {

/// The scores of two pictures, one after the other's weights have changed.
template <class B>
std::vector<float> scores_of(const ClassifierSpec& spec, Weights<float>& weights) {
  ThreadPool pool(1);
  B backend(pool);
  const train::Hyperparameters settings = tiny_classifier_settings();
  train::ClassifierRunner<B> runner(backend, spec, settings.values(), weights, 2);
  Random random(5, Stream::init, 0, 0);
  for (int i = 0; i < 2; ++i)
    std::generate_n(
        runner.image(i), spec.model.input.size(), [&] { return random.uniform(-1, 1); });
  train::initialize(spec.model, train::ClassifierGroups(settings.values()), 7, weights);
  runner.refresh();
  runner.run(2);
  std::vector<float> scores;
  for (int i = 0; i < 2; ++i)
    scores.insert(scores.end(), runner.scores(i).begin(), runner.scores(i).end());
  return scores;
}

}  // namespace

TEST_CASE("cuda classifier: scores agree with the CPU's") {
  const TinyClassifier net(Shape{32, 32, 3}, 3);
  const ClassifierSpec spec = net.spec();
  Weights<float> weights(spec.model), far(spec.model);
  const std::vector<float> here = scores_of<CpuBackend>(spec, weights);
  const std::vector<float> there = scores_of<CudaBackend>(spec, far);
  REQUIRE(here.size() == 6);
  for (std::size_t k = 0; k < here.size(); ++k)
    CHECK(std::abs(here[k] - there[k]) < 1e-5f);  // some fifty sums in another order
  CHECK(std::abs(here[0] + here[1] + here[2] - 1) < 1e-6f);
}
