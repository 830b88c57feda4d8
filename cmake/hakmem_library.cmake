# The library itself: sources, compile flags, link flags.
#
# The library depends on the C library alone. It is written in C++ but linked by the C driver, so that anything that
# would need libstdc++ (an exception, a non-inline std:: function) is an undefined symbol when the library is linked and
# not one more dependency of every program that preloads it.

file(GLOB_RECURSE hakmem_sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/src/*.cpp")
set(hakmem_core_sources ${hakmem_sources})
list(FILTER hakmem_core_sources EXCLUDE REGEX "_(test|fake)\\.cpp$|/src/api/(override|interpose)[^/]*\\.cpp$|/src/trace/")
list(REMOVE_ITEM hakmem_core_sources "${PROJECT_SOURCE_DIR}/src/os/append_file.cpp")   # the recorder's
set(hakmem_interpose_sources ${hakmem_sources})
list(FILTER hakmem_interpose_sources INCLUDE REGEX "/src/api/interpose[^/]*\\.cpp$")
set(hakmem_override_sources ${hakmem_sources})
list(FILTER hakmem_override_sources INCLUDE REGEX "/src/api/override[^/]*\\.cpp$")
list(FILTER hakmem_override_sources EXCLUDE REGEX "_(test|fake)\\.cpp$")
set(hakmem_unit_test_sources ${hakmem_sources})
list(FILTER hakmem_unit_test_sources INCLUDE REGEX "_(test|fake)\\.cpp$")

# Where sources of the project find headers: "pages/run.hpp" below src/, "hakmem/hakmem.h" below include/.
add_library(hakmem_includes INTERFACE)
target_include_directories(hakmem_includes INTERFACE "${PROJECT_SOURCE_DIR}/src" "${PROJECT_SOURCE_DIR}/include")

# hakmem_flags: how library code is compiled.
# - initial-exec: thread-local state is one %fs-relative load, with no call to __tls_get_addr (which may allocate).
# - no-builtin-*: the compiler must not assume what malloc does while it compiles malloc, nor turn our malloc+memset
#   into a call of our calloc.
# - no-threadsafe-statics: their guards live in libstdc++.
add_library(hakmem_flags INTERFACE)
target_compile_options(hakmem_flags INTERFACE
  -fPIC -ftls-model=initial-exec
  -fvisibility=hidden -fvisibility-inlines-hidden -fno-semantic-interposition
  -fno-builtin-malloc -fno-builtin-calloc -fno-builtin-realloc -fno-builtin-free
  $<$<COMPILE_LANGUAGE:CXX>:-fno-exceptions> $<$<COMPILE_LANGUAGE:CXX>:-fno-rtti>
  $<$<COMPILE_LANGUAGE:CXX>:-fno-threadsafe-statics>)
target_link_libraries(hakmem_flags INTERFACE hakmem_includes hakmem_warnings)

add_library(hakmem_core OBJECT ${hakmem_core_sources})
target_link_libraries(hakmem_core PRIVATE hakmem_flags)
set(hakmem_objects $<TARGET_OBJECTS:hakmem_core>)

# A sanitizer brings a malloc of its own; under it, tests call the hak_* functions.
if(hakmem_override_sources AND NOT HAKMEM_SANITIZE)
  add_library(hakmem_override OBJECT ${hakmem_override_sources})
  target_link_libraries(hakmem_override PRIVATE hakmem_flags)
  # A new-handler may throw through the nothrow forms of new, which must catch it.
  set_source_files_properties("${PROJECT_SOURCE_DIR}/src/api/override_nothrow.cpp" PROPERTIES COMPILE_OPTIONS "-fexceptions")
  # A debugger that calls malloc in the program has to know its type, which line tables leave out.
  set_source_files_properties("${PROJECT_SOURCE_DIR}/src/api/override_malloc.cpp" PROPERTIES COMPILE_OPTIONS "-g")
  list(APPEND hakmem_objects $<TARGET_OBJECTS:hakmem_override>)
endif()

# Only the shared library stands between the program and the C library's functions of src/api/interpose*.cpp.
set(hakmem_shared_objects ${hakmem_objects})
if(hakmem_interpose_sources AND NOT HAKMEM_SANITIZE)
  add_library(hakmem_interpose OBJECT ${hakmem_interpose_sources})
  target_link_libraries(hakmem_interpose PRIVATE hakmem_flags)
  # Its last call must be a jump, in builds that are hardly optimized too.
  set_source_files_properties("${PROJECT_SOURCE_DIR}/src/api/interpose_dlopen.cpp"
    PROPERTIES COMPILE_OPTIONS "-foptimize-sibling-calls")
  # It does for a null pointer what the C library does, although that declares that there is none.
  set_source_files_properties("${PROJECT_SOURCE_DIR}/src/api/interpose_setrlimit.cpp"
    PROPERTIES COMPILE_OPTIONS "-fno-delete-null-pointer-checks")
  list(APPEND hakmem_shared_objects $<TARGET_OBJECTS:hakmem_interpose>)
endif()

add_library(hakmem SHARED ${hakmem_shared_objects})
add_library(hakmem_static STATIC ${hakmem_objects})
add_library(hakmem::hakmem ALIAS hakmem)
add_library(hakmem::static ALIAS hakmem_static)

# CMake would name libstdc++ for the C++ objects on the C driver's command line; the C++ driver adds it by itself.
set(CMAKE_CXX_IMPLICIT_LINK_LIBRARIES "")
set_target_properties(hakmem hakmem_static PROPERTIES OUTPUT_NAME hakmem LINKER_LANGUAGE C)
target_link_options(hakmem PRIVATE -Wl,-z,now,-z,relro -Wl,-Bsymbolic-functions)
if(NOT HAKMEM_SANITIZE)   # clang's sanitizers leave their symbols for the executable to bring
  target_link_options(hakmem PRIVATE -Wl,--no-undefined)
endif()

foreach(library hakmem hakmem_static)
  target_include_directories(${library} INTERFACE
    "$<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>" "$<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>")
endforeach()

# The recorder: a library of its own in front of whatever allocator, so that hakmem's paths know nothing of it. The
# command starts programs with it, and it is installed beside the other library.
if(NOT HAKMEM_SANITIZE)
  set(hakmem_record_sources ${hakmem_sources})
  list(FILTER hakmem_record_sources INCLUDE REGEX "/src/(trace|base|os)/")
  list(FILTER hakmem_record_sources EXCLUDE REGEX "_(test|fake)\\.cpp$")
  add_library(hakmem_record SHARED ${hakmem_record_sources})
  target_link_libraries(hakmem_record PRIVATE hakmem_flags)
  set_target_properties(hakmem_record PROPERTIES OUTPUT_NAME hakmem-record LINKER_LANGUAGE C)
  target_link_options(hakmem_record PRIVATE -Wl,-z,now,-z,relro -Wl,-Bsymbolic-functions -Wl,--no-undefined)
endif()
