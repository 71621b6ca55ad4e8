// Flight control with floats: a Kalman filter of angle and gyro bias per axis, PID with shaped errors, motor
// pulses, an altitude filter and a position in f64. The craft and its noisy sensors are simulated.
//
// For a code generator: f32 and f64 side by side with promotion and demotion, structures of floats, calls
// through pointers with float arguments, and min, max, floor, nearest, copysign.
#include "floats.h"

enum { STEPS = 80, AXES = 2 };

static const float dt = 0.02f, gyro_bias = 0.3f;

static double compass(double heading);

// Angles in degrees, rates in degrees per second.
static struct axis {
    float angle, bias;                    // estimates
    float p00, p01, p11;                  // their covariance
    float integral, before;
    float true_angle, true_rate;
} axes[AXES];

static const struct tuning {
    float kp, ki, kd, limit;
    float (*shape)(float);
} tunings[AXES];

static struct {
    double north, east, heading;          // metres, degrees
    double altitude, climb;
    double (*wrap)(double);               // how the heading is kept
    float speed;
    int32_t pulse[4];                     // microseconds
} craft = {.wrap = compass};

static inline float limited(float x, float limit) { return min_f32(max_f32(x, -limit), limit); }

// Small errors count nothing.
static float dead_zone(float x) { return copysign_f32(max_f32(abs_f32(x) - 0.25f, 0.0f), x); }

// Large errors count more than in proportion.
static float expo(float x) { return x * (0.75f + 0.25f * min_f32(x * x * 0.01f, 1.0f)); }

static const struct tuning tunings[AXES] = {
    {5.0f, 0.8f, 2.6f, 60.0f, expo},
    {6.0f, 1.2f, 3.0f, 45.0f, dead_zone},
};

// Predicts with the gyro's rate, corrects with a measured angle. Answers the angle.
EXPORT("kalman_update") NOINLINE float kalman_update(int32_t axis, float rate, float measured) {
    struct axis *a = &axes[axis & 1];
    const float angle_noise = 0.02f, bias_noise = 0.01f, measured_noise = 0.5f;
    a->angle += dt * (rate - a->bias);
    a->p00 += dt * (dt * a->p11 - 2.0f * a->p01 + angle_noise);
    a->p01 -= dt * a->p11;
    a->p11 += dt * bias_noise;

    float innovation = measured - a->angle, variance = a->p00 + measured_noise;
    float k0 = a->p00 / variance, k1 = a->p01 / variance;
    a->angle += k0 * innovation;
    a->bias += k1 * innovation;
    a->p11 -= k1 * a->p01;
    a->p01 -= k0 * a->p01;
    a->p00 -= k0 * a->p00;
    return a->angle;
}

static NOINLINE float pid(struct axis *a, const struct tuning *t, float wanted) {
    float error = t->shape(wanted - a->angle);
    a->integral = limited(a->integral + error * dt, 20.0f);
    float slope = (a->angle - a->before) / dt;
    a->before = a->angle;
    return limited(t->kp * error + t->ki * a->integral - t->kd * slope, t->limit);
}

// The same direction from 0 on, below 360.
static double compass(double heading) { return heading - 360.0 * floor_f64(heading / 360.0); }

// To within half a turn of zero.
static double bearing(double heading) { return heading - 360.0 * nearest_f64(heading / 360.0); }

// Sine of an angle in degrees, within 1e-3: Bhaskara's approximation.
static NOINLINE double sine(double degrees) {
    double x = bearing(degrees), y = abs_f64(x) * (180.0 - abs_f64(x));
    return copysign_f64(4.0 * y / (40500.0 - y), x);
}

// Turns and moves; answers the distance from home.
EXPORT("navigate") NOINLINE double navigate(double turn, float speed) {
    craft.heading = craft.wrap(craft.heading + turn);
    craft.speed += (speed - craft.speed) * 0.125f;
    double way = (double)(craft.speed * dt);
    craft.north += way * sine(craft.heading + 90.0);
    craft.east += way * sine(craft.heading);
    return sqrt_f64(craft.north * craft.north + craft.east * craft.east);
}

// An alpha-beta filter on the barometer's altitude.
static NOINLINE void filter_altitude(float measured) {
    double step = (double)dt;
    craft.altitude += craft.climb * step;
    double residual = (double)measured - craft.altitude;
    craft.altitude += 0.125 * residual;
    craft.climb += 0.01 * residual / step;
    craft.climb = max_f64(min_f64(craft.climb, 3.0), -3.0);
}

static void mix_motors(float throttle, float pitch, float roll) {
    static const float signs[4][2] = {{1, 1}, {1, -1}, {-1, 1}, {-1, -1}};
    for (int i = 0; i < 4; i++) {
        float pulse = 1000.0f + throttle + pitch * signs[i][0] + roll * signs[i][1];
        craft.pulse[i] = (int32_t)nearest_f32(max_f32(min_f32(pulse, 2000.0f), 1000.0f));
    }
}

static float noise(uint32_t *seed) { return (float)((int32_t)next_random(seed) >> 8) * 0x1p-23f; }

// The axis of the simulated craft follows `torque`; what its sensors say goes through the filter.
static NOINLINE void fly(int i, float torque, uint32_t *seed) {
    struct axis *a = &axes[i];
    a->true_rate += (torque - 0.5f * a->true_rate) * dt;
    a->true_angle += a->true_rate * dt;
    float rate = a->true_rate + gyro_bias + 0.1f * noise(seed);
    kalman_update(i, rate, a->true_angle + noise(seed));
}

EXPORT("run") uint32_t run(void) {
    static const float wanted[AXES] = {10.0f, -4.0f};
    uint32_t seed = 0x3c6ef372, sum = 0;
    for (int i = 0; i < AXES; i++) axes[i] = (struct axis){.p00 = 1.0f, .p11 = 1.0f};
    craft.north = craft.east = craft.altitude = craft.climb = 0;
    craft.heading = 350.0;
    craft.speed = 0;
    require(abs_f64(sine(30.0) - 0.5) < 1e-3 && sine(-90.0) == -1.0);
    require(compass(-30.0) == 330.0 && bearing(270.0) == -90.0 && dead_zone(-0.75f) == -0.5f);

    for (int step = 0; step < STEPS; step++) {
        craft.wrap = step % 32 < 16 ? compass : bearing;
        float demand[AXES];
        for (int i = 0; i < AXES; i++) {
            demand[i] = pid(&axes[i], &tunings[i], wanted[i]);
            fly(i, demand[i], &seed);
        }
        mix_motors(400.0f + 2.0f * (float)step, demand[0], demand[1]);
        filter_altitude((float)step * dt + 0.125f * noise(&seed));
        double home = navigate(0.5, 8.0f);
        sum = mix_f64(mix_f32(sum, axes[step % AXES].angle), home);
        for (int i = 0; i < 4; i++) sum = mix(sum, (uint32_t)craft.pulse[i]);
    }
    for (int i = 0; i < AXES; i++) {
        const struct axis *a = &axes[i];
        require(abs_f32(a->true_angle - wanted[i]) < 2.0f && abs_f32(a->bias - gyro_bias) < 0.3f);
        sum = mix_f32(mix_f32(sum, a->bias), a->p00);
    }
    require(abs_f64(craft.altitude - (STEPS - 1) * 0.02) < 0.1 && abs_f64(craft.climb - 1.0) < 0.2);
    require(abs_f64(compass(craft.heading) - compass(350.0 + 0.5 * STEPS)) < 1e-9);
    return mix_f64(sum, craft.climb);
}
