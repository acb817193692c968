# CUDA: kernels are headers that any compiler takes, through the emulator of ocelli/simt. Where nvcc is
# found, target kernels_nvcc compiles all of them for real, each file of ocelli/cuda by itself (where
# launches are templates, tests/nvcc says of what); `make nvcc` builds it, so a kernel that nvcc refuses
# or warns about fails that.
#
#   OCELLI_CUDA=AUTO  on where nvcc is found    ON  nvcc must be found    OFF  nvcc is not looked for
#   OCELLI_GPU_ARCHITECTURES  generations that programs are compiled for: `native` where a GPU is
#
# The program `ocelli` has --device cuda with ON, and with AUTO where nvcc and a GPU are: its kernels
# take minutes to compile, which nobody should wait for in vain.
# SPDX-License-Identifier: Apache-2.0

set(OCELLI_CUDA AUTO CACHE STRING "Compile the kernels with nvcc: ON, OFF, or AUTO (where it is found)")
set_property(CACHE OCELLI_CUDA PROPERTY STRINGS AUTO ON OFF)
set(OCELLI_CUDA_FOUND FALSE)
set(OCELLI_PROGRAM_CUDA FALSE)
# In another project only where that has enabled the language, or asks with ON.
if(NOT OCELLI_CUDA STREQUAL "OFF" AND
    (PROJECT_IS_TOP_LEVEL OR CMAKE_CUDA_COMPILER OR OCELLI_CUDA STREQUAL "ON"))
  # Before the language is enabled: left to itself CMake takes the oldest, which lacks instructions.
  if(NOT DEFINED CMAKE_CUDA_ARCHITECTURES)
    set(CMAKE_CUDA_ARCHITECTURES "80;90;120" CACHE STRING "GPU generations that kernels are compiled for")
  endif()
  if(NOT DEFINED CMAKE_CUDA_COMPILER AND NOT DEFINED ENV{CUDACXX})
    find_program(OCELLI_NVCC nvcc HINTS ENV CUDA_PATH PATHS /usr/local/cuda PATH_SUFFIXES bin)
    if(OCELLI_NVCC)
      set(CMAKE_CUDA_COMPILER ${OCELLI_NVCC})
    endif()
  endif()
  include(CheckLanguage)
  check_language(CUDA)
  if(CMAKE_CUDA_COMPILER)
    enable_language(CUDA)
    set(OCELLI_CUDA_FOUND TRUE)
  elseif(OCELLI_CUDA STREQUAL "ON")
    message(FATAL_ERROR "ocelli: OCELLI_CUDA=ON, but there is no nvcc; "
      "put it on the PATH, name it with CMAKE_CUDA_COMPILER, or take OCELLI_CUDA=AUTO")
  endif()
endif()

if(OCELLI_CUDA_FOUND OR OCELLI_CUBLAS STREQUAL "ON" OR OCELLI_CUDNN STREQUAL "ON")
  ocelli_define_engines()
endif()

if(OCELLI_CUDA_FOUND)
  execute_process(COMMAND nvidia-smi -L OUTPUT_VARIABLE gpus ERROR_QUIET)
  if(gpus MATCHES "GPU 0")
    set(one native)
    set(OCELLI_PROGRAM_CUDA TRUE)
  elseif(OCELLI_CUDA STREQUAL "ON")
    set(one "${CMAKE_CUDA_ARCHITECTURES}")
    set(OCELLI_PROGRAM_CUDA TRUE)
  else()
    # Compiled to see that it compiles, and PTX will do: kernels_nvcc sees to the rest.
    set(one 90-virtual)
    message(STATUS "ocelli: nvcc, but no GPU here: the program is built for the CPU alone "
      "(OCELLI_CUDA=ON builds --device cuda in)")
  endif()
  set(OCELLI_GPU_ARCHITECTURES "${one}" CACHE STRING
    "GPU generations that programs, the GPU suite and the GPU bench are compiled for")
  ocelli_define_cuda()
  set_target_properties(ocelli_cuda PROPERTIES CUDA_ARCHITECTURES "${OCELLI_GPU_ARCHITECTURES}")
  target_compile_options(ocelli_cuda PRIVATE
    "$<$<AND:$<BOOL:${OCELLI_WERROR}>,$<COMPILE_LANG_AND_ID:CUDA,NVIDIA>>:-Werror=all-warnings>")
endif()

if(OCELLI_CUDA_FOUND AND OCELLI_TESTS AND OCELLI_NVCC_TESTS)
  # Flags of what nvcc compiles here. CMake 3.25 does not know the C++20 of nvcc.
  add_library(ocelli_nvcc INTERFACE)
  target_link_libraries(ocelli_nvcc INTERFACE ocelli)
  target_compile_options(ocelli_nvcc INTERFACE
    "$<$<COMPILE_LANG_AND_ID:CUDA,NVIDIA>:-std=c++20;--expt-relaxed-constexpr;-Werror=all-warnings>")
  foreach(engine ocelli::cublas ocelli::cudnn)
    if(TARGET ${engine})
      target_link_libraries(ocelli_nvcc INTERFACE ${engine})
    endif()
  endforeach()

  file(GLOB launches CONFIGURE_DEPENDS RELATIVE ${CMAKE_CURRENT_SOURCE_DIR}/include
    include/ocelli/cuda/*.hpp)
  list(FILTER launches EXCLUDE REGEX "/(backend|backend_impl|conv2d|conv2d_backward|conv2d_bf16_tiles|conv2d_tiles|conv2d_extent)\\.hpp$")
  # What step_math.hpp brings in besides its kernels.
  list(FILTER launches EXCLUDE REGEX
    "/(batch_input|event|graph|pictures|pinned|staging|step_graphs|step_math_bf16|step_reports)\\.hpp$")
  # The engines are compiled by their test, which uses what these files only declare.
  list(FILTER launches EXCLUDE REGEX "/(built_engines|cublas_engine|cudnn_engine|cudnn_graph)\\.hpp$")
  list(FILTER launches EXCLUDE REGEX "/(engine|engine_options|engine_plan|engine_trial|engines)\\.hpp$")
  file(GLOB sources CONFIGURE_DEPENDS tests/nvcc/*.cu)
  foreach(header IN LISTS launches)
    get_filename_component(name ${header} NAME_WE)
    if(EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/tests/nvcc/${name}.cu)
      continue()
    endif()
    set(source ${CMAKE_CURRENT_BINARY_DIR}/kernels_nvcc/${name}.cu)
    set(text "#include \"${header}\"\n")
    file(CONFIGURE OUTPUT ${source} CONTENT "${text}" @ONLY)
    list(APPEND sources ${source})
  endforeach()
  add_library(kernels_nvcc OBJECT ${sources})
  target_link_libraries(kernels_nvcc PRIVATE ocelli_nvcc)
  set_target_properties(kernels_nvcc PROPERTIES CUDA_STANDARD_REQUIRED OFF)
endif()
