// AES-128 (FIPS 197), encryption and decryption with byte tables computed at the start.
//
// For a code generator: byte loads and stores everywhere, table lookups by data, small loops of fixed
// count that the C compiler unrolls, and a column step with eight values live.
#include "corpus.h"

enum { ROUNDS = 10 };

static uint8_t sbox[256], inverse_sbox[256];
static uint8_t round_keys[16 * (ROUNDS + 1)];

static uint8_t doubled(uint8_t x) { return (uint8_t)(x << 1 ^ (x >> 7) * 0x1b); }

// Walks the field with a generator and its inverse at once, so that p * q stays 1.
static NOINLINE void build_tables(void) {
    uint8_t p = 1, q = 1;
    do {
        p = (uint8_t)(p ^ doubled(p));
        q ^= (uint8_t)(q << 1);
        q ^= (uint8_t)(q << 2);
        q ^= (uint8_t)(q << 4);
        if (q & 0x80) q ^= 0x09;
        uint32_t twice = q | (uint32_t)q << 8;
        uint8_t s = (uint8_t)(q ^ twice >> 7 ^ twice >> 6 ^ twice >> 5 ^ twice >> 4 ^ 0x63);
        sbox[p] = s;
        inverse_sbox[s] = p;
    } while (p != 1);
    sbox[0] = 0x63;
    inverse_sbox[0x63] = 0;
}

static NOINLINE void expand_key(const uint8_t key[16]) {
    for (int i = 0; i < 16; i++) round_keys[i] = key[i];
    uint8_t constant = 1;
    for (int i = 16; i < COUNT(round_keys); i += 4) {
        uint8_t *word = round_keys + i, *last = word - 4;
        uint8_t t0 = last[0], t1 = last[1], t2 = last[2], t3 = last[3];
        if (i % 16 == 0) {
            uint8_t first = t0;
            t0 = sbox[t1] ^ constant, t1 = sbox[t2], t2 = sbox[t3], t3 = sbox[first];
            constant = doubled(constant);
        }
        word[0] = word[-16] ^ t0, word[1] = word[-15] ^ t1;
        word[2] = word[-14] ^ t2, word[3] = word[-13] ^ t3;
    }
}

static NOINLINE void add_round_key(uint8_t s[16], int round) {
    for (int i = 0; i < 16; i++) s[i] ^= round_keys[16 * round + i];
}

// Substitutes every byte and turns row r by r columns, backwards if `turn` is 3.
static NOINLINE void substitute_and_shift(uint8_t s[16], const uint8_t box[256], int turn) {
    uint8_t from[16];
    for (int i = 0; i < 16; i++) from[i] = s[i];
    for (int i = 0; i < 16; i++) s[i] = box[from[(i + 4 * turn * (i & 3)) & 15]];
}

static NOINLINE void mix_columns(uint8_t s[16]) {
    for (uint8_t *c = s; c < s + 16; c += 4) {
        uint8_t a = c[0], b = c[1], d = c[2], e = c[3], all = a ^ b ^ d ^ e;
        c[0] = a ^ all ^ doubled(a ^ b);
        c[1] = b ^ all ^ doubled(b ^ d);
        c[2] = d ^ all ^ doubled(d ^ e);
        c[3] = e ^ all ^ doubled(e ^ a);
    }
}

static NOINLINE void unmix_columns(uint8_t s[16]) {
    for (uint8_t *c = s; c < s + 16; c += 4) {
        uint8_t even = doubled(doubled(c[0] ^ c[2])), odd = doubled(doubled(c[1] ^ c[3]));
        c[0] ^= even, c[2] ^= even;
        c[1] ^= odd, c[3] ^= odd;
    }
    mix_columns(s);
}

static NOINLINE void encrypt(uint8_t s[16]) {
    add_round_key(s, 0);
    for (int round = 1; round < ROUNDS; round++) {
        substitute_and_shift(s, sbox, 1);
        mix_columns(s);
        add_round_key(s, round);
    }
    substitute_and_shift(s, sbox, 1);
    add_round_key(s, ROUNDS);
}

static NOINLINE void decrypt(uint8_t s[16]) {
    add_round_key(s, ROUNDS);
    for (int round = ROUNDS - 1; round > 0; round--) {
        substitute_and_shift(s, inverse_sbox, 3);
        add_round_key(s, round);
        unmix_columns(s);
    }
    substitute_and_shift(s, inverse_sbox, 3);
    add_round_key(s, 0);
}

EXPORT("run") uint32_t run(void) {
    // FIPS 197, appendix C.1: key 00..0f, plaintext 00 11 .. ff.
    static const uint8_t expected[16] = {0x69, 0xc4, 0xe0, 0xd8, 0x6a, 0x7b, 0x04, 0x30,
                                         0xd8, 0xcd, 0xb7, 0x80, 0x70, 0xb4, 0xc5, 0x5a};
    uint8_t key[16], s[16];
    for (int i = 0; i < 16; i++) key[i] = (uint8_t)i, s[i] = (uint8_t)(i * 0x11);
    build_tables();
    expand_key(key);
    encrypt(s);
    for (int i = 0; i < 16; i++) require(s[i] == expected[i]);
    decrypt(s);
    for (int i = 0; i < 16; i++) require(s[i] == i * 0x11);

    // Cipher feedback over some blocks, then back again.
    uint32_t sum = 0;
    for (int block = 0; block < 12; block++) {
        encrypt(s);
        for (int i = 0; i < 16; i++) sum = mix(sum, s[i]);
    }
    for (int block = 0; block < 12; block++) decrypt(s);
    for (int i = 0; i < 16; i++) require(s[i] == i * 0x11);
    return sum;
}
