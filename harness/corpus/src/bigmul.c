// Products of big numbers in 32-bit limbs, by rows and by Karatsuba's three halves; modular powers by
// Montgomery under the prime of secp192k1 (SEC 2), 2^192 - 2^32 - 4553.
//
// For a code generator: 32-bit factors with a 64-bit product, two additions and a carry in the upper half;
// borrow chains; recursion with six arguments.
#include "corpus.h"

enum { LIMBS = 32, SMALL = 8, FIELD = 6, WINDOW = 4 };

static uint32_t rows[2 * LIMBS], halves[2 * LIMBS], scratch[4 * LIMBS];
static uint32_t powers[1 << WINDOW][FIELD];

static const uint32_t prime[FIELD] = {0xffffee37, 0xfffffffe, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff};

// into += x * by, over n limbs; answers the limb that follows.
static NOINLINE uint32_t add_product(uint32_t *into, const uint32_t *x, int n, uint32_t by) {
    uint64_t carry = 0;
    for (int i = 0; i < n; i++) {
        carry += (uint64_t)x[i] * by + into[i];
        into[i] = (uint32_t)carry;
        carry >>= 32;
    }
    return (uint32_t)carry;
}

// into += x; answers the carry.
static NOINLINE uint32_t add(uint32_t *into, const uint32_t *x, int n) {
    uint64_t carry = 0;
    for (int i = 0; i < n; i++) {
        carry += (uint64_t)into[i] + x[i];
        into[i] = (uint32_t)carry;
        carry >>= 32;
    }
    return (uint32_t)carry;
}

// into = x - y; answers the borrow, 0 or 1.
static NOINLINE uint32_t subtract(uint32_t *into, const uint32_t *x, const uint32_t *y, int n) {
    int64_t borrow = 0;
    for (int i = 0; i < n; i++) {
        borrow += (int64_t)x[i] - y[i];
        into[i] = (uint32_t)borrow;
        borrow >>= 32;
    }
    return (uint32_t)-borrow;
}

static NOINLINE void multiply_rows(uint32_t *into, const uint32_t *x, const uint32_t *y, int n) {
    for (int i = 0; i < n; i++) into[i] = 0;
    for (int i = 0; i < n; i++) into[i + n] = add_product(into + i, x, n, y[i]);
}

// into = |x - y|; answers whether it was negative.
static int distance(uint32_t *into, const uint32_t *x, const uint32_t *y, int n) {
    if (subtract(into, x, y, n) == 0) return 0;
    subtract(into, y, x, n);
    return 1;
}

// `n` is a power of two, `room` holds 4n limbs.
static NOINLINE void multiply_halves(uint32_t *into, const uint32_t *x, const uint32_t *y, int n,
                                     uint32_t *room) {
    if (n <= SMALL) {
        multiply_rows(into, x, y, n);
        return;
    }
    // With x = x1 B + x0 and y likewise, x1 y0 + x0 y1 = x0 y0 + x1 y1 + (x0 - x1) (y1 - y0).
    int h = n / 2;
    uint32_t *cross = room, *middle = room + n, *rest = room + 2 * n;
    int negative = distance(into, x, x + h, h) ^ distance(into + h, y + h, y, h);
    multiply_halves(cross, into, into + h, h, rest);
    multiply_halves(into, x, y, h, rest);
    multiply_halves(into + n, x + h, y + h, h, rest);
    for (int i = 0; i < n; i++) middle[i] = into[i];
    uint32_t top = add(middle, into + n, n);
    if (negative) top -= subtract(middle, middle, cross, n);
    else top += add(middle, cross, n);
    top += add(into + h, middle, n);
    for (int i = n + h; top != 0 && i < 2 * n; i++) {
        uint64_t sum = (uint64_t)into[i] + top;
        into[i] = (uint32_t)sum;
        top = (uint32_t)(sum >> 32);
    }
    require(top == 0);
}

