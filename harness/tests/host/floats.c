/* Calls functions that may end in `udf`, and checks that they leave d8-d15 alone. */
#include "floats.h"

/* Code of the trap that ended the last call, plus one; 0 for none. */
volatile uint32_t trapped;
uint32_t guarded_sp;
const uint64_t before[8] = {1, 2, 3, 4, 5, 6, 7, 0x0123456789abcdef};
uint64_t after[8];

uint64_t guarded(uint64_t (*call)(const uint64_t *), const uint64_t *arguments);
void after_trap(void);
__asm__(".syntax unified\n"
        ".thumb\n"
        ".global guarded, after_trap\n"
        ".type guarded, %function\n"
        ".type after_trap, %function\n"
        ".thumb_func\n"
        "guarded:\n"
        "    push {r3-r11, lr}\n"
        "    vpush {d8-d15}\n"
        "    ldr r2, =guarded_sp\n"
        "    str sp, [r2]\n"
        "    ldr r2, =before\n"
        "    vldmia r2, {d8-d15}\n"
        "    mov r3, r0\n"
        "    mov r0, r1\n"
        "    blx r3\n"
        "    ldr r2, =after\n"
        "    vstmia r2, {d8-d15}\n"
        "    vpop {d8-d15}\n"
        "    pop {r3-r11, pc}\n"
        ".thumb_func\n"
        "after_trap:\n"
        "    ldr r2, =guarded_sp\n"
        "    ldr sp, [r2]\n"
        "    vpop {d8-d15}\n"
        "    pop {r3-r11, pc}\n"
        ".ltorg\n");

/* `udf` goes on in after_trap; any other fault ends the program. */
void handle(uint32_t *frame);
void handle(uint32_t *frame) {
    uint16_t instruction = *(const uint16_t *)frame[6];
    if (instruction >> 8 != 0xde) {
        put("fault\n");
        finish(2);
    }
    trapped = (instruction & 0xff) + 1;
    frame[6] = (uint32_t)after_trap & ~1u;
}

__attribute__((naked)) void fault(void) {
    __asm__ volatile("mrs r0, msp\n"
                     "b handle\n");
}

/* The result's bits, or a word for the trap. */
static uint64_t result_of(const struct function *function, const uint64_t *arguments) {
    trapped = 0;
    uint64_t bits = guarded(function->call, arguments);
    if (trapped)
        return 0xffffffff00000000u | trapped;
    for (int n = 0; n < 8; n++) {
        if (after[n] != before[n]) {
            put(function->name);
            put(" changes a register\n");
            finish(3);
        }
    }
    if (function->nans == NOT_A_NUMBER_F32 && (bits & 0x7fc00000) == 0x7fc00000)
        return 0x7fc00000;
    if (function->nans == NOT_A_NUMBER_F64 && (bits >> 51 & 0xfff) == 0xfff)
        return (uint64_t)0xfff << 51;
    return bits;
}

void run_function(const struct function *function) {
    for (uint32_t first = 0; first < function->calls; first += 256) {
        /* FNV-1a by words. */
        uint32_t hash = 2166136261u;
        for (uint32_t n = first; n < first + 256 && n < function->calls; n++) {
            uint64_t result = result_of(function, function->arguments + n * function->arity);
            hash = (hash ^ (uint32_t)result) * 16777619u;
            hash = (hash ^ (uint32_t)(result >> 32)) * 16777619u;
        }
        put(function->name);
        put(" from ");
        put_number(first);
        put(": ");
        put_number(hash);
        put("\n");
    }
}
