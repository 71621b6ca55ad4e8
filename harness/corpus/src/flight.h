// What both flight controllers share: units, tables, sensors, the stimulus and the driver.
//
// Units: angles in 1/128 degree, rates in 1/16 degree per second, acceleration in 1/4096 g, time steps
// of 1/128 second. So an angle grows by rate / 16 a step, and all products stay within 32 bits.
#ifndef FLIGHT_H
#define FLIGHT_H

#include "corpus.h"

enum {
    HALF_TURN = 180 * 128,
    FULL_TURN = 360 * 128,
    ONE_G = 4096,
    AXIS_LIMIT = 400,    // what a PD controller may ask of the mixer
    MOTOR_MAX = 1023,
    FILTER_SHIFT = 6,    // the accelerometer's share is 1/64 a step
    HEADING_SHIFT = 4,
    GAIN_SHIFT = 10,
    TILT_SHIFT = 7,      // acceleration to the index of the arcsine table
    STEPS = 400,
};

// Bits of the status word that a step answers.
enum { PITCH_SATURATED = 1, ROLL_SATURATED = 2, YAW_SATURATED = 4, ACCEL_REJECTED = 8, MOTOR_CLIPPED = 16 };

// asin(i / 32 - 1) in 1/128 degree, and the step to the next entry.
static const struct {
    int16_t angle, slope;
} arcsine[65] = {
    {-11520, 1838}, {-9682, 769}, {-8913, 594}, {-8319, 505}, {-7814, 449}, {-7365, 409}, {-6956, 380},
    {-6576, 356}, {-6220, 338}, {-5882, 323}, {-5559, 309}, {-5250, 299}, {-4951, 289}, {-4662, 281},
    {-4381, 273}, {-4108, 268}, {-3840, 262}, {-3578, 257}, {-3321, 253}, {-3068, 249}, {-2819, 245},
    {-2574, 243}, {-2331, 240}, {-2091, 238}, {-1853, 236}, {-1617, 234}, {-1383, 232}, {-1151, 232},
    {-919, 230}, {-689, 230}, {-459, 230}, {-229, 229}, {0, 229}, {229, 230}, {459, 230}, {689, 230},
    {919, 232}, {1151, 232}, {1383, 234}, {1617, 236}, {1853, 238}, {2091, 240}, {2331, 243},
    {2574, 245}, {2819, 249}, {3068, 253}, {3321, 257}, {3578, 262}, {3840, 268}, {4108, 273},
    {4381, 281}, {4662, 289}, {4951, 299}, {5250, 309}, {5559, 323}, {5882, 338}, {6220, 356},
    {6576, 380}, {6956, 409}, {7365, 449}, {7814, 505}, {8319, 594}, {8913, 769}, {9682, 1838},
    {11520, 0},
};

// Proportional gain against battery charge in eighths: a full battery makes the craft livelier.
static const uint8_t gain_schedule[8] = {96, 92, 88, 80, 72, 66, 60, 56};

static struct {
    int32_t accel_x, accel_y, accel_z, heading, throttle, battery;
} sensors;

static struct {
    int32_t pitch, roll, yaw;
} attitude;

static struct {
    int32_t pitch, roll, yaw;
} target;

static const struct {
    int32_t pitch_damping, roll_damping, yaw_damping, yaw_gain;
} gains = {180, 150, 220, 36};

static int32_t motors[4];

// One control step. Answers the status bits.
uint32_t flight_step(int32_t rate_pitch, int32_t rate_roll, int32_t rate_yaw);

// A slow triangle wave between -amplitude and amplitude.
static inline int32_t triangle(uint32_t step, uint32_t period, int32_t amplitude) {
    int32_t phase = (int32_t)(step % period) * 4 * amplitude / (int32_t)period;
    return phase < 2 * amplitude ? phase - amplitude : 3 * amplitude - phase;
}

EXPORT("run") uint32_t run(void) {
    uint32_t seed = 0x2545f491, sum = 0;
    attitude.pitch = attitude.roll = attitude.yaw = 0;
    for (uint32_t step = 0; step < STEPS; step++) {
        uint32_t noise = next_random(&seed);
        sensors.accel_x = triangle(step, 150, 5000) + (int32_t)(noise & 63);
        sensors.accel_y = triangle(step, 91, 3000) - (int32_t)(noise >> 8 & 63);
        sensors.accel_z = triangle(step, 333, ONE_G) + (int32_t)(noise >> 16 & 127);
        sensors.heading = triangle(step, 270, HALF_TURN);
        sensors.throttle = triangle(step, 57, 500) + 500;
        sensors.battery = 1023 - (int32_t)step * 2;
        target.pitch = triangle(step, 70, 20 * 128);
        target.roll = triangle(step, 45, 15 * 128);
        target.yaw = triangle(step, 310, HALF_TURN);
        uint32_t status = flight_step(triangle(step, 37, 4000), triangle(step, 23, 3000),
                                      triangle(step, 61, 1600));
        sum = mix(sum, status);
        for (int i = 0; i < COUNT(motors); i++) sum = mix(sum, (uint32_t)motors[i]);
    }
    sum = mix(sum, (uint32_t)attitude.pitch);
    sum = mix(sum, (uint32_t)attitude.roll);
    return mix(sum, (uint32_t)attitude.yaw);
}

#endif
