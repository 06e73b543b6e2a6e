# What `cmake --install` puts where. The library's own file name decides: a .dll with its import library, or a .so.

include(CMakePackageConfigHelpers)

# The bytes of a pointer in a library that exists already, else nothing.
function(pointer_size result)
    set(size "")
    if(wardkey_import_library)
        # The machine in a PE file's header: x86, or one of 64 bits.
        file(READ "${wardkey_library}" offset OFFSET 60 LIMIT 4 HEX)
        string(REGEX REPLACE "(..)(..)(..)(..)" "0x\\4\\3\\2\\1" offset "${offset}")
        math(EXPR offset "${offset} + 4")
        file(READ "${wardkey_library}" machine OFFSET "${offset}" LIMIT 2 HEX)
        set(size 8)
        if(machine STREQUAL "4c01")
            set(size 4)
        endif()
    elseif(EXISTS "${wardkey_library}")
        # The class in an ELF file's header: 1 for 32 bits, 2 for 64.
        file(READ "${wardkey_library}" class OFFSET 4 LIMIT 1 HEX)
        math(EXPR size "4 * ${class}")
    endif()
    set("${result}" "${size}" PARENT_SCOPE)
endfunction()
# GNUInstallDirs would ask a compiler which of Debian's folders is its own; whoever packages for one says so.
set(CMAKE_INSTALL_LIBDIR lib CACHE STRING "Where libraries go, below the prefix")
set(CMAKE_INSTALL_BINDIR bin CACHE STRING "Where DLLs go, below the prefix")
set(CMAKE_INSTALL_INCLUDEDIR include CACHE STRING "Where headers go, below the prefix")
set(CMAKE_INSTALL_DOCDIR share/doc/wardkey CACHE STRING "Where licences go, below the prefix")

install(FILES "${wardkey_source}/include/wardkey.h" include/wardkey.hpp DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}")
install(DIRECTORY include/wardkey DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}")
install(FILES "${wardkey_source}/LICENSE-APACHE" "${wardkey_source}/LICENSE-MIT" "${wardkey_source}/NOTICE"
    DESTINATION "${CMAKE_INSTALL_DOCDIR}")

if(wardkey_import_library)
    set(installed_library "${CMAKE_INSTALL_BINDIR}/wardkey1.dll")
    set(installed_import_library "${CMAKE_INSTALL_LIBDIR}/wardkey1.lib")
    set(link_name wardkey1)
    install(PROGRAMS "${wardkey_library}" DESTINATION "${CMAKE_INSTALL_BINDIR}" RENAME wardkey1.dll)
    install(FILES "${wardkey_import_library}" DESTINATION "${CMAKE_INSTALL_LIBDIR}" RENAME wardkey1.lib)
else()
    set(installed_library "${CMAKE_INSTALL_LIBDIR}/libwardkey.so.1")
    set(installed_import_library "")
    set(link_name wardkey)
    install(PROGRAMS "${wardkey_library}" DESTINATION "${CMAKE_INSTALL_LIBDIR}" RENAME libwardkey.so.1)
    # What linkers look for.
    set(link "${CMAKE_CURRENT_BINARY_DIR}/links/libwardkey.so")
    file(MAKE_DIRECTORY "${CMAKE_CURRENT_BINARY_DIR}/links")
    file(CREATE_LINK libwardkey.so.1 "${link}" SYMBOLIC)
    install(FILES "${link}" DESTINATION "${CMAKE_INSTALL_LIBDIR}")
endif()

set(package_folder "${CMAKE_INSTALL_LIBDIR}/cmake/wardkey")
configure_package_config_file(cmake/wardkey-config.cmake.in wardkey-config.cmake
    INSTALL_DESTINATION "${package_folder}"
    PATH_VARS CMAKE_INSTALL_INCLUDEDIR installed_library installed_import_library
    NO_CHECK_REQUIRED_COMPONENTS_MACRO)
# Nothing is ever taken away under this soname: a later library serves whoever asked for an earlier one. A library whose
# pointers are of another size than the asking project's is passed over; one that cargo has yet to build is the machine's.
pointer_size(CMAKE_SIZEOF_VOID_P)
write_basic_package_version_file(wardkey-config-version.cmake COMPATIBILITY SameMajorVersion)
install(FILES "${CMAKE_CURRENT_BINARY_DIR}/wardkey-config.cmake"
    "${CMAKE_CURRENT_BINARY_DIR}/wardkey-config-version.cmake"
    DESTINATION "${package_folder}")

set(pkgconfig_folder "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
file(RELATIVE_PATH prefix_from_pc "/prefix/${pkgconfig_folder}" /prefix)
string(REGEX REPLACE "/$" "" prefix_from_pc "${prefix_from_pc}")
configure_file(cmake/wardkey.pc.in wardkey.pc @ONLY)
install(FILES "${CMAKE_CURRENT_BINARY_DIR}/wardkey.pc" DESTINATION "${pkgconfig_folder}")
