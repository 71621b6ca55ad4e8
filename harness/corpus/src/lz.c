// LZ4 block format: a greedy compressor with a hash table, and the decompressor.
//
// For a code generator: byte copies with overlapping source and destination, unaligned 32-bit reads put
// together from bytes, many values that live through nested loops (source, destination, ends, lengths).
#include "corpus.h"

enum { TEXT = 3000, MIN_MATCH = 4, LAST_LITERALS = 5, HASH_BITS = 9 };

static uint8_t text[TEXT], packed[TEXT + 64], unpacked[TEXT];
static uint16_t latest[1 << HASH_BITS];

static inline uint32_t read32(const uint8_t *p) {
    return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

// A length's part beyond the token's 15.
static uint8_t *put_length(uint8_t *out, int rest) {
    for (; rest >= 255; rest -= 255) *out++ = 255;
    *out++ = (uint8_t)rest;
    return out;
}

static NOINLINE uint8_t *put_sequence(uint8_t *out, const uint8_t *literals, int count, int offset, int match) {
    int beyond = match - MIN_MATCH;
    *out++ = (uint8_t)((count < 15 ? count : 15) << 4 | (match == 0 ? 0 : beyond < 15 ? beyond : 15));
    if (count >= 15) out = put_length(out, count - 15);
    for (int i = 0; i < count; i++) *out++ = literals[i];
    if (match == 0) return out;
    *out++ = (uint8_t)offset;
    *out++ = (uint8_t)(offset >> 8);
    return beyond >= 15 ? put_length(out, beyond - 15) : out;
}

static NOINLINE int compress(const uint8_t *in, int length, uint8_t *out) {
    uint8_t *start = out;
    int anchor = 0, at = 0, limit = length - LAST_LITERALS;
    for (int i = 0; i < COUNT(latest); i++) latest[i] = 0xffff;
    while (at + MIN_MATCH + LAST_LITERALS + 3 < length) {
        uint32_t sequence = read32(in + at);
        uint32_t hash = sequence * 2654435761u >> (32 - HASH_BITS);
        int candidate = latest[hash];
        latest[hash] = (uint16_t)at;
        if (candidate == 0xffff || read32(in + candidate) != sequence) {
            at++;
            continue;
        }
        int match = MIN_MATCH;
        while (at + match < limit && in[candidate + match] == in[at + match]) match++;
        out = put_sequence(out, in + anchor, at - anchor, at - candidate, match);
        at += match;
        anchor = at;
    }
    return (int)(put_sequence(out, in + anchor, length - anchor, 0, 0) - start);
}

// Answers the bytes written, or -1 if the input is no block that fits into `capacity` bytes.
static NOINLINE int decompress(const uint8_t *in, int length, uint8_t *out, int capacity) {
    const uint8_t *end = in + length;
    uint8_t *start = out, *out_end = out + capacity;
    while (in < end) {
        uint8_t token = *in++;
        int count = token >> 4;
        if (count == 15) {
            uint8_t more;
            do {
                if (in == end) return -1;
                more = *in++;
                count += more;
            } while (more == 255);
        }
        if (count > end - in || count > out_end - out) return -1;
        for (; count > 0; count--) *out++ = *in++;
        if (in == end) return (int)(out - start);

        if (end - in < 2) return -1;
        int offset = in[0] | in[1] << 8;
        in += 2;
        int match = (token & 15) + MIN_MATCH;
        if (match == 15 + MIN_MATCH) {
            uint8_t more;
            do {
                if (in == end) return -1;
                more = *in++;
                match += more;
            } while (more == 255);
        }
        if (offset == 0 || offset > out - start || match > out_end - out) return -1;
        for (const uint8_t *from = out - offset; match > 0; match--) *out++ = *from++;
    }
    return -1;
}

// Words from a small dictionary, so that there is something to find.
static void write_text(void) {
    static const char words[] = "the quick brown fox jumps over lazy dogs and registers spill into memory ";
    uint32_t seed = 7;
    int word = 0;
    for (int i = 0; i < TEXT; i++) {
        text[i] = (uint8_t)words[word++];
        if (words[word - 1] != ' ') continue;
        word = (int)(next_random(&seed) % (COUNT(words) - 1));
        while (word > 0 && words[word - 1] != ' ') word--;
    }
}

EXPORT("run") uint32_t run(void) {
    // Written by hand: "abc", then nine bytes from three back, then "end!!".
    static const uint8_t by_hand[] = {0x35, 'a', 'b', 'c', 3, 0, 0x50, 'e', 'n', 'd', '!', '!'};
    static const char expected[] = "abcabcabcabcend!!";
    require(decompress(by_hand, COUNT(by_hand), unpacked, TEXT) == COUNT(expected) - 1);
    for (int i = 0; i < COUNT(expected) - 1; i++) require(unpacked[i] == expected[i]);
    require(decompress(by_hand, COUNT(by_hand), unpacked, 16) == -1);
    require(decompress(by_hand, 5, unpacked, TEXT) == -1);

    write_text();
    int size = compress(text, TEXT, packed);
    require(size < TEXT / 2);
    require(decompress(packed, size, unpacked, TEXT) == TEXT);
    uint32_t sum = mix(0, (uint32_t)size);
    for (int i = 0; i < TEXT; i++) {
        require(text[i] == unpacked[i]);
        if (i < size) sum = mix(sum, packed[i]);
    }
    return sum;
}
