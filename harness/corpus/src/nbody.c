// Gravity between bodies in f64, integrated by leapfrog: the figure-eight orbit of three equal masses
// (Chenciner and Montgomery, 2000), in which each body follows the next by a third of the period.
//
// For a code generator: f64 values three at a time, square roots and divisions, structures of doubles,
// results and arguments in f64.
#include "floats.h"

enum { BODIES = 3, STEPS = 48 };

struct vector {
    double x, y, z;
};

static struct body {
    struct vector at, velocity;
    double mass;
} bodies[BODIES];

static const double period = 6.32591398;

static inline double squared(const struct vector *v) { return v->x * v->x + v->y * v->y + v->z * v->z; }

static inline void add_scaled(struct vector *v, const struct vector *by, double factor) {
    v->x += by->x * factor;
    v->y += by->y * factor;
    v->z += by->z * factor;
}

static inline struct vector between(const struct body *from, const struct body *to) {
    return (struct vector){to->at.x - from->at.x, to->at.y - from->at.y, to->at.z - from->at.z};
}

static NOINLINE void drift(double time) {
    for (int i = 0; i < BODIES; i++) add_scaled(&bodies[i].at, &bodies[i].velocity, time);
}

// Each pair pulls itself together for a while.
static NOINLINE void kick(double time) {
    for (int i = 0; i < BODIES; i++) {
        for (int j = i + 1; j < BODIES; j++) {
            struct vector d = between(&bodies[i], &bodies[j]);
            double square = squared(&d);
            double pull = time / (square * sqrt_f64(square));
            add_scaled(&bodies[i].velocity, &d, pull * bodies[j].mass);
            add_scaled(&bodies[j].velocity, &d, -pull * bodies[i].mass);
        }
    }
}

EXPORT("advance") NOINLINE void advance(double time) {
    drift(time * 0.5);
    kick(time);
    drift(time * 0.5);
}

// Kinetic and potential, with the constant of gravitation 1.
EXPORT("energy") NOINLINE double energy(void) {
    double sum = 0;
    for (int i = 0; i < BODIES; i++) {
        sum += 0.5 * bodies[i].mass * squared(&bodies[i].velocity);
        for (int j = i + 1; j < BODIES; j++) {
            struct vector d = between(&bodies[i], &bodies[j]);
            sum -= bodies[i].mass * bodies[j].mass / sqrt_f64(squared(&d));
        }
    }
    return sum;
}

static int near(double x, double wanted, double error) { return abs_f64(x - wanted) <= error; }

EXPORT("run") uint32_t run(void) {
    static const struct body start[BODIES] = {
        {{0.97000436, -0.24308753, 0}, {0.466203685, 0.43236573, 0}, 1},
        {{-0.97000436, 0.24308753, 0}, {0.466203685, 0.43236573, 0}, 1},
        {{0, 0, 0}, {-0.93240737, -0.86473146, 0}, 1},
    };
    static const uint8_t follows[BODIES] = {2, 0, 1};
    uint32_t sum = 0;
    for (int i = 0; i < BODIES; i++) bodies[i] = start[i];

    double before = energy();
    require(near(before, -1.287142, 1e-6));
    for (int step = 0; step < STEPS; step++) {
        advance(period / 3 / STEPS);
        if (step % 8 == 7) {
            double now = energy();
            require(near(now, before, 2e-4));
            sum = mix_f64(sum, now);
        }
    }
    require(near(energy(), before, 1e-5));

    // Each body is where the one before it was, and nothing has gained momentum.
    struct vector momentum = {0, 0, 0};
    for (int i = 0; i < BODIES; i++) {
        const struct body *b = &bodies[i], *was = &start[follows[i]];
        require(near(b->at.x, was->at.x, 0.005) && near(b->at.y, was->at.y, 0.005) && b->at.z == 0);
        add_scaled(&momentum, &b->velocity, b->mass);
        sum = mix_f64(mix_f64(sum, b->at.x), b->at.y);
        sum = mix_f64(mix_f64(sum, b->velocity.x), b->velocity.y);
    }
    require(squared(&momentum) < 1e-16);
    return sum;
}
