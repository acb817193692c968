# ocelli::compiled: the parts of the headers that can be compiled once, and the definition that keeps
# them out of a program's own files. A training program compiles in a tenth of the time with it.
# ocelli::cuda: likewise CudaBackend's kernels, where nvcc is.
#
# They are built by the project that links them, with that project's flags, and only then.
# SPDX-License-Identifier: Apache-2.0

function(ocelli_define_compiled)
  set(made ${CMAKE_CURRENT_BINARY_DIR}/ocelli_compiled)
  set(sources "")
  foreach(part bucket/http bucket/s3_client bucket/s3_store cpu/backend data/open data/project
      deploy/mirror deploy/publish deploy/watch train/session)
    set(text "#include \"ocelli/${part}_impl.hpp\"\n")
    if(part STREQUAL train/session)
      string(APPEND text "#include \"ocelli/cpu/backend.hpp\"\n\n"
        "template class ocelli::train::Session<ocelli::CpuBackend>;\n")
    endif()
    string(REPLACE / _ name ${part})
    # Written only when it differs, so that configuring again compiles nothing.
    file(CONFIGURE OUTPUT ${made}/${name}.cpp CONTENT "${text}" @ONLY)
    list(APPEND sources ${made}/${name}.cpp)
  endforeach()
  add_library(ocelli_compiled STATIC EXCLUDE_FROM_ALL ${sources})
  add_library(ocelli::compiled ALIAS ocelli_compiled)
  target_compile_definitions(ocelli_compiled PUBLIC OCELLI_COMPILED)
  # The processor flags are public: all files of a program must see the same instruction set.
  target_link_libraries(ocelli_compiled PUBLIC ocelli::ocelli ocelli::data ocelli::native)
  target_compile_options(ocelli_compiled PRIVATE $<$<CONFIG:>:-O2>)  # never without optimisation
endfunction()

# After enable_language(CUDA). With the engines that there are: ocelli::cublas, ocelli::cudnn.
function(ocelli_define_cuda)
  set(made ${CMAKE_CURRENT_BINARY_DIR}/ocelli_compiled)
  set(sources "")
  foreach(scalar float bfloat16)
    string(CONCAT text "#include \"ocelli/cuda/backend.hpp\"\n"
      "#include \"ocelli/cuda/backend_impl.hpp\"\n\nnamespace ocelli {\n"
      "template class BasicCudaBackend<${scalar}>;\n}\n")
    file(CONFIGURE OUTPUT ${made}/cuda_backend_${scalar}.cu CONTENT "${text}" @ONLY)
    list(APPEND sources ${made}/cuda_backend_${scalar}.cu)
  endforeach()
  if(TARGET ocelli::data)
    string(CONCAT text "#include \"ocelli/cuda.hpp\"\n#include \"ocelli/train/session_impl.hpp\"\n\n"
      "namespace ocelli {\ntemplate class train::Session<CudaBackend>;\n"
      "template class train::Session<CudaBackendBf16>;\n}\n")
    file(CONFIGURE OUTPUT ${made}/cuda_session.cu CONTENT "${text}" @ONLY)
    set_source_files_properties(${made}/cuda_session.cu PROPERTIES
      COMPILE_DEFINITIONS OCELLI_COMPILED)
    list(APPEND sources ${made}/cuda_session.cu)
  endif()
  add_library(ocelli_cuda STATIC EXCLUDE_FROM_ALL ${sources})
  add_library(ocelli::cuda ALIAS ocelli_cuda)
  target_compile_definitions(ocelli_cuda PUBLIC OCELLI_CUDA_COMPILED)
  target_link_libraries(ocelli_cuda PUBLIC ocelli::ocelli)
  if(TARGET ocelli::data)
    target_link_libraries(ocelli_cuda PUBLIC ocelli::data)
  endif()
  # All files of a program must agree on which engines there are.
  foreach(engine ocelli::cublas ocelli::cudnn)
    if(TARGET ${engine})
      target_link_libraries(ocelli_cuda PUBLIC ${engine})
    endif()
  endforeach()
  # CMake 3.25 does not know the C++20 of nvcc. The kernels of one file go to several processors.
  target_compile_options(ocelli_cuda PUBLIC
    "$<$<COMPILE_LANG_AND_ID:CUDA,NVIDIA>:-std=c++20;--expt-relaxed-constexpr>"
    PRIVATE
    "$<$<AND:$<COMPILE_LANG_AND_ID:CUDA,NVIDIA>,$<VERSION_GREATER_EQUAL:$<CUDA_COMPILER_VERSION>,12.9>>:--split-compile=0>")
endfunction()
