/* Calls a module so that a debugger has frames of C below the sandboxed ones. Prints the result and how many
 * places trap; then traps, and prints where the wasm operator stands. */
#include "program.h"
#include "semihosting.h"
#include "windlass.h"
#include <stddef.h>

/* Whether the table of places that trap is there. */
extern const windlass_site __start_windlass_sites[] __attribute__((weak));
extern const windlass_site __stop_windlass_sites[] __attribute__((weak));

static program_instance instance;
static uint64_t memory[(PROGRAM_MEMORY_BYTES + 7) / sizeof(uint64_t)];

__attribute__((noinline)) static uint32_t call_module(uint32_t count) {
    return program_run(&instance, count) + 1;
}

int main(void) {
    if (program_instantiate(&instance, memory, sizeof memory) != WINDLASS_OK)
        return 1;
    put_number(call_module(5));
    put(" ");
    put_number((uint32_t)(__stop_windlass_sites - __start_windlass_sites));
    put("\n");
#ifdef DIVIDE
    program_divide(&instance, 1, 0);
    const windlass_site *site = windlass_trap_site(windlass_trap_pc(&instance));
    if (site == NULL)
        return 2;
    put_number(site->function);
    put(" ");
    put_number(site->wasm_offset);
    put("\n");
#endif
    return 0;
}
