# ocelli::compiled: the parts of the headers that can be compiled once, and the definition that keeps
# them out of a program's own files. A training program compiles in a tenth of the time with it.
#
# It is built by the project that links it, with that project's flags, and only then.
# SPDX-License-Identifier: Apache-2.0

function(ocelli_define_compiled)
  set(made ${CMAKE_CURRENT_BINARY_DIR}/ocelli_compiled)
  set(sources "")
  foreach(part cpu/backend data/open train/session)
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
