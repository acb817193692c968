// StepMath: the parts of a training step that are not the net's, on the device: loss, clipping,
// optimizer, average. The host gives pictures, boxes and a rate, and asks for the losses at the
// end.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "ocelli/core/buffer.hpp"
#include "ocelli/core/thread_pool.hpp"
#include "ocelli/cuda/clip.hpp"
#include "ocelli/cuda/l2.hpp"
#include "ocelli/cuda/memory.hpp"
#include "ocelli/cuda/rmsprop.hpp"
#include "ocelli/cuda/sgd_momentum.hpp"
#include "ocelli/cuda/ssd_loss.hpp"
#include "ocelli/kernels/step_totals.cuh"
#include "ocelli/loss/ssd_loss.hpp"
#include "ocelli/optim/update_plan.hpp"

namespace ocelli::cuda {

class StepMath {
 public:
  /// @param batch, max_boxes  most pictures of a call, most boxes of a picture
  /// Works in the order of the backend's stream; the pool is not used. Throws ConfigError,
  /// DeviceError.
  template <class B>
  StepMath(
      B& backend, ThreadPool&, std::span<const Box> anchors, int classes,
      const SsdLossOptions& loss, int batch, int max_boxes, UpdatePlan plan)
      : stream_(backend.stream()),
        plan_(std::move(plan)),
        loss_(loss),
        shape_{batch, static_cast<int>(anchors.size()), classes + 1, max_boxes},
        anchors_(anchors.size()),
        boxes_(static_cast<std::size_t>(batch) * static_cast<std::size_t>(max_boxes)),
        labels_(boxes_.size()),
        counts_(static_cast<std::size_t>(batch)),
        loss_space_(ssd_loss_workspace(shape_)),
        loss_totals_(1),
        totals_(1),
        rate_(1),
        regularization_(1) {
    plan_.rmsprop_options.check();
    plan_.sgd_options.check();
    anchors_.upload(anchors.data(), anchors.size(), 0, stream_);
    long sums = 0;
    for (const UpdatePlan::Piece& segment : plan_.segments) {
      pieces_.push_back({segment});
      if (plan_.clipping == Clipping::per_tensor) cut_into_tensors(pieces_.back());
      pieces_.back().sums = sums;
      sums += pieces_.back().runs.count > 0 ? pieces_.back().runs.count
                                            : square_sum_count(segment.size);
    }
    sums_ = Memory<double>(static_cast<std::size_t>(sums));
    norms_ = Memory<double>(static_cast<std::size_t>(std::max(1, tensors_)));
    factors_ = Memory<double>(static_cast<std::size_t>(std::max(1, tensors_)));
    simt::synchronize(stream_);
  }

  /// A step begins: the gradient [slab_floats] and all sums are zero.
  void begin(float* gradient) {
    simt::fill(gradient, 0, static_cast<std::size_t>(plan_.slab_floats) * sizeof(float), stream_);
    totals_.zero(stream_);
    regularization_.zero(stream_);
    batches_ = 0;
  }

  /// Where the net reads `count` numbers of pictures that the loader has made.
  const float* images(const float* made, long count) {
    const auto size = static_cast<std::size_t>(count);
    if (images_.size() < size) images_ = Memory<float>(size);  // in the first step
    images_.upload(made, size, 0, stream_);
    return images_.data();
  }

  /// The loss of one batch and its gradients; its numbers are added up on the device.
  /// @return true: backward has no wait for the loss
  template <class T>
  bool loss(
      int batch, const GroundTruthBatch<float>& truth, const T* codes, const T* logits, T* d_codes,
      T* d_logits) {
    const auto rows = static_cast<std::size_t>(batch) * static_cast<std::size_t>(truth.capacity);
    boxes_.upload(truth.boxes, rows, 0, stream_);
    labels_.upload(truth.labels, rows, 0, stream_);
    counts_.upload(truth.counts, static_cast<std::size_t>(batch), 0, stream_);
    const SsdLossShape shape{batch, shape_.anchors, shape_.columns, truth.capacity};
    ssd_loss(
        stream_, shape, anchors_.data(),
        {boxes_.data(), labels_.data(), counts_.data(), nullptr, truth.capacity}, loss_, codes,
        logits, loss_space_.data(), d_codes, d_logits, loss_totals_.data());
    simt::launch(kernel::add_totals, 1u, 1u, 0, stream_, loss_totals_.data(), totals_.data());
    ++batches_;
    return true;
  }

  /// L2, clipping, the optimizer and the average; nothing is written unless the loss was finite.
  void update(const UpdateSlabs& slabs, double learning_rate) {
    learning_rate_ = learning_rate;
    const auto rate = static_cast<float>(learning_rate);
    rate_.upload(&rate, 1, 0, stream_);
    bool first = true;
    for (const Piece& piece : pieces_) {
      if (piece.of.l2 == 0) continue;
      l2_loss(
          stream_, slabs.weights + piece.of.offset, piece.of.size, piece.of.l2, first,
          sums_.data() + piece.sums, regularization_.data());
      first = false;
    }
    if (plan_.clipping != Clipping::none) clip(slabs);
    for (const Piece& piece : pieces_) apply(slabs, piece);
  }

