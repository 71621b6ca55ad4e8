// Big numbers in 16-bit limbs: 100! in decimal, and modular powers under the prime 2^127 - 1.
//
// For a code generator: carry chains, 16-bit loads and stores, products of halves that fill a word, division
// with remainder by a constant and by a small variable.
#include "corpus.h"

enum { LIMBS = 34, DIGITS = 158, FIELD_LIMBS = 8 };

static uint16_t factorial[LIMBS];

static NOINLINE void multiply_small(uint16_t *n, int limbs, uint32_t by) {
    uint32_t carry = 0;
    for (int i = 0; i < limbs; i++) {
        carry += n[i] * by;
        n[i] = (uint16_t)carry;
        carry >>= 16;
    }
    require(carry == 0);
}

// Divides in place and answers the remainder.
static NOINLINE uint32_t divide_small(uint16_t *n, int limbs, uint32_t by) {
    uint32_t rest = 0;
    for (int i = limbs - 1; i >= 0; i--) {
        rest = rest << 16 | n[i];
        n[i] = (uint16_t)(rest / by);
        rest %= by;
    }
    return rest;
}

// x * y modulo 2^127 - 1: the high half, doubled, folds onto the low half.
static NOINLINE void multiply_field(uint16_t *into, const uint16_t *x, const uint16_t *y) {
    uint16_t product[2 * FIELD_LIMBS];
    for (int i = 0; i < COUNT(product); i++) product[i] = 0;
    for (int i = 0; i < FIELD_LIMBS; i++) {
        uint32_t carry = 0;
        for (int j = 0; j < FIELD_LIMBS; j++) {
            carry += (uint32_t)x[i] * y[j] + product[i + j];
            product[i + j] = (uint16_t)carry;
            carry >>= 16;
        }
        product[i + FIELD_LIMBS] = (uint16_t)carry;
    }
    // Bit 127 of the low half belongs to the high half, which counts 2^127.
    uint32_t carry = 0, above = product[FIELD_LIMBS - 1] >> 15;
    product[FIELD_LIMBS - 1] &= 0x7fff;
    for (int i = 0; i < FIELD_LIMBS; i++) {
        uint32_t high = product[FIELD_LIMBS + i];
        carry += product[i] + ((high << 1 & 0xffff) | above);
        above = high >> 15;
        into[i] = (uint16_t)carry;
        carry >>= 16;
    }
    // At most one more fold: a sum of two numbers below 2^127 has 128 bits.
    carry = into[FIELD_LIMBS - 1] >> 15;
    into[FIELD_LIMBS - 1] &= 0x7fff;
    for (int i = 0; i < FIELD_LIMBS; i++) {
        carry += into[i];
        into[i] = (uint16_t)carry;
        carry >>= 16;
    }
}

// base to the power of `exponent`, whose bits come from the top.
static NOINLINE void power_field(uint16_t *into, const uint16_t *base, const uint16_t *exponent) {
    for (int i = 0; i < FIELD_LIMBS; i++) into[i] = i == 0;
    for (int bit = FIELD_LIMBS * 16 - 1; bit >= 0; bit--) {
        multiply_field(into, into, into);
        if (exponent[bit >> 4] >> (bit & 15) & 1) multiply_field(into, into, base);
    }
}

EXPORT("run") uint32_t run(void) {
    uint32_t sum = 0, digit_sum = 0;
    for (int i = 0; i < LIMBS; i++) factorial[i] = i == 0;
    for (uint32_t i = 2; i <= 100; i++) multiply_small(factorial, LIMBS, i);
    for (int i = 0; i < DIGITS; i += 2) {
        uint32_t pair = divide_small(factorial, LIMBS, 100);
        digit_sum += pair / 10 + pair % 10;
        sum = mix(sum, pair);
    }
    for (int i = 0; i < LIMBS; i++) require(factorial[i] == 0);
    require(digit_sum == 648);

    // Euler's criterion under a prime p: the power (p - 1) / 2 is 1 or -1. It is 1 for squares.
    uint16_t base[FIELD_LIMBS], exponent[FIELD_LIMBS], result[FIELD_LIMBS];
    for (int i = 0; i < FIELD_LIMBS; i++) {
        base[i] = (uint16_t)(i * 0x0357 + 0x2468);
        exponent[i] = i == FIELD_LIMBS - 1 ? 0x3fff : 0xffff;
    }
    multiply_field(base, base, base);
    power_field(result, base, exponent);
    for (int i = 0; i < FIELD_LIMBS; i++) require(result[i] == (i == 0));
    for (int i = 0; i < FIELD_LIMBS; i++) sum = mix(sum, base[i]);
    return sum;
}
