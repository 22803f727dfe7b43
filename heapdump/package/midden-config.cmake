# find_package(midden): the targets midden::midden (shared) and midden::midden_static. The tree may be moved as a whole.
include(CMakeFindDependencyMacro)
find_dependency(Threads)

get_filename_component(_midden_prefix "${CMAKE_CURRENT_LIST_DIR}/@TO_PREFIX@" ABSOLUTE)

if(NOT TARGET midden::midden)
  add_library(midden::midden SHARED IMPORTED)
  set_target_properties(midden::midden PROPERTIES
    IMPORTED_LOCATION "${_midden_prefix}/@LIB@/@SO_REAL@"
    IMPORTED_SONAME "@SONAME@"
    INTERFACE_INCLUDE_DIRECTORIES "${_midden_prefix}/@INCLUDE@")
endif()

if(NOT TARGET midden::midden_static)
  add_library(midden::midden_static STATIC IMPORTED)
  set_target_properties(midden::midden_static PROPERTIES
    IMPORTED_LOCATION "${_midden_prefix}/@LIB@/libmidden.a"
    INTERFACE_INCLUDE_DIRECTORIES "${_midden_prefix}/@INCLUDE@"
    INTERFACE_LINK_LIBRARIES Threads::Threads)
endif()

unset(_midden_prefix)
