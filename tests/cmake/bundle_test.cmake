# The bundle for machines without network: small enough, whole, and with every header that the GPU
# suite and bench include, but for the compiler's own and CUDA's.
#   cmake -DSOURCE=... -DWORK=... -DCOMPILER=... -P bundle_test.cmake
# SPDX-License-Identifier: Apache-2.0
cmake_minimum_required(VERSION 3.25)

file(REMOVE_RECURSE ${WORK})
set(ENV{CXX} ${COMPILER})
execute_process(COMMAND ${SOURCE}/scripts/make-bundle ${WORK}
  RESULT_VARIABLE failed OUTPUT_VARIABLE output ERROR_VARIABLE output)
if(failed AND NOT EXISTS ${SOURCE}/.git)
  message(STATUS "skipped: not a clone")
  return()
endif()
if(failed)
  message(FATAL_ERROR "scripts/make-bundle failed:\n${output}")
endif()
message(STATUS "${output}")
set(bundle ${WORK}/ocelli-gpu)

# Its size and contents.
file(GLOB_RECURSE files LIST_DIRECTORIES false ${bundle}/*)
set(bytes 0)
foreach(file IN LISTS files)
  file(SIZE ${file} size)
  math(EXPR bytes "${bytes} + ${size}")
endforeach()
file(SIZE ${bundle}.tar.gz packed)
if(bytes GREATER 41943040 OR bytes LESS 1000000 OR packed GREATER bytes)
  message(FATAL_ERROR "the bundle has ${bytes} bytes, packed ${packed}; 40 MiB are the most")
endif()
foreach(needed CMakeLists.txt COMMIT LICENSE scripts/run-gpu-tests scripts/run-gpu-bench
    scripts/gpu-common cmake/OcelliGpu.cmake kernels/ocelli/kernels/conv2d.cuh
    include/ocelli/cuda/backend.hpp tests/gpu/main.cpp tests/cuda/conv2d_test.cpp
    tests/vectors/ptx_fragments.txt bench/gpu/main.cu bench/gpu/train_step.py
    bench/peers/ssd_torch.py docs/gpu.md third_party/doctest/doctest.h
    third_party/nlohmann/json.hpp third_party/stb/stb_image.h)
  if(NOT EXISTS ${bundle}/${needed})
    message(FATAL_ERROR "the bundle lacks ${needed}")
  endif()
endforeach()

# What the sources include, as the host's compiler sees them: from the bundle, or the compiler's own.
file(GLOB sources ${bundle}/tests/cuda/*_test.cpp)
list(APPEND sources ${bundle}/tests/gpu/main.cpp ${bundle}/tests/simt/right_kernels_test.cpp
  ${bundle}/bench/gpu/report.cpp ${bundle}/tests/support/counting_allocator.cpp)
execute_process(
  COMMAND ${COMPILER} -std=c++20 -M -I${bundle}/include -I${bundle}/kernels -I${bundle}/tests
    -I${bundle}/bench -isystem ${bundle}/third_party ${sources}
  RESULT_VARIABLE failed OUTPUT_VARIABLE dependencies ERROR_VARIABLE errors)
if(failed)
  message(FATAL_ERROR "the bundle's sources do not find their headers:\n${errors}")
endif()
string(REGEX MATCHALL "[^ \n\\]+\\.h(pp|h)?" headers "${dependencies}")
list(REMOVE_DUPLICATES headers)
foreach(header IN LISTS headers)
  foreach(library doctest nlohmann stb pugi curl openssl eigen CLI fmt turbojpeg)
    if(header MATCHES "/${library}" AND NOT header MATCHES "^${bundle}/")
      message(FATAL_ERROR "not in the bundle: ${header}")
    endif()
  endforeach()
  if(header MATCHES "^${SOURCE}/" AND NOT header MATCHES "^${bundle}/")
    message(FATAL_ERROR "from outside of the bundle: ${header}")
  endif()
endforeach()
list(LENGTH headers count)
message(STATUS "${count} headers, none from outside")
