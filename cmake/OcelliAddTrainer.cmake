# ocelli_add_trainer(NAME MODEL ssd-mobilenet-v2 PARAMS my.params): the program `ocelli` under another
# name, for one net that the file of hyperparameters describes.
# SPDX-License-Identifier: Apache-2.0
#
# Hyperparameters that change the net (OCELLI_TRAINER_KEYS_... below) are settled by the compiler, the
# others by the program; one file may hold both. It has one `key=value` or `key: value` a line, or
# is a JSON object; `-` and `_` in keys are the same; `#` begins a comment; a later line wins.
#
# What is made for target NAME is a header, ocelli_trainer_config.hpp, with
#
#   #define OCELLI_TRAINER_MODEL "ssd-mobilenet-v2"
#   struct TrainerConfig : ocelli::SsdDefaults {      // of a classifier: ClassifierDefaults
#     static constexpr int image_height = 320;          // a member for each compile-time key of the file
#   };
#   inline constexpr const char* trainer_defaults = "num_steps=4000\n";   // the other keys, one a line
#
# and the sources of examples/cli are compiled with OCELLI_TRAINER_CONFIG_HEADER defined as the quoted
# name to include. Keys that nobody knows reach trainer_defaults too: the program names them, and
# their nearest neighbour, when it starts.

cmake_policy(VERSION 3.25)

set(OCELLI_TRAINER_KEYS_INT
  image_height image_width min_depth
  first_stage_activation second_stage_activation
  second_stage_kernel_size second_stage_num_layers_before_predictor
  second_stage_min_depth second_stage_max_depth
  anchor_generator_num_layers
  CACHE INTERNAL "")
set(OCELLI_TRAINER_KEYS_DOUBLE depth_multiplier CACHE INTERNAL "")
set(OCELLI_TRAINER_KEYS_BOOL
  anchor_generator_reduce_boxes_in_lowest_layer second_stage_use_dropout
  CACHE INTERNAL "")

# Appends one key and its value: to <members> when the compiler must know it, else to <defaults>.
function(ocelli_trainer_key where key value)
  string(STRIP "${key}" key)
  string(STRIP "${value}" value)
  string(REGEX REPLACE "^[\"'](.*)[\"']$" "\\1" key "${key}")
  string(REGEX REPLACE "^[\"'](.*)[\"']$" "\\1" value "${value}")
  string(REPLACE "-" "_" key "${key}")
  string(TOLOWER "${key}" key)
  if(NOT key MATCHES "^[a-z][a-z0-9_]*$" OR value STREQUAL "")
    message(FATAL_ERROR "${where}: expected key=value or key: value, found `${key}` and `${value}`")
  endif()
  if(key STREQUAL "second_stage_dropout_kernel_size")  # the older name of the same thing
    set(key second_stage_kernel_size)
  endif()

  if(key IN_LIST OCELLI_TRAINER_KEYS_INT)
    if(key MATCHES "_activation$")
      string(TOUPPER "${value}" value)
      string(REGEX REPLACE "^NONE$" 0 value "${value}")
      string(REGEX REPLACE "^RELU$" 1 value "${value}")
      string(REGEX REPLACE "^RELU_?6$" 2 value "${value}")
      string(REGEX REPLACE "^SWISH$" 3 value "${value}")
    endif()
    if(NOT value MATCHES "^[0-9]+$")
      message(FATAL_ERROR "${where}: ${key} must be a whole number, it is `${value}`")
    endif()
    set(member "static constexpr int ${key} = ${value};")
  elseif(key IN_LIST OCELLI_TRAINER_KEYS_DOUBLE)
    if(NOT value MATCHES "^([0-9]+\\.?[0-9]*|\\.[0-9]+)([eE][-+]?[0-9]+)?$")
      message(FATAL_ERROR "${where}: ${key} must be a number above 0, it is `${value}`")
    endif()
    set(member "static constexpr double ${key} = ${value};")
  elseif(key IN_LIST OCELLI_TRAINER_KEYS_BOOL)
    string(TOLOWER "${value}" value)
    if(NOT value MATCHES "^(true|false)$")
      message(FATAL_ERROR "${where}: ${key} must be true or false, it is `${value}`")
    endif()
    set(member "static constexpr bool ${key} = ${value};")
  else()
    string(APPEND defaults "${key}=${value}\n")
    set(defaults "${defaults}" PARENT_SCOPE)
    return()
  endif()
  # A later line wins, so an earlier member of the same name goes.
  string(REGEX REPLACE "  static constexpr [a-z]+ ${key} = [^;]*;\n" "" members "${members}")
  string(APPEND members "  ${member}\n")
  set(members "${members}" PARENT_SCOPE)
endfunction()

