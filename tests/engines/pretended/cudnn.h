// What CudnnEngine uses of cuDNN 9, as plain loops that read the descriptors as cuDNN does: extents
// and strides of tensors, padding, groups. So that the graphs, and the copies around them, are
// tested where there is no GPU. Float tensors alone; all memory is the host's.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <map>
#include <vector>

#define CUDNN_VERSION 91900

enum cudnnStatus_t {
  CUDNN_STATUS_SUCCESS = 0,
  CUDNN_STATUS_NOT_SUPPORTED = 3000,
};
enum cudnnDataType_t {
  CUDNN_DATA_FLOAT = 0,
  CUDNN_DATA_BFLOAT16 = 9,
};
enum cudnnConvolutionMode_t {
  CUDNN_CROSS_CORRELATION = 1,
};
enum cudnnBackendHeurMode_t {
  CUDNN_HEUR_MODE_FALLBACK = 2,
  CUDNN_HEUR_MODE_A = 3,
};
enum cudnnBackendNumericalNote_t {
  CUDNN_NUMERICAL_NOTE_TENSOR_CORE = 0,
  CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC = 4,
  CUDNN_NUMERICAL_NOTE_WINOGRAD = 5,
  CUDNN_NUMERICAL_NOTE_STRICT_NAN_PROP = 9,
  CUDNN_NUMERICAL_NOTE_TYPE_COUNT = 10,
};
enum cudnnBackendAttributeType_t {
  CUDNN_TYPE_HANDLE = 0,
  CUDNN_TYPE_DATA_TYPE = 1,
  CUDNN_TYPE_INT64 = 3,
  CUDNN_TYPE_FLOAT = 4,
  CUDNN_TYPE_VOID_PTR = 6,
  CUDNN_TYPE_CONVOLUTION_MODE = 7,
  CUDNN_TYPE_HEUR_MODE = 8,
  CUDNN_TYPE_NUMERICAL_NOTE = 11,
  CUDNN_TYPE_BACKEND_DESCRIPTOR = 15,
  CUDNN_TYPE_CHAR = 24,
};
enum cudnnBackendDescriptorType_t {
  CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR = 1,
  CUDNN_BACKEND_ENGINE_DESCRIPTOR = 2,
  CUDNN_BACKEND_ENGINECFG_DESCRIPTOR = 3,
  CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR = 4,
  CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR = 5,
  CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR = 10,
  CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_FILTER_DESCRIPTOR = 11,
  CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR = 12,
  CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR = 15,
  CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR = 16,
  CUDNN_BACKEND_TENSOR_DESCRIPTOR = 17,
  CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR = 38,
};
enum cudnnBackendAttributeName_t {
  CUDNN_ATTR_CONVOLUTION_COMP_TYPE = 100,
  CUDNN_ATTR_CONVOLUTION_CONV_MODE = 101,
  CUDNN_ATTR_CONVOLUTION_DILATIONS = 102,
  CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES = 103,
  CUDNN_ATTR_CONVOLUTION_POST_PADDINGS = 104,
  CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS = 105,
  CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS = 106,
  CUDNN_ATTR_ENGINEHEUR_MODE = 200,
  CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH = 201,
  CUDNN_ATTR_ENGINEHEUR_RESULTS = 202,
  CUDNN_ATTR_ENGINEHEUR_DEVICEPROP = 204,
  CUDNN_ATTR_ENGINECFG_ENGINE = 300,
  CUDNN_ATTR_EXECUTION_PLAN_HANDLE = 400,
  CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG = 401,
  CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE = 402,
  CUDNN_ATTR_EXECUTION_PLAN_DEVICEPROP = 407,
  CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA = 700,
  CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA = 701,
  CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC = 702,
  CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W = 703,
  CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X = 704,
  CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y = 705,
  CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_ALPHA = 706,
  CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_BETA = 707,
  CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_CONV_DESC = 708,
  CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_W = 709,
  CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DX = 710,
  CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DY = 711,
  CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_ALPHA = 712,
  CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_BETA = 713,
  CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_CONV_DESC = 714,
  CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DW = 715,
  CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_X = 716,
  CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DY = 717,
  CUDNN_ATTR_OPERATIONGRAPH_HANDLE = 800,
  CUDNN_ATTR_OPERATIONGRAPH_OPS = 801,
  CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT = 900,
  CUDNN_ATTR_TENSOR_DATA_TYPE = 901,
  CUDNN_ATTR_TENSOR_DIMENSIONS = 902,
  CUDNN_ATTR_TENSOR_STRIDES = 903,
  CUDNN_ATTR_TENSOR_UNIQUE_ID = 906,
  CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS = 1000,
  CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS = 1001,
  CUDNN_ATTR_VARIANT_PACK_WORKSPACE = 1003,
  CUDNN_ATTR_ENGINE_NUMERICAL_NOTE = 1303,
  CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION = 2702,
};

namespace pretended {

/// Any descriptor: its attributes as bytes, or as other descriptors.
struct Descriptor {
  cudnnBackendDescriptorType_t type;
  bool final = false;
  std::map<int, std::vector<char>> bytes;
  std::map<int, Descriptor*> links;
  int number = 0;                         ///< of a configuration, among those proposed
  const Descriptor* operation = nullptr;  ///< of a configuration

