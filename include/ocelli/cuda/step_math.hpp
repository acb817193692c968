// StepMath: the parts of a training step that are not the net's, on the device: its pictures, loss,
// clipping, optimizer, average.
//
// A batch is told what changes (`next`), gets its pictures from the host (`feed`) or draws them on
// the device (`feed_drawn`); the rest is one list of launches (`run`), which is recorded as a
// graph. How a step went arrives later (`result`).
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "ocelli/core/buffer.hpp"
#include "ocelli/core/error.hpp"
#include "ocelli/core/thread_pool.hpp"
#include "ocelli/cuda/clip.hpp"
#include "ocelli/cuda/l2.hpp"
#include "ocelli/cuda/memory.hpp"
#include "ocelli/cuda/pictures.hpp"
#include "ocelli/cuda/rmsprop.hpp"
#include "ocelli/cuda/sgd_momentum.hpp"
#include "ocelli/cuda/ssd_loss.hpp"
#include "ocelli/cuda/staging.hpp"
#include "ocelli/cuda/step_graphs.hpp"
#include "ocelli/cuda/step_reports.hpp"
#include "ocelli/kernels/step_totals.cuh"
#include "ocelli/loss/ssd_loss.hpp"
#include "ocelli/optim/update_plan.hpp"

namespace ocelli::cuda {

class StepMath {
 public:
  using Pictures = cuda::Pictures;

  /// @param batch, max_boxes  most pictures of a call, most boxes of a picture
  /// Works in the order of the backend's stream, which must outlive it; the pool is not used.
  /// Throws ConfigError, DeviceError.
  template <class B>
  StepMath(
      B& backend, ThreadPool&, std::span<const Box> anchors, int classes,
      const SsdLossOptions& loss, int batch, int max_boxes, UpdatePlan plan)
      : stream_(backend.stream()),
        scratch_bytes_([&backend] { return backend.scratch_bytes(); }),
        plan_(std::move(plan)),
        loss_(loss),
        shape_{batch, static_cast<int>(anchors.size()), classes + 1, max_boxes},
        max_batch_(batch),
        max_boxes_(max_boxes),
        anchors_(anchors.size()),
        loss_space_(ssd_loss_workspace(shape_)),
        loss_totals_(1),
        words_(1),
        report_(1) {
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
    words_.zero(stream_);
    report_.zero(stream_);
    simt::synchronize(stream_);
  }

  /// Waits for what is under way: it names the memory of whoever owns this.
  ~StepMath() {
    try {
      simt::synchronize(stream_);
    } catch (const DeviceError&) {  // told already, or nobody asks any more
    }
  }
  StepMath(const StepMath&) = delete;
  StepMath& operator=(const StepMath&) = delete;

  /// One batch of a step.
  struct Part {
    Draw draw;
    bool first = true, last = true;  ///< of the step
    double learning_rate = 0;        ///< of the step
  };

  /// Launches and copies one by one, or as graphs; the same bits.
  /// @throws DeviceError for graphs of the default stream
  void set_eager(bool eager) {
    if (!eager && stream_ == nullptr)
      throw DeviceError(
          "the backend works on the default stream, which cannot be recorded", "step",
          "give it a stream of its own, or ask for eager steps");
    graphs_.set_eager(eager);
  }
  simt::Stream stream() const { return stream_; }
  /// Batches are drawn from these pictures from now on.
  void keep(Pictures&& pictures) {
    graphs_.clear();
    pictures_.emplace(std::move(pictures));
  }

  /// The next batch: tells the device what is new about it.
  void next(const Part& part) {
    if (part.first) batches_ = 0;
    ++batches_;
    part_ = part;
    // What was recorded names the backend's scratch memory; it moves when another net needs more.
    if (const std::size_t bytes = scratch_bytes_(); bytes != recorded_scratch_) {
      graphs_.clear();
      recorded_scratch_ = bytes;
    }
    const kernel::StepWords words{
        part.draw,
        {part.draw.seed, static_cast<std::int64_t>(part.draw.step)},
        static_cast<float>(part.learning_rate),
        reports_.open() > 0 ? 1 : 0};
    simt::launch(kernel::set_words, 1u, 1u, 0, stream_, words, words_.data());
  }
  /// Its pictures and boxes, made by the host; they may go when this returns.
  /// @param floats  numbers of all its pictures
  void feed(const float* images, long floats, int batch, const GroundTruthBatch<float>& truth) {
    if (!staging_) staging_.emplace(floats, max_batch_, max_boxes_);
    const int place = staging_->send(stream_, images, floats, batch, truth);
    input_ = staging_->input(place);
    image_floats_ = floats;
    kind_ = {part_.first, part_.last, false, place, batch, input_.capacity, batches_};
  }
  /// It is drawn from the pictures that lie on the device.
  /// @throws Error where none do
  void feed_drawn() {
    if (!pictures_) throw Error("no pictures lie on the device", "step", "keep them first");
    input_ = pictures_->input();
    image_floats_ = pictures_->image_floats();
    kind_ = {part_.first, part_.last, true, 0, pictures_->batch(), input_.capacity, batches_};
  }

