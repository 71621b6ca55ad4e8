/* Carries out the commands of a script, and prints the line of each that fails and how many
 * assertions held. Also checks that calls leave r4-r11, d8-d15 and sp as they were. */
#include "script.h"
#include <stddef.h>

enum { MOST_RESULTS = 32, TRAPPED = 16, STACK_BYTES = 1 << 18 };

extern uint32_t stack_top[];
const void *const stack_limit = (const char *)stack_top - STACK_BYTES;

/* r4 to r11 and the words of d8 to d15, before and after a call. */
const uint32_t planted[24] = {
    0x80000004, 0x80000005, 0x80000006, 0x80000007, 0x80000008, 0x80000009, 0x8000000a, 0x8000000b,
    1,          2,          3,          4,          5,          6,          7,          8,
    9,          10,         11,         12,         13,         14,         15,         16};
uint32_t found[24];

/* Makes the call with the planted registers, and notes what became of them. */
void guarded(caller *, any_function *, void *instance, const uint64_t *arguments, uint64_t *results);
__asm__(".syntax unified\n"
        ".thumb\n"
        ".global guarded\n"
        ".type guarded, %function\n"
        ".thumb_func\n"
        "guarded:\n"
        "    push {r4-r11, ip, lr}\n"
        "    mov ip, r0\n"
        "    mov r0, r1\n"
        "    mov r1, r2\n"
        "    mov r2, r3\n"
        "    ldr r3, [sp, #40]\n"
        "    ldr lr, =planted\n"
#ifdef __ARM_FP
        "    vpush {d8-d15}\n"
        "    add r4, lr, #32\n"
        "    vldmia r4, {d8-d15}\n"
#endif
        "    ldmia lr, {r4-r11}\n"
        "    blx ip\n"
        "    ldr r0, =found\n"
        "    stmia r0!, {r4-r11}\n"
#ifdef __ARM_FP
        "    vstmia r0, {d8-d15}\n"
        "    vpop {d8-d15}\n"
#endif
        "    pop {r4-r11, ip, pc}\n"
        ".ltorg\n");

static int keeps_registers(void) {
#ifdef __ARM_FP
    int count = 24;
#else
    int count = 8;
#endif
    for (int n = 0; n < count; n++) {
        if (found[n] != planted[n])
            return 0;
    }
    return 1;
}

static void put_word(uint32_t word) {
    char text[11] = "0x";
    for (int n = 0; n < 8; n++)
        text[2 + n] = "0123456789abcdef"[word >> (28 - 4 * n) & 15];
    text[10] = '\0';
    put(text);
}

static void put_values(const uint64_t *values, uint32_t count) {
    for (uint32_t n = 0; n < count; n++) {
        put(n ? ", " : "");
        put_word((uint32_t)(values[n] >> 32));
        put(" ");
        put_word((uint32_t)values[n]);
    }
}

/* The trap that ended the last call, or -1. */
static int trap_of(const struct command *command, uint64_t *results) {
    if (command->function == NULL)
        return results[0] < TRAPPED ? -1 : (int)results[0] - TRAPPED;
    return ((int (*)(const void *))command->module->trap)(command->module->instance);
}

static int matches(const struct command *command, const uint64_t *results) {
    for (uint32_t n = 0; n < command->result_count; n++) {
        struct pattern pattern = command->results[n];
        if (pattern.mask ? (results[n] & pattern.mask) != pattern.bits : results[n] == 0)
            return 0;
    }
    return 1;
}

/* Whether all is as it should be; if not, says what is. */
static int carry_out(const struct command *command) {
    static uint64_t results[MOST_RESULTS];
    guarded(command->call, command->function, command->module->instance, command->arguments, results);
    int trap = trap_of(command, results);
    int expected = command->traps ? trap >= 0 && (command->traps >> trap & 1)
                                  : trap < 0 && matches(command, results);
    if (expected && keeps_registers())
        return 1;
    put("line ");
    put_number(command->line);
    put(": ");
    if (expected) {
        put("a register is changed");
    } else if (trap >= 0) {
        put("trap ");
        put_number((uint32_t)trap);
    } else {
        put_values(results, command->result_count);
    }
    put("\n");
    return 0;
}

int main(void) {
    uint32_t passed = 0, failed = 0;
    for (uint32_t n = 0; n < command_count; n++) {
        if (!carry_out(&commands[n]))
            failed++;
        else if (commands[n].is_assertion)
            passed++;
    }
    put_number(passed);
    put(" passed, ");
    put_number(failed);
    put(" failed\n");
    return 0;
}
