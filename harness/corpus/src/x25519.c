// X25519, RFC 7748: the Montgomery ladder on Curve25519, with the known answer of section 5.2.
//
// For a code generator: products of 32-bit words as i64, summed in columns of ten; carries by 64-bit shifts
// and masks; an unrolled function with many more values alive than registers.
#include "corpus.h"

// An element of the field modulo 2^255 - 19: limb i counts 2^ceil(25.5 i), so even limbs have 26 bits and odd
// ones 25. Products leave limbs within these (limb 1 exceeds by little), sums and differences within 1.5 times
// the double; no column of a product of those reaches 2^63.
enum { LIMBS = 10 };
typedef struct {
    uint32_t limb[LIMBS];
} element;

static uint8_t shared[32];

static inline int bits_of(int limb) { return limb & 1 ? 25 : 26; }
static inline uint32_t mask_of(int limb) { return (1u << bits_of(limb)) - 1; }

static void add(element *into, const element *x, const element *y) {
    for (int i = 0; i < LIMBS; i++) into->limb[i] = x->limb[i] + y->limb[i];
}

// x - y + 2p, so that no limb is negative.
static void subtract(element *into, const element *x, const element *y) {
    for (int i = 0; i < LIMBS; i++) {
        uint32_t twice_p = 2 * mask_of(i) - (i == 0 ? 36 : 0);
        into->limb[i] = x->limb[i] + twice_p - y->limb[i];
    }
}

static inline void carry_columns(element *into, const uint64_t *column) {
    uint64_t carry = 0;
    for (int i = 0; i < LIMBS; i++) {
        carry += column[i];
        into->limb[i] = (uint32_t)carry & mask_of(i);
        carry >>= bits_of(i);
    }
    carry = carry * 19 + into->limb[0];
    into->limb[0] = (uint32_t)carry & mask_of(0);
    into->limb[1] += (uint32_t)(carry >> bits_of(0));
}

// Two odd limbs count double, and what exceeds 2^255 counts 19 times.
static NOINLINE void multiply(element *into, const element *x, const element *y) {
    uint64_t column[LIMBS];
    UNROLL for (int k = 0; k < LIMBS; k++) {
        column[k] = 0;
        UNROLL for (int i = 0; i < LIMBS; i++) {
            uint32_t left = x->limb[i] << (i & ~k & 1);
            uint32_t right = i <= k ? y->limb[k - i] : y->limb[k - i + LIMBS] * 19;
            column[k] += (uint64_t)left * right;
        }
    }
    carry_columns(into, column);
}

// As multiply(into, x, x), with each pair of different limbs taken once.
static NOINLINE void square(element *into, const element *x) {
    uint64_t column[LIMBS];
    UNROLL for (int k = 0; k < LIMBS; k++) {
        column[k] = 0;
        UNROLL for (int i = 0; i < LIMBS; i++) {
            int j = i <= k ? k - i : k - i + LIMBS;
            if (i > j) continue;
            uint32_t left = x->limb[i] << ((i & ~k & 1) + (i < j));
            uint32_t right = i <= k ? x->limb[j] : x->limb[j] * 19;
            column[k] += (uint64_t)left * right;
        }
    }
    carry_columns(into, column);
}

static NOINLINE void multiply_small(element *into, const element *x, uint32_t by) {
    uint64_t column[LIMBS];
    for (int i = 0; i < LIMBS; i++) column[i] = (uint64_t)x->limb[i] * by;
    carry_columns(into, column);
}

// x^(2^times).
static void square_times(element *into, const element *x, int times) {
    square(into, x);
    while (--times > 0) square(into, into);
}

// x^(p - 2). The exponent is 2^250 - 1 followed by the bits 01011.
static NOINLINE void invert(element *into, const element *x) {
    element x11, low, high;
    square(&low, x);
    square_times(&high, &low, 2);
    multiply(&high, &high, x);           // 9
    multiply(&x11, &high, &low);
    square(&low, &x11);
    multiply(&low, &low, &high);         // 31 = 2^5 - 1
    // From 2^n - 1 to 2^2n - 1: n squarings and a product.
    square_times(&high, &low, 5);
    multiply(&low, &high, &low);         // 2^10 - 1
    square_times(&high, &low, 10);
    multiply(&high, &high, &low);        // 2^20 - 1
    element twenty = high;
    square_times(&high, &high, 20);
    multiply(&high, &high, &twenty);     // 2^40 - 1
    square_times(&high, &high, 10);
    multiply(&low, &high, &low);         // 2^50 - 1
    square_times(&high, &low, 50);
    multiply(&high, &high, &low);        // 2^100 - 1
    element hundred = high;
    square_times(&high, &high, 100);
    multiply(&high, &high, &hundred);    // 2^200 - 1
    square_times(&high, &high, 50);
    multiply(&high, &high, &low);        // 2^250 - 1
    square_times(&high, &high, 5);
    multiply(into, &high, &x11);
}

