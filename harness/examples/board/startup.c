/* Vectors, memory and semihosting of the examples. Calls main, and ends with what it returns. */
#include "board.h"
#include "windlass.h"

extern uint32_t data_image[], data_start[], data_end[], bss_start[], bss_end[], stack_top[];
int main(void);

enum { SYS_WRITE0 = 0x04, SYS_EXIT_EXTENDED = 0x20, APPLICATION_EXIT = 0x20026 };

static void semihosting(uint32_t operation, const void *argument) {
    register uint32_t r0 __asm__("r0") = operation;
    register const void *r1 __asm__("r1") = argument;
    __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
}

void print(const char *text) { semihosting(SYS_WRITE0, text); }

void print_number(int32_t value) {
    char text[12];
    char *at = text + sizeof text;
    uint32_t rest = value < 0 ? 0u - (uint32_t)value : (uint32_t)value;
    *--at = '\0';
    do
        *--at = (char)('0' + rest % 10);
    while ((rest /= 10) != 0);
    if (value < 0)
        *--at = '-';
    print(at);
}

void finish(int status) {
    const uint32_t block[2] = {APPLICATION_EXIT, (uint32_t)status};
    semihosting(SYS_EXIT_EXTENDED, block);
    for (;;) {
    }
}

void reset(void);
void reset(void) {
#ifdef __ARM_FP
    /* CPACR: access to the floating-point unit. */
    *(volatile uint32_t *)0xe000ed88 |= 0xf << 20;
    __asm__ volatile("dsb\n\tisb" ::: "memory");
#endif
    const uint32_t *from = data_image;
    for (volatile uint32_t *to = data_start; to < data_end; to++)
        *to = *from++;
    for (volatile uint32_t *to = bss_start; to < bss_end; to++)
        *to = 0;
    finish(main());
}

/* A fault that is no trap of a module: windlass hands it on. */
void windlass_unhandled_fault(uint32_t *frame, uint32_t exc_return) {
    (void)frame, (void)exc_return;
    print("fault\n");
    finish(1);
}

/* A program may have its own. */
void SysTick_Handler(void);
__attribute__((weak)) void SysTick_Handler(void) {}

/* Traps of modules are undefined instructions: UsageFault, or HardFault if that is not enabled or must
 * not interrupt. */
__attribute__((section(".vectors"), used)) static const struct {
    uint32_t *stack;
    void (*handlers[15])(void);
} vectors = {
    stack_top,
    {
        reset,                           /* 1: Reset */
        windlass_fault_handler,          /* 2: NMI, from which nothing returns */
        windlass_fault_handler,          /* 3: HardFault */
        windlass_fault_handler,          /* 4: MemManage */
        windlass_fault_handler,          /* 5: BusFault */
        windlass_fault_handler,          /* 6: UsageFault */
        0, 0, 0, 0, 0, 0, 0, 0, SysTick_Handler, /* 15: SysTick */
    },
};
