/* Instantiates a module in static memory, calls its `run`, and prints the result and a hash of the
 * memory: what a firmware does with a module that imports nothing. */
#include "program.h"
#include "semihosting.h"

static program_instance instance;
/* Two pages more than the program starts with, if it wants to grow. */
static uint64_t memory[(PROGRAM_MEMORY_BYTES + 2 * 65536) / sizeof(uint64_t)];

/* FNV-1a. */
static uint32_t hash(const windlass_memory *bytes) {
    uint32_t h = 2166136261u;
    for (uint32_t i = 0; i < bytes->bytes; i++)
        h = (h ^ bytes->base[i]) * 16777619u;
    return h;
}

int main(void) {
    int status = program_instantiate(&instance, memory, sizeof memory);
    if (status != WINDLASS_OK)
        return status;
    put_number(program_run(&instance));
    if (program_trap(&instance) != WINDLASS_TRAP_NONE)
        return 1;
    put(" ");
    put_number(hash(program_memory(&instance)));
    put("\n");
    return 0;
}
