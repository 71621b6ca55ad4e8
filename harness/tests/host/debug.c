/* Calls a module so that a debugger has frames of C below the sandboxed ones. Prints the result and how many
 * places trap; then traps, and prints where the wasm operator stands. */
#include "program.h"
#include "semihosting.h"
#include <stddef.h>

struct site {
    int32_t trap;
    uint32_t function, wasm_offset;
};
/* The table of places that trap, if the object has one. */
extern const struct site __start_windlass_sites[] __attribute__((weak));
extern const struct site __stop_windlass_sites[] __attribute__((weak));

static program_instance instance;
static uint64_t memory[(PROGRAM_MEMORY_BYTES + 7) / sizeof(uint64_t)];

/* The entry of a trapping instruction, if there is one. */
static const struct site *find_site(const void *pc) {
    for (const struct site *s = __start_windlass_sites; s != __stop_windlass_sites; s++)
        if ((const char *)&s->trap + s->trap == (const char *)pc)
            return s;
    return NULL;
}

/* With the exception frame of a fault. */
__attribute__((used)) static void report(const uint32_t *frame) {
    const struct site *site = find_site((const void *)frame[6]);
    if (site == NULL)
        finish(2);
    put_number(site->function);
    put(" ");
    put_number(site->wasm_offset);
    put("\n");
    finish(0);
}

__attribute__((naked)) void fault(void) { __asm__("mov r0, sp\n b report"); }

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
    put_number(program_divide(&instance, 1, 0));
#endif
    return 0;
}
