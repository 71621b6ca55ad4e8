// CORDIC: sine, cosine, angle and length of a vector by shifts and additions, and integer square roots.
//
// For a code generator: loops whose every step chooses between adding and subtracting three values, shifts
// by a variable amount, and a table of small steps.
#include "corpus.h"

enum { STEPS = 15, QUARTER_TURN = 1 << 14, UNIT = 1 << 14, GAIN_INVERSE = 9949 };

// atan(2^-i), in units of 1/65536 turn.
static const int16_t arctangent[STEPS] = {8192, 4836, 2555, 1297, 651, 326, 163, 81, 41, 20, 10, 5, 3, 1, 1};

struct vector {
    int32_t x, y;
};

// The unit vector of an angle between minus and plus a quarter turn.
static NOINLINE void rotate(int32_t angle, struct vector *v) {
    int32_t x = GAIN_INVERSE, y = 0;
    for (int i = 0; i < STEPS; i++) {
        int32_t dx = y >> i, dy = x >> i, step = arctangent[i];
        if (angle >= 0) x -= dx, y += dy, angle -= step;
        else x += dx, y -= dy, angle += step;
    }
    v->x = x, v->y = y;
}

static void sine_cosine(int32_t angle, struct vector *v) {
    int turned = 0;
    angle = (int16_t)angle;
    if (angle > QUARTER_TURN) angle -= 2 * QUARTER_TURN, turned = 1;
    if (angle < -QUARTER_TURN) angle += 2 * QUARTER_TURN, turned = 1;
    rotate(angle, v);
    if (turned) v->x = -v->x, v->y = -v->y;
}

// Turns the vector onto the x axis; answers the angle and leaves the length in x.
static NOINLINE int32_t measure(struct vector *v) {
    int32_t x = v->x, y = v->y, angle = 0;
    if (x < 0) x = -x, y = -y, angle = 2 * QUARTER_TURN;
    for (int i = 0; i < STEPS; i++) {
        int32_t dx = y >> i, dy = x >> i, step = arctangent[i];
        if (y >= 0) x += dx, y -= dy, angle += step;
        else x -= dx, y += dy, angle -= step;
    }
    v->x = (x * (GAIN_INVERSE >> 3)) >> 11;
    v->y = y;
    return (int16_t)angle;
}

static NOINLINE uint32_t square_root(uint32_t x) {
    uint32_t root = 0;
    for (uint32_t bit = 1u << 30; bit != 0; bit >>= 2) {
        if (x >= root + bit) {
            x -= root + bit;
            root = (root >> 1) + bit;
        } else {
            root >>= 1;
        }
    }
    return root;
}

static int near(int32_t x, int32_t wanted, int32_t error) { return x - wanted <= error && wanted - x <= error; }

EXPORT("run") uint32_t run(void) {
    struct vector v;
    sine_cosine(65536 / 12, &v);
    require(near(v.y, UNIT / 2, 8) && near(v.x, 14189, 8));
    require(square_root(144) == 12 && square_root(0xffffffff) == 0xffff && square_root(2000000) == 1414);

    uint32_t sum = 0;
    for (int32_t angle = -32768; angle < 32768; angle += 271) {
        sine_cosine(angle, &v);
        uint32_t length = square_root((uint32_t)(v.x * v.x + v.y * v.y));
        require(near((int32_t)length, UNIT, 12));
        sum = mix(mix(sum, (uint32_t)v.x), (uint32_t)v.y);
        int32_t found = measure(&v);
        require(near((int16_t)(found - angle), 0, 12) && near(v.x, UNIT, 24));
        sum = mix(sum, (uint32_t)found);
    }
    return sum;
}
