// Hyperparameters by every name and form, their ranges, origins, rules and messages.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/train/hyperparameters.hpp"

#include <doctest/doctest.h>

#include <set>
#include <string>

#include "support/message_of.hpp"
#include "support/temporary_folder.hpp"

using namespace ocelli;
using namespace ocelli::train;
using namespace ocelli::test;

namespace {

Hyperparameters fresh() { return Hyperparameters(ModelName::ssd_mobilenet_v2); }

Hyperparameters fresh_classifier() { return Hyperparameters(ModelName::mobilenet_v2_classifier); }

std::string refusal(const std::string& name, const std::string& value) {
  return message_of<ConfigError>([&] { fresh().set(name, value); });
}

std::string check_refusal(const std::string& lines) {
  Hyperparameters settings = fresh();
  settings.load_text(lines, "my.params");
  return message_of<ConfigError>([&] { settings.check(); });
}

struct SmallNet {
  static constexpr int image_height = 160, image_width = 200;
  static constexpr double depth_multiplier = 0.5;
  static constexpr int min_depth = 8, first_stage_activation = 3, second_stage_activation = 1;
  static constexpr int second_stage_kernel_size = 1, second_stage_num_layers_before_predictor = 2;
  static constexpr int second_stage_min_depth = 16, second_stage_max_depth = 64;
  static constexpr bool second_stage_use_dropout = true;
  static constexpr int anchor_generator_num_layers = 6;
  static constexpr bool anchor_generator_reduce_boxes_in_lowest_layer = false;
};

}  // namespace

TEST_CASE("hyperparameters: the published defaults of each model") {
  for (const ModelName model :
       {ModelName::ssd_mobilenet_v1, ModelName::ssd_mobilenet_v2,
        ModelName::ssdlite_mobilenet_v2}) {
    Hyperparameters settings(model);
    settings.check();
    CHECK(settings.warnings().empty());
    const SsdHyperparameters& v = settings.values();
    CHECK(v.num_steps == 15000);
    CHECK(v.batch_size == 24);
    CHECK(v.initial_learning_rate == 0.004);
    CHECK(v.decay_steps == 800720);
    CHECK(v.decay_factor == 0.95);
    CHECK(v.momentum_decay == 0.9);
    CHECK(v.momentum_epsilon == 1.0);
    CHECK(v.momentum_optimizer_value == 0.9);
    CHECK(v.second_stage_nms_score_threshold == 0.3);
    CHECK(v.second_stage_nms_iou_threshold == 0.6);
    CHECK(v.second_stage_max_detections_per_class == 100);
    CHECK(v.second_stage_max_detections_max_total_detections == 100);
    CHECK_FALSE(v.second_stage_use_dropout);
    CHECK(v.second_stage_dropout_keep_probability == 0.8);
    CHECK(v.second_stage_regularizer_weight == 4e-5);
    CHECK(v.first_stage_regularizer_weight == 4e-5);
    CHECK(v.first_stage_activation == "RELU_6");
    CHECK(v.first_stage_batchnorm_decay == 0.9997);
    CHECK(v.second_stage_batchnorm_epsilon == 0.001);
    CHECK(v.boxcoder_y_scale == 10);
    CHECK(v.boxcoder_width_scale == 5);
    CHECK(v.matched_threshold == 0.5);
    CHECK(v.unmatched_threshold == 0.5);
    CHECK(v.second_stage_kernel_size == 3);
    CHECK(v.anchor_generator_min_scale == 0.2);
    CHECK(v.anchor_generator_max_scale == 0.95);
    CHECK(v.initializer_stddev == 0.09);
    CHECK(v.first_stage_initializer_stddev == 0.03);
    CHECK(v.image_height == 300);
    CHECK(v.min_negatives_per_image == (model == ModelName::ssd_mobilenet_v1 ? 0 : 3));
  }
  CHECK_THROWS_AS((void)Hyperparameters{ModelName::frcnn_nas}, ConfigError);
}

