// Every name of the nine models, and what a misspelt one is answered.
// SPDX-License-Identifier: Apache-2.0
#include "ocelli/train/model_name.hpp"

#include <doctest/doctest.h>

#include "support/message_of.hpp"

using namespace ocelli;
using namespace ocelli::train;
using namespace ocelli::test;

TEST_CASE("model_name: all names, in any spelling") {
  for (const char* name :
       {"V1", "ssd-mobilenet-v1", "ssd-mobilenet-v1-coco2", "ssd_mobilenet_v1_coco"})
    CHECK(model_by_name(name) == ModelName::ssd_mobilenet_v1);
  for (const char* name :
       {"V2", "ssd-mobilenet-v2-coco", "ssd-mobilenet-v2", "ssd_mobilenet_v2_coco",
        "SSD-MobileNet-V2"})
    CHECK(model_by_name(name) == ModelName::ssd_mobilenet_v2);
  for (const char* name :
       {"LITE", "ssd-mobilenet-lite", "ssdlite-mobilenet-coco", "ssdlite_mobilenet_v2_coco",
        "ssdlite-mobilenet-v2"})
    CHECK(model_by_name(name) == ModelName::ssdlite_mobilenet_v2);
  CHECK(model_by_name("frcnn-res50-coco") == ModelName::frcnn_resnet50);
  CHECK(model_by_name("faster_rcnn_resnet101_coco") == ModelName::frcnn_resnet101);
  for (const char* name : {"LOWP", "frcnn-res101-lowp", "frcnn-res101-low"})
    CHECK(model_by_name(name) == ModelName::frcnn_resnet101_lowproposals);
  for (const char* name : {"NAS", "frcnn-nas-coco", "frcnn-as-coco"})
    CHECK(model_by_name(name) == ModelName::frcnn_nas);
  for (const char* name : {"mobilenet-v1-classifier", "keras_mobilenet", "MobileNet-V1"})
    CHECK(model_by_name(name) == ModelName::mobilenet_v1_classifier);
  for (const char* name : {"mobilenet-v2-classifier", "classifier", "mobilenet_v2"})
    CHECK(model_by_name(name) == ModelName::mobilenet_v2_classifier);
}

TEST_CASE("model_name: the table names each model once, and its names lead back") {
  for (const ModelInfo& info : model_table) {
    CHECK(model_by_name(name_of(info.model)) == info.model);
    for (const std::string_view alias : info.aliases)
      if (!alias.empty()) CHECK(model_by_name(alias) == info.model);
  }
  CHECK(model_info(ModelName::frcnn_nas).architecture == Architecture::faster_rcnn);
  CHECK(model_info(ModelName::mobilenet_v2_classifier).architecture == Architecture::classifier);
}

TEST_CASE("model_name: an unknown name is answered with the nearest") {
  const std::string message = message_of<ConfigError>([] { model_by_name("ssd-mobilnet-v2"); });
  CHECK(says(message, "model: there is no model \"ssd-mobilnet-v2\""));
  CHECK(says(message, "did you mean ssd-mobilenet-v2?"));
  CHECK(says(message, "ssdlite-mobilenet-v2"));
  CHECK_THROWS_AS(model_by_name(""), ConfigError);
}
