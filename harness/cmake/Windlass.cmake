# WebAssembly modules in CMake projects of firmware.
#
#   include(Windlass)
#   windlass_add_module(firmware app.wasm)
#
# windlass_add_module(<target> <module> [NAME <name>] [CPU <cpu>] [OPTIONS <option>...] [NO_RUNTIME])
#
#   Compiles a module (.wasm or .wat) when it changes, adds the object to the target's sources and the
#   directory of <name>.h and windlass.h to its include directories, and, once, windlass.c to its sources,
#   which has the fault handler. With NO_RUNTIME it is not added: another target of the firmware has it.
#
#   NAME     the prefix of the module's symbols; the default is the file's stem
#   CPU      as of `windlass compile --cpu`; the default is what Zephyr or CMAKE_SYSTEM_PROCESSOR says
#   OPTIONS  further options of `windlass compile`, such as --traps call or --target thumbv7em-none-eabihf
#
# WINDLASS_EXECUTABLE is the program, else it is searched for in PATH.
#
# Within Zephyr, whose linker scripts name every section, the records of modules' code go to rodata.

include_guard(GLOBAL)

find_program(WINDLASS_EXECUTABLE windlass DOC "The windlass program")

function(windlass_add_module target module)
  cmake_parse_arguments(PARSE_ARGV 2 ARG "NO_RUNTIME" "NAME;CPU" "OPTIONS")
  if(ARG_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "windlass_add_module: unknown arguments: ${ARG_UNPARSED_ARGUMENTS}")
  endif()
  if(NOT TARGET "${target}")
    message(FATAL_ERROR "windlass_add_module: there is no target ${target}")
  endif()
  if(NOT WINDLASS_EXECUTABLE)
    message(FATAL_ERROR "windlass_add_module: no program windlass in PATH; set WINDLASS_EXECUTABLE")
  endif()
  get_filename_component(module "${module}" ABSOLUTE)
  if(NOT ARG_NAME)
    get_filename_component(ARG_NAME "${module}" NAME_WE)
  endif()

  set(directory "${CMAKE_CURRENT_BINARY_DIR}/windlass/${target}")
  file(MAKE_DIRECTORY "${directory}")
  set(object "${directory}/${ARG_NAME}.o")
  set(header "${directory}/${ARG_NAME}.h")
  _windlass_cpu("${ARG_CPU}" cpu)
  add_custom_command(
    OUTPUT "${object}" "${header}"
    COMMAND "${WINDLASS_EXECUTABLE}" compile "${module}" --name "${ARG_NAME}" ${cpu} ${ARG_OPTIONS}
            -o "${object}" --header "${header}"
    DEPENDS "${module}" "${WINDLASS_EXECUTABLE}"
    COMMENT "Compiling ${ARG_NAME} with windlass"
    VERBATIM)
  set_source_files_properties("${object}" TARGET_DIRECTORY "${target}"
    PROPERTIES EXTERNAL_OBJECT TRUE GENERATED TRUE)
  target_sources("${target}" PRIVATE "${object}")
  target_include_directories("${target}" PUBLIC "${directory}")
  # The header before whoever includes it.
  add_custom_target("${target}_windlass_${ARG_NAME}" DEPENDS "${object}" "${header}")
  add_dependencies("${target}" "${target}_windlass_${ARG_NAME}")

  _windlass_runtime("${target}" "${directory}")
  get_target_property(has_runtime "${target}" WINDLASS_RUNTIME)
  if(NOT ARG_NO_RUNTIME AND NOT has_runtime)
    set_target_properties("${target}" PROPERTIES WINDLASS_RUNTIME TRUE)
    get_target_property(directory "${target}" WINDLASS_DIRECTORY)
    target_sources("${target}" PRIVATE "${directory}/windlass.c")
    if(COMMAND zephyr_linker_sources)
      zephyr_linker_sources(RODATA "${CMAKE_CURRENT_FUNCTION_LIST_DIR}/windlass_code.ld")
    endif()
  endif()
endfunction()

# Writes windlass.h and windlass.c, once for a target.
function(_windlass_runtime target directory)
  get_target_property(written "${target}" WINDLASS_DIRECTORY)
  if(written)
    return()
  endif()
  set_target_properties("${target}" PROPERTIES WINDLASS_DIRECTORY "${directory}")
  set(runtime "${directory}/windlass.h" "${directory}/windlass.c")
  add_custom_command(
    OUTPUT ${runtime}
    COMMAND "${WINDLASS_EXECUTABLE}" c-runtime "${directory}"
    DEPENDS "${WINDLASS_EXECUTABLE}"
    COMMENT "Writing the C runtime of windlass"
    VERBATIM)
  set_source_files_properties(${runtime} TARGET_DIRECTORY "${target}" PROPERTIES GENERATED TRUE)
  add_custom_target("${target}_windlass" DEPENDS ${runtime})
  add_dependencies("${target}" "${target}_windlass")
endfunction()

# The option that names the processor: the one asked for, or that of the project.
function(_windlass_cpu asked result)
  set(cpu "${asked}")
  foreach(known "${GCC_M_CPU}" "${CMAKE_SYSTEM_PROCESSOR}")
    if(NOT cpu AND known MATCHES "^cortex-m(3|4|7|33)$")
      set(cpu "${known}")
    endif()
  endforeach()
  if(cpu)
    set(${result} --cpu "${cpu}" PARENT_SCOPE)
  else()
    set(${result} "" PARENT_SCOPE)
  endif()
endfunction()
