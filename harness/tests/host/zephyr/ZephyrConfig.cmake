# A stand-in for Zephyr's package, of which it has what an application with a module uses: the target `app`,
# `zephyr_linker_sources`, a linker script that names every section, and a kernel of one thread. The image is
# zephyr/zephyr.elf, as Zephyr's is.
set(_ZEPHYR_DIR "${CMAKE_CURRENT_LIST_DIR}")

# What a board's configuration decides, for mps2/an386.
set(GCC_M_CPU cortex-m4)
set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_C_COMPILER arm-none-eabi-gcc)
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)
enable_language(C)

set(_snippets "${CMAKE_BINARY_DIR}/include/generated/snippets-rodata.ld")
file(WRITE "${_snippets}" "")
function(zephyr_linker_sources location)
  if(NOT location STREQUAL "RODATA")
    message(FATAL_ERROR "the stand-in has no location ${location}")
  endif()
  foreach(file IN LISTS ARGN)
    get_filename_component(file "${file}" ABSOLUTE)
    file(APPEND "${_snippets}" "INCLUDE \"${file}\"\n")
  endforeach()
endfunction()

add_library(zephyr_interface INTERFACE)
target_include_directories(zephyr_interface INTERFACE "${_ZEPHYR_DIR}/include")
target_compile_options(zephyr_interface INTERFACE
  -mcpu=${GCC_M_CPU} -mthumb -O2 -ffunction-sections -Wall -Wextra -Werror)

add_library(app STATIC)
target_link_libraries(app PUBLIC zephyr_interface)

add_executable(zephyr_final "${_ZEPHYR_DIR}/kernel.c" "${_ZEPHYR_DIR}/../startup.c")
set_target_properties(zephyr_final PROPERTIES
  OUTPUT_NAME zephyr.elf RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/zephyr")
target_link_libraries(zephyr_final PRIVATE zephyr_interface -Wl,--whole-archive app -Wl,--no-whole-archive)
target_link_options(zephyr_final PRIVATE -mcpu=${GCC_M_CPU} -mthumb -nostartfiles --specs=nano.specs
  -Wl,--wrap=main -Wl,--gc-sections -Wl,--orphan-handling=error -Wl,--fatal-warnings
  "-L${CMAKE_BINARY_DIR}/include/generated" "-T${_ZEPHYR_DIR}/linker.ld")
