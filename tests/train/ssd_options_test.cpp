// Hyperparameters reach the parts that use them.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/train/ssd_options.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "support/message_of.hpp"

using namespace ocelli;
using namespace ocelli::test;
using namespace ocelli::train;

namespace {

SsdSpec spec_of_maps(std::vector<SsdSpec::Map> maps, int side) {
  SsdSpec spec;
  spec.maps = std::move(maps);
  spec.model.input = {side, side, 3};
  return spec;
}

}  // namespace

TEST_CASE("ssd_options: anchors follow the maps and the scales") {
  SsdHyperparameters values;
  const SsdSpec spec = spec_of_maps({{4, 4}, {2, 2}, {1, 1}, {1, 1}, {1, 1}, {1, 1}}, 64);
  const std::vector<Box> anchors = anchors_of(spec, values);
  REQUIRE(anchors.size() == 4 * 4 * 3 + 4 * 6 + 4 * 6);
  CHECK(anchors[0].ymax - anchors[0].ymin == doctest::Approx(0.1));  // the reduced lowest map
  // The first of the second map is a square of scale 0.2 + 0.75 / 5.
  CHECK(anchors[48].ymax - anchors[48].ymin == doctest::Approx(0.35));
  CHECK(anchors[48].xmax - anchors[48].xmin == doctest::Approx(0.35));

  values.anchor_generator_min_scale = 0.3;
  CHECK(
      anchors_of(spec, values)[48].ymax - anchors_of(spec, values)[48].ymin ==
      doctest::Approx(0.43));
  values.anchor_generator_scales = {0.1, 0.22, 0.3, 0.4, 0.5, 0.6};
  CHECK(
      anchors_of(spec, values)[48].ymax - anchors_of(spec, values)[48].ymin ==
      doctest::Approx(0.22));
  values.anchor_generator_scales = {};
  values.anchor_generator_reduce_boxes_in_lowest_layer = false;
  CHECK(anchors_of(spec, values).size() == 16 * 6 + 4 * 6 + 4 * 6);
  values.anchor_generator_scales = {0.1, 0.22};
  CHECK(message_of<ConfigError>([&] { anchors_of(spec, values); }) != "(nothing was thrown)");
}

TEST_CASE("ssd_options: the loss's options") {
  SsdHyperparameters values;
  values.matched_threshold = 0.6;
  values.unmatched_threshold = 0.4;
  values.boxcoder_y_scale = 1;
  values.boxcoder_x_scale = 2;
  values.boxcoder_height_scale = 3;
  values.boxcoder_width_scale = 4;
  values.second_stage_localization_loss_weight = 5;
  values.second_stage_classification_loss_weight = 6;
  values.num_hard_examples = 7;
  values.hard_example_iou_threshold = 0.8;
  values.max_negatives_per_positive = 9;
  values.min_negatives_per_image = 10;
  const SsdLossOptions options = loss_options(values);
  CHECK(options.match.matched_threshold == 0.6);
  CHECK(options.match.unmatched_threshold == 0.4);
  CHECK(options.coder.y_scale == 1);
  CHECK(options.coder.x_scale == 2);
  CHECK(options.coder.height_scale == 3);
  CHECK(options.coder.width_scale == 4);
  CHECK(options.localization_weight == 5);
  CHECK(options.classification_weight == 6);
  CHECK(options.classification == ClassificationLoss::sigmoid);
  CHECK(options.mine_hard_examples);
  CHECK(options.miner.num_hard_examples == 7);
  CHECK(options.miner.iou_threshold == 0.8);
  CHECK(options.miner.max_negatives_per_positive == 9);
  CHECK(options.miner.min_negatives_per_image == 10);

  values.classification_loss = "focal";
  values.focal_alpha = 0.125;
  values.focal_gamma = 3;
  const SsdLossOptions focal = loss_options(values);
  CHECK(focal.classification == ClassificationLoss::focal);
  CHECK_FALSE(focal.mine_hard_examples);
  CHECK(focal.focal_alpha == 0.125);
  CHECK(focal.focal_gamma == 3);
}

TEST_CASE("ssd_options: each group has its own settings, and can be frozen by name") {
  SsdHyperparameters values;
  values.batchnorm_decay = 0.1;
  values.first_stage_batchnorm_decay = 0.2;
  values.second_stage_batchnorm_decay = 0.3;
  values.batchnorm_epsilon = 0.01;
  values.first_stage_batchnorm_epsilon = 0.02;
  values.second_stage_batchnorm_epsilon = 0.03;
  values.weight_decay = 1;
  values.first_stage_regularizer_weight = 2;
  values.second_stage_regularizer_weight = 3;
  values.initializer_mean = 0.4;
  values.first_stage_initializer_mean = 0.5;
  values.second_stage_initializer_mean = 0.6;
  values.initializer_stddev = 4;
  values.first_stage_initializer_stddev = 5;
  values.second_stage_initializer_stddev = 6;
  values.freeze = {"extras"};
  const SsdGroups groups(values);
  for (int g = 0; g < 3; ++g) {
    CAPTURE(g);
    CHECK(groups.settings[g].norm.decay == doctest::Approx(0.1 * (g + 1)));
    CHECK(groups.settings[g].norm.epsilon == doctest::Approx(0.01 * (g + 1)));
    CHECK(groups.regularizer[g] == g + 1);
    CHECK(groups.initializer_mean[g] == doctest::Approx(0.4 + 0.1 * g));
    CHECK(groups.initializer_stddev[g] == g + 4);
    CHECK(groups.settings[g].frozen == (g == 1));
    CHECK(groups.settings[g].dropout_keep == 0);
  }
  values.second_stage_use_dropout = true;
  values.second_stage_dropout_keep_probability = 0.75;
  values.freeze = {"backbone", "heads"};
  const SsdGroups others(values);
  CHECK(others.settings[0].frozen);
  CHECK_FALSE(others.settings[1].frozen);
  CHECK(others.settings[2].frozen);
  CHECK(others.settings[0].dropout_keep == 0);
  CHECK(others.settings[2].dropout_keep == 0.75f);
}

TEST_CASE("ssd_options: resampling by name") {
  SsdHyperparameters values;
  CHECK(resampling_of(values) == data::Resampling::bilinear);
  values.resampling = "area";
  CHECK(resampling_of(values) == data::Resampling::area);
}