TEST_CASE("hyperparameters: every name of the compatibility surface is known") {
  // The names of the SSD workflow in both spellings, as its users know them.
  for (const char* name :
       {"num-steps",
        "num_steps",
        "initial-learning-rate",
        "learning_rate",
        "batch-size",
        "num-clones",
        "num_classes",
        "decay_steps",
        "decay_factor",
        "momentum_decay",
        "momentum_epsilon",
        "momentum_optimizer_value",
        "second_stage_nms_score_threshold",
        "second_stage_nms_iou_threshold",
        "second_stage_max_detections_per_class",
        "second_stage_max_detections_max_total_detections",
        "second_stage_use_dropout",
        "second_stage_dropout_keep_probability",
        "second_stage_regularizer_weight",
        "first_stage_features_stride",
        "first_stage_activation",
        "first_stage_batchnorm_decay",
        "first_stage_batchnorm_epsilon",
        "boxcoder_y_scale",
        "boxcoder_x_scale",
        "boxcoder_height_scale",
        "boxcoder_width_scale",
        "matched_threshold",
        "unmatched_threshold",
        "second_stage_activation",
        "second_stage_batchnorm_decay",
        "second_stage_batchnorm_epsilon",
        "second_stage_kernel_size",
        "second_stage_dropout_kernel_size",
        "second_stage_box_code_size",
        "second_stage_dropout_box_code_size",
        "anchor_generator_num_layers",
        "anchor_generator_min_scale",
        "anchor_generator_max_scale",
        "image_height",
        "image-width",
        "depth_multiplier",
        "min_depth",
        "first_stage_regularizer_weight",
        "first_stage_initializer_mean",
        "first_stage_initializer_stddev",
        "second_stage_initializer_mean",
        "second_stage_initializer_stddev",
        "second_stage_min_depth",
        "second_stage_max_depth",
        "second_stage_num_layers_before_predictor",
        "second_stage_localization_loss_weight",
        "second_stage_classification_loss_weight",
        "eval_interval_secs",
        "schedule-step-1",
        "schedule-lr-1",
        "schedule-step-2",
        "schedule-lr-2"}) {
    CAPTURE(name);
    CHECK_NOTHROW(fresh().origin(name));
  }
  // Those of the other architectures are known as theirs.
  for (const char* name :
       {"height_stride", "width_stride", "first_stage_nms_score_threshold",
        "first_stage_nms_iou_threshold", "first_stage_max_proposals", "maxpool_kernel_size",
        "maxpool_stride", "min_dimension", "max_dimension", "first_stage_localization_loss_weight",
        "first_stage_objectness_loss_weight", "initial_crop_size",
        "second_stage_initializer_factor", "second_stage_initializer_mode"}) {
    CAPTURE(name);
    CHECK(says(refusal(name, "1"), "belongs to Faster R-CNN, this model is an SSD"));
  }
  CHECK(says(refusal("stage-1-epochs", "1"), "belongs to Mask R-CNN"));
  CHECK(says(refusal("cvat-model", "x"), "belongs to the labelling tool"));
}

TEST_CASE("hyperparameters: each row of the table can be set to its default and read back") {
  std::set<std::string_view> names;
  for (const Hyperparameter& row : all_hyperparameters()) {
    CAPTURE(row.name);
    CHECK(names.insert(row.name).second);
    if (!row.alias.empty()) CHECK(names.insert(row.alias).second);
    CHECK(plain_name(row.name) == row.name);
    CHECK_FALSE(row.effect.empty());
    Hyperparameters settings = row.kinds == Kinds::classifier ? fresh_classifier() : fresh();
    const std::string text = settings.text(row.name);
    settings.set(row.name, text);
    CHECK(settings.text(row.name) == text);
    CHECK(settings.origin(row.name).from == Provenance::flag);
    if (!row.needs_key.empty()) CHECK_NOTHROW(settings.origin(row.needs_key));
  }
  for (const ForeignName& foreign : foreign_hyperparameters())
    CHECK(names.insert(foreign.name).second);
}

