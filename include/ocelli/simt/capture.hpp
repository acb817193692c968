// Capture on the emulator: while a stream captures, what it is asked for is written down instead of
// done, as in a CUDA graph, and can be done again any number of times.
//
// The rules are those of cudaStreamBeginCapture in thread-local mode, and stricter where a step
// that forgets its stream would be recorded in part: no memory is taken or freed, nobody waits,
// nothing comes back to the host, and no other stream works. What breaks a rule throws, and the
// capture is lost.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#ifndef __CUDACC__

#include <cstddef>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "ocelli/core/error.hpp"

namespace ocelli::simt {

/// On the emulator all streams are one: a launch has ended when it returns. The handles differ, so
/// that a capture knows its own.
using Stream = void*;

/// What a stream was asked for, in order, with the arguments as they were then.
class Recording {
 public:
  void add(std::function<void()> work) { work_.push_back(std::move(work)); }
  std::size_t size() const { return work_.size(); }
  /// Does it all.
  /// @throws what a launch throws
  void run() const {
    for (const auto& work : work_) work();
  }

 private:
  std::vector<std::function<void()>> work_;
};

namespace detail {
struct Capture {
  Stream stream = nullptr;
  bool active = false, broken = false;
  Recording recording;
};
inline thread_local Capture capture;
}  // namespace detail

/// From now on `stream` writes down, for this thread.
/// @throws DeviceError where it cannot
inline void begin_capture(Stream stream) {
  if (stream == nullptr)
    throw DeviceError(
        "cudaStreamBeginCapture: cudaErrorStreamCaptureUnsupported, the default stream cannot be "
        "captured",
        {}, "work on a stream of your own");
  if (detail::capture.active)
    throw DeviceError("cudaStreamBeginCapture: cudaErrorIllegalState, a capture is under way");
  detail::capture = {stream, true, false, {}};
}

/// The end of the capture, and what was written down.
/// @throws DeviceError where a rule was broken meanwhile
inline Recording end_capture(Stream stream) {
  if (!detail::capture.active || detail::capture.stream != stream)
    throw DeviceError("cudaStreamEndCapture: cudaErrorIllegalState, this stream does not capture");
  const detail::Capture done = std::exchange(detail::capture, {});
  if (done.broken)
    throw DeviceError(
        "cudaStreamEndCapture: cudaErrorStreamCaptureInvalidated, a rule was broken meanwhile");
  return done.recording;
}

/// Refuses what a capture does not allow. @param call  its name
inline void refuse_in_capture(const char* call) {
  if (!detail::capture.active) return;
  detail::capture.broken = true;
  throw DeviceError(
      std::string(call) +
          ": cudaErrorStreamCaptureUnsupported, not allowed while a stream is captured",
      {}, "do it before the capture, or after it");
}

/// Whether `stream` writes down; refuses other streams meanwhile.
inline bool captures(Stream stream) {
  if (!detail::capture.active) return false;
  if (stream != detail::capture.stream) refuse_in_capture("work on another stream");
  return true;
}

}  // namespace ocelli::simt

#endif  // __CUDACC__
