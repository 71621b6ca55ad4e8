/* Makes a module trap wherever a host may call it, and prints what became of each call: its result, the
 * trap, and whether the trap's pc is an instruction that traps. */
#include "caller.h"
#include "faults.h"
#include "program.h"
#include "semihosting.h"
#include "windlass.h"
#include <stddef.h>

#define ICSR (*(volatile uint32_t *)0xe000ed04)
#define SHPR3 (*(volatile uint32_t *)0xe000ed20)
#define SHCSR (*(volatile uint32_t *)0xe000ed24)
#define CFSR (*(volatile uint32_t *)0xe000ed28)
#define HFSR (*(volatile uint32_t *)0xe000ed2c)
#define ICSR_PENDSVSET (1u << 28)
#define SHCSR_USGFAULTENA (1u << 18)

static program_instance program, second;
static caller_instance caller;
static uint64_t memory[65536 / sizeof(uint64_t)], second_memory[65536 / sizeof(uint64_t)];

struct env_instance {
    program_instance *calls;
};
static struct env_instance env = {&program}, second_env = {&program};

struct setup_instance {
    uint32_t divisor;
};
static struct setup_instance setup = {1};

const uint32_t *setup_divisor(struct setup_instance *self) { return &self->divisor; }

/* An instruction that traps: udf, or the call in place of it. */
static int is_trap(const void *pc) {
    const uint16_t *code = pc;
    return pc != NULL && (code[0] >> 8 == 0xde || (code[0] >> 11 == 0x1e && code[1] >> 14 == 3));
}

static void tell(const char *what, uint32_t result, const void *instance, int trap) {
    put(what);
    put(": ");
    put_number(result);
    if (trap != WINDLASS_TRAP_NONE) {
        put(", ");
        put(windlass_trap_name(trap));
        put(is_trap(windlass_trap_pc(instance)) ? "" : ", not at a trap");
    } else if (windlass_trap_pc(instance) != NULL) {
        put(", a pc without a trap");
    }
    put("\n");
}

static void divide(const char *what, uint32_t a, uint32_t b) {
    uint32_t result = program_divide(&program, a, b);
    tell(what, result, &program, program_trap(&program));
}

/* What the modules import: the digit tells what the host does. */
uint32_t env_call(struct env_instance *self, uint32_t digit) {
    switch (digit) {
    case 0:
        return 10;
    case 1: /* traps in a call from within a call */
        return program_divide(self->calls, 1, 0) + 20;
    case 2: /* an interrupt meanwhile */
        ICSR = ICSR_PENDSVSET;
        __asm__ volatile("dsb\n\tisb" ::: "memory");
        return 30;
    default:
        return program_through(self->calls, digit - 3);
    }
}

static const char *interrupt_name;
void pend_sv(void) { divide(interrupt_name, 7, 0); }

static void interrupt(const char *name) {
    interrupt_name = name;
    ICSR = ICSR_PENDSVSET;
    __asm__ volatile("dsb\n\tisb" ::: "memory");
    put_number(fault_exception);
    put("\n");
}

static void task(void) {
    divide("task", 6, 2);
    divide("task", 6, 0);
    uint32_t result = program_through(&program, 1);
    tell("task, host, module", result, &program, program_trap(&program));
}

/* Runs a function in thread mode on the process stack, as tasks of an RTOS do. */
static uint64_t task_stack[512];
static void on_process_stack(void (*function)(void)) {
    __asm__ volatile("msr psp, %1\n\t"
                     "movs r0, #2\n\t"
                     "msr control, r0\n\t"
                     "isb\n\t"
                     "blx %0\n\t"
                     "movs r0, #0\n\t"
                     "msr control, r0\n\t"
                     "isb"
                     :
                     : "l"(function), "l"(task_stack + 512)
                     : "r0", "r1", "r2", "r3", "r12", "lr", "memory", "cc"
#ifdef __ARM_FP
                       , "s0", "s1", "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9", "s10", "s11",
                       "s12", "s13", "s14", "s15"
#endif
    );
}

/* Faults that are none of a module's, of instructions of two bytes. */
static void foreign_faults(void) {
    faults_to_skip = 2;
    __asm__ volatile("udf #4");
    __asm__ volatile("movs r0, #0\n\tmvns r0, r0\n\tldr r0, [r0]" ::: "r0");
    put(faults_to_skip == 0 ? "left to the host\n" : "not left to the host\n");
    CFSR = CFSR;
    HFSR = HFSR;
}

int main(void) {
    int status = program_instantiate(&program, &env, memory, sizeof memory);
    if (status == WINDLASS_OK)
        status = program_instantiate(&second, &second_env, second_memory, sizeof second_memory);
    if (status == WINDLASS_OK)
        status = caller_instantiate(&caller, &program, &setup, NULL, 0);
    if (status != WINDLASS_OK)
        return status;

    divide("thread", 7, 2);
    divide("thread", 7, 0);
    put_number(fault_exception);
    put("\n");
    uint64_t word = program_load(&program, 65529);
    tell("load", (uint32_t)(word | word >> 32), &program, program_trap(&program));
    /* Compared as bits, which takes no library. */
    union {
        double value;
        uint64_t bits;
    } root = {program_root(&program, -1)};
    tell("root", root.bits == 0, &program, program_trap(&program));
    uint32_t result = program_indirect(&program, 0);
    tell("indirect", result, &program, program_trap(&program));
    result = program_indirect(&program, 1);
    tell("indirect", result, &program, program_trap(&program));
    result = program_indirect(&program, 2);
    tell("indirect", result, &program, program_trap(&program));

    program_set_stack_limit(&program, (const char *)__builtin_frame_address(0) - 4096);
    result = program_forever(&program, 0);
    tell("forever", result, &program, program_trap(&program));
    program_set_stack_limit(&program, NULL);

    foreign_faults();
    on_process_stack(task);

    /* At the priority of faults, and of less. */
    interrupt("interrupt");
    SHPR3 |= 0xffu << 16;
    SHCSR |= SHCSR_USGFAULTENA;
    interrupt("interrupt of low priority");
    divide("thread", 8, 0);
    put_number(fault_exception);
    put("\n");
    interrupt_name = "interrupt in a call";
    result = program_through(&program, 2);
    tell("interrupted", result, &program, program_trap(&program));

    /* The host's function goes on with zero. The trap stays noted until the next call from outside. */
    result = program_through(&program, 1);
    tell("host, module", result, &program, program_trap(&program));
    result = program_through(&second, 1);
    tell("other instance", result, &second, program_trap(&second));
    result = program_through(&program, 3);
    tell("deeper", result, &program, program_trap(&program));
    result = program_through(&program, 4);
    tell("deeper", result, &program, program_trap(&program));

    /* A module calls the other: both calls end. */
    result = caller_divide(&caller, 9, 3);
    tell("modules", result, &caller, caller_trap(&caller));
    result = caller_divide(&caller, 9, 0);
    tell("modules", result, &caller, caller_trap(&caller));
    tell("the called", 0, &program, program_trap(&program));
    result = caller_through(&caller, 1);
    tell("modules, host, module", result, &caller, caller_trap(&caller));
    put_number(*caller_calls(&caller));
    put("\n");

    /* A start function that a trap of another module ends. */
    setup.divisor = 0;
    status = caller_instantiate(&caller, &program, &setup, NULL, 0);
    tell("start", (uint32_t)status, &caller, status - WINDLASS_TRAPPED);
    divide("thread", 9, 2);
    return 0;
}