  std::vector<std::int64_t> ints(cudnnBackendAttributeName_t name) const {
    const std::vector<char>& from = bytes.at(name);
    std::vector<std::int64_t> values(from.size() / sizeof(std::int64_t));
    std::memcpy(values.data(), from.data(), from.size());
    return values;
  }
};

/// The notes of what cuDNN would propose, in its order; and what happened.
struct Cudnn {
  std::vector<std::vector<cudnnBackendNumericalNote_t>> proposed = {
      {CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC},
      {CUDNN_NUMERICAL_NOTE_TENSOR_CORE, CUDNN_NUMERICAL_NOTE_WINOGRAD},
      {CUDNN_NUMERICAL_NOTE_TENSOR_CORE},
      {CUDNN_NUMERICAL_NOTE_STRICT_NAN_PROP}};
  int descriptors = 0;   ///< alive
  int packs = 0;         ///< variant packs made so far
  int broken_rules = 0;  ///< attributes set too late, links to what is not final, wrong extents
  int last = -1;         ///< number of the configuration that ran last
};
inline Cudnn cudnn;

/// One convolution, of whatever strides the tensors have.
struct Convolution {
  std::vector<std::int64_t> x, w, y, to_x, to_w, to_y;  // extents and strides
  std::vector<std::int64_t> pad, stride, dilation;
  float *px, *pw, *py;

  static std::int64_t size(const std::vector<std::int64_t>& e) { return e[0] * e[1] * e[2] * e[3]; }
  template <class Meet>
  void run(float* result, std::int64_t values, Meet meet) const {
    for (std::int64_t i = 0; i < values; ++i) result[i] = 0;
    const std::int64_t outputs = w[0] / (x[1] / w[1]);  // of a group
    for (std::int64_t n = 0; n < y[0]; ++n)
      for (std::int64_t k = 0; k < y[1]; ++k)
        for (std::int64_t at = 0; at < y[2] * y[3]; ++at)
          for (std::int64_t c = 0; c < w[1]; ++c)
            for (std::int64_t tap = 0; tap < w[2] * w[3]; ++tap) {
              const std::int64_t i = at / y[3], j = at % y[3], u = tap / w[3], v = tap % w[3];
              const std::int64_t h = i * stride[0] + u * dilation[0] - pad[0];
              const std::int64_t q = j * stride[1] + v * dilation[1] - pad[1];
              if (h < 0 || h >= x[2] || q < 0 || q >= x[3]) continue;
              const std::int64_t from = k / outputs * w[1] + c;
              meet(
                  px[n * to_x[0] + from * to_x[1] + h * to_x[2] + q * to_x[3]],
                  pw[k * to_w[0] + c * to_w[1] + u * to_w[2] + v * to_w[3]],
                  py[n * to_y[0] + k * to_y[1] + i * to_y[2] + j * to_y[3]]);
            }
  }
};

}  // namespace pretended

using cudnnHandle_t = pretended::Cudnn*;
using cudnnBackendDescriptor_t = pretended::Descriptor*;

inline const char* cudnnGetErrorString(cudnnStatus_t) { return "pretended"; }
inline void cudnnGetLastErrorString(char* message, std::size_t) { *message = 0; }
inline std::size_t cudnnGetVersion() { return CUDNN_VERSION; }
inline cudnnStatus_t cudnnCreate(cudnnHandle_t* handle) {
  *handle = &pretended::cudnn;
  return CUDNN_STATUS_SUCCESS;
}
inline cudnnStatus_t cudnnDestroy(cudnnHandle_t) { return CUDNN_STATUS_SUCCESS; }
inline cudnnStatus_t cudnnSetStream(cudnnHandle_t, void*) { return CUDNN_STATUS_SUCCESS; }

