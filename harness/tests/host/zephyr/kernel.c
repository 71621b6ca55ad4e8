/* A kernel of one thread: the application's main, on the process stack. Fault vectors are the kernel's: no
 * fault is a module's. */
#include <stdarg.h>
#include <zephyr/kernel.h>
#include <zephyr/sys/printk.h>

#include "../semihosting.h"

static void put_char(char c) {
    const char text[2] = {c, '\0'};
    put(text);
}

static void put_int(int32_t value) {
    if (value < 0)
        put_char('-');
    put_number(value < 0 ? 0u - (uint32_t)value : (uint32_t)value);
}

void printk(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    for (; *format; format++) {
        if (*format != '%') {
            put_char(*format);
        } else if (*++format == 'd') {
            put_int(va_arg(arguments, int));
        } else {
            put(va_arg(arguments, const char *));
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

int __real_main(void);
int __wrap_main(void);

static __attribute__((used)) void run_main(void) { finish(__real_main()); }

/* What startup.c calls, by the linker's --wrap. */
int __wrap_main(void) {
    __asm__ volatile("msr psp, %0\n\t"
                     "movs r0, #2\n\t"
                     "msr control, r0\n\t"
                     "isb\n\t"
                     "bl run_main"
                     :
                     : "r"(main_stack + 512)
                     : "r0", "memory");
    __builtin_unreachable();
}
