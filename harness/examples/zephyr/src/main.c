/* A Zephyr thread that calls a WebAssembly module, which calls it back. */
#include <filter.h>
#include <windlass.h>
#include <zephyr/kernel.h>
#include <zephyr/sys/printk.h>

struct sensor_instance {
    int32_t value;
};

struct alarm_instance {
    uint32_t count;
};

static filter_instance filter;
static uint64_t memory[FILTER_MEMORY_BYTES / sizeof(uint64_t)];
static struct sensor_instance sensor = {19};
static struct alarm_instance alarm;

uint32_t sensor_read(struct sensor_instance *self, uint32_t channel) {
    self->value += 2;
    return (uint32_t)self->value + channel;
}

void alarm_raise(struct alarm_instance *self, uint32_t value) {
    self->count++;
    printk("too warm: %d\n", (int)value);
}

int main(void) {
    /* The module traps where this thread's stack ends. */
    filter_set_stack_limit(&filter, (const void *)k_current_get()->stack_info.start);
    int status = filter_instantiate(&filter, &sensor, &alarm, memory, sizeof memory);
    if (status != WINDLASS_OK) {
        printk("cannot instantiate: %d\n", status);
        return 0;
    }
    filter_set_limit(&filter, 25);
    for (int n = 0; n < 4; n++) {
        int mean = (int)filter_step(&filter, 0);
        if (filter_trap(&filter) != WINDLASS_TRAP_NONE)
            printk("trapped: %s\n", windlass_trap_name(filter_trap(&filter)));
        else
            printk("mean %d\n", mean);
        k_msleep(10);
    }
    /* A stack that is too small ends the call, not the thread. */
    filter_set_stack_limit(&filter, (const char *)__builtin_frame_address(0) - 16);
    filter_step(&filter, 0);
    printk("trapped: %s\n", windlass_trap_name(filter_trap(&filter)));
    return 0;
}
