// FarCall: an operation whose arrays are the host's, moved to where a backend has its numbers, and
// back.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "ocelli/op/call.hpp"
#include "ocelli/op/op.hpp"

namespace ocelli::test {

/// Copies everything that a call points at into memory M. Arrays that are one stay one; addresses
/// keep their distance from a multiple of 16 bytes.
template <class T, class M>
class FarCall {
 public:
  explicit FarCall(const OpCall<T>& host) : call(host) {
    const OpDesc& op = *host.op;
    const long out = host.batch * host.out_shape.size(), channels = host.out_shape.channels;
    const bool norm = op.kind == OpKind::batch_norm;
    const long taps = long(op.window.kernel_height) * op.window.kernel_width;
    const long weights =
        norm ? channels
             : taps * channels * (op.kind == OpKind::conv2d ? host.in_shape[0].channels : 1);
    for (int k = 0; k < op.input_count; ++k) {
      const long in = host.batch * host.in_shape[k].size();
      move(call.in[k].data, in);
      move(call.in[k].scale, host.in_shape[k].channels);
      move(call.in[k].shift, host.in_shape[k].channels);
      move(call.din[k], in);
    }
    move(call.out, out);
    move(call.dout, out);
    move(call.weight, weights);
    move(call.bias, channels);
    move(call.dweight, weights);
    move(call.dbias, channels);
    move(call.moving_mean, channels);
    move(call.moving_variance, channels);
    move(call.batch_norm, 4 * channels);
  }
  ~FarCall() {
    for (const Array& a : arrays_) M::release(a.block);
  }
  FarCall(const FarCall&) = delete;
  FarCall& operator=(const FarCall&) = delete;

  /// Brings back what the operation may have written.
  void fetch() const {
    for (const Array& a : arrays_)
      if (a.host != nullptr) M::to_host(a.host, a.far, a.bytes);
  }

  OpCall<T> call;  ///< of M's addresses

 private:
  struct Array {
    const void* from;
    void* host;  ///< null: only read
    void* far;
    void* block;
    std::size_t bytes;
  };

  void* moved(const void* from, void* writable, std::size_t bytes) {
    for (Array& a : arrays_)
      if (a.from == from) {
        if (writable != nullptr) a.host = writable;
        return a.far;
      }
    const std::size_t crooked = reinterpret_cast<std::uintptr_t>(from) % 16;
    void* const block = M::allocate(bytes + crooked);
    void* const far = static_cast<char*>(block) + crooked;
    M::from_host(far, from, bytes);
    arrays_.push_back({from, writable, far, block, bytes});
    return far;
  }
  // Tensors and parameters may be of different types.
  template <class U>
  void move(U*& p, long count) {
    const auto bytes = static_cast<std::size_t>(count) * sizeof(U);
    if (p != nullptr) p = static_cast<U*>(moved(p, p, bytes));
  }
  template <class U>
  void move(const U*& p, long count) {
    const auto bytes = static_cast<std::size_t>(count) * sizeof(U);
    if (p != nullptr) p = static_cast<const U*>(moved(p, nullptr, bytes));
  }

  std::vector<Array> arrays_;
};

}  // namespace ocelli::test
