// Fixed-point arithmetic: saturated Q31, products and quotients in Q32.32, roots, logarithms, greatest common
// divisors, floored division; rounding and conversions of floats at their edges.
//
// For a code generator: 64-bit division and remainder of both kinds, counts of leading and trailing zeros and
// of ones, shifts by variables, saturating truncation, a function with two i64 results.
// clang: -mnontrapping-fptoint -mmultivalue -Xclang -target-abi -Xclang experimental-mv
#include "floats.h"

enum { ROUNDS = 96 };

static NOINLINE int32_t saturate(int64_t x) {
    return x > INT32_MAX ? INT32_MAX : x < INT32_MIN ? INT32_MIN : (int32_t)x;
}

// Q31, rounded to nearest. Only -1 * -1 saturates.
static NOINLINE int32_t multiply_q31(int32_t x, int32_t y) {
    return saturate(((int64_t)x * y + (1 << 30)) >> 31);
}

static inline int64_t negated_if(int negative, uint64_t x) { return (int64_t)(negative ? -x : x); }
static inline uint64_t magnitude(int64_t x) { return x < 0 ? -(uint64_t)x : (uint64_t)x; }

// Q32.32, towards zero, modulo 2^64.
static NOINLINE int64_t multiply_q32(int64_t x, int64_t y) {
    uint64_t a = magnitude(x), b = magnitude(y);
    uint64_t a1 = a >> 32, a0 = a & 0xffffffff, b1 = b >> 32, b0 = b & 0xffffffff;
    return negated_if((x ^ y) < 0, ((a1 * b1) << 32) + a1 * b0 + a0 * b1 + (a0 * b0 >> 32));
}

// Q32.32, towards zero, modulo 2^64: long division that shifts in as many bits as fit at once.
static NOINLINE int64_t divide_q32(int64_t x, int64_t y) {
    uint64_t rest = magnitude(x), by = magnitude(y);
    uint64_t quotient = rest / by << 32;
    rest %= by;
    for (int bit = 32; rest != 0 && bit > 0; rest %= by) {
        int shift = __builtin_clzll(rest) < bit ? __builtin_clzll(rest) : bit;
        rest <<= shift, bit -= shift;
        quotient += rest / by << bit;
    }
    return negated_if((x ^ y) < 0, quotient);
}

struct division {
    int64_t quotient, rest;
};

static struct division divisions[ROUNDS];

// Rounded down, so that the rest has the divisor's sign.
static inline struct division rounded_down(int64_t x, int64_t y) {
    struct division d = {x / y, x % y};
    if (d.rest != 0 && (d.rest ^ y) < 0) d.quotient--, d.rest += y;
    return d;
}

// For the host alone: clang 14 breaks callers of functions with two results.
EXPORT("divide_floor") struct division divide_floor(int64_t x, int64_t y) { return rounded_down(x, y); }

static NOINLINE uint32_t square_root(uint64_t x) {
    uint64_t root = 0;
    if (x == 0) return 0;
    for (uint64_t bit = 1ull << ((63 - __builtin_clzll(x)) & ~1); bit != 0; bit >>= 2) {
        uint64_t next = root + bit;
        root >>= 1;
        if (x >= next) x -= next, root += bit;
    }
    return (uint32_t)root;
}

// The binary logarithm with 26 fraction bits.
static NOINLINE uint32_t logarithm(uint64_t x) {
    int whole = 63 - __builtin_clzll(x);
    uint64_t part = x << (63 - whole) >> 32;
    uint32_t log = (uint32_t)whole << 26;
    for (uint32_t bit = 1 << 25; bit != 0; bit >>= 1) {
        part = part * part >> 31;
        if (part >> 32 != 0) part >>= 1, log += bit;
    }
    return log;
}

static NOINLINE uint64_t common_divisor(uint64_t x, uint64_t y) {
    if (x == 0 || y == 0) return x | y;
    int twos = __builtin_ctzll(x | y);
    x >>= __builtin_ctzll(x);
    while (y != 0) {
        y >>= __builtin_ctzll(y);
        if (x > y) x ^= y, y ^= x, x ^= y;
        y -= x;
    }
    return x << twos;
}

static NOINLINE uint32_t mix_truncated(uint32_t sum, double x, float y) {
    sum = mix(mix(sum, (uint32_t)i32_of_f64(x)), u32_of_f64(x));
    sum = mix64(mix64(sum, (uint64_t)i64_of_f64(x)), u64_of_f64(x));
    sum = mix(mix(sum, (uint32_t)i32_of_f32(y)), u32_of_f32(y));
    return mix64(mix64(sum, (uint64_t)i64_of_f32(y)), u64_of_f32(y));
}

