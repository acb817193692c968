# ocelli::native: the processor flags that the fast loops want, for our programs and for yours
# (`target_link_libraries(mine ocelli::ocelli ocelli::native)`). Link it to every target of a program
# or to none: the headers must see the same instruction set in all its files.
# SPDX-License-Identifier: Apache-2.0

add_library(ocelli_native INTERFACE)
add_library(ocelli::native ALIAS ocelli_native)
set_target_properties(ocelli_native PROPERTIES EXPORT_NAME native)

if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64|amd64)$")
  # -mtune stands apart: g++ 12's native tuning costs the matrix products of recent AMD cores a
  # quarter of their speed, and generic tuning is as fast as any on the others.
  if(OCELLI_NATIVE)
    target_compile_options(ocelli_native INTERFACE -march=native -mtune=generic)
  else()
    target_compile_options(ocelli_native INTERFACE -march=${OCELLI_BASELINE} -mtune=generic)
  endif()
elseif(OCELLI_NATIVE)
  target_compile_options(ocelli_native INTERFACE -mcpu=native)
endif()
