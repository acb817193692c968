// The nets of this program: all three SSDs at 300 x 300, or the one that ocelli_add_trainer asked
// for.
// SPDX-License-Identifier: Apache-2.0
#include <utility>

#include "ocelli/core/error.hpp"
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

bool built(ModelName model) {
#ifdef OCELLI_TRAINER_MODEL
  return model == ocelli::train::model_by_name(OCELLI_TRAINER_MODEL);
#else
  return ocelli::train::model_info(model).architecture == ocelli::train::Architecture::ssd;
#endif
}

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
  constexpr std::string_view wanted = OCELLI_TRAINER_MODEL;
  constexpr bool first = wanted.find("v1") != std::string_view::npos;
  constexpr bool lite = wanted.find("lite") != std::string_view::npos;
  return make<std::conditional_t<first, ocelli::MobileNetV1, ocelli::MobileNetV2>, lite>(classes);
#else
  switch (model) {
    case ModelName::ssd_mobilenet_v1:
      return make<ocelli::MobileNetV1, false>(classes);
    case ModelName::ssd_mobilenet_v2:
      return make<ocelli::MobileNetV2, false>(classes);
    default:
      return make<ocelli::MobileNetV2, true>(classes);
  }
#endif
}

ocelli::train::SsdCompiled compiled() { return ocelli::train::SsdCompiled::of<TrainerConfig>(); }

Model make_demo_model(int classes) { return make<ocelli::MobileNetV2, true, DemoConfig>(classes); }

ocelli::train::SsdCompiled demo_compiled() { return ocelli::train::SsdCompiled::of<DemoConfig>(); }

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

}  // namespace program
