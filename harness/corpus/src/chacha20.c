// The ChaCha20 block function (RFC 8439) with all sixteen words of state in local variables.
//
// For a code generator: sixteen values live through the whole loop, far more than there are registers. Every
// allocator spills; the question is how much traffic remains.
#include "corpus.h"

static uint32_t output[16];

#define QUARTER(a, b, c, d)                                                                                   \
    a += b, d = rotl(d ^ a, 16), c += d, b = rotl(b ^ c, 12), a += b, d = rotl(d ^ a, 8), c += d,             \
        b = rotl(b ^ c, 7)

static NOINLINE void chacha_block(const uint32_t in[16], uint32_t out[16]) {
    uint32_t a0 = in[0], a1 = in[1], a2 = in[2], a3 = in[3];
    uint32_t b0 = in[4], b1 = in[5], b2 = in[6], b3 = in[7];
    uint32_t c0 = in[8], c1 = in[9], c2 = in[10], c3 = in[11];
    uint32_t d0 = in[12], d1 = in[13], d2 = in[14], d3 = in[15];
    for (int round = 0; round < 20; round += 2) {
        QUARTER(a0, b0, c0, d0);
        QUARTER(a1, b1, c1, d1);
        QUARTER(a2, b2, c2, d2);
        QUARTER(a3, b3, c3, d3);
        QUARTER(a0, b1, c2, d3);
        QUARTER(a1, b2, c3, d0);
        QUARTER(a2, b3, c0, d1);
        QUARTER(a3, b0, c1, d2);
    }
    out[0] = in[0] + a0, out[1] = in[1] + a1, out[2] = in[2] + a2, out[3] = in[3] + a3;
    out[4] = in[4] + b0, out[5] = in[5] + b1, out[6] = in[6] + b2, out[7] = in[7] + b3;
    out[8] = in[8] + c0, out[9] = in[9] + c1, out[10] = in[10] + c2, out[11] = in[11] + c3;
    out[12] = in[12] + d0, out[13] = in[13] + d1, out[14] = in[14] + d2, out[15] = in[15] + d3;
}

EXPORT("run") uint32_t run(void) {
    // RFC 8439, section 2.3.2.
    static const uint32_t expected[16] = {
        0xe4e7f110, 0x15593bd1, 0x1fdd0f50, 0xc47120a3, 0xc7f4d1c7, 0x0368c033, 0x9aaa2204, 0x4e6cd4c3,
        0x466482d2, 0x09aa9f07, 0x05d7c214, 0xa2028bd9, 0xd19c12b5, 0xb94e16de, 0xe883d0cb, 0x4e3c50a2,
    };
    uint32_t input[16] = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574};
    for (uint32_t i = 0; i < 8; i++) input[4 + i] = 0x03020100 + 0x04040404 * i;
    input[12] = 1, input[13] = 0x09000000, input[14] = 0x4a000000, input[15] = 0;

    uint32_t sum = 0;
    for (; input[12] <= 48; input[12]++) {
        chacha_block(input, output);
        for (int i = 0; i < 16; i++) {
            require(input[12] != 1 || output[i] == expected[i]);
            sum = mix(sum, output[i]);
        }
    }
    return sum;
}
