// A 16-tap FIR low pass and a 64-point radix-2 FFT, both in Q15.
//
// For a code generator: 16-bit signed loads and stores, multiply-accumulate, rounding shifts, and the
// butterfly, which keeps two complex samples, a twiddle factor and four addresses alive.
#include "corpus.h"

enum { LOG = 6, POINTS = 1 << LOG, TAPS = 16, SAMPLES = 4 * POINTS };

typedef struct {
    int16_t re, im;
} complex16;

// sin(2 pi i / 64) in Q15, a quarter turn.
static const int16_t quarter_sine[POINTS / 4 + 1] = {
    0,     3212,  6393,  9512,  12539, 15446, 18204, 20787, 23170,
    25329, 27245, 28898, 30273, 31356, 32137, 32609, 32767,
};

static const int16_t low_pass[TAPS] = {
    -120, -309, -272, 437, 1981, 4114, 6174, 7385, 7385, 6174, 4114, 1981, 437, -272, -309, -120,
};

static int16_t signal[SAMPLES + TAPS], filtered[SAMPLES];
static complex16 spectrum[POINTS];

// The sine of `angle` / 64 of a turn.
static int32_t sine(uint32_t angle) {
    uint32_t in_half = angle & (POINTS / 2 - 1);
    if (in_half > POINTS / 4) in_half = POINTS / 2 - in_half;
    return angle & (POINTS / 2) ? -quarter_sine[in_half] : quarter_sine[in_half];
}

static inline int16_t saturate(int32_t x) {
    return (int16_t)(x > INT16_MAX ? INT16_MAX : x < INT16_MIN ? INT16_MIN : x);
}

static NOINLINE void fir(int16_t *out, const int16_t *in, int count) {
    for (int i = 0; i < count; i++) {
        int32_t sum = 1 << 14;
        for (int tap = 0; tap < TAPS; tap++) sum += low_pass[tap] * in[i + tap];
        out[i] = saturate(sum >> 15);
    }
}

static NOINLINE void bit_reverse(complex16 *v) {
    for (uint32_t i = 0, j = 0; i < POINTS; i++) {
        if (i < j) {
            complex16 t = {v[i].re, v[i].im};
            v[i].re = v[j].re, v[i].im = v[j].im;
            v[j].re = t.re, v[j].im = t.im;
        }
        uint32_t bit = POINTS >> 1;
        for (; j & bit; bit >>= 1) j ^= bit;
        j |= bit;
    }
}

// In place, halved at each stage, so the result is the transform over POINTS.
static NOINLINE void fft(complex16 *v) {
    bit_reverse(v);
    for (uint32_t half = 1; half < POINTS; half <<= 1) {
        uint32_t step = POINTS / 2 / half;
        for (uint32_t k = 0; k < half; k++) {
            int32_t cosine = sine(k * step + POINTS / 4), minus_sine = -sine(k * step);
            for (complex16 *p = v + k; p < v + POINTS; p += 2 * half) {
                complex16 *q = p + half;
                int32_t re = (q->re * cosine - q->im * minus_sine + (1 << 14)) >> 15;
                int32_t im = (q->re * minus_sine + q->im * cosine + (1 << 14)) >> 15;
                int32_t p_re = p->re, p_im = p->im;
                p->re = (int16_t)((p_re + re) >> 1), p->im = (int16_t)((p_im + im) >> 1);
                q->re = (int16_t)((p_re - re) >> 1), q->im = (int16_t)((p_im - im) >> 1);
            }
        }
    }
}

static int near(int32_t x, int32_t wanted) { return x - wanted < 24 && wanted - x < 24; }

EXPORT("run") uint32_t run(void) {
    // A cosine of five periods has two lines, at 5 and at 64 - 5, of half its height.
    for (uint32_t i = 0; i < POINTS; i++) {
        spectrum[i].re = (int16_t)(sine(5 * i + POINTS / 4) / 2);
        spectrum[i].im = 0;
    }
    fft(spectrum);
    for (int i = 0; i < POINTS; i++) {
        require(near(spectrum[i].re, i == 5 || i == POINTS - 5 ? 8192 : 0));
        require(near(spectrum[i].im, 0));
    }

    uint32_t seed = 17, sum = 0;
    for (uint32_t i = 0; i < SAMPLES + TAPS; i++) {
        int32_t noise = (int32_t)next_random(&seed) >> 18;
        signal[i] = saturate(sine(3 * i) / 2 + sine(27 * i) / 4 + noise);
    }
    fir(filtered, signal, SAMPLES);
    for (int block = 0; block < SAMPLES; block += POINTS) {
        for (int i = 0; i < POINTS; i++) spectrum[i].re = filtered[block + i], spectrum[i].im = 0;
        fft(spectrum);
        for (int i = 0; i < POINTS; i++) {
            sum = mix(sum, (uint32_t)(spectrum[i].re * spectrum[i].re + spectrum[i].im * spectrum[i].im));
        }
    }
    return sum;
}
