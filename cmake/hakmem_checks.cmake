# Unit tests, and the checks that look at the repository and at what was built.
#
# Labels: `unit` for the unit tests, `repository` for checks of the sources, `package` for checks of what is shipped.
include(GoogleTest)

# Debian has GoogleTest for its own architecture only; for another it is built from Debian's copy of its source.
if(CMAKE_CROSSCOMPILING)
  include(FetchContent)
  set(INSTALL_GTEST OFF)
  FetchContent_Declare(GTest SOURCE_DIR /usr/src/googletest OVERRIDE_FIND_PACKAGE)
endif()
find_package(GTest REQUIRED)
if(CMAKE_CROSSCOMPILING)
  target_compile_options(gtest PRIVATE -w)   # GCC 12 is wrong about one of its strings
endif()

# Test programs are asked for their cases when tests run, not when they are built: a build does not run what it builds.
set(CMAKE_GTEST_DISCOVER_TESTS_DISCOVERY_MODE PRE_TEST)

# Fakes and tests may use all of C++; the code under test is the very objects of the library.
if(HAKMEM_BUILD_UNIT_TESTS)
  add_executable(hakmem_unit_tests ${hakmem_unit_test_sources} $<TARGET_OBJECTS:hakmem_core>)
  target_link_libraries(hakmem_unit_tests PRIVATE hakmem_includes hakmem_warnings GTest::gmock GTest::gtest_main)

  # What they include takes longer to compile than they do: eight at a time, but for those whose names meet others'.
  set(lone_tests
    learn/costs learn/fill_target learn/first_guess learn/huge_arms learn/learner learn/prefault learn/selector learn/sites
    pages/run_store thread/heap thread/idle_bundles thread/inbox thread/new_heaps thread/prefault thread/shared_slabs thread/sharing)
  list(TRANSFORM lone_tests REPLACE "(.+)" "${PROJECT_SOURCE_DIR}/src/\\1_test.cpp")
  set_source_files_properties(${lone_tests} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
  set_target_properties(hakmem_unit_tests PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 8)

  gtest_discover_tests(hakmem_unit_tests DISCOVERY_TIMEOUT 60 PROPERTIES LABELS unit TIMEOUT 300)

  # Large blocks once more, and what places are for, on a machine of two nodes with two places each (HAKMEM_TOPOLOGY).
  include(${PROJECT_SOURCE_DIR}/tests/process/make_topology.cmake)
  make_topology(${PROJECT_BINARY_DIR}/topology/4_places 32 2 8)
  gtest_discover_tests(hakmem_unit_tests TEST_PREFIX "4_places." TEST_LIST unit_tests_at_4_places DISCOVERY_TIMEOUT 60
    TEST_FILTER "IdleBlocksTest.*:IdleShardsTest.*:NotesTest.*:StackRules.*:HandsTest.*:Large.*:Resize.*:GrowIntoIdle.*:LazyFreeing.*:HugeCollapse.*:NewHeaps.UseFewPlaces"
    PROPERTIES LABELS unit TIMEOUT 300 ENVIRONMENT "HAKMEM_TOPOLOGY=${PROJECT_BINARY_DIR}/topology/4_places")
endif()

foreach(check check_layers check_docs checks_test)
  add_test(NAME repository.${check} COMMAND "${PROJECT_SOURCE_DIR}/tools/${check}")
  set_tests_properties(repository.${check} PROPERTIES LABELS repository)
endforeach()

# A sanitizer's run-time libraries are dependencies of all it builds, so these hold for what is shipped only.
if(NOT HAKMEM_SANITIZE)
  add_test(NAME package.shared_library
    COMMAND "${PROJECT_SOURCE_DIR}/tools/check_library" $<TARGET_FILE:hakmem>)
  add_test(NAME package.consumer
    COMMAND "${PROJECT_SOURCE_DIR}/tests/consumer/check_install" "${PROJECT_BINARY_DIR}" "${CMAKE_COMMAND}"
      "${CMAKE_C_COMPILER}" "${CMAKE_CXX_COMPILER}")
  set_tests_properties(package.shared_library package.consumer PROPERTIES LABELS package)
endif()