static inline uint32_t load_word(const uint8_t *at) {
    return at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static NOINLINE void unpack(element *into, const uint8_t *bytes) {
    for (int i = 0; i < LIMBS; i++) {
        int bit = (51 * i + 1) / 2;
        into->limb[i] = load_word(bytes + bit / 8) >> bit % 8 & mask_of(i);
    }
}

// The one representative below p, as bytes.
static NOINLINE void pack(uint8_t *bytes, const element *x) {
    element reduced;
    multiply_small(&reduced, x, 1);
    // 1 exactly if the value is at least p: then adding 19 reaches bit 255.
    uint32_t above = 19;
    for (int i = 0; i < LIMBS; i++) above = (reduced.limb[i] + above) >> bits_of(i);
    uint32_t carry = above * 19;
    uint64_t window = 0;
    for (int i = 0, filled = 0; i < LIMBS; i++) {
        carry += reduced.limb[i];
        window |= (uint64_t)(carry & mask_of(i)) << filled;
        carry >>= bits_of(i);
        for (filled += bits_of(i); filled >= 8; filled -= 8, window >>= 8) *bytes++ = (uint8_t)window;
    }
    *bytes = (uint8_t)window;
}

// Exchanges both if `bit` is set, without a branch.
static inline void swap_if(uint32_t bit, element *x, element *y) {
    for (int i = 0; i < LIMBS; i++) {
        uint32_t difference = (x->limb[i] ^ y->limb[i]) & -bit;
        x->limb[i] ^= difference;
        y->limb[i] ^= difference;
    }
}

// The names are those of RFC 7748, section 5.
EXPORT("x25519") NOINLINE void x25519(uint8_t *into, const uint8_t *scalar, const uint8_t *point) {
    element x1, x2 = {{1}}, z2 = {{0}}, x3, z3 = {{1}}, a, b, c, d;
    unpack(&x1, point);
    x3 = x1;
    uint32_t swap = 0;
    for (int t = 254; t >= 0; t--) {
        uint32_t bit = t == 254 ? 1 : t < 3 ? 0 : scalar[t / 8] >> t % 8 & 1;
        swap_if(swap ^ bit, &x2, &x3);
        swap_if(swap ^ bit, &z2, &z3);
        swap = bit;
        add(&a, &x2, &z2);
        subtract(&b, &x2, &z2);
        add(&c, &x3, &z3);
        subtract(&d, &x3, &z3);
        multiply(&d, &d, &a);
        multiply(&c, &c, &b);
        square(&a, &a);
        square(&b, &b);
        add(&x3, &d, &c);
        square(&x3, &x3);
        subtract(&z3, &d, &c);
        square(&z3, &z3);
        multiply(&z3, &z3, &x1);
        multiply(&x2, &a, &b);
        subtract(&b, &a, &b);
        multiply_small(&z2, &b, 121665);
        add(&z2, &z2, &a);
        multiply(&z2, &z2, &b);
    }
    // The scalar's lowest bits are zero: the last step left both in their order.
    invert(&z2, &z2);
    multiply(&x2, &x2, &z2);
    pack(into, &x2);
}

EXPORT("run") uint32_t run(void) {
    static const uint8_t scalar[32] = {
        0xa5, 0x46, 0xe3, 0x6b, 0xf0, 0x52, 0x7c, 0x9d, 0x3b, 0x16, 0x15, 0x4b, 0x82, 0x46, 0x5e, 0xdd,
        0x62, 0x14, 0x4c, 0x0a, 0xc1, 0xfc, 0x5a, 0x18, 0x50, 0x6a, 0x22, 0x44, 0xba, 0x44, 0x9a, 0xc4,
    };
    static const uint8_t point[32] = {
        0xe6, 0xdb, 0x68, 0x67, 0x58, 0x30, 0x30, 0xdb, 0x35, 0x94, 0xc1, 0xa4, 0x24, 0xb1, 0x5f, 0x7c,
        0x72, 0x66, 0x24, 0xec, 0x26, 0xb3, 0x35, 0x3b, 0x10, 0xa9, 0x03, 0xa6, 0xd0, 0xab, 0x1c, 0x4c,
    };
    static const uint8_t known[32] = {
        0xc3, 0xda, 0x55, 0x37, 0x9d, 0xe9, 0xc6, 0x90, 0x8e, 0x94, 0xea, 0x4d, 0xf2, 0x8d, 0x08, 0x4f,
        0x32, 0xec, 0xcf, 0x03, 0x49, 0x1c, 0x71, 0xf7, 0x54, 0xb4, 0x07, 0x55, 0x77, 0xa2, 0x85, 0x52,
    };
    uint32_t sum = 0;
    x25519(shared, scalar, point);
    for (int i = 0; i < 32; i++) {
        require(shared[i] == known[i]);
        sum = mix(sum, shared[i]);
    }
    return sum;
}
