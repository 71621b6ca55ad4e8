/* A host that survives its plug-in: whatever that does, the call ends, the reason is known, and the next
 * call works. */
#include "board.h"
#include "plugin.h"
#include "windlass.h"

static plugin_instance plugin;
static uint64_t memory[PLUGIN_MEMORY_BYTES / sizeof(uint64_t)];

/* The plug-in's calls may take 1 KiB of stack, and so may what they are interrupted by. */
enum { STACK_BYTES = 1024 };

/* Tells how the last call ended, and makes one that works. */
static void report(const char *what) {
    print(what);
    print(": ");
    print(windlass_trap_name(plugin_trap(&plugin)));
    print("; then work() is ");
    print_number((int32_t)plugin_work(&plugin));
    print("\n");
}

int main(void) {
    int status = plugin_instantiate(&plugin, memory, sizeof memory);
    if (status != WINDLASS_OK) {
        print("cannot instantiate\n");
        return 1;
    }
    plugin_set_stack_limit(&plugin, (const char *)__builtin_frame_address(0) - STACK_BYTES);

    for (int round = 0; round < 2; round++) {
        plugin_outside(&plugin);
        report("a load past the end");
        plugin_divide(&plugin, 1, 0);
        report("a division by zero");
        plugin_recurse(&plugin, 0);
        report("a recursion without end");
        plugin_dispatch(&plugin, 0);
        report("a call of the wrong type");
        plugin_dispatch(&plugin, 1);
        report("a call of nothing");
        plugin_dispatch(&plugin, 2);
        report("a call beyond the table");
    }
    return plugin_trap(&plugin) == WINDLASS_TRAP_NONE ? 0 : 1;
}
