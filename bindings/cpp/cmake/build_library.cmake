# cmake -D source=FOLDER -D library=FILE -P build_library.cmake: builds the library for this machine, and copies it to FILE.
execute_process(
    COMMAND packaging/library --here
    WORKING_DIRECTORY "${source}"
    OUTPUT_VARIABLE folder
    OUTPUT_STRIP_TRAILING_WHITESPACE
    RESULT_VARIABLE failed)
if(failed)
    message(FATAL_ERROR "packaging/library failed: ${failed}")
endif()
get_filename_component(name "${library}" NAME)
get_filename_component(place "${library}" DIRECTORY)
file(COPY "${folder}/${name}" DESTINATION "${place}")
file(CREATE_LINK "${name}" "${place}/libwardkey.so" SYMBOLIC)