TEST_CASE("hyperparameters: lines, YAML-like lines and JSON say the same") {
  const char* const texts[] = {
      "num-steps=4000\r\nlearning_rate = 1e-2 # fast\n\n# a comment\nfreeze=heads, backbone\n"
      "schedule=Cosine\nanchor_generator_scales=0.1,0.2,0.4,0.5,0.6,0.8\ndecay_staircase=False",
      "\xEF\xBB\xBF---\nnum_steps: 4000\ninitial-learning-rate: 0.01   # fast\nfreeze: [backbone, "
      "heads]\n"
      "schedule: \"cosine\"\nanchor_generator_scales: [0.1, 0.2, 0.4, 0.5, 0.6, 0.8]\n"
      "decay_staircase: no\n",
      "\n {\"num_steps\": 4000, \"initial_learning_rate\": 1e-2, \"freeze\": "
      "[\"backbone\",\"heads\"],\n"
      "\"schedule\":\"cosine\",\"anchor-generator-scales\":[0.1,0.2,0.4,0.5,0.6,0.8],"
      "\"decay_staircase\":false}"};
  for (const char* text : texts) {
    Hyperparameters settings = fresh();
    settings.load_text(text, "my.params");
    const SsdHyperparameters& v = settings.values();
    CHECK(v.num_steps == 4000);
    CHECK(v.initial_learning_rate == 0.01);
    CHECK(v.freeze == std::vector<std::string>{"backbone", "heads"});
    CHECK(v.schedule == "cosine");
    CHECK(v.anchor_generator_scales == std::vector<double>{0.1, 0.2, 0.4, 0.5, 0.6, 0.8});
    CHECK_FALSE(v.decay_staircase);
  }
  Hyperparameters settings = fresh();
  settings.load_text("augmentation: 'blur(p=0.3, k=3) # not a comment'\nfreeze=none", "f");
  CHECK(settings.values().augmentation == "blur(p=0.3, k=3) # not a comment");
  CHECK(settings.values().freeze.empty());
  settings.load_text("", "f");
  settings.load_text("# nothing\n", "f");
}

TEST_CASE("hyperparameters: errors name the file and the line") {
  const auto load = [](const std::string& text) {
    return message_of<ConfigError>([&] { fresh().load_text(text, "my.params"); });
  };
  CHECK(says(load("\n\nnum_stpes=5"), "my.params:3: there is no hyperparameter \"num_stpes\""));
  CHECK(says(load("num_stpes=5"), "did you mean num_steps?"));
  CHECK(says(load("bach-size: 5"), "did you mean batch_size?"));
  CHECK(says(load("num_steps"), "my.params:1: \"num_steps\" is no setting"));
  CHECK(says(load("num_steps="), "write key=value"));
  CHECK(says(load("=5"), "is no setting"));
  CHECK(says(load("a=1\n{"), "my.params:2: \"{\" is no setting"));
  CHECK(says(
      load("{\n\"num_steps\": 1,\n\"batch_size\": \"x\"}"), "my.params:3: batch_size cannot be"));
  CHECK(says(load("{\n\"num_steps\": 1,\n}"), "my.params:3: this is not JSON"));
  CHECK(says(load("{\"num_steps\": 1,\n\"num_steps\": 2}"), "\"num_steps\" is there twice"));
  CHECK(says(load("{\"num_steps\": null}"), "no number, text, true, false or list"));
  CHECK(says(load("{\"num_steps\": {\"a\": 1}}"), "no number, text"));
  CHECK(says(load("{\"freeze\": [null]}"), "neither numbers nor texts"));
  CHECK(says(load("{\"a\":[[[[[[[[[[[[1]]]]]]]]]]]]}"), "nested too deeply"));
  CHECK(says(load("{\"num_steps\": 1e999}"), "out of range"));
  const TemporaryFolder folder;
  write_file(folder / "x.params", "num_steps=0\n");
  CHECK(says(
      message_of<ConfigError>([&] { fresh().load_file(folder / "x.params"); }),
      "x.params:1: num_steps cannot be \"0\"; it is an integer and must be at least 1"));
  CHECK_THROWS_AS(fresh().load_file(folder / "none"), StoreError);
}

TEST_CASE("hyperparameters: a key twice in a file takes the later value and says so") {
  Hyperparameters settings = fresh();
  settings.load_text("learning_rate=0.1\ninitial_learning_rate=0.2", "my.params");
  CHECK(settings.values().initial_learning_rate == 0.2);
  REQUIRE(settings.warnings().size() == 1);
  CHECK(
      settings.warnings()[0] ==
      "my.params:2: initial_learning_rate takes the place of my.params:1");
}