  /// Does what `work` asks the stream for, which must be a function of the part, and sends the
  /// result after a step's last.
  template <class Work>
  void run(Work&& work) {
    graphs_.run(stream_, kind_, std::forward<Work>(work));
    if (!kind_.drawn) staging_->release(stream_, kind_.place);
    if (part_.last) reports_.send(stream_, report_.data(), part_.learning_rate, batches_);
  }

  // What `work` may ask for.

  /// A step begins: the gradient [slab_floats] and all sums are zero.
  void begin(float* gradient) {
    simt::fill(gradient, 0, static_cast<std::size_t>(plan_.slab_floats) * sizeof(float), stream_);
    simt::launch(kernel::begin_report, 1u, 1u, 0, stream_, words_.data(), report_.data());
  }

  /// Where the net reads the batch's pictures.
  const float* images() {
    if (kind_.drawn) pictures_->draw(&words_.data()->pictures);
    return input_.images;
  }
  /// How many numbers they are.
  long image_floats() const { return image_floats_; }
  /// What dropout is a function of, on the device.
  const Draw* draw() const { return &words_.data()->draw; }

  /// The loss of the batch and its gradients; its numbers are added up on the device.
  template <class T>
  void loss(const T* codes, const T* logits, T* d_codes, T* d_logits) {
    const SsdLossShape shape{kind_.batch, shape_.anchors, shape_.columns, input_.capacity};
    ssd_loss(
        stream_, shape, anchors_.data(),
        {input_.boxes, input_.labels, input_.counts, nullptr, input_.capacity}, loss_, codes,
        logits, loss_space_.data(), d_codes, d_logits, loss_totals_.data());
    simt::launch(
        kernel::add_totals, 1u, 1u, 0, stream_, loss_totals_.data(), &report_.data()->totals);
  }

  /// L2, clipping, the optimizer and the average; nothing is written unless the loss was finite.
  void update(const UpdateSlabs& slabs) {
    bool first = true;
    for (const Piece& piece : pieces_) {
      if (piece.of.l2 == 0) continue;
      l2_loss(
          stream_, slabs.weights + piece.of.offset, piece.of.size, piece.of.l2, first,
          sums_.data() + piece.sums, &report_.data()->regularization);
      first = false;
    }
    if (plan_.clipping != Clipping::none) clip(slabs);
    for (const Piece& piece : pieces_) apply(slabs, piece);
  }

  // What came of it.

  /// Steps whose results have not been taken: at most StepReports::kMost.
  int pending() const { return reports_.open(); }
  /// How the oldest of them went; waits for it.
  StepResult result() { return reports_.take(); }
  /// Kinds of parts that were recorded.
  std::size_t recorded() const { return graphs_.count(); }

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
          stream_, sums_.data(), static_cast<long>(sums_.size()), plan_.clip_limit,
          &report_.data()->gradient_norm, factors_.data());
  }

  void apply(const UpdateSlabs& slabs, const Piece& piece) {
    const long at = piece.of.offset;
    kernel::UpdateControl control;
    control.learning_rate = &words_.data()->learning_rate;
    control.stop = &report_.data()->totals.loss_not_finite;
    control.not_finite = &report_.data()->totals.gradient_not_finite;
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
  std::function<std::size_t()> scratch_bytes_;
  std::size_t recorded_scratch_ = 0;
  UpdatePlan plan_;
  SsdLossOptions loss_;
  SsdLossShape shape_;
  int max_batch_, max_boxes_;
  Memory<Box> anchors_;
  Memory<unsigned char> loss_space_;
  Memory<kernel::SsdLossTotals> loss_totals_;
  Memory<kernel::StepWords> words_;
  Memory<kernel::StepReport> report_;
  Memory<double> sums_, norms_, factors_;
  std::vector<Piece> pieces_;
  int tensors_ = 0, batches_ = 0;
  Part part_;
  StepKind kind_;
  BatchInput input_;
  long image_floats_ = 0;
  std::optional<Staging> staging_;
  std::optional<cuda::Pictures> pictures_;
  StepGraphs graphs_;
  StepReports reports_;
};

}  // namespace ocelli::cuda
