// The nets of this program: all three SSDs at 300 x 300 and both classifiers at 224 x 224, or the
// one that ocelli_add_trainer asked for.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <string_view>
#include <type_traits>
#include <utility>

#include "ocelli/core/error.hpp"
#include "ocelli/model/classifier.hpp"
#include "ocelli/model/ssd.hpp"
#include "program.hpp"

#ifdef OCELLI_TRAINER_CONFIG_HEADER
#include OCELLI_TRAINER_CONFIG_HEADER
#else
struct TrainerConfig : ocelli::SsdDefaults {};
#endif

/// Small enough to be trained in front of somebody.
struct DemoConfig : ocelli::SsdDefaults {
  static constexpr int image_height = 160, image_width = 160;
  static constexpr double depth_multiplier = 0.5;
};
struct DemoClassifierConfig : ocelli::ClassifierDefaults {
  static constexpr int image_height = 96, image_width = 96;
  static constexpr double depth_multiplier = 0.5;
};

namespace program {
namespace {

using ocelli::train::ModelName;
using Any = ocelli::Classes<ocelli::Dynamic>;

template <class Backbone, bool Lite, class Config = TrainerConfig>
Model make(int classes) {
  using Picture = ocelli::Input<3, Config::image_height, Config::image_width>;
  using Detector = ocelli::Ssd<Backbone, Picture, Any, Config, Lite>;
  auto detector = std::make_shared<const Detector>(
      ocelli::Shape{Config::image_height, Config::image_width, 3}, classes);
  return {detector->spec(), detector};
}

template <class Backbone, class Config>
Model make_classifier(int classes) {
  using Picture = ocelli::Input<3, Config::image_height, Config::image_width>;
  using Net = ocelli::Classifier<Backbone, Picture, Any, Config>;
  auto net = std::make_shared<const Net>(
      ocelli::Shape{Config::image_height, Config::image_width, 3}, classes);
  return {{}, net, net->spec()};
}

bool built(ModelName model) {
#ifdef OCELLI_TRAINER_MODEL
  return model == ocelli::train::model_by_name(OCELLI_TRAINER_MODEL);
#else
  return ocelli::train::model_info(model).architecture != ocelli::train::Architecture::faster_rcnn;
#endif
}

#ifdef OCELLI_TRAINER_MODEL
constexpr bool trainer_name_has(std::string_view part) {
  return std::string_view(OCELLI_TRAINER_MODEL).find(part) != std::string_view::npos;
}

/// The one model of a program that was made for it: nothing else is compiled.
template <class Config>
Model make_wanted(int classes) {
  constexpr bool first = trainer_name_has("v1") || trainer_name_has("keras");
  using Backbone = std::conditional_t<first, ocelli::MobileNetV1, ocelli::MobileNetV2>;
  if constexpr (std::is_base_of_v<ocelli::ClassifierDefaults, Config>) {
    return make_classifier<Backbone, Config>(classes);
  } else {
    return make<Backbone, trainer_name_has("lite"), Config>(classes);
  }
}
#endif

}  // namespace

std::vector<std::string> model_names() {
  std::vector<std::string> names;
  for (const auto& info : ocelli::train::model_table)
    if (built(info.model)) names.emplace_back(info.name);
  return names;
}

Model make_model(ModelName model, int classes) {
  if (!built(model)) {
    std::string names;
    for (const std::string& name : model_names()) names += (names.empty() ? "" : ", ") + name;
    throw ocelli::ConfigError(
        "this program was built without " + ocelli::train::name_of(model), "--model",
        "it has " + names);
  }
  // A program that was made for one model compiles that one alone.
#ifdef OCELLI_TRAINER_MODEL
  return make_wanted<TrainerConfig>(classes);
#else
  switch (model) {
    case ModelName::ssd_mobilenet_v1:
      return make<ocelli::MobileNetV1, false>(classes);
    case ModelName::ssd_mobilenet_v2:
      return make<ocelli::MobileNetV2, false>(classes);
    case ModelName::mobilenet_v1_classifier:
      return make_classifier<ocelli::MobileNetV1, ocelli::ClassifierDefaults>(classes);
    case ModelName::mobilenet_v2_classifier:
      return make_classifier<ocelli::MobileNetV2, ocelli::ClassifierDefaults>(classes);
    default:
      return make<ocelli::MobileNetV2, true>(classes);
  }
#endif
}

bool is_classifier(ModelName model) {
  return ocelli::train::model_info(model).architecture == ocelli::train::Architecture::classifier;
}

ocelli::train::SsdCompiled compiled(ModelName model) {
  using ocelli::train::SsdCompiled;
#ifndef OCELLI_TRAINER_MODEL
  if (is_classifier(model)) return SsdCompiled::of<ocelli::ClassifierDefaults>();
#endif
  (void)model;
  return SsdCompiled::of<TrainerConfig>();
}

Model make_demo_model(int classes) { return make<ocelli::MobileNetV2, true, DemoConfig>(classes); }

ocelli::train::SsdCompiled demo_compiled() { return ocelli::train::SsdCompiled::of<DemoConfig>(); }

Model make_demo_classifier(int classes) {
  return make_classifier<ocelli::MobileNetV1, DemoClassifierConfig>(classes);
}

ocelli::train::SsdCompiled demo_classifier_compiled() {
  return ocelli::train::SsdCompiled::of<DemoClassifierConfig>();
}

std::string built_in_params() {
#ifdef OCELLI_TRAINER_MODEL
  return trainer_defaults;
#else
  return {};
#endif
}

std::string default_model() {
#ifdef OCELLI_TRAINER_MODEL
  return OCELLI_TRAINER_MODEL;
#else
  return "ssd-mobilenet-v2";
#endif
}

std::string default_model(const ocelli::data::Dataset& dataset) {
#ifndef OCELLI_TRAINER_MODEL
  const auto any = [&](const auto& has) {
    return std::any_of(dataset.pictures.begin(), dataset.pictures.end(), has);
  };
  using ocelli::data::Picture;
  if (any([](const Picture& one) { return !one.tags.empty(); }) &&
      !any([](const Picture& one) { return !one.objects.empty(); }))
    return "mobilenet-v2-classifier";
#endif
  (void)dataset;
  return default_model();
}

}  // namespace program
