// ProductEngine: what an engine beside our own kernels has to offer, so that the choice among them
// knows none by name. A test can be one.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "ocelli/cuda/engine_plan.hpp"
#include "ocelli/op/call.hpp"

namespace ocelli::cuda {

/// One algorithm of an engine for one product, with everything taken that it needs but workspace.
template <class T>
class PreparedProduct {
 public:
  virtual ~PreparedProduct() = default;

  virtual std::size_t workspace_bytes() const = 0;
  /// Puts the product into the engine's stream. Takes no device memory and does not wait, so that a
  /// graph can capture it.
  /// @param call       with the shapes of the key; its other products are left alone
  /// @param workspace  workspace_bytes(), aligned to 256
  /// @throws DeviceError where the library refuses, Error for pointers not aligned to 16 bytes
  virtual void run(const OpCall<T>& call, void* workspace) = 0;
};

/// What an engine offers for a product.
template <class T>
struct EngineOffer {
  std::vector<std::unique_ptr<PreparedProduct<T>>> algorithms;  ///< the engine's best guess first
  std::string refusal;                                          ///< why there are none
};

template <class T>
class ProductEngine {
 public:
  virtual ~ProductEngine() = default;

  virtual Engine engine() const = 0;
  /// Of the library.
  virtual std::string version() const = 0;
  /// Algorithms whose results are the same bits in every run, at most `most` of them. The same key
  /// gets the same list from the same version on the same kind of device.
  virtual EngineOffer<T> offer(const ProductKey& key, int most) = 0;
};

template <class T>
using EngineList = std::vector<std::unique_ptr<ProductEngine<T>>>;

/// The operation of a key's call.
inline OpDesc op_of(const ProductKey& key) {
  OpDesc op;
  op.kind = key.kind;
  op.input_count = 1;
  op.window = key.window;
  return op;
}

}  // namespace ocelli::cuda
