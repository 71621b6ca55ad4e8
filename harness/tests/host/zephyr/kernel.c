/* A kernel of one thread: main, on the process stack, with fault vectors that belong to the kernel. */
#include <stdarg.h>
#include <zephyr/kernel.h>
#include <zephyr/sys/printk.h>

extern uint32_t data_image[], data_start[], data_end[], bss_start[], bss_end[], stack_top[];
int main(void);

enum { SYS_WRITE0 = 0x04, SYS_EXIT_EXTENDED = 0x20, APPLICATION_EXIT = 0x20026 };

static void semihosting(uint32_t operation, const void *argument) {
    register uint32_t r0 __asm__("r0") = operation;
    register const void *r1 __asm__("r1") = argument;
    __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
}

static void finish(int status) {
    const uint32_t block[2] = {APPLICATION_EXIT, (uint32_t)status};
    semihosting(SYS_EXIT_EXTENDED, block);
    for (;;) {
    }
}

static void put_char(char c) {
    const char text[2] = {c, '\0'};
    semihosting(SYS_WRITE0, text);
}

static void put_number(int32_t value) {
    uint32_t rest = value < 0 ? 0u - (uint32_t)value : (uint32_t)value;
    if (value < 0)
        put_char('-');
    if (rest >= 10)
        put_number((int32_t)(rest / 10));
    put_char((char)('0' + rest % 10));
}

void printk(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    for (; *format; format++) {
        if (*format != '%') {
            put_char(*format);
        } else if (*++format == 'd') {
            put_number(va_arg(arguments, int));
        } else {
            semihosting(SYS_WRITE0, va_arg(arguments, const char *));
        }
    }
    va_end(arguments);
}

static uint64_t main_stack[512];
static struct k_thread main_thread = {{(uintptr_t)main_stack, sizeof main_stack}};

struct k_thread *k_current_get(void) { return &main_thread; }

int32_t k_msleep(int32_t milliseconds) {
    (void)milliseconds;
    return 0;
}

static __attribute__((used)) void run_main(void) {
    main();
    finish(0);
}

void reset(void);
void reset(void) {
    const uint32_t *from = data_image;
    for (volatile uint32_t *to = data_start; to < data_end; to++)
        *to = *from++;
    for (volatile uint32_t *to = bss_start; to < bss_end; to++)
        *to = 0;
    __asm__ volatile("msr psp, %0\n\t"
                     "movs r0, #2\n\t"
                     "msr control, r0\n\t"
                     "isb\n\t"
                     "bl run_main"
                     :
                     : "r"(main_stack + 512)
                     : "r0", "memory");
}

/* The kernel's own: no fault is a module's. */
static void kernel_fault(void) {
    semihosting(SYS_WRITE0, "kernel fault\n");
    finish(1);
}

__attribute__((section(".vectors"), used)) static const struct {
    uint32_t *stack;
    void (*handlers[15])(void);
} vectors = {stack_top,
             {reset, kernel_fault, kernel_fault, kernel_fault, kernel_fault, kernel_fault}};
