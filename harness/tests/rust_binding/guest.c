/* Stands for the object of guest.wat on the machine that runs the tests. */
#include "guest.h"

static struct state {
    struct env_instance *env;
    struct my_x20host_instance *host;
    struct other_instance *other;
    windlass_memory memory;
    windlass_table handlers;
    const void *elements[1];
    uint32_t count;
    uint32_t fuel;
    int interrupted;
    int trap;
} states[4];

static const uint64_t limit = 7;
static const windlass_funcref *const handler = 0;
static uint32_t instances;

static struct state *of(const guest_instance *instance) {
    return &states[instance->opaque[0]];
}

int guest_instantiate(guest_instance *instance, struct env_instance *env,
                      struct my_x20host_instance *host, struct other_instance *other, void *memory,
                      uint32_t bytes) {
    if ((uintptr_t)memory % 8 != 0)
        return WINDLASS_MEMORY_MISALIGNED;
    if (bytes < GUEST_MEMORY_BYTES)
        return WINDLASS_MEMORY_TOO_SMALL;
    instance->opaque[0] = instances++;
    struct state *state = of(instance);
    state->env = env;
    state->host = host;
    state->other = other;
    state->memory = (windlass_memory){GUEST_MEMORY_BYTES, memory, bytes};
    state->handlers = (windlass_table){1, state->elements, 1};
    state->trap = WINDLASS_TRAP_NONE;
    const char *text = "hello";
    for (int at = 0; at < 5; at++)
        state->memory.base[16 + at] = (uint8_t)text[at];
    /* A start function that asks for the time, and traps at none. */
    return env_now(env) == 0 ? WINDLASS_TRAPPED + WINDLASS_TRAP_UNREACHABLE : WINDLASS_OK;
}

int guest_trap(const guest_instance *instance) {
    return of(instance)->trap;
}

void guest_set_stack_limit(guest_instance *instance, const void *stack_limit) {
    of(instance)->count = (uint32_t)(uintptr_t)stack_limit;
}

void guest_interrupt(guest_instance *instance) {
    of(instance)->interrupted = 1;
}

void guest_clear_interrupt(guest_instance *instance) {
    of(instance)->interrupted = 0;
}

void guest_set_fuel(guest_instance *instance, uint32_t units) {
    of(instance)->fuel = units;
}

uint32_t guest_fuel(const guest_instance *instance) {
    return of(instance)->fuel;
}

void guest_greet(guest_instance *instance) {
    of(instance)->trap = of(instance)->interrupted ? WINDLASS_TRAP_INTERRUPTED : WINDLASS_TRAP_NONE;
    if (!of(instance)->interrupted)
        env_print(of(instance)->env, 16, 5);
}

uint32_t guest_type(guest_instance *instance, uint32_t value) {
    of(instance)->count++;
    return other_twice(of(instance)->other, value);
}

struct guest_divmod_result guest_divmod(guest_instance *instance, uint32_t a, uint32_t b) {
    of(instance)->trap = b == 0 ? WINDLASS_TRAP_INTEGER_DIVIDE_BY_ZERO : WINDLASS_TRAP_NONE;
    struct guest_divmod_result result = {0, 0};
    if (b != 0)
        result = (struct guest_divmod_result){a / b, a % b};
    return result;
}

uint64_t guest_later(guest_instance *instance, uint64_t delay) {
    return delay + env_now(of(instance)->env);
}

struct guest_9_x20lives_result guest_9_x20lives(guest_instance *instance, float value) {
    struct my_x20host_pair_result pair = my_x20host_pair(of(instance)->host, value);
    return (struct guest_9_x20lives_result){pair.f0, pair.f1};
}

void *guest_echo(guest_instance *instance, void *value, const windlass_funcref *function) {
    (void)instance;
    (void)function;
    return value;
}

windlass_memory *guest_memory(guest_instance *instance) {
    return &of(instance)->memory;
}

windlass_table *guest_handlers(guest_instance *instance) {
    return &of(instance)->handlers;
}

uint32_t *guest_count(guest_instance *instance) {
    return &of(instance)->count;
}

const uint64_t *guest_limit(guest_instance *instance) {
    (void)instance;
    return &limit;
}

const windlass_funcref *const *guest_handler(guest_instance *instance) {
    (void)instance;
    return &handler;
}

struct other_instance {
    uint32_t factor;
};

uint32_t other_twice(struct other_instance *other, uint32_t value) {
    return other->factor * value;
}
