// EnginePlan: which engine makes each product of a net's convolutions, as text that a run can keep
// and another can follow.
//
//   ocelli engine plan 1
//   device NVIDIA H200
//   cublas 130101
//   conv2d forward 24x19x19x96 -> 19x19x576 window 1x1 stride 1 dilation 1 pad 0,0 bf16
//       stored float32 deferred = cublas 2  # fastest: own 41.0 us, cublas 2 30.5 us
//
// (a product is one line). What follows # is for the reader. Algorithms are numbered in the order
// in which the library proposes them, which a version of it keeps for a kind of device: so the plan
// says both, and is refused elsewhere.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <sstream>
#include <string>
#include <tuple>

#include "ocelli/core/error.hpp"
#include "ocelli/kernels/precision.cuh"
#include "ocelli/op/call.hpp"

namespace ocelli::cuda {

/// Who makes a product.
enum class Engine : int {
  own,     ///< the kernels of ocelli/kernels
  cublas,  ///< cuBLASLt: 1x1 convolutions of stride 1
  cudnn,   ///< cuDNN 9: convolutions, depthwise ones too
};
inline constexpr Engine kAllEngines[] = {Engine::own, Engine::cublas, Engine::cudnn};
constexpr const char* name(Engine engine) {
  switch (engine) {
    case Engine::own:
      return "own";
    case Engine::cublas:
      return "cublas";
    case Engine::cudnn:
      return "cudnn";
  }
  return "?";
}

/// What an operation computes, each with an engine of its own.
enum class Product : int { forward, data_gradient, weight_gradient };
inline constexpr Product kAllProducts[] = {
    Product::forward, Product::data_gradient, Product::weight_gradient};
constexpr const char* name(Product product) {
  switch (product) {
    case Product::forward:
      return "forward";
    case Product::data_gradient:
      return "data_gradient";
    case Product::weight_gradient:
      return "weight_gradient";
  }
  return "?";
}

/// Everything on which the time and the making of a product depend.
struct ProductKey {
  OpKind kind = OpKind::conv2d;  ///< or depthwise_conv2d
  Product product = Product::forward;
  int batch = 0;
  Shape in, out;
  Window window;
  Precision precision = Precision::float32;
  bool stored_bf16 = false;                ///< tensors are bfloat16, not float
  bool bias = false;                       ///< forward adds one
  Activation epilogue = Activation::none;  ///< of forward
  bool deferred = false;                   ///< x is read through a batch norm
  bool accumulate = false;                 ///< the data gradient is added to what is there

  auto tie() const {
    return std::make_tuple(
        kind, product, batch, in.height, in.width, in.channels, out.height, out.width, out.channels,
        window.kernel_height, window.kernel_width, window.stride, window.dilation, window.pad_top,
        window.pad_left, precision, stored_bf16, bias, epilogue, deferred, accumulate);
  }
  friend bool operator<(const ProductKey& a, const ProductKey& b) { return a.tie() < b.tie(); }
  friend bool operator==(const ProductKey& a, const ProductKey& b) { return a.tie() == b.tie(); }

  /// One line, as in a plan.
  std::string text() const {
    std::ostringstream t;
    t << ocelli::name(kind) << ' ' << name(product) << ' ' << batch << 'x' << in.height << 'x'
      << in.width << 'x' << in.channels << " -> " << out.height << 'x' << out.width << 'x'
      << out.channels << " window " << window.kernel_height << 'x' << window.kernel_width
      << " stride " << window.stride << " dilation " << window.dilation << " pad " << window.pad_top
      << ',' << window.pad_left << ' ' << ocelli::name(precision) << " stored "
      << (stored_bf16 ? "bf16" : "float32");
    if (bias) t << " bias";
    if (epilogue != Activation::none) t << ' ' << ocelli::name(epilogue);
    if (deferred) t << " deferred";
    if (accumulate) t << " accumulate";
    return t.str();
  }
};

/// The key of a call's product.
template <class T>
ProductKey product_key(const OpCall<T>& call, Product product, Precision precision) {
  ProductKey key;
  key.kind = call.op->kind;
  key.product = product;
  key.batch = call.batch;
  key.in = call.in_shape[0];
  key.out = call.out_shape;
  key.window = call.op->window;
  key.precision = precision;
  key.stored_bf16 = sizeof(T) == 2;
  if (product == Product::forward) {
    key.bias = call.bias != nullptr;
    key.epilogue = call.epilogue;
  }
  if (product != Product::data_gradient) key.deferred = call.in[0].deferred();
  if (product == Product::data_gradient) key.accumulate = call.accumulate[0];
  return key;
}

/// Who makes a product, and by which of his ways.
struct EngineChoice {
  Engine engine = Engine::own;
  int algorithm = 0;  ///< its number in the order in which the engine proposes them; own: 0
  friend bool operator==(const EngineChoice&, const EngineChoice&) = default;

  std::string text() const {
    return std::string(name(engine)) +
           (engine == Engine::own ? "" : " " + std::to_string(algorithm));
  }
};

/// The engines of a net's products, and what the numbers of algorithms hold for.
struct EnginePlan {
  static constexpr const char* kHeader = "ocelli engine plan 1";

