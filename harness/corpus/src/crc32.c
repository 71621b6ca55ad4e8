// CRC-32 (IEEE 802.3) of the same bytes, once with a table and once bit by bit.
//
// For a code generator: short hot loops, byte loads, a table indexed by a computed byte, and a data
// dependent select in a loop that runs eight times a byte. Few values live: no allocator should spill.
#include "corpus.h"

enum { POLYNOMIAL = (int)0xedb88320, BYTES = 1024 };

static uint32_t table[256];
static uint8_t message[BYTES];

static void build_table(void) {
    for (uint32_t byte = 0; byte < 256; byte++) {
        uint32_t crc = byte;
        for (int bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >> 1) ^ (uint32_t)POLYNOMIAL : crc >> 1;
        table[byte] = crc;
    }
}

static NOINLINE uint32_t crc_by_table(const uint8_t *bytes, int length) {
    uint32_t crc = ~0u;
    for (int i = 0; i < length; i++) crc = table[(crc ^ bytes[i]) & 0xff] ^ (crc >> 8);
    return ~crc;
}

static NOINLINE uint32_t crc_by_bit(const uint8_t *bytes, int length) {
    uint32_t crc = ~0u;
    for (int i = 0; i < length; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++) crc = (crc >> 1) ^ (-(crc & 1) & (uint32_t)POLYNOMIAL);
    }
    return ~crc;
}

EXPORT("run") uint32_t run(void) {
    static const uint8_t check[] = "123456789";
    build_table();
    require(crc_by_table(check, 9) == 0xcbf43926u);
    require(crc_by_bit(check, 9) == 0xcbf43926u);

    uint32_t seed = 1, sum = 0;
    for (int i = 0; i < BYTES; i++) message[i] = (uint8_t)next_random(&seed);
    for (int length = BYTES; length > 0; length >>= 1) {
        uint32_t crc = crc_by_table(message, length);
        require(crc == crc_by_bit(message, length));
        sum = mix(sum, crc);
    }
    return sum;
}
