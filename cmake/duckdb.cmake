# DuckDB: a pinned prebuilt library with the headers of the same version, both put in place by scripts/setup.sh.

set(TARN_DEPS_DIR "${CMAKE_SOURCE_DIR}/.deps" CACHE PATH "where scripts/setup.sh put what Debian does not package")
if(NOT EXISTS "${TARN_DEPS_DIR}/duckdb/include/duckdb.hpp")
  message(FATAL_ERROR "no DuckDB in ${TARN_DEPS_DIR}/duckdb: run scripts/setup.sh first")
endif()

# The program carries the library beside it, so that build/tarn can be moved as a folder.
file(COPY "${TARN_DEPS_DIR}/duckdb/lib/libduckdb.so" DESTINATION "${CMAKE_BINARY_DIR}")
add_library(duckdb SHARED IMPORTED GLOBAL)
set_target_properties(duckdb PROPERTIES IMPORTED_LOCATION "${CMAKE_BINARY_DIR}/libduckdb.so" IMPORTED_NO_SONAME FALSE)
set(CMAKE_BUILD_RPATH "$ORIGIN")
set(CMAKE_BUILD_RPATH_USE_ORIGIN ON)

# One precompiled duckdb.hpp for every module at the rim (engine, format, lake and their tests).
set(TARN_DUCKDB_PCH_SOURCE "${CMAKE_BINARY_DIR}/duckdb_pch.cc")
file(GENERATE OUTPUT "${TARN_DUCKDB_PCH_SOURCE}" CONTENT "// Owner of the precompiled DuckDB header.\n")
add_library(tarn_duckdb_pch OBJECT "${TARN_DUCKDB_PCH_SOURCE}")
target_include_directories(tarn_duckdb_pch SYSTEM PRIVATE "${TARN_DEPS_DIR}/duckdb/include")
target_precompile_headers(tarn_duckdb_pch PRIVATE <duckdb.hpp>)
target_link_libraries(tarn_duckdb_pch PRIVATE tarn_options)

function(tarn_use_duckdb target)
  target_include_directories(${target} SYSTEM PRIVATE "${TARN_DEPS_DIR}/duckdb/include")
  target_link_libraries(${target} PRIVATE duckdb)
  if(NOT TARN_NO_PCH)
    target_precompile_headers(${target} REUSE_FROM tarn_duckdb_pch)
  endif()
endfunction()
