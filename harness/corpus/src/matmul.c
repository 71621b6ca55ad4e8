// Products of 12x12 matrices in Q16.16: a rotation taken to a power, and random matrices.
//
// For a code generator: triple loop with scaled addresses, and a 32x32 product made from 16-bit halves
// (there is no 64-bit integer here), so multiply-add, shifts and sign extension in the innermost loop.
#include "corpus.h"

enum { SIZE = 12, ONE = 1 << 16 };

typedef int32_t matrix[SIZE][SIZE];

static matrix a, b, c, identity;

// The product's bits 16 to 47, rounded down.
static inline int32_t multiply_q16(int32_t x, int32_t y) {
    int32_t x_high = x >> 16, y_high = y >> 16;
    uint32_t x_low = x & 0xffff, y_low = y & 0xffff;
    return (int32_t)(((uint32_t)(x_high * y_high) << 16) + (uint32_t)x_high * y_low + x_low * (uint32_t)y_high +
                     (x_low * y_low >> 16));
}

static NOINLINE void multiply(matrix into, const matrix x, const matrix y) {
    for (int i = 0; i < SIZE; i++) {
        for (int j = 0; j < SIZE; j++) {
            uint32_t sum = 0;
            for (int k = 0; k < SIZE; k++) sum += (uint32_t)multiply_q16(x[i][k], y[k][j]);
            into[i][j] = (int32_t)sum;
        }
    }
}

static NOINLINE void transpose(matrix m) {
    for (int i = 0; i < SIZE; i++) {
        for (int j = 0; j < i; j++) {
            int32_t t = m[i][j];
            m[i][j] = m[j][i];
            m[j][i] = t;
        }
    }
}

static void copy(matrix into, const matrix from) {
    for (int i = 0; i < SIZE; i++)
        for (int j = 0; j < SIZE; j++) into[i][j] = from[i][j];
}

EXPORT("run") uint32_t run(void) {
    require(multiply_q16(-3 * ONE / 2, 5 * ONE / 2) == -15 * ONE / 4);

    uint32_t seed = 3, sum = 0;
    for (int i = 0; i < SIZE; i++) {
        for (int j = 0; j < SIZE; j++) {
            identity[i][j] = i == j ? ONE : 0;
            a[i][j] = (int32_t)next_random(&seed) >> 13;
        }
    }
    multiply(b, a, identity);
    for (int i = 0; i < SIZE; i++)
        for (int j = 0; j < SIZE; j++) require(b[i][j] == a[i][j]);

    // Multiply and transpose by turns; shrink so that nothing overflows.
    for (int round = 0; round < 4; round++) {
        transpose(b);
        multiply(c, a, b);
        for (int i = 0; i < SIZE; i++) {
            for (int j = 0; j < SIZE; j++) {
                c[i][j] >>= 4;
                sum = mix(sum, (uint32_t)c[i][j]);
            }
        }
        copy(b, c);
    }
    return sum;
}
