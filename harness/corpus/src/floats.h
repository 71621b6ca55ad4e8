// Float operations that C has no operator for, each one operator of wasm, and the bits of floats.
//
// On the host they stand for the same results: min and max where no operand is a NaN, the saturating
// conversions everywhere.
#ifndef FLOATS_H
#define FLOATS_H

#include "corpus.h"

static inline uint32_t bits_of_f32(float x) {
    uint32_t bits;
    __builtin_memcpy(&bits, &x, sizeof bits);
    return bits;
}

static inline uint64_t bits_of_f64(double x) {
    uint64_t bits;
    __builtin_memcpy(&bits, &x, sizeof bits);
    return bits;
}

static inline uint32_t mix_f32(uint32_t sum, float x) { return mix(sum, bits_of_f32(x)); }
static inline uint32_t mix_f64(uint32_t sum, double x) { return mix64(sum, bits_of_f64(x)); }

// Lower to one operator as long as errno does not matter.
static inline float sqrt_f32(float x) { return __builtin_sqrtf(x); }
static inline double sqrt_f64(double x) { return __builtin_sqrt(x); }
static inline float abs_f32(float x) { return __builtin_fabsf(x); }
static inline double abs_f64(double x) { return __builtin_fabs(x); }
static inline float floor_f32(float x) { return __builtin_floorf(x); }
static inline double floor_f64(double x) { return __builtin_floor(x); }
static inline float ceil_f32(float x) { return __builtin_ceilf(x); }
static inline double ceil_f64(double x) { return __builtin_ceil(x); }
static inline float trunc_f32(float x) { return __builtin_truncf(x); }
static inline double trunc_f64(double x) { return __builtin_trunc(x); }
// To even if in the middle.
static inline float nearest_f32(float x) { return __builtin_rintf(x); }
static inline double nearest_f64(double x) { return __builtin_rint(x); }
static inline float copysign_f32(float x, float sign) { return __builtin_copysignf(x, sign); }
static inline double copysign_f64(double x, double sign) { return __builtin_copysign(x, sign); }

#ifdef __wasm__
static inline float min_f32(float x, float y) { return __builtin_wasm_min_f32(x, y); }
static inline float max_f32(float x, float y) { return __builtin_wasm_max_f32(x, y); }
static inline double min_f64(double x, double y) { return __builtin_wasm_min_f64(x, y); }
static inline double max_f64(double x, double y) { return __builtin_wasm_max_f64(x, y); }
#else
static inline double min_f64(double x, double y) {
    if (x == y) return __builtin_signbit(x) ? x : y;
    return x < y ? x : y;
}
static inline double max_f64(double x, double y) { return -min_f64(-x, -y); }
static inline float min_f32(float x, float y) { return (float)min_f64(x, y); }
static inline float max_f32(float x, float y) { return (float)max_f64(x, y); }
#endif

// Truncation that saturates, and answers zero for a NaN.
#ifdef __wasm_nontrapping_fptoint__
#define SATURATING(name, from, to, builtin, low, high) \
    static inline to name(from x) { return builtin(x); }
#else
#define SATURATING(name, from, to, builtin, low, high)           \
    static inline to name(from x) {                              \
        if (x != x) return 0;                                    \
        return x <= (from)(low) ? (low) : x >= (from)(high) ? (high) : (to)x; \
    }
#endif
SATURATING(i32_of_f32, float, int32_t, __builtin_wasm_trunc_saturate_s_i32_f32, INT32_MIN, INT32_MAX)
SATURATING(u32_of_f32, float, uint32_t, __builtin_wasm_trunc_saturate_u_i32_f32, 0, UINT32_MAX)
SATURATING(i64_of_f32, float, int64_t, __builtin_wasm_trunc_saturate_s_i64_f32, INT64_MIN, INT64_MAX)
SATURATING(u64_of_f32, float, uint64_t, __builtin_wasm_trunc_saturate_u_i64_f32, 0, UINT64_MAX)
SATURATING(i32_of_f64, double, int32_t, __builtin_wasm_trunc_saturate_s_i32_f64, INT32_MIN, INT32_MAX)
SATURATING(u32_of_f64, double, uint32_t, __builtin_wasm_trunc_saturate_u_i32_f64, 0, UINT32_MAX)
SATURATING(i64_of_f64, double, int64_t, __builtin_wasm_trunc_saturate_s_i64_f64, INT64_MIN, INT64_MAX)
SATURATING(u64_of_f64, double, uint64_t, __builtin_wasm_trunc_saturate_u_i64_f64, 0, UINT64_MAX)

#endif