static NOINLINE uint32_t mix_rounded(uint32_t sum, double x, float y) {
    sum = mix_f64(mix_f64(sum, floor_f64(x)), ceil_f64(x));
    sum = mix_f64(mix_f64(sum, trunc_f64(x)), nearest_f64(x));
    sum = mix_f32(mix_f32(sum, floor_f32(y)), ceil_f32(y));
    return mix_f32(mix_f32(sum, trunc_f32(y)), nearest_f32(y));
}

static NOINLINE uint32_t mix_converted(uint32_t sum, int64_t x) {
    sum = mix_f64(mix_f64(sum, (double)x), (double)(uint64_t)x);
    sum = mix_f32(mix_f32(sum, (float)x), (float)(uint64_t)x);
    sum = mix_f64(mix_f64(sum, (double)(int32_t)x), (double)(uint32_t)x);
    return mix_f32(mix_f32(sum, (float)(int32_t)x), (float)(uint32_t)x);
}

static void known_answers(void) {
    const int64_t one = 1ll << 32;
    require(multiply_q31(INT32_MIN, INT32_MIN) == INT32_MAX && multiply_q31(1 << 30, -(1 << 30)) == -(1 << 29));
    require(saturate(-one) == INT32_MIN && saturate(one) == INT32_MAX && saturate(-5) == -5);
    require(multiply_q32(-3 * one / 2, 5 * one / 2) == -15 * one / 4 && divide_q32(one, 3 * one) == 0x55555555);
    require(divide_q32(-7 * one, 2 * one) == -7 * one / 2 && divide_q32(355 * one, 113 * one) == 0x3243f6f02);
    struct division d = rounded_down(-7, 2), e = rounded_down(7, -2);
    require(d.quotient == -4 && d.rest == 1 && e.quotient == -4 && e.rest == -1);
    require(square_root(1ull << 63) == 3037000499 && square_root(~0ull) == 0xffffffff && square_root(99) == 9);
    require(logarithm(1ull << 40) == 40u << 26 && logarithm(10) == 222930820);
    require(common_divisor(1ull << 40, 6ull << 30) == 1ull << 31 && common_divisor(600851475143, 6857) == 6857);
    require(i32_of_f64(-1e10) == INT32_MIN && u32_of_f64(-0.9) == 0 && i64_of_f64(-0x1p63) == INT64_MIN);
    require(u64_of_f32(0x1p64f) == UINT64_MAX && u32_of_f32(3e9f) == 3000000000 && i64_of_f32(-1.5f) == -1);
}

EXPORT("run") uint32_t run(void) {
    static const double edges[] = {
        0.0, -0.0, 0.5, -0.999, 1.5, -2.5, -2147483648.9, 2147483647.9, 2147483648.0, 4294967295.5,
        4294967296.0, 9223372036854774784.0, 0x1p63, -0x1p63, -0x1.8p63, 18446744073709549568.0, 0x1p64,
        1e300, 4.9e-324, __builtin_inf(), -__builtin_inf(), __builtin_nan(""),
    };
    static const int64_t integers[] = {
        0, -1, 16777217, 16777219, 0x7fffffbfffffffff, 0x7fffffc000000000, 0x20000000000001, 0x20000000000003,
        INT64_MAX, INT64_MIN, -16777217, 0x0000008000008001, (int64_t)0xfffffbffffffffff, 0x80000081,
        0xffffffff,
    };
    uint32_t sum = 0, seed = 0x27d4eb2f;
    known_answers();
    for (int i = 0; i < COUNT(edges); i++) {
        sum = mix_truncated(sum, edges[i], (float)edges[i]);
        if (edges[i] == edges[i]) sum = mix_rounded(sum, edges[i], (float)edges[i]);
    }
    for (int i = 0; i < COUNT(integers); i++) sum = mix_converted(sum, integers[i]);

    for (int i = 0; i < ROUNDS; i++) {
        uint64_t bits = (uint64_t)next_random(&seed) << 32;
        bits |= next_random(&seed);
        int64_t x = (int64_t)bits >> i % 40, y = (int64_t)rotl64(bits, 29) >> (20 + i % 43);
        if (y == 0) y = i + 1;
        struct division d = divisions[i] = rounded_down(x, y);
        require(d.quotient * y + d.rest == x);
        require(bits / (uint64_t)y * (uint64_t)y + bits % (uint64_t)y == bits);
        uint64_t root = square_root(bits);
        require(root * root <= bits && bits - root * root <= 2 * root);
        uint64_t divisor = common_divisor(magnitude(x), magnitude(y));
        require(divisor == 0 || (x % (int64_t)divisor == 0 && y % (int64_t)divisor == 0));
        sum = mix64(sum, (uint64_t)multiply_q32(x >> 16, y >> 16) ^ divisor);
        sum = mix(sum, (uint32_t)multiply_q31((int32_t)x, (int32_t)y) + logarithm(bits | 1));
        sum += (uint32_t)__builtin_popcountll(bits);
        sum = mix64(sum, (uint64_t)(divide_q32(x >> 24, (y >> 24) | 1) ^ d.rest));
    }
    return sum;
}
