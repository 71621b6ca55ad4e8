// The 8x8 discrete cosine transform of image coders and its inverse, separable, in 11-bit fixed point.
//
// For a code generator: straight butterflies over eight live values and their temporaries, many products by
// constants, rounding shifts, clamps; rows by stride one, columns by stride eight.
#include "corpus.h"

enum { BITS = 11, BLOCKS = 16 };

// cos(k pi / 16) * 2^BITS.
enum { C1 = 2009, C2 = 1892, C3 = 1703, C4 = 1448, C5 = 1138, C6 = 784, C7 = 400 };

static int16_t pixels[64], block[64];

static inline int16_t rounded(int32_t x) { return (int16_t)((x + (1 << BITS)) >> (BITS + 1)); }

// Eight samples, `stride` apart, to eight coefficients; orthonormal.
static NOINLINE void forward(int16_t *v, int stride) {
    int32_t s07 = v[0] + v[7 * stride], d07 = v[0] - v[7 * stride];
    int32_t s16 = v[stride] + v[6 * stride], d16 = v[stride] - v[6 * stride];
    int32_t s25 = v[2 * stride] + v[5 * stride], d25 = v[2 * stride] - v[5 * stride];
    int32_t s34 = v[3 * stride] + v[4 * stride], d34 = v[3 * stride] - v[4 * stride];
    int32_t even_sum = s07 + s34, even_difference = s07 - s34;
    int32_t middle_sum = s16 + s25, middle_difference = s16 - s25;
    v[0] = rounded(C4 * (even_sum + middle_sum));
    v[4 * stride] = rounded(C4 * (even_sum - middle_sum));
    v[2 * stride] = rounded(C2 * even_difference + C6 * middle_difference);
    v[6 * stride] = rounded(C6 * even_difference - C2 * middle_difference);
    v[stride] = rounded(C1 * d07 + C3 * d16 + C5 * d25 + C7 * d34);
    v[3 * stride] = rounded(C3 * d07 - C7 * d16 - C1 * d25 - C5 * d34);
    v[5 * stride] = rounded(C5 * d07 - C1 * d16 + C7 * d25 + C3 * d34);
    v[7 * stride] = rounded(C7 * d07 - C5 * d16 + C3 * d25 - C1 * d34);
}

static NOINLINE void inverse(int16_t *v, int stride) {
    int32_t c0 = v[0], c1 = v[stride], c2 = v[2 * stride], c3 = v[3 * stride];
    int32_t c4 = v[4 * stride], c5 = v[5 * stride], c6 = v[6 * stride], c7 = v[7 * stride];
    int32_t sum = C4 * (c0 + c4), difference = C4 * (c0 - c4);
    int32_t outer = C2 * c2 + C6 * c6, inner = C6 * c2 - C2 * c6;
    int32_t e0 = sum + outer, e3 = sum - outer, e1 = difference + inner, e2 = difference - inner;
    int32_t o0 = C1 * c1 + C3 * c3 + C5 * c5 + C7 * c7;
    int32_t o1 = C3 * c1 - C7 * c3 - C1 * c5 - C5 * c7;
    int32_t o2 = C5 * c1 - C1 * c3 + C7 * c5 + C3 * c7;
    int32_t o3 = C7 * c1 - C5 * c3 + C3 * c5 - C1 * c7;
    v[0] = rounded(e0 + o0), v[7 * stride] = rounded(e0 - o0);
    v[stride] = rounded(e1 + o1), v[6 * stride] = rounded(e1 - o1);
    v[2 * stride] = rounded(e2 + o2), v[5 * stride] = rounded(e2 - o2);
    v[3 * stride] = rounded(e3 + o3), v[4 * stride] = rounded(e3 - o3);
}

static NOINLINE void quantize(int16_t *v) {
    for (int i = 0; i < 64; i++) {
        int32_t step = 4 + (i / 8 + i % 8) * 2;
        v[i] = (int16_t)((v[i] + (v[i] < 0 ? -step : step) / 2) / step * step);
    }
}

EXPORT("run") uint32_t run(void) {
    uint32_t seed = 31, sum = 0;
    for (int round = 0; round < BLOCKS; round++) {
        for (int i = 0; i < 64; i++) {
            int32_t slope = (i % 8) * (round + 3) - (i / 8) * 9;
            block[i] = pixels[i] = (int16_t)(slope + (int32_t)(next_random(&seed) >> 28));
        }
        for (int i = 0; i < 8; i++) forward(block + 8 * i, 1);
        for (int i = 0; i < 8; i++) forward(block + i, 8);
        if (round % 2 != 0) quantize(block);
        for (int i = 0; i < 64; i++) sum = mix(sum, (uint32_t)block[i]);
        for (int i = 0; i < 8; i++) inverse(block + i, 8);
        for (int i = 0; i < 8; i++) inverse(block + 8 * i, 1);
        for (int i = 0; i < 64; i++) {
            // Without quantization only rounding is lost.
            int32_t error = block[i] - pixels[i];
            require(round % 2 != 0 || (error <= 2 && error >= -2));
            sum = mix(sum, (uint32_t)block[i]);
        }
    }
    return sum;
}
