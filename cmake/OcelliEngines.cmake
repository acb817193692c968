# ocelli::cublas and ocelli::cudnn: the libraries of the engines that can make convolutions beside our
# own kernels. A program that links them and is compiled with nvcc may choose those engines.
#
#   OCELLI_CUBLAS, OCELLI_CUDNN   AUTO  where the library is found   ON  it must be found   OFF  never
#
# Looked for beside nvcc, in the folders of CUDA_PATH and CUDNN_PATH (environment), in
# /usr/local/cuda, and where CMake looks anyway. The installed package does the same in its user's
# project, so that no path of the machine that built it is kept.
# SPDX-License-Identifier: Apache-2.0

foreach(library CUBLAS CUDNN)
  set(OCELLI_${library} AUTO CACHE STRING "Engine beside our own kernels: ON, OFF, or AUTO (where it is found)")
  set_property(CACHE OCELLI_${library} PROPERTY STRINGS AUTO ON OFF)
endforeach()

# _ocelli_engine(cublas CUBLAS cublasLt.h cublasLt "cuBLAS"): the target ocelli::cublas, maybe.
function(_ocelli_engine name variable header library title)
  if(OCELLI_${variable} STREQUAL "OFF" OR TARGET ocelli::${name})
    return()
  endif()
  set(folders ENV CUDNN_PATH ENV CUDA_PATH /usr/local/cuda)
  if(CMAKE_CUDA_COMPILER)
    get_filename_component(toolkit ${CMAKE_CUDA_COMPILER} REALPATH)
    get_filename_component(toolkit ${toolkit} DIRECTORY)
    list(PREPEND folders ${toolkit}/..)
  endif()
  find_path(OCELLI_${variable}_INCLUDE ${header} HINTS ${folders} PATH_SUFFIXES include)
  find_library(OCELLI_${variable}_LIBRARY ${library} HINTS ${folders} PATH_SUFFIXES lib64 lib lib/x64)
  mark_as_advanced(OCELLI_${variable}_INCLUDE OCELLI_${variable}_LIBRARY)
  set(lacks "")
  if(NOT OCELLI_${variable}_INCLUDE)
    set(lacks "there is no ${header}")
  elseif(NOT OCELLI_${variable}_LIBRARY)
    set(lacks "there is no library ${library}")
  elseif(name STREQUAL cudnn)
    file(GLOB versions ${OCELLI_CUDNN_INCLUDE}/cudnn_version*.h)
    set(major 0)
    foreach(file IN LISTS versions)
      file(STRINGS ${file} lines REGEX "^#define CUDNN_MAJOR +[0-9]+")
      if(lines MATCHES "CUDNN_MAJOR +([0-9]+)")
        set(major ${CMAKE_MATCH_1})
      endif()
    endforeach()
    if(major LESS 9)
      set(lacks "${OCELLI_CUDNN_INCLUDE} has version ${major}, not 9")
    endif()
  endif()
  if(lacks)
    if(OCELLI_${variable} STREQUAL "ON")
      message(FATAL_ERROR "ocelli: OCELLI_${variable}=ON, but ${lacks}; install ${title}, name its "
        "folder in the environment's CUDNN_PATH or CUDA_PATH, set OCELLI_${variable}_INCLUDE and "
        "OCELLI_${variable}_LIBRARY, or take OCELLI_${variable}=AUTO")
    endif()
    return()
  endif()
  add_library(ocelli::${name} INTERFACE IMPORTED GLOBAL)
  # For nvcc alone: other compilers have the emulator, whose memory the library could not use.
  target_compile_definitions(ocelli::${name} INTERFACE
    $<$<COMPILE_LANGUAGE:CUDA>:OCELLI_WITH_${variable}=1>)
  target_include_directories(ocelli::${name} INTERFACE ${OCELLI_${variable}_INCLUDE})
  target_link_libraries(ocelli::${name} INTERFACE ocelli::ocelli ${OCELLI_${variable}_LIBRARY})
endfunction()

function(ocelli_define_engines)
  _ocelli_engine(cublas CUBLAS cublasLt.h cublasLt "cuBLAS of the CUDA toolkit")
  _ocelli_engine(cudnn CUDNN cudnn.h cudnn "cuDNN 9")
endfunction()
