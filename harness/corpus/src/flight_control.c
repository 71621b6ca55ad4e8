// Attitude control of a quadrotor as one flat function: complementary filter on pitch, roll and yaw, PD
// controllers with clamps, gain scheduling by table, motor mixing.
//
// For a code generator: values that live across many small blocks. At the peak, in the roll stage, nine
// values are live at once (rates, gain, the pitch demand, status, and the table lookup in progress), so
// nine registers suffice; an allocator that sees one block at a time spills all the same.
// `flight_control_calls` computes the same through calls, with the same checksum.
#include "flight.h"

EXPORT("flight_step")
NOINLINE uint32_t flight_step(int32_t rate_pitch, int32_t rate_roll, int32_t rate_yaw) {
    uint32_t status = 0;
    int32_t gain = gain_schedule[sensors.battery >> 7 & 7];

    // Pitch: integrate the gyro, pull towards the accelerometer's tilt, then PD.
    uint32_t accel = (uint32_t)(sensors.accel_x + ONE_G);
    int32_t pitch;
    if (LIKELY(accel <= 2 * ONE_G)) {
        int32_t part = accel & ((1 << TILT_SHIFT) - 1);
        uint32_t index = accel >> TILT_SHIFT;
        int32_t tilt = (arcsine[index].slope * part >> TILT_SHIFT) + arcsine[index].angle;
        pitch = attitude.pitch + (rate_pitch >> 4);
        pitch += (tilt - pitch) >> FILTER_SHIFT;
    } else {
        pitch = attitude.pitch + (rate_pitch >> 4);
        status = ACCEL_REJECTED;
    }
    attitude.pitch = pitch;
    int32_t pitch_demand = ((target.pitch - pitch) * gain - rate_pitch * gains.pitch_damping) >> GAIN_SHIFT;
    if (UNLIKELY(pitch_demand > AXIS_LIMIT)) {
        pitch_demand = AXIS_LIMIT;
        status |= PITCH_SATURATED;
    } else if (UNLIKELY(pitch_demand < -AXIS_LIMIT)) {
        pitch_demand = -AXIS_LIMIT;
        status |= PITCH_SATURATED;
    }

    // Roll: the same on the other axis, with pitch's results alive.
    accel = (uint32_t)(sensors.accel_y + ONE_G);
    int32_t roll;
    if (LIKELY(accel <= 2 * ONE_G)) {
        int32_t part = accel & ((1 << TILT_SHIFT) - 1);
        uint32_t index = accel >> TILT_SHIFT;
        int32_t tilt = (arcsine[index].slope * part >> TILT_SHIFT) + arcsine[index].angle;
        roll = attitude.roll + (rate_roll >> 4);
        roll += (tilt - roll) >> FILTER_SHIFT;
    } else {
        roll = attitude.roll + (rate_roll >> 4);
        status |= ACCEL_REJECTED;
    }
    attitude.roll = roll;
    int32_t roll_demand = ((target.roll - roll) * gain - rate_roll * gains.roll_damping) >> GAIN_SHIFT;
    if (UNLIKELY(roll_demand > AXIS_LIMIT)) {
        roll_demand = AXIS_LIMIT;
        status |= ROLL_SATURATED;
    } else if (UNLIKELY(roll_demand < -AXIS_LIMIT)) {
        roll_demand = -AXIS_LIMIT;
        status |= ROLL_SATURATED;
    }

    // Yaw: the heading is a circle, so both differences take the short way round.
    int32_t yaw = attitude.yaw + (rate_yaw >> 4);
    int32_t drift = sensors.heading - yaw;
    if (UNLIKELY(drift > HALF_TURN)) drift -= FULL_TURN;
    else if (UNLIKELY(drift < -HALF_TURN)) drift += FULL_TURN;
    yaw += drift >> HEADING_SHIFT;
    if (UNLIKELY(yaw > HALF_TURN)) yaw -= FULL_TURN;
    else if (UNLIKELY(yaw < -HALF_TURN)) yaw += FULL_TURN;
    attitude.yaw = yaw;
    int32_t error = target.yaw - yaw;
    if (UNLIKELY(error > HALF_TURN)) error -= FULL_TURN;
    else if (UNLIKELY(error < -HALF_TURN)) error += FULL_TURN;
    int32_t yaw_demand = (error * gains.yaw_gain - rate_yaw * gains.yaw_damping) >> GAIN_SHIFT;
    if (UNLIKELY(yaw_demand > AXIS_LIMIT)) {
        yaw_demand = AXIS_LIMIT;
        status |= YAW_SATURATED;
    } else if (UNLIKELY(yaw_demand < -AXIS_LIMIT)) {
        yaw_demand = -AXIS_LIMIT;
        status |= YAW_SATURATED;
    }

    // Mixer: four motors in X, each clipped to its range.
    int32_t throttle = sensors.throttle;
    int32_t front = throttle + pitch_demand;
    int32_t rear = throttle - pitch_demand;
    int32_t with = roll_demand + yaw_demand;
    int32_t against = roll_demand - yaw_demand;
    int32_t motor = front + with;
    if (UNLIKELY((uint32_t)motor > MOTOR_MAX)) {
        motor = motor < 0 ? 0 : MOTOR_MAX;
        status |= MOTOR_CLIPPED;
    }
    motors[0] = motor;
    motor = front - with;
    if (UNLIKELY((uint32_t)motor > MOTOR_MAX)) {
        motor = motor < 0 ? 0 : MOTOR_MAX;
        status |= MOTOR_CLIPPED;
    }
    motors[1] = motor;
    motor = rear + against;
    if (UNLIKELY((uint32_t)motor > MOTOR_MAX)) {
        motor = motor < 0 ? 0 : MOTOR_MAX;
        status |= MOTOR_CLIPPED;
    }
    motors[2] = motor;
    motor = rear - against;
    if (UNLIKELY((uint32_t)motor > MOTOR_MAX)) {
        motor = motor < 0 ? 0 : MOTOR_MAX;
        status |= MOTOR_CLIPPED;
    }
    motors[3] = motor;
    return status;
}
