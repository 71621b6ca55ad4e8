// The Mandelbrot set as text, escape times computed in f64, in f32 and in Q4.28.
//
// For a code generator: one loop in three arithmetics; few values, all of them alive around the loop; exits on
// a float comparison; products of 32-bit words of which the middle counts.
#include "floats.h"

enum { WIDTH = 16, HEIGHT = 9, LIMIT = 12 };

static char picture[HEIGHT][WIDTH + 1];

// How often z^2 + c stays within the circle of radius 2, up to LIMIT.
EXPORT("escape_f64") NOINLINE int escape_f64(double cx, double cy) {
    double x = 0, y = 0;
    for (int n = 0; n < LIMIT; n++) {
        double xx = x * x, yy = y * y;
        if (xx + yy > 4.0) return n;
        y = (x + x) * y + cy;
        x = xx - yy + cx;
    }
    return LIMIT;
}

EXPORT("escape_f32") NOINLINE int escape_f32(float cx, float cy) {
    float x = 0, y = 0;
    for (int n = 0; n < LIMIT; n++) {
        float xx = x * x, yy = y * y;
        if (xx + yy > 4.0f) return n;
        y = (x + x) * y + cy;
        x = xx - yy + cx;
    }
    return LIMIT;
}

// Where |z| <= 2 nothing but |z|^2 exceeds 32 bits.
EXPORT("escape_fixed") NOINLINE int escape_fixed(int32_t cx, int32_t cy) {
    int32_t x = 0, y = 0;
    for (int n = 0; n < LIMIT; n++) {
        int64_t xx = (int64_t)x * x, yy = (int64_t)y * y;
        if (xx + yy > 4ll << 56) return n;
        y = (int32_t)((int64_t)x * y >> 27) + cy;
        x = (int32_t)((xx - yy) >> 28) + cx;
    }
    return LIMIT;
}

EXPORT("run") uint32_t run(void) {
    static const char shades[LIMIT + 1] = {' ', ' ', '.', '.', ':', ':', '-', '-', '=', '=', '+', '*', '#'};
    uint32_t sum = 0;
    // A fixed point, a cycle of two, one of three, and 0, 1, 2, 5.
    require(escape_f64(0, 0) == LIMIT && escape_f64(-1, 0) == LIMIT && escape_f32(-1.75f, 0) == LIMIT);
    require(escape_f64(1, 0) == 3 && escape_fixed(1 << 28, 0) == 3 && escape_fixed(-(1 << 28), 0) == LIMIT);
    for (int row = 0; row < HEIGHT; row++) {
        for (int column = 0; column < WIDTH; column++) {
            // In steps of 3/16 and 9/32, exact in all three.
            int32_t x = column * 3 - 34, y = (row - HEIGHT / 2) * 9;
            int n = escape_f64(x * 0.0625, y * 0.03125);
            require(n == escape_f32((float)x * 0.0625f, (float)y * 0.03125f));
            require(n == escape_fixed(x * (1 << 24), y * (1 << 23)));
            picture[row][column] = shades[n];
            sum = mix(sum, (uint32_t)n);
        }
        picture[row][WIDTH] = '\n';
    }
    for (int row = 0; row < HEIGHT; row++)
        for (int column = 0; column < WIDTH; column++)
            require(picture[row][column] == picture[HEIGHT - 1 - row][column]);
    return sum;
}
