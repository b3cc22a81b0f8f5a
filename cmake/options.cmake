option(CACHERATOR_DYNAMODB "Build the second layer, DynamoDB (libcurl, OpenSSL)" ON)
option(CACHERATOR_TESTS "Build the C++ tests and examples" ${PROJECT_IS_TOP_LEVEL})
option(CACHERATOR_PYTHON "Build the Python extension (set by pip install)" OFF)
option(CACHERATOR_BENCH "Build the benchmarks" OFF)
option(CACHERATOR_FUZZ "Build the fuzz targets (clang only)" OFF)
option(CACHERATOR_INSTALL "Install the C++ package" ${PROJECT_IS_TOP_LEVEL})
set(BUILD_SHARED_LIBS OFF CACHE BOOL "Build the engine as a shared library")
option(CACHERATOR_WERROR "Treat warnings as errors" OFF)
set(CACHERATOR_SANITIZE "" CACHE STRING "Sanitizers to build with: address,undefined or thread")

if(NOT CMAKE_SYSTEM_NAME STREQUAL "Linux")
  message(FATAL_ERROR "cacherator supports Linux only for now: its files rely on open file description locks and statx.")
endif()

if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)
endif()
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

find_program(CCACHE ccache)
if(CCACHE AND PROJECT_IS_TOP_LEVEL AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  # Objects are found again from another checkout: paths within it count as relative ones.
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${PROJECT_SOURCE_DIR} CCACHE_NOHASHDIR=1 ${CCACHE})
endif()

add_library(cacherator_flags INTERFACE)
target_compile_options(cacherator_flags INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion
  $<$<BOOL:${CACHERATOR_WERROR}>:-Werror>)
# g++ 12 sees overflows of a text's inside buffer in moved variants that are not there (GCC bug 105651), when it optimises at link time.
target_link_options(cacherator_flags INTERFACE $<$<CXX_COMPILER_ID:GNU>:-Wno-stringop-overflow> $<$<CXX_COMPILER_ID:GNU>:-Wno-stringop-overread>)
if(CACHERATOR_SANITIZE)
  target_compile_options(cacherator_flags INTERFACE -fsanitize=${CACHERATOR_SANITIZE} -fno-omit-frame-pointer -g1)
  if(CACHERATOR_SANITIZE STREQUAL "thread" AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    target_compile_options(cacherator_flags INTERFACE -Wno-tsan)  # Asio's fences, which TSan does not model
  endif()
  target_link_options(cacherator_flags INTERFACE -fsanitize=${CACHERATOR_SANITIZE})
endif()
