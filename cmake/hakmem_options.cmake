# Options and the flags that every target of the project shares.
#
#   HAKMEM_SANITIZE     "", address, undefined, address,undefined or thread
#   HAKMEM_WERROR       warnings are errors
#   HAKMEM_BUILD_CLI    the `hakmem` command (needs CLI11, fmt, nlohmann-json)
#   BUILD_TESTING       tests, checks and tools (needs GoogleTest)
#   HAKMEM_BUILD_UNIT_TESTS  those of the tests that stand under src/
#   HAKMEM_BUILD_BENCH  the benchmarks
#
# The last four are on when hakmem is the top project and off when it is part of another.
# hakmem_warnings is the set of warnings that all code of the project is compiled with; link it PRIVATE.

set(HAKMEM_SANITIZE "" CACHE STRING "Sanitizers: empty, address, undefined, address,undefined or thread")
set_property(CACHE HAKMEM_SANITIZE PROPERTY STRINGS "" address undefined address,undefined thread)
option(HAKMEM_WERROR "Treat warnings as errors" ON)
option(HAKMEM_BUILD_CLI "Build the hakmem command" ${PROJECT_IS_TOP_LEVEL})
option(BUILD_TESTING "Build the tests" ${PROJECT_IS_TOP_LEVEL})
option(HAKMEM_BUILD_UNIT_TESTS "Build the unit tests of the library" ${BUILD_TESTING})
option(HAKMEM_BUILD_BENCH "Build the benchmarks" ${PROJECT_IS_TOP_LEVEL})

if(NOT HAKMEM_SANITIZE MATCHES "^(|address|undefined|address,undefined|thread)$")
  message(FATAL_ERROR "HAKMEM_SANITIZE is '${HAKMEM_SANITIZE}'; allowed: empty, address, undefined, address,undefined, thread")
endif()
if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
  set(CMAKE_BUILD_TYPE Release)
endif()

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

# Line tables in release builds: a profile or a crash report of the shipped library names its lines.
add_compile_options($<$<CONFIG:Release>:-g1> $<$<CONFIG:Debug>:-O1>)

# Reports need lines alone, and line tables compile a quarter faster than all of -g.
if(HAKMEM_SANITIZE)
  add_compile_options(-fsanitize=${HAKMEM_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer -g1)
  add_link_options(-fsanitize=${HAKMEM_SANITIZE})
endif()

find_program(HAKMEM_CCACHE ccache)
mark_as_advanced(HAKMEM_CCACHE)
if(HAKMEM_CCACHE AND PROJECT_IS_TOP_LEVEL)
  foreach(language C CXX)
    if(NOT CMAKE_${language}_COMPILER_LAUNCHER)
      set(CMAKE_${language}_COMPILER_LAUNCHER "${HAKMEM_CCACHE}")
    endif()
  endforeach()
endif()

add_library(hakmem_warnings INTERFACE)
target_compile_options(hakmem_warnings INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion
  $<$<COMPILE_LANG_AND_ID:CXX,Clang>:-Wthread-safety>   # src/base/annotations.hpp
  $<$<BOOL:${HAKMEM_WERROR}>:-Werror>)

# GCC sees uninitialised values in the standard library that are artefacts of the sanitizers' instrumentation.
if(HAKMEM_SANITIZE AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  target_compile_options(hakmem_warnings INTERFACE -Wno-maybe-uninitialized)
endif()
