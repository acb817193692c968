// Classifier: what a picture shows as a whole: a backbone, the mean of its last map, dropout, and a
// 1x1 convolution to one logit a class. Softmax is the loss's, and the user's, of the logits.
//
//   picture [H,W,3] -> backbone [h,w,F] -> global_pool [1,1,F] -> dropout -> conv [1,1,C]
//
// Output 0: logits [N, 1, 1, C]; there is no background, label l is column l - 1. The backbone's
// parameters have the names they have in an SSD, so either starts from the other's weights.
//
// Howard et al., "MobileNets", arXiv:1704.04861, table 1; Sandler et al., "MobileNetV2",
// arXiv:1801.04381, table 2: both with the classes as a 1x1 convolution.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "ocelli/model/mobilenet_v1.hpp"
#include "ocelli/model/mobilenet_v2.hpp"
#include "ocelli/net/model.hpp"

namespace ocelli {

namespace classifier {

struct BackboneName {
  static constexpr char name[] = "backbone";
};
struct HeadName {
  static constexpr char name[] = "head";
};

/// From a picture to its features.
template <class Backbone, class Config>
struct Features {
  static constexpr TensorId emit(Builder& net, TensorId x) {
    return Sequential<
        Group<
            static_cast<int>(ClassifierGroup::backbone),
            Named<BackboneName, typename Backbone::template Layers<Config>>>,
        GlobalPool>::emit(net, x);
  }
};

/// From features to logits.
struct Head {
  static constexpr TensorId emit(Builder& net, TensorId x) {
    return Group<
        static_cast<int>(ClassifierGroup::head),
        Named<HeadName, Sequential<Dropout<>, BasicConv<PerClass<1, 1, 0>, 1, 1, Same, Bias>>>>::
        emit(net, x);
  }
};

template <class Backbone, class Config>
struct Net {
  static constexpr TensorId emit(Builder& net, TensorId x) {
    return Head::emit(net, Features<Backbone, Config>::emit(net, x));
  }
};

}  // namespace classifier

/// What a trainer or a program needs to know of a classifier, without being a template on it.
struct ClassifierSpec {
  ModelView model;     ///< from a picture to logits
  ModelView features;  ///< its first part: from a picture to features [1, 1, F]
  ModelView head;      ///< its second part: from features to logits
  const char* backbone = "";
};

/// A classifier of whole pictures as a type.
/// @tparam Backbone  MobileNetV1 or MobileNetV2
/// @tparam In        Input<3, H, W>
/// @tparam Cls       Classes<N>, or Classes<Dynamic>
/// @tparam Config    ClassifierDefaults or one derived from it
template <class Backbone, class In, class Cls, class Config = ClassifierDefaults>
class Classifier : public Model<classifier::Net<Backbone, Config>, In, Cls> {
  using Base = Model<classifier::Net<Backbone, Config>, In, Cls>;

 public:
  using Configuration = Config;
  static constexpr bool classifies = true;  ///< whole pictures; an Ssd finds objects

  /// For a static model.
  Classifier() requires Base::is_static : Base() { make_parts(); }
  /// For a dynamic one; a fixed extent must be given as it is. Throws ShapeError.
  Classifier(Shape input, int classes) requires(!Base::is_static) : Base(input, classes) {
    make_parts();
  }

  /// Valid while the classifier, or a copy of it, lives.
  ClassifierSpec spec() const {
    return {this->view(), features_->view(), head_->view(), Backbone::name};
  }

 private:
  void make_parts() {
    const ModelView& whole = this->view();
    features_ = std::make_shared<const RuntimeModel>(
        RuntimeModel::make<classifier::Features<Backbone, Config>>(whole.input, whole.classes));
    const GraphView& graph = features_->view().graph;
    head_ = std::make_shared<const RuntimeModel>(
        RuntimeModel::make<classifier::Head>(graph.tensors[graph.outputs[0]].shape, whole.classes));
  }

  std::shared_ptr<const RuntimeModel> features_, head_;
};

}  // namespace ocelli
