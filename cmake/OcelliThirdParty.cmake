# ocelli_third_party: the headers that the GPU suite and the GPU bench need besides CUDA's: doctest,
# nlohmann/json and stb. A bundle has them in third_party/, other trees take the system's.
# SPDX-License-Identifier: Apache-2.0

function(ocelli_define_third_party)
  if(TARGET ocelli_third_party)
    return()
  endif()
  add_library(ocelli_third_party INTERFACE)
  set(own ${PROJECT_SOURCE_DIR}/third_party)
  if(EXISTS ${own}/doctest/doctest.h)
    target_include_directories(ocelli_third_party SYSTEM INTERFACE ${own})
    return()
  endif()
  foreach(header doctest/doctest.h nlohmann/json.hpp stb/stb_image.h)
    string(MAKE_C_IDENTIFIER "OCELLI_INCLUDE_${header}" found)
    find_path(${found} ${header})
    if(NOT ${found})
      message(FATAL_ERROR "ocelli: the GPU suite needs <${header}>; on Debian: apt-get install "
        "doctest-dev nlohmann-json3-dev libstb-dev. On a machine without network take the folder "
        "that `make bundle` makes.")
    endif()
    # The compiler's own folders must not be named: nvcc's host compiler would then search them first.
    if(NOT ${found} IN_LIST CMAKE_CXX_IMPLICIT_INCLUDE_DIRECTORIES)
      target_include_directories(ocelli_third_party SYSTEM INTERFACE ${${found}})
    endif()
  endforeach()
endfunction()
