// An audio chain in f32: biquad cascade, FIR, envelope with gain reduction, soft clipping, RMS, samples of 16
// bits out.
//
// For a code generator: long chains of f32 products and sums, filter state in structures, float arguments
// beside pointers, float comparisons that choose, conversions both ways.
#include "floats.h"

enum { TAPS = 15, BLOCK = 64 };

// Transposed direct form II; a0 is 1.
struct biquad {
    float b0, b1, b2, a1, a2;
    float s1, s2;
};

// At 8 kHz: high pass 60 Hz, then 6 dB more around 1 kHz.
static struct biquad cascade[2] = {
    {0.96722698f, -1.93445397f, 0.96722698f, -1.93337963f, 0.93552831f, 0, 0},
    {1.19924136f, -1.13110243f, 0.40037904f, -1.13110243f, 0.59962040f, 0, 0},
};

// Low pass 1.5 kHz, a sinc under a Hamming window; symmetric, with a sum of 1.
static const float taps[TAPS] = {
    0.00334602f, 0.00468907f, -0.00614109f, -0.03467199f, -0.02596678f, 0.09263598f, 0.27943963f, 0.37333833f,
    0.27943963f, 0.09263598f, -0.02596678f, -0.03467199f, -0.00614109f, 0.00468907f, 0.00334602f,
};

static float line[TAPS];
static int line_at;
static float envelope;
static const float threshold = 0.5f;
static int16_t output[BLOCK];

static NOINLINE float biquad_sample(struct biquad *f, float x) {
    float y = f->b0 * x + f->s1;
    f->s1 = f->b1 * x - f->a1 * y + f->s2;
    f->s2 = f->b2 * x - f->a2 * y;
    return y;
}

static NOINLINE float fir_sample(float x) {
    float sum = 0;
    line[line_at] = x;
    for (int i = 0, at = line_at; i < TAPS; i++) {
        sum += taps[i] * line[at];
        at = at == 0 ? TAPS - 1 : at - 1;
    }
    line_at = line_at == TAPS - 1 ? 0 : line_at + 1;
    return sum;
}

// Follows peaks fast and their end slowly; answers the gain that brings peaks down to the threshold.
static NOINLINE float gain_for(float x) {
    float level = abs_f32(x);
    envelope += (level - envelope) * (level > envelope ? 0.5f : 0.03125f);
    return envelope > threshold ? threshold / envelope : 1.0f;
}

// 1.5 x - 0.5 x^3, flat from 1 on.
static NOINLINE float soft_clip(float x) {
    x = min_f32(max_f32(x, -1.0f), 1.0f);
    return x * (1.5f - 0.5f * x * x);
}

EXPORT("dsp_sample") NOINLINE float dsp_sample(float x) {
    for (int i = 0; i < COUNT(cascade); i++) x = biquad_sample(&cascade[i], x);
    x = fir_sample(x);
    return soft_clip(x * gain_for(x));
}

static inline int16_t to_sample(float x) { return (int16_t)nearest_f32(x * 32767.0f); }

// Runs the chain over one block; answers the RMS of what comes out.
static NOINLINE float run_block(const float *input) {
    float squares = 0;
    for (int i = 0; i < BLOCK; i++) {
        float y = dsp_sample(input[i]);
        squares += y * y;
        output[i] = to_sample(y);
    }
    return sqrt_f32(squares / BLOCK);
}

static uint32_t mix_output(uint32_t sum) {
    for (int i = 0; i < BLOCK; i++) sum = mix(sum, (uint16_t)output[i]);
    return sum;
}

static int near(float x, float wanted, float error) { return abs_f32(x - wanted) <= error; }

EXPORT("run") uint32_t run(void) {
    float input[BLOCK];
    uint32_t sum = 0, seed = 0x1b873593;
    for (int i = 0; i < COUNT(cascade); i++) cascade[i].s1 = cascade[i].s2 = 0;
    for (int i = 0; i < TAPS; i++) line[i] = 0;
    line_at = 0;
    envelope = 0;
    require(soft_clip(7.0f) == 1.0f && soft_clip(-2.0f) == -1.0f && soft_clip(0.5f) == 0.6875f);

    // A sine of 1 kHz by its recurrence. The chain's gain there is 1.7718, soft clipping multiplies by 1.5.
    float before = -0.00707107f, now = 0;
    for (int block = 0; block < 2; block++) {
        for (int i = 0; i < BLOCK; i++) {
            float next = 1.41421356f * now - before;
            input[i] = now;
            before = now, now = next;
        }
        float rms = run_block(input);
        require(block == 0 || near(rms, 0.01f * 0.70710678f * 1.7718f * 1.5f, 0.0002f));
        sum = mix_f32(mix_output(sum), rms);
    }

    // Noise so loud that the gain goes down and peaks are clipped.
    for (int i = 0; i < BLOCK; i++) input[i] = (float)(int32_t)next_random(&seed) * 0x1p-30f;
    float loud = run_block(input);
    require(loud > 0.2f && loud <= 1.0f && envelope > threshold);
    sum = mix_f32(mix_output(sum), loud);

    // Silence.
    for (int i = 0; i < BLOCK; i++) input[i] = 0;
    require(run_block(input) < loud && envelope < threshold);
    return mix_f32(mix_output(sum), envelope);
}
