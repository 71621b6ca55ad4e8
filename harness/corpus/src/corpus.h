// What every corpus program shares: fixed-width types, the export of `run`, a checksum, a source of
// reproducible data and a check for known answers. Compiled for wasm32 there is no libc; compiled for
// the host (`build.sh native`) `main` prints the checksum, so that both can be compared.
#ifndef CORPUS_H
#define CORPUS_H

#include <stdint.h>

#define NOINLINE __attribute__((noinline))
#define LIKELY(condition) __builtin_expect(!!(condition), 1)
#define UNLIKELY(condition) __builtin_expect(!!(condition), 0)
#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

// Before a loop of constantly many rounds: they become straight code.
#ifdef __clang__
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL
#endif

#ifdef __wasm__
#define EXPORT(name) __attribute__((export_name(name)))
#else
#define EXPORT(name)
#include <stdio.h>
uint32_t run(void);
int main(void) {
    printf("0x%08x\n", (unsigned)run());
    return 0;
}
#endif

// A program whose known answer does not come out has no checksum: it traps.
static inline void require(int condition) {
    if (!condition) __builtin_trap();
}

// Folds one word into a checksum. Every bit of `word` reaches the result.
static inline uint32_t mix(uint32_t sum, uint32_t word) {
    sum = (sum ^ word) * 0x9e3779b1u;
    return sum ^ (sum >> 15);
}

static inline uint32_t mix64(uint32_t sum, uint64_t word) {
    return mix(mix(sum, (uint32_t)word), (uint32_t)(word >> 32));
}

// Marsaglia's xorshift32: never zero if the seed is not.
static inline uint32_t next_random(uint32_t *state) {
    uint32_t x = *state;
    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    return *state = x;
}

static inline uint32_t rotl(uint32_t x, unsigned n) { return (x << (n & 31)) | (x >> (-n & 31)); }
static inline uint32_t rotr(uint32_t x, unsigned n) { return (x >> (n & 31)) | (x << (-n & 31)); }
static inline uint64_t rotl64(uint64_t x, unsigned n) { return (x << (n & 63)) | (x >> (-n & 63)); }

#endif
