# Where the library comes from. Sets wardkey_library, the file to install, and wardkey_import_library, which DLLs have.

if(WARDKEY_LIBRARY)
    get_filename_component(wardkey_library "${WARDKEY_LIBRARY}" ABSOLUTE)
    if(NOT EXISTS "${wardkey_library}")
        message(FATAL_ERROR "WARDKEY_LIBRARY: there is no ${wardkey_library}")
    endif()
    # The file itself: what it is called behind a link is for the installation to say.
    get_filename_component(wardkey_library "${wardkey_library}" REALPATH)
else()
    set(wardkey_library "${CMAKE_CURRENT_BINARY_DIR}/library/libwardkey.so.1")
    # cargo knows what is to be built: it is asked every time.
    add_custom_target(wardkey_library ALL
        COMMAND "${CMAKE_COMMAND}" -D "source=${wardkey_source}" -D "library=${wardkey_library}"
            -P "${CMAKE_CURRENT_LIST_DIR}/build_library.cmake"
        BYPRODUCTS "${wardkey_library}"
        COMMENT "Building libwardkey.so.1 with cargo"
        VERBATIM)
endif()

set(wardkey_import_library "")
if(wardkey_library MATCHES "\\.dll$")
    set(wardkey_import_library "${WARDKEY_IMPORT_LIBRARY}")
    if(NOT wardkey_import_library)
        string(REGEX REPLACE "\\.dll$" ".lib" wardkey_import_library "${wardkey_library}")
    endif()
    if(NOT EXISTS "${wardkey_import_library}")
        message(FATAL_ERROR "there is no import library ${wardkey_import_library}; say where it is: "
            "-DWARDKEY_IMPORT_LIBRARY=FILE")
    endif()
endif()
