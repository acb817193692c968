# What runs on a machine with a GPU: the GPU suite (tests/gpu) and the GPU bench (bench/gpu). They
# need nvcc and three header libraries, and nothing else that the other programs need.
#
#   OCELLI_GPU_TESTS, OCELLI_GPU_BENCH   built where nvcc is found
# SPDX-License-Identifier: Apache-2.0

if(OCELLI_NVCC_TESTS)
  set(OCELLI_GPU_TESTS ON)
  set(OCELLI_GPU_BENCH ON)
endif()
if(OCELLI_CUDA_FOUND AND (OCELLI_GPU_TESTS OR OCELLI_GPU_BENCH))
  include(cmake/OcelliThirdParty.cmake)
  ocelli_define_third_party()

  # Flags of every file that nvcc compiles.
  add_library(ocelli_gpu_flags INTERFACE)
  target_link_libraries(ocelli_gpu_flags INTERFACE ocelli ocelli_third_party)
  target_compile_definitions(ocelli_gpu_flags INTERFACE OCELLI_COMPILED)
  target_compile_options(ocelli_gpu_flags INTERFACE
    "$<$<AND:$<BOOL:${OCELLI_WERROR}>,$<COMPILE_LANG_AND_ID:CUDA,NVIDIA>>:-Werror=all-warnings>")

  # The CPU's operations to compare with, by the host's compiler: nvcc refuses their vector types.
  set(made ${CMAKE_CURRENT_BINARY_DIR}/ocelli_gpu)
  set(text "#include \"ocelli/cpu/backend_impl.hpp\"\n")
  file(CONFIGURE OUTPUT ${made}/cpu_backend.cpp CONTENT "${text}" @ONLY)
  add_library(ocelli_gpu_backend STATIC ${made}/cpu_backend.cpp)
  target_link_libraries(ocelli_gpu_backend PUBLIC ocelli_gpu_flags ocelli_cuda)

  if(OCELLI_GPU_TESTS)
    enable_testing()
    add_subdirectory(tests/gpu)
  endif()
  if(OCELLI_GPU_BENCH)
    add_subdirectory(bench/gpu)
  endif()
endif()

# Target nvcc_tests: all that nvcc can show without a GPU.
if(TARGET kernels_nvcc)
  add_custom_target(nvcc_tests)
  foreach(target kernels_nvcc test_engines_nvcc test_gpu gpu_bench example_06_on_the_gpu
      example_08_a_kernel_alone)
    if(TARGET ${target})
      add_dependencies(nvcc_tests ${target})
    endif()
  endforeach()
endif()