TEST_CASE("hyperparameters: kinds and ranges") {
  for (const char* value : {"1.5", "x", "", "4000 5", "nan", "0x10", "10,"})
    CHECK(says(refusal("num_steps", value), "it is an integer and must be at least 1"));
  for (const char* value : {"1e99", "2147483648"})
    CHECK(says(refusal("num_steps", value), "it must be less than 2^31"));
  Hyperparameters settings = fresh();
  settings.set("num_hard_examples", "2147483647");
  settings.set("num_steps", "1e4");
  CHECK(settings.values().num_steps == 10000);
  settings.set("num_steps", " 2000 ");
  CHECK(settings.values().num_steps == 2000);
  for (const char* value : {"0", "-1", "inf", "nan", "0.1f", "0,1", ""})
    CHECK(says(refusal("learning_rate", value), "is a number and must be greater than 0"));
  CHECK(says(refusal("momentum_decay", "1"), "at least 0 and less than 1"));
  CHECK(says(refusal("batchnorm_decay", "1"), "greater than 0 and less than 1"));
  CHECK(says(refusal("matched_threshold", "1.01"), "at least 0 and at most 1"));
  CHECK(says(refusal("decay_factor", "0"), "greater than 0 and at most 1"));
  CHECK(says(refusal("num_clones", "2"), "must be 1"));
  CHECK(says(refusal("second_stage_box_code_size", "5"), "must be 4"));
  CHECK(says(refusal("initializer_mean", "x"), "may be any number"));
  CHECK(says(refusal("decay_staircase", "maybe"), "it is true or false"));
  CHECK(says(refusal("schedule", "linear"), "one of exponential, cosine, manual_step, constant"));
  CHECK(says(refusal("schedule", "0"), "one of"));
  CHECK(says(refusal("freeze", "backbone,tail"), "one of backbone, extras, heads"));
  CHECK(says(refusal("anchor_generator_scales", "0.1,,0.2"), "is a number"));
  CHECK(says(refusal("anchor_generator_scales", "0.1,1.2"), "at most 1"));
  CHECK(says(refusal("second_stage_kernel_size", "2"), "odd integer"));
  CHECK(says(refusal("augmentation", "a\nb"), "printable ASCII"));
  CHECK(says(refusal("image_height", "32"), "at least 33"));
  settings.set("momentum-optimizer-value", "-0");
  CHECK(settings.text("momentum_optimizer_value") == "0");
}

TEST_CASE("hyperparameters: what was compiled can be repeated, not changed") {
  Hyperparameters settings(ModelName::ssdlite_mobilenet_v2, SsdCompiled::of<SmallNet>());
  CHECK(settings.values().image_width == 200);
  CHECK(settings.values().first_stage_activation == "SWISH");
  settings.load_text(
      "image-height=160\nfirst_stage_activation: 3\nsecond_stage_activation: relu\n"
      "depth_multiplier=0.50\nsecond_stage_dropout_kernel_size=1\nsecond_stage_use_dropout=True\n"
      "anchor_generator_reduce_boxes_in_lowest_layer=false\n",
      "my.params");
  settings.check();
  CHECK(settings.warnings().empty());
  const std::string message = message_of<ConfigError>(
      [&] { settings.set("image_height", "320", Provenance::file, "p:2"); });
  CHECK(says(
      message, "p:2: image_height changes the net: this program was compiled with 160, not 320"));
  CHECK(
      says(message, "ocelli_add_trainer(my_trainer MODEL ssdlite-mobilenet-v2 PARAMS my.params)"));
  CHECK(says(message, "with image_height=320 in my.params"));
  CHECK(settings.values().image_height == 160);
  Hyperparameters relu6 = fresh();
  for (const char* same : {"2", "RELU_6", "relu6", "relu-6"})
    CHECK_NOTHROW(relu6.set("first_stage_activation", same));
  CHECK(says(
      message_of<ConfigError>([&] { relu6.set("first_stage_activation", "0"); }),
      "compiled with RELU_6, not NONE"));
  CHECK(says(refusal("first_stage_activation", "4"), "one of NONE, RELU, RELU_6, SWISH"));
}

