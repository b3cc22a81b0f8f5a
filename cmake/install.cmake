include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

install(TARGETS cacherator EXPORT cacherator-targets
        ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
if(CMAKE_INTERPROCEDURAL_OPTIMIZATION AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND NOT BUILD_SHARED_LIBS)
  # Its objects hold machine code, too. Without what link-time optimisation left in them a program links in no time, with any options.
  install(CODE "execute_process(COMMAND \"${CMAKE_OBJCOPY}\" --wildcard --remove-section=.gnu.lto_* --remove-section=.gnu.debuglto_*
    \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_LIBDIR}/libcacherator.a\" COMMAND_ERROR_IS_FATAL ANY)")
endif()
install(DIRECTORY include/cacherator DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(EXPORT cacherator-targets NAMESPACE cacherator:: DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/cacherator)
configure_package_config_file(cmake/cacherator-config.cmake.in cacherator-config.cmake
                              INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/cacherator)
write_basic_package_version_file(cacherator-config-version.cmake COMPATIBILITY SameMajorVersion)
# Relative, so that an installed tree may be moved.
file(RELATIVE_PATH CACHERATOR_PC_TO_PREFIX /prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig /prefix)
if(CACHERATOR_DYNAMODB)
  set(CACHERATOR_PC_DYNAMODB " -lcurl -lcrypto")
endif()
configure_file(cmake/cacherator.pc.in cacherator.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/cacherator-config.cmake ${PROJECT_BINARY_DIR}/cacherator-config-version.cmake
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/cacherator)
install(FILES ${PROJECT_BINARY_DIR}/cacherator.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
