# One test of a compile error: FILE must compile as it is; with -DOCELLI_EXPECT_ERROR it must fail and
# the compiler must print the text of FILE's first line, `// error: TEXT`.
#   cmake -DCOMPILER=g++ -DFILE=x.cpp -DINCLUDES=dir;dir -P check.cmake
# SPDX-License-Identifier: Apache-2.0
cmake_minimum_required(VERSION 3.25)

file(STRINGS ${FILE} first LIMIT_COUNT 1)
if(NOT first MATCHES "^// error: (.+)$")
  message(FATAL_ERROR "${FILE}: the first line must be `// error: TEXT`, it is: ${first}")
endif()
set(text "${CMAKE_MATCH_1}")

list(TRANSFORM INCLUDES PREPEND -I)
set(compile ${COMPILER} -std=c++20 -fsyntax-only ${INCLUDES})

execute_process(COMMAND ${compile} ${FILE} RESULT_VARIABLE result ERROR_VARIABLE output)
if(NOT result EQUAL 0)
  message(FATAL_ERROR "${FILE}: must compile without OCELLI_EXPECT_ERROR:\n${output}")
endif()

execute_process(COMMAND ${compile} -DOCELLI_EXPECT_ERROR ${FILE}
  RESULT_VARIABLE result ERROR_VARIABLE output)
if(result EQUAL 0)
  message(FATAL_ERROR "${FILE}: must not compile with OCELLI_EXPECT_ERROR")
endif()
string(FIND "${output}" "${text}" at)
if(at EQUAL -1)
  message(FATAL_ERROR "${FILE}: the compiler must print\n  ${text}\nit printed\n${output}")
endif()
