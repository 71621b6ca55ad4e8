/* A host that survives its plug-in: whatever that does, the call ends, the reason is known, and the next
 * call works. */
#include "board.h"
#include "plugin.h"
#include "windlass.h"

/* SysTick: a timer that every Cortex-M has. */
#define SYST_CSR (*(volatile uint32_t *)0xe000e010)
#define SYST_RVR (*(volatile uint32_t *)0xe000e014)
#define SYST_CVR (*(volatile uint32_t *)0xe000e018)

static plugin_instance plugin;
static uint64_t memory[PLUGIN_MEMORY_BYTES / sizeof(uint64_t)];

/* The plug-in's calls may take 1 KiB of stack, and so may what they are interrupted by. */
enum { STACK_BYTES = 1024 };

/* A watchdog: the call that runs when it strikes ends with the trap "interrupted". */
void SysTick_Handler(void);
void SysTick_Handler(void) {
    SYST_CSR = 0;
    plugin_interrupt(&plugin);
}

static void start_watchdog(void) {
    SYST_RVR = 250000;
    SYST_CVR = 0;
    SYST_CSR = 7;
}

/* Tells how the last call ended, and makes one that works. */
static void report(const char *what) {
    SYST_CSR = 0;
    plugin_clear_interrupt(&plugin);
    print(what);
    print(": ");
    print(windlass_trap_name(plugin_trap(&plugin)));
    print("; then work() is ");
    print_number((int32_t)plugin_work(&plugin));
    print("\n");
}

int main(void) {
    plugin_set_stack_limit(&plugin, (const char *)__builtin_frame_address(0) - STACK_BYTES);
    int status = plugin_instantiate(&plugin, memory, sizeof memory);
    if (status != WINDLASS_OK) {
        print("cannot instantiate\n");
        return 1;
    }

    for (int round = 0; round < 2; round++) {
        plugin_outside(&plugin);
        report("a load past the end");
        plugin_divide(&plugin, 1, 0);
        report("a division by zero");
        plugin_recurse(&plugin, 0);
        report("a recursion without end");
        start_watchdog();
        plugin_spin(&plugin);
        report("a loop without end");
        plugin_dispatch(&plugin, 0);
        report("a call of the wrong type");
        plugin_dispatch(&plugin, 1);
        report("a call of nothing");
        plugin_dispatch(&plugin, 2);
        report("a call beyond the table");
    }
    return plugin_trap(&plugin) == WINDLASS_TRAP_NONE ? 0 : 1;
}