  simt::Stream stream() const { return stream_; }

  /// How the step went; waits for it.
  StepResult result() {
    kernel::StepTotals totals;
    double regularization = 0;
    double norm = 0;
    totals_.download(&totals, 1, 0, stream_);
    regularization_.download(&regularization, 1, 0, stream_);
    if (plan_.clipping == Clipping::global_norm) norms_.download(&norm, 1, 0, stream_);
    StepResult result;
    result.localization = totals.localization / batches_;
    result.classification = totals.classification / batches_;
    result.matches = totals.matches;
    result.learning_rate = learning_rate_;
    result.finite = totals.loss_not_finite == 0 && totals.gradient_not_finite == 0;
    if (totals.loss_not_finite == 0) {
      result.regularization = regularization;
      result.gradient_norm = norm;
    }
    return result;
  }

 private:
  /// A segment of the slab, and where its numbers are.
  struct Piece {
    UpdatePlan::Piece of;
    long sums = 0;    ///< of its sums of squares
    int tensor = 0;   ///< first of its factors, where each tensor is clipped by itself
    int tensors = 0;  ///< of them
    Runs runs{};      ///< over its tensors; else none
    Memory<kernel::Run> table{};
    Memory<int> first_run{};
  };

  void cut_into_tensors(Piece& piece) {
    std::vector<TensorExtent> tensors;
    for (const UpdatePlan::Piece& one : plan_.tensors)
      if (one.offset >= piece.of.offset && one.offset < piece.of.offset + piece.of.size)
        tensors.push_back({one.offset - piece.of.offset, one.size});
    const RunTable table = run_table(tensors, tensors_);
    piece.tensor = tensors_;
    piece.tensors = static_cast<int>(tensors.size());
    piece.table = Memory<kernel::Run>(table.runs.size());
    piece.table.upload(table.runs.data(), table.runs.size());
    piece.first_run = Memory<int>(table.first_run.size());
    piece.first_run.upload(table.first_run.data(), table.first_run.size());
    piece.runs = {piece.table.data(), static_cast<int>(table.runs.size())};
    tensors_ += piece.tensors;
    simt::synchronize();
  }

  kernel::GradientRule rule_of(const Piece& piece) const {
    return {
        static_cast<float>(1.0 / batches_), static_cast<float>(piece.of.l2),
        plan_.clipping == Clipping::none ? nullptr : factors_.data()};
  }

  void clip(const UpdateSlabs& slabs) {
    for (const Piece& piece : pieces_) {
      kernel::GradientRule rule = rule_of(piece);
      rule.factor = nullptr;  // is what the sums are for
      square_sums(
          stream_, slabs.weights + piece.of.offset, slabs.gradient + piece.of.offset, piece.of.size,
          rule, sums_.data() + piece.sums, piece.runs);
      if (plan_.clipping == Clipping::per_tensor)
        clip_tensors(
            stream_, sums_.data() + piece.sums, piece.first_run.data(), piece.tensors,
            plan_.clip_limit, norms_.data() + piece.tensor, factors_.data() + piece.tensor);
    }
    if (plan_.clipping == Clipping::global_norm)
      clip_global(
          stream_, sums_.data(), static_cast<long>(sums_.size()), plan_.clip_limit, norms_.data(),
          factors_.data());
  }

  void apply(const UpdateSlabs& slabs, const Piece& piece) {
    const long at = piece.of.offset;
    kernel::UpdateControl control;
    control.learning_rate = rate_.data();
    control.stop = &totals_.data()->loss_not_finite;
    control.not_finite = &totals_.data()->gradient_not_finite;
    if (slabs.average != nullptr) {
      control.shadow = slabs.average + at;
      control.shadow_step = static_cast<float>(1 - plan_.average_decay);
    }
    if (plan_.rmsprop)
      rmsprop_update(
          stream_, slabs.weights + at, slabs.gradient + at, slabs.mean_square + at,
          slabs.momentum + at, piece.of.size, plan_.rmsprop_options, rule_of(piece), control,
          piece.runs);
    else
      sgd_momentum_update(
          stream_, slabs.weights + at, slabs.gradient + at, slabs.momentum + at, piece.of.size,
          plan_.sgd_options, rule_of(piece), control, piece.runs);
  }

  simt::Stream stream_;
  UpdatePlan plan_;
  SsdLossOptions loss_;
  SsdLossShape shape_;
  Memory<Box> anchors_, boxes_;
  Memory<std::int32_t> labels_;
  Memory<int> counts_;
  Memory<unsigned char> loss_space_;
  Memory<kernel::SsdLossTotals> loss_totals_;
  Memory<kernel::StepTotals> totals_;
  Memory<float> rate_, images_;
  Memory<double> regularization_;
  Memory<double> sums_, norms_, factors_;
  std::vector<Piece> pieces_;
  int tensors_ = 0, batches_ = 0;
  double learning_rate_ = 0;
};

}  // namespace ocelli::cuda
