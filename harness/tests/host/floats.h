/* What the generated float tests need: calls that may trap, and results as bits. */
#include "semihosting.h"

enum { NOT_A_NUMBER_F32 = 1, NOT_A_NUMBER_F64 = 2 };

/* A tested function; the arguments of its calls follow each other. */
struct function {
    const char *name;
    uint64_t (*call)(const uint64_t *arguments);
    const uint64_t *arguments;
    uint32_t arity;
    uint32_t calls;
    /* One of the enumeration: any quiet NaN of the format is as good as another. */
    uint32_t nans;
};

static inline float as_f32(uint64_t bits) {
    union { uint32_t bits; float value; } u = {(uint32_t)bits};
    return u.value;
}

static inline double as_f64(uint64_t bits) {
    union { uint64_t bits; double value; } u = {bits};
    return u.value;
}

static inline uint64_t of_f32(float value) {
    union { float value; uint32_t bits; } u = {value};
    return u.bits;
}

static inline uint64_t of_f64(double value) {
    union { double value; uint64_t bits; } u = {value};
    return u.bits;
}

/* Prints a line with a hash of the results for every 256 calls. */
void run_function(const struct function *);
