// The number of ways to place n queens, n from 1 to 8, by recursion over bit sets.
//
// For a code generator: call overhead. Almost all time goes into prologues and into keeping four values
// alive across the recursive call.
#include "corpus.h"

// `columns`, `left` and `right` are the squares of this row that earlier queens attack.
static NOINLINE uint32_t place(uint32_t all, uint32_t columns, uint32_t left, uint32_t right) {
    if (columns == all) return 1;
    uint32_t ways = 0;
    for (uint32_t open = all & ~(columns | left | right); open != 0;) {
        uint32_t queen = open & -open;
        open ^= queen;
        ways += place(all, columns | queen, (left | queen) << 1, (right | queen) >> 1);
    }
    return ways;
}

EXPORT("run") uint32_t run(void) {
    static const uint8_t expected[] = {1, 0, 0, 2, 10, 4, 40, 92};
    uint32_t sum = 0;
    for (uint32_t n = 1; n <= COUNT(expected); n++) {
        uint32_t ways = place((1u << n) - 1, 0, 0, 0);
        require(ways == expected[n - 1]);
        sum = mix(sum, ways);
    }
    return sum;
}
