// Functions that make a C compiler use the stack, each for one purpose. tests/analyze.rs has what is
// certain of each, whichever compiler and version.
#include <stdint.h>

uint32_t other(uint32_t);
uint32_t six(uint32_t, uint32_t, uint32_t, uint32_t, uint32_t, uint32_t);
void fill(uint32_t *words, uint32_t count);

// Two parameters and their sum.
uint32_t leaf(uint32_t a, uint32_t b) { return (a << 3) + b; }

// Twenty words are loaded before any is stored: 20 values and the pointer live at once, in 13
// registers, so at least 8 values are stored and loaded.
void rotate(volatile uint32_t *p) {
    uint32_t v[20];
#define EACH(_) _(0) _(1) _(2) _(3) _(4) _(5) _(6) _(7) _(8) _(9) _(10) _(11) _(12) _(13) _(14) _(15) _(16) _(17) _(18) _(19)
#define LOAD(i) v[i] = p[i];
#define STORE(i) p[i] = v[(i + 7) % 20] + v[i];
    EACH(LOAD)
    EACH(STORE)
}

// Ten values live across calls, in r4-r11: at least two are in slots.
uint32_t across(volatile uint32_t *p) {
    uint32_t a = p[0], b = p[1], c = p[2], d = p[3], e = p[4], f = p[5], g = p[6], h = p[7], i = p[8], j = p[9];
    other(1);
    p[0] = j, p[1] = i, p[2] = h, p[3] = g, p[4] = f, p[5] = e, p[6] = d, p[7] = c, p[8] = b, p[9] = a;
    return other(2);
}

// Two arguments come on the stack, and two go there.
uint32_t arguments(uint32_t a, uint32_t b, uint32_t c, uint32_t d, uint32_t e, uint32_t f) {
    return six(f, e, d, c, b, a) + 1;
}

// An array whose address is passed on; no spill.
uint32_t array(void) {
    uint32_t words[8];
    fill(words, 8);
    return words[0] + words[7];
}
