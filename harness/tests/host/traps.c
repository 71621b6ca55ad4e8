/* A host's fault handler: a `udf` of a module ends the call of the host that led to it, which returns
 * zero. See docs/abi.md, "Traps". */
#include "semihosting.h"

/* The head of an instance. */
struct instance {
    uint32_t memory[3];
    const void *stack_limit;
    struct record *chain;
    uint32_t trap;
};

/* What an entry leaves on the stack. */
struct record {
    struct record *previous;
    struct instance *instance;
#ifdef __ARM_FP
    uint64_t d8_to_d15[8];
#endif
    uint32_t r4_to_r8[5];
    struct instance *r9;
    uint32_t r10_and_r11[2];
    uint32_t lr;
};

/* The previous record of an entry that instantiate called. */
#define STARTING ((struct record *)1)

/* From the linker script. */
extern const char module_code_start[], module_code_end[];

static int is_of_module(uint32_t code) {
    return code - (uint32_t)module_code_start < (uint32_t)(module_code_end - module_code_start);
}

void landing_pad(void);
__asm__(".syntax unified\n"
        ".thumb\n"
        ".global landing_pad\n"
        ".type landing_pad, %function\n"
        ".thumb_func\n"
        "landing_pad:\n"
        "    ldr ip, [r9, #16]\n"
        "    mov sp, ip\n"
        "    pop {ip, lr}\n"
        "    str ip, [lr, #16]\n"
#ifdef __ARM_FP
        "    vpop {d8-d15}\n"
#endif
        "    movs r0, #0\n"
        "    movs r1, #0\n"
#ifdef __ARM_PCS_VFP
        "    vmov s0, r0\n"
        "    vmov s1, r0\n"
#endif
        "    pop {r4-r11, pc}\n");

/* From the words that the exception stacked and the instance of the trapping code. The answer is
 * the instance whose innermost record the landing pad takes. */
struct instance *handle(uint32_t *frame, struct instance *instance);
struct instance *handle(uint32_t *frame, struct instance *instance) {
    /* A pc that cannot be executed may not be readable either. */
    uint32_t pc = frame[6];
    uint16_t instruction = is_of_module(pc) ? *(const uint16_t *)pc : 0;
    if (instruction >> 8 != 0xde) {
        put("fault\n");
        finish(2);
    }
    instance->trap = instruction & 0xff;
    /* Called by another module: that one's call ends as well. */
    for (;;) {
        struct record *record = instance->chain;
        if (!is_of_module(record->lr) || record->previous == STARTING)
            break;
        instance->chain = record->previous;
        record->r9->trap = instance->trap;
        instance = record->r9;
    }
    frame[6] = (uint32_t)landing_pad & ~1u;
    /* Neither within an IT block nor within a load of several registers. */
    frame[7] &= ~0x0600fc00u;
    return instance;
}

__attribute__((naked)) void fault(void) {
    __asm__ volatile("mrs r0, msp\n"
                     "mov r1, r9\n"
                     "push {r4, lr}\n"
                     "bl handle\n"
                     "mov r9, r0\n"
                     "pop {r4, pc}\n");
}
