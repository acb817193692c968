# The targets of the engines: AUTO, ON and OFF, where a library is, where it is not, where it is old.
# The libraries are pretended, so that it does not matter what the machine has.
# SPDX-License-Identifier: Apache-2.0
cmake_minimum_required(VERSION 3.25)
file(REMOVE_RECURSE ${WORK})
file(MAKE_DIRECTORY ${WORK}/old ${WORK}/new)
foreach(version old new)
  file(WRITE ${WORK}/${version}/cudnn.h "")
  file(WRITE ${WORK}/${version}/libcudnn.so "")
endforeach()
file(WRITE ${WORK}/old/cudnn_version.h "#define CUDNN_MAJOR 8\n")
file(WRITE ${WORK}/new/cudnn_version_v9.h "#define CUDNN_MAJOR 9\n")

# expect(CODE TEXT options...): configuring ends with CODE (0 or 1) and says TEXT.
function(expect code text)
  file(REMOVE_RECURSE ${WORK}/build)
  execute_process(
    COMMAND ${CMAKE_COMMAND} -S ${CMAKE_CURRENT_LIST_DIR}/engines -B ${WORK}/build
      -DSOURCE=${SOURCE} -DFOLDER=${WORK}/new ${ARGN}
    RESULT_VARIABLE result OUTPUT_VARIABLE out ERROR_VARIABLE out)
  string(REGEX REPLACE "[ \n]+" " " out "${out}")
  string(FIND "${out}" "${text}" at)
  if(NOT result EQUAL code OR at EQUAL -1)
    message(FATAL_ERROR "${ARGN}: ended with ${result}, without \"${text}\":\n${out}")
  endif()
endfunction()

set(cudnn -DOCELLI_CUDNN_INCLUDE=${WORK}/new -DOCELLI_CUDNN_LIBRARY=${WORK}/new/libcudnn.so)
set(old -DOCELLI_CUDNN_INCLUDE=${WORK}/old -DOCELLI_CUDNN_LIBRARY=${WORK}/old/libcudnn.so)
set(half -DOCELLI_CUDNN_INCLUDE=${WORK}/new -DOCELLI_CUDNN_LIBRARY=)
expect(0 "cudnn: $<$<COMPILE_LANGUAGE:CUDA>:OCELLI_WITH_CUDNN=1> ocelli::ocelli;${WORK}/new/libcudnn.so" ${cudnn})
expect(0 "cublas: $<$<COMPILE_LANGUAGE:CUDA>:OCELLI_WITH_CUBLAS=1>" ${cudnn} -DOCELLI_CUBLAS=ON)
expect(0 "cudnn: none" ${cudnn} -DOCELLI_CUDNN=OFF)
expect(0 "cudnn: none" ${old})
expect(1 "OCELLI_CUDNN=ON, but ${WORK}/old has version 8, not 9; install cuDNN 9" ${old}
  -DOCELLI_CUDNN=ON)
expect(0 "cudnn: none" ${half})
expect(1 "OCELLI_CUDNN=ON, but there is no library cudnn; install cuDNN 9, name its folder" ${half}
  -DOCELLI_CUDNN=ON)
