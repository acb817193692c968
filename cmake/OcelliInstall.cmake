# `cmake --install`: headers, the specialised-program function, and find_package(ocelli).
# SPDX-License-Identifier: Apache-2.0
include(CMakePackageConfigHelpers)

set(ocelli_package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/ocelli)
install(TARGETS ocelli ocelli_native EXPORT ocelli FILE_SET HEADERS)
install(EXPORT ocelli NAMESPACE ocelli:: DESTINATION ${ocelli_package_dir} FILE ocelliTargets.cmake)
if(OCELLI_DATA)
  install(TARGETS ocelli_bucket ocelli_data EXPORT ocelli_data)
  install(EXPORT ocelli_data NAMESPACE ocelli:: DESTINATION ${ocelli_package_dir}
    FILE ocelliDataTargets.cmake)
endif()

configure_package_config_file(
  ${CMAKE_CURRENT_LIST_DIR}/ocelliConfig.cmake.in
  ${PROJECT_BINARY_DIR}/ocelliConfig.cmake
  INSTALL_DESTINATION ${ocelli_package_dir}
  PATH_VARS CMAKE_INSTALL_DATADIR)
write_basic_package_version_file(
  ${PROJECT_BINARY_DIR}/ocelliConfigVersion.cmake COMPATIBILITY SameMinorVersion ARCH_INDEPENDENT)
install(FILES
  ${PROJECT_BINARY_DIR}/ocelliConfig.cmake
  ${PROJECT_BINARY_DIR}/ocelliConfigVersion.cmake
  ${CMAKE_CURRENT_LIST_DIR}/OcelliAddTrainer.cmake
  ${CMAKE_CURRENT_LIST_DIR}/OcelliCompiled.cmake
  ${CMAKE_CURRENT_LIST_DIR}/OcelliEngines.cmake
  DESTINATION ${ocelli_package_dir})

# The sources of the program: ocelli_add_trainer() compiles them anew for each trainer.
install(DIRECTORY ${PROJECT_SOURCE_DIR}/examples/cli
  DESTINATION ${CMAKE_INSTALL_DATADIR}/ocelli FILES_MATCHING PATTERN "*.cpp" PATTERN "*.hpp" PATTERN "*.cu")