TEST_CASE("hyperparameters: the stronger origin wins, in any order") {
  Hyperparameters settings = fresh();
  CHECK(settings.is_default("num_steps"));
  settings.choose("num_steps", "4000", "recommended for 100 pictures");
  CHECK(settings.is_default("num_steps"));
  CHECK(settings.origin("num_steps").where == "recommended for 100 pictures");
  settings.set_flag("num-steps: 3");
  settings.load_text("num_steps=2\nbatch_size=2", "my.params");
  const char* const variables[] = {
      "HOME=/",      "OCELLI_SET_NUM_STEPS=4", "OCELLI_SET_BATCH_SIZE=5",
      "OCELLI_SET_", "OCELLI_SETX=1",          nullptr};
  settings.load_environment(variables);
  settings.choose("num_steps", "9", "recommended");
  CHECK(settings.values().num_steps == 3);
  CHECK(settings.origin("num-steps").from == Provenance::flag);
  CHECK(settings.values().batch_size == 5);
  CHECK(settings.origin("batch_size").where == "OCELLI_SET_BATCH_SIZE");
  const char* const unknown[] = {"OCELLI_SET_NUM_STEP=4", nullptr};
  CHECK(says(
      message_of<ConfigError>([&] { settings.load_environment(unknown); }),
      "OCELLI_SET_NUM_STEP: there is no hyperparameter \"NUM_STEP\""));
  settings.load_map({{"batch-size", "6"}});
  CHECK(settings.values().batch_size == 6);
  CHECK_THROWS_AS(settings.set_flag("num_steps"), ConfigError);
}

TEST_CASE("hyperparameters: rules between values") {
  CHECK(says(
      check_refusal("unmatched_threshold=0.6"),
      "my.params:1: unmatched_threshold=0.6 must be at most matched_threshold (0.5)"));
  CHECK(says(check_refusal("matched_threshold=0.4"), "my.params:1: unmatched_threshold=0.5"));
  CHECK(says(
      check_refusal("second_stage_max_detections_per_class=101"),
      "second_stage_max_detections_max"));
  CHECK(
      says(check_refusal("anchor_generator_min_scale=0.96"), "anchor_generator_max_scale (0.95)"));
  CHECK(says(check_refusal("anchor_generator_scales=0.1,0.2"), "anchor_generator_num_layers"));
  CHECK(says(check_refusal("freeze=heads,extras,backbone"), "must leave a group"));
  CHECK(says(
      check_refusal("schedule=manual_step\nschedule-step-1=10\nschedule-step-2=10"),
      "must be greater than schedule_step_1 (10)"));
  CHECK(says(
      check_refusal("schedule-step-1=10"),
      "schedule_step_1 belongs to Faster R-CNN or to schedule=manual_step, and schedule is "
      "exponential"));
  Hyperparameters settings = fresh();
  settings.load_text(
      "optimizer=sgd\nmomentum_decay=0.5\nfirst_stage_features_stride=16\nwarmup_steps=15000\n"
      "momentum_optimizer_value=1.0\nanchor_generator_scales=0.1,0.2,0.3,0.4,0.5,0.6,0.7\n"
      "schedule=manual-step\nschedule_lr_1=0.001",
      "p");
  settings.check();
  REQUIRE(settings.warnings().size() == 4);
  CHECK(says(settings.warnings()[0], "p:3: first_stage_features_stride does nothing"));
  CHECK(says(settings.warnings()[1], "the full rate is never reached"));
  CHECK(says(settings.warnings()[2], "does not converge"));
  CHECK(settings.warnings()[3] == "p:2: momentum_decay does nothing without optimizer=rmsprop");
}

