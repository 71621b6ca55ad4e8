// Conway's Life on a 32x32 torus, a row of cells in each word, neighbours added by bitwise adders.
//
// For a code generator: long straight runs of logic over nine neighbouring words, rotations by one,
// shifted operands and negated ones; pressure from common subexpressions.
#include "corpus.h"

enum { ROWS = 32 };

static uint32_t cells[ROWS], next_cells[ROWS];

// Sum and carry of three one-bit numbers in each lane.
static inline uint32_t sum3(uint32_t a, uint32_t b, uint32_t c) { return a ^ b ^ c; }
static inline uint32_t carry3(uint32_t a, uint32_t b, uint32_t c) { return (a & b) | (c & (a ^ b)); }

static NOINLINE uint32_t next_row(uint32_t above, uint32_t row, uint32_t below) {
    uint32_t above_left = rotl(above, 1), above_right = rotr(above, 1);
    uint32_t left = rotl(row, 1), right = rotr(row, 1);
    uint32_t below_left = rotl(below, 1), below_right = rotr(below, 1);

    // Eight neighbours: ones, then the twos of three partial sums, then whether there are four or more.
    uint32_t ones_a = sum3(above_left, above, above_right), twos_a = carry3(above_left, above, above_right);
    uint32_t ones_b = sum3(below_left, below, below_right), twos_b = carry3(below_left, below, below_right);
    uint32_t ones_c = left ^ right, twos_c = left & right;
    uint32_t ones = sum3(ones_a, ones_b, ones_c), twos_d = carry3(ones_a, ones_b, ones_c);
    uint32_t twos = twos_a ^ twos_b ^ twos_c ^ twos_d;
    uint32_t some_pair = (twos_a & twos_b) | (twos_c & twos_d) | ((twos_a | twos_b) & (twos_c | twos_d));
    return twos & ~some_pair & (ones | row);
}

static NOINLINE void step(void) {
    for (int i = 0; i < ROWS; i++) {
        next_cells[i] = next_row(cells[(i + ROWS - 1) % ROWS], cells[i], cells[(i + 1) % ROWS]);
    }
    for (int i = 0; i < ROWS; i++) cells[i] = next_cells[i];
}

static int population(void) {
    int count = 0;
    for (int i = 0; i < ROWS; i++) count += __builtin_popcount(cells[i]);
    return count;
}

EXPORT("run") uint32_t run(void) {
    // A glider moves by one diagonally in four steps, so it is back after four times round.
    for (int i = 0; i < ROWS; i++) cells[i] = 0;
    cells[3] = 2, cells[4] = 4, cells[5] = 7;
    for (int i = 0; i < 4; i++) step();
    require(population() == 5 && cells[4] == 4 && cells[5] == 8 && cells[6] == 14);

    uint32_t seed = 11, sum = 0;
    for (int i = 0; i < ROWS; i++) cells[i] = next_random(&seed) & next_random(&seed);
    for (int generation = 0; generation < 100; generation++) {
        step();
        sum = mix(sum, (uint32_t)population());
    }
    for (int i = 0; i < ROWS; i++) sum = mix(sum, cells[i]);
    return sum;
}
