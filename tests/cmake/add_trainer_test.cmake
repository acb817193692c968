# ocelli_write_trainer_config(): the header is what the file says, in each of the three notations, and
# faults are refused with the line.
# SPDX-License-Identifier: Apache-2.0
cmake_minimum_required(VERSION 3.25)
file(REMOVE_RECURSE ${WORK})
file(MAKE_DIRECTORY ${WORK})

# As a script of its own, so that a refusal is something to look at.
file(WRITE ${WORK}/make.cmake
  "include(${SOURCE}/cmake/OcelliAddTrainer.cmake)\n"
  "ocelli_write_trainer_config(MODEL ssd-mobilenet-v2 PARAMS \${PARAMS} OUTPUT \${OUTPUT})\n")
function(make name content)
  file(WRITE ${WORK}/${name} "${content}")
  execute_process(
    COMMAND ${CMAKE_COMMAND} -DPARAMS=${WORK}/${name} -DOUTPUT=${WORK}/${name}.hpp
      -P ${WORK}/make.cmake
    RESULT_VARIABLE result ERROR_VARIABLE errors)
  set(result ${result} PARENT_SCOPE)
  # CMake folds long messages, so blanks do not count.
  string(REGEX REPLACE "[ \n]+" " " errors "${errors}")
  set(errors "${errors}" PARENT_SCOPE)
endfunction()

set(key_value "# a net of our own
image-height=320
image_width = 256   # pixels
depth_multiplier=0.5
num-steps=4000
first_stage_activation=SWISH
second_stage_dropout_kernel_size=1
min_depth=8
min_depth=4
schedule=[1;2, 3]
anchor_generator_reduce_boxes_in_lowest_layer=False
")
set(colon "image_height: 320
image_width: 256

depth_multiplier: 0.5
num-steps: 4000
first_stage_activation: 3
second_stage_kernel_size: 1
min_depth: 4
schedule: [1;2, 3]
anchor_generator_reduce_boxes_in_lowest_layer: false
")
set(json "{\"image-height\": 320, \"image_width\": 256, \"depth_multiplier\": 0.5, \"num_steps\": 4000,
 \"first_stage_activation\": \"swish\", \"second_stage_kernel_size\": 1, \"min_depth\": 4,
 \"schedule\": \"[1;2, 3]\", \"anchor_generator_reduce_boxes_in_lowest_layer\": false}")

# The compiler says whether the header is right.
file(WRITE ${WORK}/check.cpp [[
#include HEADER
#include <string_view>
#include <type_traits>
static_assert(std::string_view(OCELLI_TRAINER_MODEL) == "ssd-mobilenet-v2");
static_assert(TrainerConfig::image_height == 320 && TrainerConfig::image_width == 256);
static_assert(TrainerConfig::depth_multiplier == 0.5);
static_assert(std::is_same_v<decltype(TrainerConfig::depth_multiplier), const double>);
static_assert(TrainerConfig::first_stage_activation == 3);
static_assert(TrainerConfig::second_stage_max_depth == ocelli::SsdDefaults::second_stage_max_depth);
// Each member replaces one that the nets read; a name that they do not know would do nothing.
static_assert(ocelli::SsdDefaults::image_height > 0 && ocelli::SsdDefaults::image_width > 0);
static_assert(ocelli::SsdDefaults::depth_multiplier == 1.0);
static_assert(ocelli::SsdDefaults::first_stage_activation == 2);
static_assert(ocelli::SsdDefaults::anchor_generator_reduce_boxes_in_lowest_layer);
static_assert(TrainerConfig::second_stage_kernel_size == 1);
static_assert(TrainerConfig::min_depth == 4);
static_assert(!TrainerConfig::anchor_generator_reduce_boxes_in_lowest_layer);
static_assert(std::string_view(trainer_defaults) == "num_steps=4000\nschedule=[1;2, 3]\n");
]])
foreach(name key_value colon json)
  make(${name} "${${name}}")
  if(NOT result EQUAL 0)
    message(FATAL_ERROR "${name}: ${errors}")
  endif()
  execute_process(
    COMMAND ${COMPILER} -std=c++20 -fsyntax-only -I${WORK} -I${SOURCE}/include "-DHEADER=\"${name}.hpp\""
      ${WORK}/check.cpp
    RESULT_VARIABLE result ERROR_VARIABLE errors)
  if(NOT result EQUAL 0)
    message(FATAL_ERROR "${name}: ${errors}")
  endif()
endforeach()

foreach(fault
    "image_height=tall|bad:1: image_height must be a whole number"
    "\n\ndepth_multiplier=-1|bad:3: depth_multiplier must be a number above 0"
    "first_stage_activation=ELU|bad:1: first_stage_activation must be a whole number"
    "anchor_generator_reduce_boxes_in_lowest_layer=7|bad:1: anchor_generator_reduce_boxes_in_lowest_layer must be true or false"
    "image_height|bad:1: expected key=value"
    "image_height=|bad:1: expected key=value"
    "{\"image_height\": |not a JSON object")
  string(REGEX MATCH "^([^|]*)\\|(.*)$" unused "${fault}")
  set(content "${CMAKE_MATCH_1}")
  set(message "${CMAKE_MATCH_2}")
  make(bad "${content}")
  string(FIND "${errors}" "${message}" at)
  if(result EQUAL 0 OR at EQUAL -1)
    message(FATAL_ERROR "`${content}` must be refused with `${message}`, but: ${errors}")
  endif()
endforeach()

# A classifier's net has defaults of its own, and not the keys of an SSD's.
include(${SOURCE}/cmake/OcelliAddTrainer.cmake)
file(WRITE ${WORK}/classifier.params "depth_multiplier=0.5\nlabel_smoothing=0.1\n")
foreach(model mobilenet-v1-classifier keras_mobilenet Classifier)
  ocelli_write_trainer_config(
    MODEL ${model} PARAMS ${WORK}/classifier.params OUTPUT ${WORK}/classifier.hpp)
  file(READ ${WORK}/classifier.hpp header)
  if(NOT header MATCHES "TrainerConfig : ocelli::ClassifierDefaults {" OR
     NOT header MATCHES "label_smoothing=0.1")
    message(FATAL_ERROR "${model}: ${header}")
  endif()
endforeach()
file(WRITE ${WORK}/make.cmake
  "include(${SOURCE}/cmake/OcelliAddTrainer.cmake)\n"
  "ocelli_write_trainer_config(MODEL classifier PARAMS \${PARAMS} OUTPUT \${OUTPUT})\n")
make(foreign "second_stage_kernel_size=1\n")
if(result EQUAL 0 OR NOT errors MATCHES "second_stage_kernel_size belongs to an SSD")
  message(FATAL_ERROR "a classifier's file with a key of an SSD must be refused, but: ${errors}")
endif()

# Every compile-time key is a member that the nets read, and every such member is a key.
set(keys ${OCELLI_TRAINER_KEYS_INT} ${OCELLI_TRAINER_KEYS_DOUBLE} ${OCELLI_TRAINER_KEYS_BOOL})
list(SORT keys)
file(READ ${SOURCE}/include/ocelli/model/config.hpp config)
string(REGEX MATCH "struct SsdDefaults {[^}]*}" config "${config}")
string(REGEX REPLACE "//[^\n]*" "" config "${config}")
string(REGEX MATCHALL "[a-z_0-9]+ = " members "${config}")
list(TRANSFORM members REPLACE " = " "")
list(SORT members)
if(NOT keys STREQUAL members)
  message(FATAL_ERROR "OcelliAddTrainer.cmake knows\n  ${keys}\nSsdDefaults has\n  ${members}")
endif()
