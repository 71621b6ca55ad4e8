/* Of Zephyr's kernel what the example uses. */
#ifndef ZEPHYR_KERNEL_H
#define ZEPHYR_KERNEL_H

#include <stddef.h>
#include <stdint.h>

struct k_thread {
    struct {
        uintptr_t start;
        size_t size;
    } stack_info;
};
struct k_thread *k_current_get(void);

int32_t k_msleep(int32_t milliseconds);

#endif
