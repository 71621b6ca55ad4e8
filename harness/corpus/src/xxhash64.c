// xxHash64, by the XXH64 part of its specification: whole texts of every length, and streams in uneven pieces.
//
// For a code generator: 64-bit products, rotations and shifts by constants; four 64-bit lanes alive in a loop;
// 64-bit loads that are not aligned.
#include "corpus.h"

enum { BYTES = 288, STRIPE = 32 };

static const uint64_t prime1 = 0x9e3779b185ebca87, prime2 = 0xc2b2ae3d27d4eb4f, prime3 = 0x165667b19e3779f9,
                      prime4 = 0x85ebca77c2b2ae63, prime5 = 0x27d4eb2f165667c5;

static uint8_t bytes[BYTES];

static struct state {
    uint64_t lane[4], seed, length;
    uint8_t pending[STRIPE];
    uint32_t filled;
} state;

static inline uint64_t load64(const uint8_t *at) {
    uint64_t word;
    __builtin_memcpy(&word, at, sizeof word);
    return word;
}

static inline uint32_t load32(const uint8_t *at) {
    uint32_t word;
    __builtin_memcpy(&word, at, sizeof word);
    return word;
}

static inline uint64_t round64(uint64_t lane, uint64_t input) {
    return rotl64(lane + input * prime2, 31) * prime1;
}

static void start_lanes(uint64_t *lane, uint64_t seed) {
    lane[0] = seed + prime1 + prime2;
    lane[1] = seed + prime2;
    lane[2] = seed;
    lane[3] = seed - prime1;
}

// Whole stripes.
static NOINLINE void consume(uint64_t *lanes, const uint8_t *at, uint32_t stripes) {
    uint64_t a = lanes[0], b = lanes[1], c = lanes[2], d = lanes[3];
    for (; stripes > 0; stripes--, at += STRIPE) {
        a = round64(a, load64(at));
        b = round64(b, load64(at + 8));
        c = round64(c, load64(at + 16));
        d = round64(d, load64(at + 24));
    }
    lanes[0] = a, lanes[1] = b, lanes[2] = c, lanes[3] = d;
}

static NOINLINE uint64_t converge(const uint64_t *lane) {
    uint64_t hash = rotl64(lane[0], 1) + rotl64(lane[1], 7) + rotl64(lane[2], 12) + rotl64(lane[3], 18);
    for (int i = 0; i < 4; i++) hash = (hash ^ round64(0, lane[i])) * prime1 + prime4;
    return hash;
}

// What is less than a stripe, and the avalanche.
static NOINLINE uint64_t finish(uint64_t hash, const uint8_t *at, uint32_t left) {
    for (; left >= 8; left -= 8, at += 8) hash = rotl64(hash ^ round64(0, load64(at)), 27) * prime1 + prime4;
    if (left >= 4) {
        hash = rotl64(hash ^ load32(at) * prime1, 23) * prime2 + prime3;
        left -= 4, at += 4;
    }
    for (; left > 0; left--) hash = rotl64(hash ^ *at++ * prime5, 11) * prime1;
    hash = (hash ^ hash >> 33) * prime2;
    hash = (hash ^ hash >> 29) * prime3;
    return hash ^ hash >> 32;
}

EXPORT("xxh64") NOINLINE uint64_t xxh64(const uint8_t *at, uint32_t length, uint64_t seed) {
    uint32_t whole = length / STRIPE;
    uint64_t lane[4], hash = seed + prime5;
    if (whole > 0) {
        start_lanes(lane, seed);
        consume(lane, at, whole);
        hash = converge(lane);
    }
    return finish(hash + length, at + whole * STRIPE, length % STRIPE);
}

static void start(uint64_t seed) {
    start_lanes(state.lane, seed);
    state.seed = seed;
    state.length = state.filled = 0;
}

static NOINLINE void update(const uint8_t *at, uint32_t length) {
    state.length += length;
    if (state.filled > 0) {
        for (; length > 0 && state.filled < STRIPE; length--) state.pending[state.filled++] = *at++;
        if (state.filled < STRIPE) return;
        consume(state.lane, state.pending, 1);
    }
    consume(state.lane, at, length / STRIPE);
    at += length / STRIPE * STRIPE;
    state.filled = length % STRIPE;
    for (uint32_t i = 0; i < state.filled; i++) state.pending[i] = at[i];
}

static NOINLINE uint64_t digest(void) {
    uint64_t hash = state.length < STRIPE ? state.seed + prime5 : converge(state.lane);
    return finish(hash + state.length, state.pending, state.filled);
}

EXPORT("run") uint32_t run(void) {
    static const struct {
        const char *text;
        uint64_t seed, hash;
    } known[] = {
        {"", 0, 0xef46db3751d8e999},
        {"a", 0, 0xd24ec4f1a98c6e5b},
        {"abc", 0, 0x44bc2cf5ad770999},
        {"Nobody inspects the spammish repetition", 0, 0xfbcea83c8a378bf1},
        {"", 2654435761, 0xac75fda2929b17ef},
    };
    uint32_t sum = 0, seed = 0x85ebca6b;
    for (int i = 0; i < COUNT(known); i++) {
        uint32_t length = 0;
        while (known[i].text[length] != 0) length++;
        require(xxh64((const uint8_t *)known[i].text, length, known[i].seed) == known[i].hash);
    }

    for (int i = 0; i < BYTES; i++) bytes[i] = (uint8_t)(next_random(&seed) >> 24);
    for (uint32_t length = 0; length <= BYTES; length += 5) {
        uint64_t hash = xxh64(bytes + length % 2, length - length % 2, seed);
        start(seed);
        for (uint32_t at = length % 2, piece = 1; at < length; at += piece, piece = piece * 5 % 43 + 1) {
            if (piece > length - at) piece = length - at;
            update(bytes + at, piece);
        }
        require(digest() == hash);
        sum = mix64(sum, hash);
    }
    return sum;
}
