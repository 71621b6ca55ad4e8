/* The host of imports.wat: defines the contexts and the imported functions, then makes the calls that
 * the test makes in wasmi, and prints each result on a line. */
#include "program.h"
#include "semihosting.h"

struct env_instance {
    program_instance *program;
    uint32_t calls;
};
struct other_instance {
    uint32_t weight;
};

static program_instance instance;
static uint64_t memory[2 * 65536 / sizeof(uint64_t)];
static struct env_instance env = {&instance, 0};
static struct other_instance other = {1};

uint32_t env_add(struct env_instance *self, uint32_t a, uint32_t b) {
    self->calls++;
    return a + b;
}

void env_poke(struct env_instance *self, uint32_t address, uint32_t byte) {
    self->calls++;
    program_memory(self->program)->base[address] = (uint8_t)byte;
}

uint32_t other_mix(struct other_instance *self, uint32_t a, uint32_t b, uint32_t c, uint32_t d,
                   uint32_t e, uint32_t f, uint32_t g, uint32_t h, uint32_t i, uint32_t j,
                   uint32_t k, uint32_t l) {
    uint32_t words[] = {a, b, c, d, e, f, g, h, i, j, k, l};
    uint32_t sum = 0;
    for (uint32_t n = 0; n < 12; n++)
        sum += (n + self->weight) * words[n];
    return sum;
}

struct other_swap_result other_swap(struct other_instance *self, uint32_t a, uint32_t b) {
    (void)self;
    struct other_swap_result result = {b, a};
    return result;
}

static void line(uint32_t value) {
    put_number(value);
    put("\n");
}

int main(void) {
    int status = program_instantiate(&instance, &env, &other, memory, 8);
    if (status != WINDLASS_MEMORY_TOO_SMALL)
        return 10;
    status = program_instantiate(&instance, &env, &other, (uint8_t *)memory + 4, 65536);
    if (status != WINDLASS_MEMORY_MISALIGNED)
        return 11;
    status = program_instantiate(&instance, &env, &other, memory, sizeof memory);
    if (status != WINDLASS_OK)
        return 12;

    line(program_add(&instance, 20, 22));
    line(program_mix(&instance, 1, 2, 3, 4, 5, 6, 7));
    struct program_swap_result two = program_swap(&instance, 3, 4);
    line(two.f0);
    line(two.f1);
    struct program_five_result five = program_five(&instance, 99);
    line(five.f0);
    line(five.f1);
    line(five.f2);
    line(five.f3);
    line(five.f4);
    line(program_poke(&instance, 65535, 200));
    line(program_two_x2Dwords_x21(&instance));
    line(program_grow(&instance, 1));
    line(program_grow(&instance, 1));
    line(program_two_x2Dwords_x21(&instance));

    /* What only the host sees. */
    if (program_memory(&instance)->bytes != sizeof memory)
        return 13;
    if (*program_calls(&instance) != 43 || *program_limit(&instance) != (uint32_t)-7)
        return 14;
    if (env.calls != 3 || program_trap(&instance) != WINDLASS_TRAP_NONE)
        return 15;
    return 0;
}