# Reads the file of hyperparameters PARAMS and writes the header OUTPUT for MODEL.
function(ocelli_write_trainer_config)
  cmake_parse_arguments(PARSE_ARGV 0 arg "" "MODEL;PARAMS;OUTPUT" "")
  set(members "")
  set(defaults "")
  file(READ ${arg_PARAMS} text)
  string(REPLACE "\r" "" text "${text}")
  if(text MATCHES "^[ \t\n]*{")
    string(JSON count ERROR_VARIABLE error LENGTH "${text}")
    if(error)
      message(FATAL_ERROR "${arg_PARAMS}: not a JSON object: ${error}")
    endif()
    set(at 0)
    while(at LESS count)
      string(JSON key MEMBER "${text}" ${at})
      string(JSON type TYPE "${text}" "${key}")
      string(JSON value GET "${text}" "${key}")
      if(type STREQUAL BOOLEAN)  # CMake reads them as ON and OFF
        string(REPLACE ON true value "${value}")
        string(REPLACE OFF false value "${value}")
      endif()
      ocelli_trainer_key("${arg_PARAMS}" "${key}" "${value}")
      math(EXPR at "${at} + 1")
    endwhile()
  else()
    # Cut by hand: values may hold what CMake's lists would swallow.
    set(number 0)
    while(NOT text STREQUAL "")
      math(EXPR number "${number} + 1")
      string(FIND "${text}" "\n" end)
      if(end EQUAL -1)
        set(line "${text}")
        set(text "")
      else()
        string(SUBSTRING "${text}" 0 ${end} line)
        math(EXPR end "${end} + 1")
        string(SUBSTRING "${text}" ${end} -1 text)
      endif()
      string(REGEX REPLACE "(^|[ \t])#.*$" "" line "${line}")
      string(STRIP "${line}" line)
      if(line STREQUAL "")
        continue()
      endif()
      if(NOT line MATCHES "^([^=:]+)[=:](.*)$")
        message(FATAL_ERROR "${arg_PARAMS}:${number}: expected key=value or key: value: ${line}")
      endif()
      ocelli_trainer_key("${arg_PARAMS}:${number}" "${CMAKE_MATCH_1}" "${CMAKE_MATCH_2}")
    endwhile()
  endif()

  # The names of model_name.hpp that are classifiers'.
  string(TOLOWER "${arg_MODEL}" model)
  string(REPLACE "_" "-" model "${model}")
  set(base SsdDefaults)
  if(model MATCHES "^(classifier|keras-mobilenet|mobilenet-v[12](-classifier)?)$")
    set(base ClassifierDefaults)
    set(foreign ${OCELLI_TRAINER_KEYS_INT} ${OCELLI_TRAINER_KEYS_BOOL})
    list(REMOVE_ITEM foreign image_height image_width min_depth)
    foreach(key IN LISTS foreign)
      if(members MATCHES " ${key} = ")
        message(FATAL_ERROR "${arg_PARAMS}: ${key} belongs to an SSD, ${arg_MODEL} is a classifier")
      endif()
    endforeach()
  endif()
  get_filename_component(params_name ${arg_PARAMS} NAME)
  string(CONCAT header
    "// The net and the defaults of a trainer, made from ${params_name} by ocelli_add_trainer().\n"
    "#pragma once\n\n"
    "#include \"ocelli/model/config.hpp\"\n\n"
    "#define OCELLI_TRAINER_MODEL \"${arg_MODEL}\"\n\n"
    "struct TrainerConfig : ocelli::${base} {\n${members}};\n\n"
    "inline constexpr const char* trainer_defaults = R\"params(${defaults})params\";\n")
  # Written only when it differs, so that configuring again compiles nothing.
  file(CONFIGURE OUTPUT ${arg_OUTPUT} CONTENT "${header}" @ONLY)
endfunction()

# Gives a program of examples/cli its --device cuda.
function(ocelli_add_cuda_computer name cli)
  # Apart, since the flags of the program are not nvcc's.
  add_library(${name}_cuda OBJECT ${cli}/computer_cuda.cu)
  target_link_libraries(${name}_cuda PRIVATE ocelli_cuda ocelli::data)
  get_target_property(architectures ocelli_cuda CUDA_ARCHITECTURES)
  if(architectures)
    set_target_properties(${name}_cuda PROPERTIES CUDA_ARCHITECTURES "${architectures}")
  endif()
  target_compile_definitions(${name} PRIVATE OCELLI_PROGRAM_CUDA)
  target_link_libraries(${name} PRIVATE ${name}_cuda ocelli_cuda)
endfunction()

function(ocelli_add_trainer name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "MODEL;PARAMS" "")
  if(NOT arg_MODEL OR NOT arg_PARAMS OR arg_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "ocelli_add_trainer(NAME MODEL model PARAMS file), given: ${ARGV}")
  endif()
  get_filename_component(params ${arg_PARAMS} ABSOLUTE)
  if(NOT EXISTS ${params})
    message(FATAL_ERROR "ocelli_add_trainer: ${params}: no such file")
  endif()
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${params})

  set(made ${CMAKE_CURRENT_BINARY_DIR}/${name}_trainer)
  ocelli_write_trainer_config(
    MODEL ${arg_MODEL} PARAMS ${params} OUTPUT ${made}/ocelli_trainer_config.hpp)

  # Beside this file in the source tree; where find_package(ocelli) says when installed.
  set(cli ${CMAKE_CURRENT_FUNCTION_LIST_DIR}/../examples/cli)
  if(NOT EXISTS ${cli})
    set(cli ${OCELLI_CLI_DIR})
  endif()
  file(GLOB sources CONFIGURE_DEPENDS ${cli}/*.cpp)
  find_package(CLI11 REQUIRED)
  find_package(fmt REQUIRED)
  add_executable(${name} ${sources})
  target_include_directories(${name} PRIVATE ${made})
  target_compile_definitions(${name} PRIVATE
    OCELLI_TRAINER_CONFIG_HEADER="ocelli_trainer_config.hpp")
  target_link_libraries(${name} PRIVATE
    ocelli::compiled CLI11::CLI11 fmt::fmt)
  target_compile_options(${name} PRIVATE $<$<CONFIG:>:-O2>)  # never a trainer without optimisation
  # In ocelli itself where the program has it too; in other projects where they have enabled CUDA.
  if(OCELLI_PROGRAM_CUDA OR (TARGET ocelli::cuda AND NOT DEFINED OCELLI_PROGRAM_CUDA))
    ocelli_add_cuda_computer(${name} ${cli})
  endif()
endfunction()
