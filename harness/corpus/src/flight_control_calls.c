// The controller of `flight_control`, cut into small functions; its checksum is the same.
//
// For a code generator: what calls cost. Values survive calls in callee-saved registers or on the stack,
// arguments want r0-r3, and the mixer takes a fifth argument.
#include "flight.h"

// The tilt that an acceleration between -1 g and 1 g, given as the distance from -1 g, stands for.
static NOINLINE int32_t tilt_of(uint32_t accel) {
    int32_t part = accel & ((1 << TILT_SHIFT) - 1);
    uint32_t index = accel >> TILT_SHIFT;
    return (arcsine[index].slope * part >> TILT_SHIFT) + arcsine[index].angle;
}

// The angle after one step; an acceleration beyond 1 g is no tilt and leaves it to the gyro.
static NOINLINE int32_t filtered(int32_t angle, int32_t rate, int32_t accel, uint32_t *status) {
    uint32_t offset = (uint32_t)(accel + ONE_G);
    angle += rate >> 4;
    if (offset <= 2 * ONE_G) return angle + ((tilt_of(offset) - angle) >> FILTER_SHIFT);
    *status |= ACCEL_REJECTED;
    return angle;
}

static NOINLINE int32_t wrapped(int32_t angle) {
    if (angle > HALF_TURN) return angle - FULL_TURN;
    if (angle < -HALF_TURN) return angle + FULL_TURN;
    return angle;
}

static NOINLINE int32_t clamped(int32_t value, int32_t low, int32_t high, uint32_t *status, uint32_t bit) {
    if (value >= low && value <= high) return value;
    *status |= bit;
    return value < low ? low : high;
}

static NOINLINE int32_t demanded(int32_t error, int32_t rate, int32_t gain, int32_t damping,
                                 uint32_t *status, uint32_t bit) {
    return clamped((error * gain - rate * damping) >> GAIN_SHIFT, -AXIS_LIMIT, AXIS_LIMIT, status, bit);
}

static NOINLINE void mix_motors(int32_t throttle, int32_t pitch, int32_t roll, int32_t yaw, uint32_t *status) {
    int32_t wanted[4] = {
        throttle + pitch + roll + yaw,
        throttle + pitch - roll - yaw,
        throttle - pitch + roll - yaw,
        throttle - pitch - roll + yaw,
    };
    for (int i = 0; i < 4; i++) motors[i] = clamped(wanted[i], 0, MOTOR_MAX, status, MOTOR_CLIPPED);
}

EXPORT("flight_step")
NOINLINE uint32_t flight_step(int32_t rate_pitch, int32_t rate_roll, int32_t rate_yaw) {
    uint32_t status = 0;
    int32_t gain = gain_schedule[sensors.battery >> 7 & 7];
    attitude.pitch = filtered(attitude.pitch, rate_pitch, sensors.accel_x, &status);
    attitude.roll = filtered(attitude.roll, rate_roll, sensors.accel_y, &status);
    int32_t yaw = attitude.yaw + (rate_yaw >> 4);
    attitude.yaw = wrapped(yaw + (wrapped(sensors.heading - yaw) >> HEADING_SHIFT));
    int32_t pitch = demanded(target.pitch - attitude.pitch, rate_pitch, gain, gains.pitch_damping, &status,
                             PITCH_SATURATED);
    int32_t roll = demanded(target.roll - attitude.roll, rate_roll, gain, gains.roll_damping, &status,
                            ROLL_SATURATED);
    yaw = demanded(wrapped(target.yaw - attitude.yaw), rate_yaw, gains.yaw_gain, gains.yaw_damping, &status,
                   YAW_SATURATED);
    mix_motors(sensors.throttle, pitch, roll, yaw, &status);
    return status;
}
