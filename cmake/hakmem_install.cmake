# Install rules: headers, both libraries, the CMake package and the pkg-config file.
#
#   find_package(hakmem)        hakmem::hakmem (shared) and hakmem::static
#   pkg-config --libs hakmem    the shared library
#
# The command installs itself from cli/. Paths in both packages are relative to where they stand, so an installed tree
# may be moved.
include(CMakePackageConfigHelpers)

set(hakmem_package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/hakmem")

install(DIRECTORY "${PROJECT_SOURCE_DIR}/include/hakmem" DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}")
set_target_properties(hakmem_static PROPERTIES EXPORT_NAME static)
install(TARGETS hakmem hakmem_static EXPORT hakmem_targets
  LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}" ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}")
install(EXPORT hakmem_targets NAMESPACE hakmem:: FILE hakmem-targets.cmake DESTINATION "${hakmem_package_dir}")

configure_package_config_file("${PROJECT_SOURCE_DIR}/packaging/hakmem-config.cmake.in" hakmem-config.cmake
  INSTALL_DESTINATION "${hakmem_package_dir}" NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file("${CMAKE_CURRENT_BINARY_DIR}/hakmem-config-version.cmake"
  COMPATIBILITY SameMinorVersion)
install(FILES
  "${CMAKE_CURRENT_BINARY_DIR}/hakmem-config.cmake" "${CMAKE_CURRENT_BINARY_DIR}/hakmem-config-version.cmake"
  DESTINATION "${hakmem_package_dir}")

file(RELATIVE_PATH hakmem_pc_prefix
  "${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig" "${CMAKE_INSTALL_PREFIX}")
configure_file("${PROJECT_SOURCE_DIR}/packaging/hakmem.pc.in" hakmem.pc @ONLY)
install(FILES "${CMAKE_CURRENT_BINARY_DIR}/hakmem.pc" DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
