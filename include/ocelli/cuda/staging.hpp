// Staging: batches that the host has made, on their way to the device. A stream of its own carries
// the next batch over while a step works on the one before.
//
// Two places, each once in pinned memory and once on the device:
//   host          waits until the place's last copy has left pinned memory, then fills it
//   copy stream   waits until the step that read the place has read it, then copies
//   step stream   waits for the copy
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>

#include "ocelli/core/error.hpp"
#include "ocelli/cuda/batch_input.hpp"
#include "ocelli/cuda/event.hpp"
#include "ocelli/cuda/memory.hpp"
#include "ocelli/cuda/pinned.hpp"
#include "ocelli/cuda/stream.hpp"
#include "ocelli/cuda/work_arrays.hpp"
#include "ocelli/loss/ssd_loss.hpp"

namespace ocelli::cuda {

class Staging {
 public:
  static constexpr int kPlaces = 2;

  /// @param image_floats  numbers of all pictures of a batch; 0: only boxes are sent
  /// @param batch, capacity  most pictures of a batch, most boxes of a picture
  /// @throws DeviceError where there is not that much memory
  Staging(long image_floats, int batch, int capacity) : image_floats_(image_floats) {
    WorkArrays space;
    lay_out(space, image_floats, batch, capacity);
    bytes_ = space.bytes();
    for (Place& place : places_) {
      place.pinned = Pinned<unsigned char>(bytes_);
      place.device = Memory<unsigned char>(bytes_);
      WorkArrays near(place.pinned.data()), far(place.device.data());
      place.host = lay_out(near, image_floats, batch, capacity);
      place.input = lay_out(far, image_floats, batch, capacity);
    }
    rows_ = static_cast<std::size_t>(batch) * static_cast<std::size_t>(capacity);
  }

  /// Takes a batch, which may go when this returns, and holds `stream` back until it is there.
  /// @return the place: number of the last send, modulo kPlaces
  /// @throws ShapeError where it is larger than said
  int send(
      simt::Stream stream, const float* images, long floats, int batch,
      const GroundTruthBatch<float>& truth) {
    const auto rows = static_cast<std::size_t>(batch) * static_cast<std::size_t>(truth.capacity);
    if (floats > image_floats_ || rows > rows_)
      throw ShapeError("a batch is larger than the first one said", "staging");
    turn_ = (turn_ + 1) % kPlaces;
    Place& place = places_[turn_];
    place.sent.synchronize();
    std::copy_n(images, floats, place.host.images);
    std::copy_n(truth.boxes, rows, place.host.boxes);
    std::copy_n(truth.labels, rows, place.host.labels);
    std::copy_n(truth.counts, batch, place.host.counts);
    place.read.hold_back(copies_.handle());
    simt::upload(place.device.data(), place.pinned.data(), bytes_, copies_.handle());
    place.sent.record(copies_.handle());
    place.sent.hold_back(stream);
    place.input.capacity = truth.capacity;
    return turn_;
  }
  const BatchInput& input(int place) const { return places_[place].input; }
  /// What `stream` was asked for so far is the last that reads the place.
  void release(simt::Stream stream, int place) { places_[place].read.record(stream); }

  std::size_t bytes() const { return kPlaces * bytes_; }  ///< on the device, and as many pinned

 private:
  struct Place {
    Pinned<unsigned char> pinned;
    Memory<unsigned char> device;
    BatchInput host, input;
    Event sent, read;
  };

  static BatchInput lay_out(WorkArrays& space, long image_floats, int batch, int capacity) {
    BatchInput to;
    to.boxes = space.take<Box>(static_cast<long>(batch) * capacity);
    to.labels = space.take<std::int32_t>(static_cast<long>(batch) * capacity);
    to.counts = space.take<std::int32_t>(batch);
    to.images = space.take<float>(image_floats);
    return to;
  }

  long image_floats_;
  std::size_t bytes_ = 0, rows_ = 0;
  Stream copies_;
  Place places_[kPlaces];
  int turn_ = kPlaces - 1;
};

}  // namespace ocelli::cuda
