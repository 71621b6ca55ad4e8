/* The host of filetests/run/floats.wat: defines the imported functions, then makes the calls that the
 * test makes in wasmi, and prints the bits of each result in words, one a line. */
#include "program.h"
#include "semihosting.h"

struct env_instance {
    uint32_t calls;
};

static program_instance instance;
static uint64_t memory[65536 / sizeof(uint64_t)];
static struct env_instance env;

struct env_reverse_singles_result env_reverse_singles(struct env_instance *self, float a, float b,
                                                      float c, float d) {
    self->calls++;
    struct env_reverse_singles_result result = {d, c, b, a};
    return result;
}

struct env_reverse_doubles_result env_reverse_doubles(struct env_instance *self, double a, double b) {
    self->calls++;
    struct env_reverse_doubles_result result = {b, a};
    return result;
}

struct env_reverse_mixed_result env_reverse_mixed(struct env_instance *self, double a, uint32_t b,
                                                  float c, uint64_t d) {
    self->calls++;
    struct env_reverse_mixed_result result = {d, c, b, a};
    return result;
}

double env_reverse_one(struct env_instance *self, double a) {
    self->calls++;
    return a;
}

static void line(uint32_t value) {
    put_number(value);
    put("\n");
}

static void line_f32(float value) {
    union {
        float value;
        uint32_t bits;
    } u = {value};
    line(u.bits);
}

static void line_f64(double value) {
    union {
        double value;
        uint32_t words[2];
    } u = {value};
    line(u.words[0]);
    line(u.words[1]);
}

int main(void) {
    if (program_instantiate(&instance, &env, memory, sizeof memory) != WINDLASS_OK)
        return 10;
    struct program_singles_result singles = program_singles(&instance, 1, 2, 3, 4);
    line_f32(singles.f0);
    line_f32(singles.f1);
    line_f32(singles.f2);
    line_f32(singles.f3);
    struct program_doubles_result doubles = program_doubles(&instance, 1.5, 2.5);
    line_f64(doubles.f0);
    line_f64(doubles.f1);
    struct program_mixed_result mixed = program_mixed(&instance, 0.1, 7, 2.25f, 123456789012);
    line_f64(mixed.f0);
    line(mixed.f1);
    line_f32(mixed.f2);
    line((uint32_t)mixed.f3);
    line((uint32_t)(mixed.f3 >> 32));
    struct program_five_result five = program_five(&instance, 16);
    line_f32(five.f0);
    line_f32(five.f1);
    line_f32(five.f2);
    line_f32(five.f3);
    line_f32(five.f4);
    line_f64(program_many(&instance, 2, 0.125, 3, 4, 5.5, 6, 7, 8, 9, (uint64_t)-9, 0.25, 11, 1.5, 13, 7,
                          100, 3, 8));
    line_f64(program_indirect(&instance, 1, 3, 4));
    line_f64(program_memory(&instance, 3, 1.5, 2.25));
    line(program_deep(&instance, 1, 2, 0));
    return env.calls == 5 ? 0 : 11;
}
