/* The host: two instances of one module, each with a memory, a sensor and a limit of its own. */
#include "board.h"
#include "filter.h"
#include "windlass.h"

/* The context of the imports from "sensor": what the host wants to know when the guest calls. */
struct sensor_instance {
    int32_t value, step;
};

/* That of the imports from "alarm". */
struct alarm_instance {
    const char *name;
    uint32_t count;
};

static filter_instance inside, outside;
static uint64_t inside_memory[FILTER_MEMORY_BYTES / sizeof(uint64_t)];
static uint64_t outside_memory[FILTER_MEMORY_BYTES / sizeof(uint64_t)];

static struct sensor_instance inside_sensor = {20, 1}, outside_sensor = {-5, 12};
static struct alarm_instance inside_alarm = {"inside", 0}, outside_alarm = {"outside", 0};

/* The imports, as filter.h declares them. */
uint32_t sensor_read(struct sensor_instance *sensor, uint32_t channel) {
    sensor->value += sensor->step;
    return (uint32_t)sensor->value + channel;
}

void alarm_raise(struct alarm_instance *alarm, uint32_t value) {
    alarm->count++;
    print(alarm->name);
    print(" is too warm: ");
    print_number((int32_t)value);
    print("\n");
}

int main(void) {
    int status = filter_instantiate(&inside, &inside_sensor, &inside_alarm, inside_memory,
                                    sizeof inside_memory);
    if (status == WINDLASS_OK)
        status = filter_instantiate(&outside, &outside_sensor, &outside_alarm, outside_memory,
                                    sizeof outside_memory);
    if (status != WINDLASS_OK) {
        print("cannot instantiate\n");
        return 1;
    }
    filter_set_limit(&inside, 22);
    filter_set_limit(&outside, 30);
    for (int n = 0; n < 5; n++) {
        int32_t warm = (int32_t)filter_step(&inside, 0);
        int32_t cold = (int32_t)filter_step(&outside, 0);
        print_number(warm);
        print(" inside, ");
        print_number(cold);
        print(" outside\n");
    }
    if (filter_trap(&inside) != WINDLASS_TRAP_NONE) {
        print(windlass_trap_name(filter_trap(&inside)));
        print("\n");
        return 1;
    }
    return 0;
}