inline cudnnStatus_t cudnnBackendCreateDescriptor(
    cudnnBackendDescriptorType_t type, cudnnBackendDescriptor_t* d) {
  *d = new pretended::Descriptor{type, false, {}, {}, 0, nullptr};
  ++pretended::cudnn.descriptors;
  if (type == CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR) ++pretended::cudnn.packs;
  return CUDNN_STATUS_SUCCESS;
}
inline cudnnStatus_t cudnnBackendDestroyDescriptor(cudnnBackendDescriptor_t d) {
  delete d;
  --pretended::cudnn.descriptors;
  return CUDNN_STATUS_SUCCESS;
}
inline cudnnStatus_t cudnnBackendFinalize(cudnnBackendDescriptor_t d) {
  d->final = true;
  return CUDNN_STATUS_SUCCESS;
}
inline cudnnStatus_t cudnnBackendSetAttribute(
    cudnnBackendDescriptor_t d, cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type,
    std::int64_t count, const void* values) {
  if (d->final) ++pretended::cudnn.broken_rules;
  if (type == CUDNN_TYPE_BACKEND_DESCRIPTOR) {
    d->links[name] = *static_cast<const cudnnBackendDescriptor_t*>(values);
    if (!d->links[name]->final) ++pretended::cudnn.broken_rules;
    return CUDNN_STATUS_SUCCESS;
  }
  const bool wide =
      type == CUDNN_TYPE_INT64 || type == CUDNN_TYPE_VOID_PTR || type == CUDNN_TYPE_HANDLE;
  const std::size_t each = type == CUDNN_TYPE_CHAR ? 1 : wide ? 8 : 4;
  const char* const from = static_cast<const char*>(values);
  d->bytes[name].assign(from, from + each * static_cast<std::size_t>(count));
  return CUDNN_STATUS_SUCCESS;
}
inline cudnnStatus_t cudnnBackendGetAttribute(
    cudnnBackendDescriptor_t d, cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t,
    std::int64_t wanted, std::int64_t* count, void* values) {
  const auto& proposed = pretended::cudnn.proposed;
  if (name == CUDNN_ATTR_ENGINEHEUR_RESULTS) {
    // Asked for their number it says one more than it gives, as cuDNN may.
    *count = static_cast<std::int64_t>(proposed.size()) + 1;
    if (wanted == 0) return CUDNN_STATUS_SUCCESS;
    *count = static_cast<std::int64_t>(proposed.size());
    for (int i = 0; i < *count; ++i) {
      pretended::Descriptor& config = *static_cast<cudnnBackendDescriptor_t*>(values)[i];
      config.final = true;
      config.number = i;
      config.operation = d->links.at(CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH)
                             ->links.at(CUDNN_ATTR_OPERATIONGRAPH_OPS);
    }
  } else if (name == CUDNN_ATTR_ENGINECFG_ENGINE) {
    (*static_cast<cudnnBackendDescriptor_t*>(values))->number = d->number;
  } else if (name == CUDNN_ATTR_ENGINE_NUMERICAL_NOTE) {
    const auto& notes = proposed[static_cast<std::size_t>(d->number)];
    *count = static_cast<std::int64_t>(notes.size());
    std::memcpy(values, notes.data(), notes.size() * sizeof notes[0]);
  } else {
    *static_cast<std::int64_t*>(values) = 100;  // bytes of workspace
  }
  return CUDNN_STATUS_SUCCESS;
}

inline cudnnStatus_t cudnnBackendExecute(
    cudnnHandle_t handle, cudnnBackendDescriptor_t plan, cudnnBackendDescriptor_t pack) {
  const pretended::Descriptor& config = *plan->links.at(CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG);
  const pretended::Descriptor& op = *config.operation;
  const auto pointers = pack->ints(CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS);
  const auto ids = pack->ints(CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS);
  std::memset(reinterpret_cast<void*>(pack->ints(CUDNN_ATTR_VARIANT_PACK_WORKSPACE)[0]), 7, 100);
  const bool forward = op.type == CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR;
  const bool data = op.type == CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR;
  const auto link = [&](auto of_forward, auto of_data, auto of_filter) -> const auto& {
    return *op.links.at(forward ? of_forward : data ? of_data : of_filter);
  };
  const auto& x = link(
      CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DX,
      CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_X);
  const auto& w = link(
      CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_W,
      CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DW);
  const auto& y = link(
      CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DY,
      CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DY);
  const auto& conv = link(
      CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC,
      CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_CONV_DESC,
      CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_CONV_DESC);
  const auto memory = [&](const pretended::Descriptor& tensor) {
    std::size_t at = 0;
    while (ids.at(at) != tensor.ints(CUDNN_ATTR_TENSOR_UNIQUE_ID)[0]) ++at;
    return reinterpret_cast<float*>(pointers.at(at));
  };
  const auto extents = [](const auto& t) { return t.ints(CUDNN_ATTR_TENSOR_DIMENSIONS); };
  const auto strides = [](const auto& t) { return t.ints(CUDNN_ATTR_TENSOR_STRIDES); };
  const pretended::Convolution c{
      extents(x),
      extents(w),
      extents(y),
      strides(x),
      strides(w),
      strides(y),
      conv.ints(CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS),
      conv.ints(CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES),
      conv.ints(CUDNN_ATTR_CONVOLUTION_DILATIONS),
      memory(x),
      memory(w),
      memory(y)};
  for (std::size_t i = 0; i < 2; ++i) {
    const std::int64_t reach = (c.w[2 + i] - 1) * c.dilation[i] + 1;
    if (c.y[2 + i] != (c.x[2 + i] + 2 * c.pad[i] - reach) / c.stride[i] + 1) ++handle->broken_rules;
  }
  if (c.pad != conv.ints(CUDNN_ATTR_CONVOLUTION_POST_PADDINGS)) ++handle->broken_rules;
  if (forward)
    c.run(c.py, c.size(c.y), [](float a, float b, float& sum) { sum += a * b; });
  else if (data)
    c.run(c.px, c.size(c.x), [](float& sum, float b, float d) { sum += b * d; });
  else
    c.run(c.pw, c.size(c.w), [](float a, float& sum, float d) { sum += a * d; });
  handle->last = config.number;
  return CUDNN_STATUS_SUCCESS;
}
