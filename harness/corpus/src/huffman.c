// Canonical Huffman coding: code lengths from the text's frequencies, an encoder, and a decoder that walks
// the canonical code by length.
//
// For a code generator: bit readers and writers whose state lives across loops, 16-bit tables, selection of
// the two smallest nodes, loops that end on data.
#include "corpus.h"

enum { SYMBOLS = 32, NODES = 2 * SYMBOLS - 1, TEXT = 600, MAX_LENGTH = 31 };

static uint8_t text[TEXT], decoded[TEXT], bits[TEXT];
static uint8_t lengths[SYMBOLS];

static struct {
    uint8_t *at;
    uint32_t buffer;
    int held;
} io;

// Joins the two lightest trees until one is left; a symbol's length is its depth.
static NOINLINE void find_lengths(const uint8_t *in, int count) {
    static uint16_t weight[NODES], parent[NODES];
    for (int i = 0; i < NODES; i++) weight[i] = parent[i] = 0;
    for (int i = 0; i < SYMBOLS; i++) weight[i] = 1;
    for (int i = 0; i < count; i++) weight[in[i]]++;
    for (int next = SYMBOLS; next < NODES; next++) {
        int first = -1, second = -1;
        for (int i = 0; i < next; i++) {
            if (parent[i] != 0) continue;
            if (first < 0 || weight[i] < weight[first]) second = first, first = i;
            else if (second < 0 || weight[i] < weight[second]) second = i;
        }
        weight[next] = weight[first] + weight[second];
        parent[first] = parent[second] = (uint16_t)next;
    }
    for (int i = 0; i < SYMBOLS; i++) {
        int depth = 0;
        for (int node = i; parent[node] != 0; node = parent[node]) depth++;
        lengths[i] = (uint8_t)depth;
    }
}

static NOINLINE void put_bits(uint32_t code, int length) {
    for (int i = length - 1; i >= 0; i--) {
        io.buffer = io.buffer << 1 | (code >> i & 1);
        if (++io.held == 8) {
            *io.at++ = (uint8_t)io.buffer;
            io.held = 0;
        }
    }
}

static NOINLINE int encode(const uint8_t *in, int count, uint8_t *out) {
    static uint32_t codes[SYMBOLS];
    uint32_t code = 0;
    for (int length = 1; length <= MAX_LENGTH; length++, code <<= 1)
        for (int i = 0; i < SYMBOLS; i++)
            if (lengths[i] == length) codes[i] = code++;
    io.at = out, io.buffer = 0, io.held = 0;
    for (int i = 0; i < count; i++) put_bits(codes[in[i]], lengths[in[i]]);
    while (io.held != 0) put_bits(0, 1);
    return (int)(io.at - out);
}

static NOINLINE void decode(const uint8_t *in, uint8_t *out, int count) {
    static uint8_t per_length[MAX_LENGTH + 1], ordered[SYMBOLS];
    int filled = 0;
    for (int length = 0; length <= MAX_LENGTH; length++) {
        per_length[length] = 0;
        for (int i = 0; length > 0 && i < SYMBOLS; i++) {
            if (lengths[i] != length) continue;
            per_length[length]++;
            ordered[filled++] = (uint8_t)i;
        }
    }
    uint32_t buffer = 0;
    int held = 0;
    for (uint8_t *end = out + count; out < end; out++) {
        // Of the codes of one length, `first` is the smallest and stands at `index` in order.
        int32_t code = 0, first = 0, index = 0;
        for (int length = 1;; length++) {
            if (held == 0) buffer = *in++, held = 8;
            code |= (int32_t)(buffer >> --held & 1);
            int32_t here = per_length[length];
            if (code - first < here) {
                *out = ordered[index + code - first];
                break;
            }
            require(length < MAX_LENGTH);
            index += here;
            first = (first + here) << 1;
            code <<= 1;
        }
    }
}

EXPORT("run") uint32_t run(void) {
    uint32_t seed = 21;
    for (int i = 0; i < TEXT; i++) {
        // The minimum of three throws leans towards small symbols.
        uint32_t throw = next_random(&seed), least = throw & 31;
        if ((throw >> 5 & 31) < least) least = throw >> 5 & 31;
        if ((throw >> 10 & 31) < least) least = throw >> 10 & 31;
        text[i] = (uint8_t)least;
    }
    find_lengths(text, TEXT);

    // Kraft: a full tree's codes fill the unit interval.
    uint32_t filled = 0;
    for (int i = 0; i < SYMBOLS; i++) filled += 1u << (24 - lengths[i]);
    require(filled == 1u << 24);

    int size = encode(text, TEXT, bits);
    require(size < TEXT * 5 / 8);
    decode(bits, decoded, TEXT);
    uint32_t sum = mix(0, (uint32_t)size);
    for (int i = 0; i < TEXT; i++) {
        require(decoded[i] == text[i]);
        if (i < size) sum = mix(sum, bits[i]);
    }
    return sum;
}
