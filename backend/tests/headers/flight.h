/* C interface of the WebAssembly module "flight", written by windlass.
 *
 * The host owns the instance and the memory, and keeps both while it uses them:
 *
 *     static flight_instance instance;
 *     static uint64_t memory[(FLIGHT_MEMORY_BYTES + 7) / sizeof(uint64_t)];
 *     static uint64_t memory1[(FLIGHT_MEMORY1_BYTES + 7) / sizeof(uint64_t)];
 *     int status = flight_instantiate(&instance, sensors_context, my_x20host_context, memory, sizeof memory, memory1, sizeof memory1);
 *
 * A call that traps returns zero; flight_trap tells a trap from a zero. */
#ifndef WINDLASS_flight_H
#define WINDLASS_flight_H

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
typedef struct flight_instance {
    uint64_t opaque[6];
} flight_instance;

/* The smallest memory to hand over, in bytes. A larger one lets memory.grow succeed. */
#define FLIGHT_MEMORY_BYTES 131072u
#define FLIGHT_MEMORY1_BYTES 100u

/* Context of each imported module: the host defines the type and hands a pointer to
 * instantiate, which every function imported from that module gets back. */
struct sensors_instance; /* "sensors" */
struct my_x20host_instance; /* "my host" */

/* Imports, which the host or another module defines: functions, and accessors of
 * memories, tables and globals, which instantiate asks for a pointer that stays. */
#ifndef WINDLASS_sensors_read_result
#define WINDLASS_sensors_read_result
struct sensors_read_result { uint32_t f0; float f1; };
#endif
struct sensors_read_result sensors_read(struct sensors_instance *, uint32_t); /* "sensors" "read" */
uint64_t sensors_now(struct sensors_instance *); /* "sensors" "now" */
windlass_memory *sensors_log(struct sensors_instance *); /* "sensors" "log" */

/* Initialises the instance and the memory, then runs the start function, if any.
 * The memory is aligned to 8 bytes, the instance zero or with its stack limit set. Must
 * succeed before any other call. */
int flight_instantiate(flight_instance *instance, struct sensors_instance *sensors_context, struct my_x20host_instance *my_x20host_context, void *memory, uint32_t memory_bytes, void *memory1, uint32_t memory1_bytes);

/* The trap that ended the last call, or WINDLASS_TRAP_NONE. */
int flight_trap(const flight_instance *instance);

/* Sets the lowest address of the stack that the module's functions may use; beyond it
 * they trap. Imported functions and interrupts on the same stack may need room below.
 * NULL sets no limit. Instantiation keeps what was set before, for the start function; an
 * instance of zeros has no limit. */
void flight_set_stack_limit(flight_instance *instance, const void *limit);

/* Exported functions. */
uint32_t flight_step(flight_instance *, uint32_t, uint64_t, float, double); /* "step" */
void flight_reset(flight_instance *); /* "reset" */
#ifndef WINDLASS_flight_divmod_result
#define WINDLASS_flight_divmod_result
struct flight_divmod_result { uint32_t f0; uint32_t f1; };
#endif
struct flight_divmod_result flight_divmod(flight_instance *, uint32_t, uint32_t); /* "divmod" */
double flight__x2a_x2f_x0a(flight_instance *); /* "\u{2a}\u{2f}\u{a}" */

/* Exported memories, tables and globals. The pointers stay valid as long as the
 * instance. */
windlass_memory *flight_memory(flight_instance *); /* "memory" */
windlass_table *flight_handlers(flight_instance *); /* "handlers" */
float *flight_gain(flight_instance *); /* "gain" */
uint32_t const *flight_limit(flight_instance *); /* "limit" */
const windlass_funcref * const *flight_handler(flight_instance *); /* "handler" */

#ifdef __cplusplus
}
#endif

#endif
