# What runs on a machine with a GPU: the GPU suite (tests/gpu) and the GPU bench (bench/gpu). They
# need nvcc and three header libraries, and nothing else that the other programs need.
#
#   OCELLI_GPU_TESTS, OCELLI_GPU_BENCH   built where nvcc is found
#   OCELLI_GPU_ARCHITECTURES             generations to compile them for; `native` where the GPU is
# SPDX-License-Identifier: Apache-2.0

if(OCELLI_CUDA_FOUND AND (OCELLI_GPU_TESTS OR OCELLI_GPU_BENCH))
  # This machine's GPU, unless told. Where there is none they are compiled to see that they compile,
  # and PTX will do: kernels_nvcc sees to the rest.
  execute_process(COMMAND nvidia-smi -L OUTPUT_VARIABLE gpus ERROR_QUIET)
  if(gpus MATCHES "GPU 0")
    set(one native)
  else()
    set(one 90-virtual)
  endif()
  set(OCELLI_GPU_ARCHITECTURES ${one} CACHE STRING
    "GPU generations that the GPU suite and bench are compiled for")

  include(cmake/OcelliThirdParty.cmake)
  ocelli_define_third_party()

  # Flags of every file that nvcc compiles.
  add_library(ocelli_gpu_flags INTERFACE)
  target_link_libraries(ocelli_gpu_flags INTERFACE ocelli ocelli_third_party)
  # The backend's operations are compiled once each, for both kinds of device.
  target_compile_definitions(ocelli_gpu_flags INTERFACE OCELLI_COMPILED OCELLI_CUDA_COMPILED)
  # CMake 3.25 does not know the C++20 of nvcc. The kernels of one file go to several processors.
  target_compile_options(ocelli_gpu_flags INTERFACE
    "$<$<COMPILE_LANG_AND_ID:CUDA,NVIDIA>:-std=c++20;--expt-relaxed-constexpr>"
    "$<$<AND:$<BOOL:${OCELLI_WERROR}>,$<COMPILE_LANG_AND_ID:CUDA,NVIDIA>>:-Werror=all-warnings>"
    "$<$<AND:$<COMPILE_LANG_AND_ID:CUDA,NVIDIA>,$<VERSION_GREATER_EQUAL:$<CUDA_COMPILER_VERSION>,12.9>>:--split-compile=0>")

  # CudaBackend's kernels, and the CPU's operations to compare with, by the host's compiler: nvcc
  # refuses their vector types.
  set(made ${CMAKE_CURRENT_BINARY_DIR}/ocelli_gpu)
  foreach(scalar float bfloat16)
    string(CONCAT text "#include \"ocelli/cuda/backend.hpp\"\n#include \"ocelli/cuda/backend_impl.hpp\"\n\n"
      "template class ocelli::BasicCudaBackend<${scalar}>;\n")
    string(REPLACE bfloat16 ocelli::bfloat16 text "${text}")
    file(CONFIGURE OUTPUT ${made}/cuda_backend_${scalar}.cu CONTENT "${text}" @ONLY)
  endforeach()
  set(text "#include \"ocelli/cpu/backend_impl.hpp\"\n")
  file(CONFIGURE OUTPUT ${made}/cpu_backend.cpp CONTENT "${text}" @ONLY)
  add_library(ocelli_gpu_backend STATIC
    ${made}/cuda_backend_float.cu ${made}/cuda_backend_bfloat16.cu ${made}/cpu_backend.cpp)
  target_link_libraries(ocelli_gpu_backend PUBLIC ocelli_gpu_flags)
  set_target_properties(ocelli_gpu_backend PROPERTIES
    CUDA_ARCHITECTURES "${OCELLI_GPU_ARCHITECTURES}")

  if(OCELLI_GPU_TESTS)
    enable_testing()
    add_subdirectory(tests/gpu)
  endif()
  if(OCELLI_GPU_BENCH)
    add_subdirectory(bench/gpu)
  endif()
endif()