// x y / 2^192 modulo the prime.
static NOINLINE void multiply_field(uint32_t *into, const uint32_t *x, const uint32_t *y) {
    uint32_t sum[FIELD + 2] = {0};
    // -1 / prime modulo 2^32, by Newton.
    uint32_t inverse = prime[0];
    for (int i = 0; i < 4; i++) inverse *= 2 - prime[0] * inverse;
    for (int i = 0; i < FIELD; i++) {
        uint64_t top = (uint64_t)sum[FIELD] + add_product(sum, x, FIELD, y[i]);
        // What makes the lowest limb zero.
        top += add_product(sum, prime, FIELD, sum[0] * -inverse);
        for (int j = 1; j < FIELD; j++) sum[j - 1] = sum[j];
        sum[FIELD - 1] = (uint32_t)top;
        sum[FIELD] = (uint32_t)(top >> 32);
    }
    if (subtract(into, sum, prime, FIELD) > sum[FIELD])
        for (int i = 0; i < FIELD; i++) into[i] = sum[i];
}

// base^exponent modulo the prime, four bits of the exponent's `limbs` at a time.
EXPORT("power") NOINLINE void power(uint32_t *into, const uint32_t *base, const uint32_t *exponent, int limbs) {
    // 2^192 and 2^384 modulo the prime.
    static const uint32_t radix[FIELD] = {4553, 1}, square[FIELD] = {4553 * 4553, 2 * 4553, 1};
    static const uint32_t one[FIELD] = {1};
    uint32_t result[FIELD];
    for (int i = 0; i < FIELD; i++) result[i] = powers[0][i] = radix[i];
    multiply_field(powers[1], base, square);
    for (int i = 2; i < COUNT(powers); i++) multiply_field(powers[i], powers[i - 1], powers[1]);
    for (int bit = 32 * limbs - WINDOW; bit >= 0; bit -= WINDOW) {
        for (int i = 0; i < WINDOW; i++) multiply_field(result, result, result);
        multiply_field(result, result, powers[exponent[bit / 32] >> bit % 32 & (COUNT(powers) - 1)]);
    }
    multiply_field(into, result, one);
}

EXPORT("run") uint32_t run(void) {
    uint32_t x[LIMBS], y[LIMBS], seed = 0x9d2c5680, sum = 0;
    // (2^1024 - 1)^2 = 2^2048 - 2^1025 + 1.
    for (int i = 0; i < LIMBS; i++) x[i] = 0xffffffff;
    for (int i = 0; i < 3; i++) {
        for (int j = 0; j < LIMBS && i > 0; j++) x[j] = next_random(&seed);
        for (int j = 0; j < LIMBS; j++) y[j] = i == 0 ? x[j] : i == 1 ? x[j] >> 1 : next_random(&seed);
        multiply_rows(rows, x, y, LIMBS);
        multiply_halves(halves, x, y, LIMBS, scratch);
        for (int j = 0; j < 2 * LIMBS; j++) {
            uint32_t known = j == 0 ? 1 : j < LIMBS ? 0 : j == LIMBS ? 0xfffffffe : 0xffffffff;
            require(halves[j] == rows[j] && (i > 0 || rows[j] == known));
            sum = mix(sum, halves[j]);
        }
    }

    // 2^192, and Fermat's little theorem.
    static const uint32_t two[FIELD] = {2}, bits[1] = {192};
    uint32_t result[FIELD], exponent[FIELD];
    power(result, two, bits, 1);
    for (int i = 0; i < FIELD; i++) require(result[i] == (i == 0 ? 4553 : i == 1));
    for (int i = 0; i < FIELD; i++) exponent[i] = prime[i] - (i == 0);
    power(result, x, exponent, FIELD);
    for (int i = 0; i < FIELD; i++) require(result[i] == (i == 0));
    for (int i = 0; i < COUNT(powers); i++) sum = mix(sum, powers[i][i % FIELD]);
    return sum;
}
