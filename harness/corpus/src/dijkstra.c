// Shortest paths on a 14x14 grid of costs: Dijkstra with a binary heap that can lower keys.
//
// For a code generator: indexed loads chained through three arrays, loops inside helper calls, unsigned
// comparisons. The result is checked edge by edge.
#include "corpus.h"

enum { SIDE = 14, NODES = SIDE * SIDE, ABSENT = 0xffff };

static uint8_t cost[NODES];
static uint32_t distance[NODES];
static uint16_t heap[NODES], place[NODES];
static int heap_size;

static inline void put(int slot, uint16_t node) {
    heap[slot] = node;
    place[node] = (uint16_t)slot;
}

static NOINLINE void sift_up(int slot) {
    uint16_t node = heap[slot];
    uint32_t key = distance[node];
    while (slot > 0) {
        int above = (slot - 1) / 2;
        if (distance[heap[above]] <= key) break;
        put(slot, heap[above]);
        slot = above;
    }
    put(slot, node);
}

static NOINLINE int pop(void) {
    int top = heap[0];
    uint16_t node = heap[--heap_size];
    uint32_t key = distance[node];
    place[top] = ABSENT;
    if (heap_size == 0) return top;
    int slot = 0;
    for (int below; (below = 2 * slot + 1) < heap_size; slot = below) {
        if (below + 1 < heap_size && distance[heap[below + 1]] < distance[heap[below]]) below++;
        if (key <= distance[heap[below]]) break;
        put(slot, heap[below]);
    }
    put(slot, node);
    return top;
}

static NOINLINE void relax(int node, uint32_t through) {
    uint32_t candidate = through + cost[node];
    if (candidate >= distance[node]) return;
    distance[node] = candidate;
    if (place[node] == ABSENT) put(heap_size++, (uint16_t)node);
    sift_up(place[node]);
}

static NOINLINE void shortest_paths(int from) {
    for (int i = 0; i < NODES; i++) distance[i] = UINT32_MAX, place[i] = ABSENT;
    distance[from] = 0;
    heap_size = 0;
    put(heap_size++, (uint16_t)from);
    while (heap_size > 0) {
        int node = pop(), column = node % SIDE;
        uint32_t through = distance[node];
        if (column > 0) relax(node - 1, through);
        if (column < SIDE - 1) relax(node + 1, through);
        if (node >= SIDE) relax(node - SIDE, through);
        if (node < NODES - SIDE) relax(node + SIDE, through);
    }
}

// No edge can shorten a path, and every path's last edge is tight.
static int is_shortest(int from) {
    for (int node = 0; node < NODES; node++) {
        static const int8_t steps[4][2] = {{-1, 0}, {1, 0}, {0, -1}, {0, 1}};
        int tight = node == from;
        for (int i = 0; i < 4; i++) {
            int x = node % SIDE + steps[i][0], y = node / SIDE + steps[i][1];
            if (x < 0 || x >= SIDE || y < 0 || y >= SIDE) continue;
            uint32_t through = distance[y * SIDE + x] + cost[node];
            if (through < distance[node]) return 0;
            tight |= through == distance[node];
        }
        if (!tight) return 0;
    }
    return 1;
}

EXPORT("run") uint32_t run(void) {
    uint32_t seed = 5, sum = 0;
    for (int i = 0; i < NODES; i++) cost[i] = (uint8_t)(1 + (next_random(&seed) & 63));
    for (int from = 0; from < NODES; from += NODES / 2 + 7) {
        shortest_paths(from);
        require(is_shortest(from));
        for (int i = 0; i < NODES; i++) sum = mix(sum, distance[i]);
    }
    return sum;
}