  std::string device;                      ///< name; empty: not known
  std::map<Engine, std::string> versions;  ///< of the libraries that were at hand
  std::map<ProductKey, EngineChoice> choices;

  bool uses(Engine engine) const {
    for (const auto& [key, choice] : choices)
      if (choice.engine == engine) return true;
    return false;
  }

  std::string text() const {
    std::string all = std::string(kHeader) + "\n";
    if (!device.empty()) all += "device " + device + "\n";
    for (const auto& [engine, version] : versions)
      all += std::string(name(engine)) + " " + version + "\n";
    for (const auto& [key, choice] : choices) all += key.text() + " = " + choice.text() + "\n";
    return all;
  }

  /// @throws ConfigError that names the line
  static EnginePlan parse(const std::string& text);
};

namespace detail {

/// Reads one line of a plan word by word.
class PlanLine {
 public:
  PlanLine(const std::string& line, int number) : words_(line), number_(number) {}

  std::string word() {
    std::string w;
    words_ >> w;
    return w;
  }
  std::string rest() {
    std::string r;
    std::getline(words_ >> std::ws, r);
    return r;
  }
  void expect(const char* wanted) {
    const std::string got = word();
    if (got != wanted) fail("'" + got + "' where '" + wanted + "' belongs");
  }
  /// A number, and the character `before` it where that is not 0.
  int number(char before = 0) {
    if (before != 0 && words_.get() != before) fail(std::string("no '") + before + "'");
    int value = 0;
    if (!(words_ >> value) || value < 0) fail("a number is missing");
    return value;
  }
  template <class E, std::size_t N>
  E one_of(const std::string& got, const E (&all)[N]) const {
    for (const E e : all)
      if (got == name(e)) return e;
    fail("'" + got + "' is not known here");
  }
  [[noreturn]] void fail(const std::string& what) const {
    throw ConfigError(
        what, "engine plan, line " + std::to_string(number_),
        "give a plan as it was written, or time the engines anew with 'auto'");
  }

 private:
  std::istringstream words_;
  int number_;
};

inline ProductKey read_product(PlanLine& line, const std::string& kind) {
  constexpr OpKind kinds[] = {OpKind::conv2d, OpKind::depthwise_conv2d};
  constexpr Precision precisions[] = {Precision::float32, Precision::tf32, Precision::bf16};
  constexpr Activation activations[] = {
      Activation::relu, Activation::relu6, Activation::swish, Activation::sigmoid};
  ProductKey key;
  key.kind = line.one_of(kind, kinds);
  key.product = line.one_of(line.word(), kAllProducts);
  key.batch = line.number();
  key.in.height = line.number('x');
  key.in.width = line.number('x');
  key.in.channels = line.number('x');
  line.expect("->");
  key.out.height = line.number();
  key.out.width = line.number('x');
  key.out.channels = line.number('x');
  line.expect("window");
  key.window.kernel_height = line.number();
  key.window.kernel_width = line.number('x');
  line.expect("stride");
  key.window.stride = line.number();
  line.expect("dilation");
  key.window.dilation = line.number();
  line.expect("pad");
  key.window.pad_top = line.number();
  key.window.pad_left = line.number(',');
  key.precision = line.one_of(line.word(), precisions);
  line.expect("stored");
  const std::string stored = line.word();
  if (stored != "bf16" && stored != "float32") line.fail("'" + stored + "' is no way to store");
  key.stored_bf16 = stored == "bf16";
  for (std::string w = line.word(); w != "="; w = line.word()) {
    if (w == "bias")
      key.bias = true;
    else if (w == "deferred")
      key.deferred = true;
    else if (w == "accumulate")
      key.accumulate = true;
    else
      key.epilogue = line.one_of(w, activations);
  }
  return key;
}

}  // namespace detail

inline EnginePlan EnginePlan::parse(const std::string& text) {
  EnginePlan plan;
  std::istringstream lines(text);
  std::string line;
  bool begun = false;
  for (int number = 1; std::getline(lines, line); ++number) {
    line = line.substr(0, line.find('#'));
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    line.erase(line.find_last_not_of(" \t\r") + 1);
    detail::PlanLine words(line, number);
    if (!begun) {
      if (line != kHeader) words.fail("'" + line + "' where '" + kHeader + "' belongs");
      begun = true;
      continue;
    }
    const std::string first = words.word();
    if (first == "device") {
      plan.device = words.rest();
      continue;
    }
    if (first == "cublas" || first == "cudnn") {
      plan.versions[words.one_of(first, kAllEngines)] = words.rest();
      continue;
    }
    const ProductKey key = detail::read_product(words, first);
    EngineChoice choice;
    choice.engine = words.one_of(words.word(), kAllEngines);
    if (choice.engine != Engine::own) choice.algorithm = words.number();
    if (const std::string more = words.word(); !more.empty())
      words.fail("'" + more + "' behind the choice");
    if (!plan.choices.emplace(key, choice).second) words.fail("the product stands here twice");
  }
  if (!begun) detail::PlanLine("", 1).fail("the plan is empty");
  return plan;
}

}  // namespace ocelli::cuda