TEST_CASE("hyperparameters: config.json holds everything, and is read back to the bit") {
  Hyperparameters settings = fresh();
  settings.load_text("learning_rate=0.1234567890123456789\nfreeze=heads\nnum_steps=7", "a.params");
  settings.set_flag("anchor_generator_scales=0.1,0.2,0.3,0.4,0.5,0.6");
  const nlohmann::ordered_json json = settings.json();
  CHECK(json["model"] == "ssd-mobilenet-v2");
  CHECK(
      json["hyperparameters"]["num_steps"].dump() ==
      R"({"value":7,"from":"file","where":"a.params:3"})");
  CHECK(json["hyperparameters"]["batch_size"].dump() == R"({"value":24,"from":"default"})");
  std::size_t own = 0;
  for (const Hyperparameter& row : all_hyperparameters())
    own += belongs(row, Architecture::ssd) ? 1 : 0;
  CHECK(json["hyperparameters"].size() == own);

  const std::string text = json.dump(2);
  Hyperparameters again = fresh();
  again.load_json(nlohmann::ordered_json::parse(text), "config.json");
  CHECK(again.json().dump(2) == text);
  CHECK(again.values().initial_learning_rate == 0.1234567890123456789);

  Hyperparameters from_params = fresh();  // as --params RUN/config.json
  from_params.load_text(text, "config.json");
  CHECK(from_params.values().freeze == std::vector<std::string>{"heads"});
  CHECK(from_params.values().num_steps == 7);

  Hyperparameters other(ModelName::ssd_mobilenet_v1);
  CHECK(says(
      message_of<ConfigError>([&] { other.load_json(json, "c"); }),
      "the run trains ssd-mobilenet-v2, this program ssd-mobilenet-v1"));
  for (const char* wrong :
       {"[]", "{}", R"({"model":1,"hyperparameters":{}})",
        R"({"model":"v2","hyperparameters":{"num_steps":1}})",
        R"({"model":"v2","hyperparameters":{"num_steps":{"value":1,"from":"x"}}})",
        R"({"model":"v2","hyperparameters":{"num_steps":{"value":0,"from":"file"}}})",
        R"({"model":"v2","hyperparameters":{"image_width":{"value":301,"from":"file"}}})"}) {
    CAPTURE(wrong);
    CHECK_THROWS_AS(again.load_json(nlohmann::ordered_json::parse(wrong), "c"), ConfigError);
  }
}

TEST_CASE("hyperparameters: a classifier has its own, and refuses a detector's") {
  Hyperparameters settings = fresh_classifier();
  CHECK(settings.values().image_height == 224);
  CHECK(settings.values().batch_size == 32);
  settings.load_text(
      "freeze_backbone=true\nlabel-smoothing=0.1\ndropout_keep_probability=0.5\nweight_decay=0\n",
      "my.params");
  settings.check();
  CHECK(settings.values().freeze_backbone);
  CHECK(settings.values().label_smoothing == 0.1);
  CHECK(settings.values().dropout_keep_probability == 0.5);
  const auto refused = [&](const char* name, const char* value) {
    return message_of<ConfigError>([&] { settings.set(name, value); });
  };
  CHECK(says(
      refused("matched_threshold", "0.4"),
      "matched_threshold belongs to an SSD, this model is a classifier"));
  CHECK(says(refused("freeze", "backbone"), "belongs to an SSD"));
  CHECK(says(refused("maxpool_stride", "2"), "Faster R-CNN, this model is a classifier"));
  CHECK(says(refused("label_smoothing", "1"), "less than 1"));
  CHECK(says(refused("lable_smoothing", "0"), "did you mean label_smoothing"));
  CHECK(says(
      refusal("freeze_backbone", "true"),
      "freeze_backbone belongs to a classifier, this model is an SSD"));

  const nlohmann::ordered_json json = settings.json();
  CHECK_FALSE(json["hyperparameters"].contains("matched_threshold"));
  Hyperparameters again = fresh_classifier();
  again.load_json(json, "config.json");
  CHECK(again.json() == json);
  CHECK(recommended_steps(fresh_classifier(), 100) == 1000);
  CHECK(recommended_steps(fresh_classifier(), 16000) == 10000);  // 20 passes in batches of 32
  CHECK(recommended_steps(settings, 100) == 4000);               // the head alone
}

TEST_CASE("hyperparameters: recommended steps, to the nearest thousand") {
  const long pictures[] = {1, 12, 24, 100, 500, 1000},
             steps[] = {1000, 1000, 1000, 4000, 21000, 42000};
  for (int k = 0; k < 6; ++k) CHECK(recommended_steps(pictures[k], 24) == steps[k]);
  CHECK_THROWS_AS(recommended_steps(0, 24), ConfigError);
  CHECK_THROWS_AS(recommended_steps(10, 0), ConfigError);
}
