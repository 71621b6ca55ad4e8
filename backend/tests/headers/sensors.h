/* C interface of the WebAssembly module "sensors", written by windlass.
 *
 * The host owns the instance and the memory, and keeps both while it uses them:
 *
 *     static sensors_instance instance;
 *     int status = sensors_instantiate(&instance, NULL, 0);
 *
 * A call that traps returns zero; sensors_trap tells a trap from a zero. */
#ifndef WINDLASS_sensors_H
#define WINDLASS_sensors_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifndef WINDLASS_CODES
#define WINDLASS_CODES

/* What <module>_instantiate returns. A trap returns WINDLASS_TRAPPED + its code. */
#define WINDLASS_OK 0
#define WINDLASS_MEMORY_TOO_SMALL 1
#define WINDLASS_MEMORY_MISALIGNED 2
#define WINDLASS_INCOMPATIBLE_IMPORT 3
#define WINDLASS_TRAPPED 16

/* What <module>_trap returns: the code of the last call's trap, or none. */
#define WINDLASS_TRAP_NONE (-1)
#define WINDLASS_TRAP_UNREACHABLE 0
#define WINDLASS_TRAP_INTEGER_DIVIDE_BY_ZERO 1
#define WINDLASS_TRAP_INTEGER_OVERFLOW 2
#define WINDLASS_TRAP_INVALID_CONVERSION_TO_INTEGER 3
#define WINDLASS_TRAP_OUT_OF_BOUNDS_MEMORY_ACCESS 4
#define WINDLASS_TRAP_OUT_OF_BOUNDS_TABLE_ACCESS 5
#define WINDLASS_TRAP_UNDEFINED_ELEMENT 6
#define WINDLASS_TRAP_NULL_REFERENCE 7
#define WINDLASS_TRAP_INDIRECT_CALL_TYPE_MISMATCH 8
#define WINDLASS_TRAP_CALL_STACK_EXHAUSTED 9
#define WINDLASS_TRAP_INTERRUPTED 10
#define WINDLASS_TRAP_OUT_OF_FUEL 11

/* A linear memory as it is now: base[0] to base[bytes - 1]. Growing changes bytes, up to capacity.
 * Modules that import a memory of the host change it as well. */
typedef struct windlass_memory {
    uint32_t bytes;
    uint8_t *base;
    uint32_t capacity;
} windlass_memory;

/* What a reference to a function points to. NULL is the null reference. */
typedef struct windlass_funcref {
    const uint8_t *signature;
    void (*entry)(void);
    void *instance;
} windlass_funcref;

/* A table as it is now: elements[0] to elements[size - 1], each a const windlass_funcref * or a
 * pointer of the host's. Growing changes size, up to capacity. */
typedef struct windlass_table {
    uint32_t size;
    const void **elements;
    uint32_t capacity;
} windlass_table;

#endif

/* All state of one instance. Its contents are private. */
typedef struct sensors_instance {
    uint32_t opaque[7];
} sensors_instance;

/* The smallest memory to hand over, in bytes. A larger one lets memory.grow succeed. */
#define SENSORS_MEMORY_BYTES 0u

/* Initialises the instance and the memory, then runs the start function, if any.
 * The memory is aligned to 8 bytes, the instance zero or with its stack limit set. Must
 * succeed before any other call. */
int sensors_instantiate(sensors_instance *instance, void *memory, uint32_t memory_bytes);

/* The trap that ended the last call, or WINDLASS_TRAP_NONE. */
int sensors_trap(const sensors_instance *instance);

/* Sets the lowest address of the stack that the module's functions may use; beyond it
 * they trap. Imported functions and interrupts on the same stack may need room below.
 * NULL sets no limit. Instantiation keeps what was set before, for the start function; an
 * instance of zeros has no limit. */
void sensors_set_stack_limit(sensors_instance *instance, const void *limit);

/* Exported functions. */
#ifndef WINDLASS_sensors_read_result
#define WINDLASS_sensors_read_result
struct sensors_read_result { uint32_t f0; float f1; };
#endif
struct sensors_read_result sensors_read(sensors_instance *, uint32_t); /* "read" */
uint64_t sensors_now(sensors_instance *); /* "now" */

#ifdef __cplusplus
}
#endif

#endif
