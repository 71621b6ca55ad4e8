# A Cortex-M4 without a floating-point unit, by GCC.
set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_SYSTEM_PROCESSOR cortex-m4)
set(CMAKE_C_COMPILER arm-none-eabi-gcc)
set(CMAKE_C_FLAGS_INIT "-mcpu=cortex-m4 -mthumb -ffunction-sections")
# Without a linker script nothing links.
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)
