// Four small jobs in turn, of the mix that benchmarks of small cores have: a linked list sorted and searched,
// products of matrices of 16 bits, a scanner of numbers driven by its state, and CRC-16 over all of it.
//
// For a code generator: pointers to structures, calls through a pointer to a comparison, halfwords, nested
// loops, a switch on a state in a loop over bytes.
#include "corpus.h"

enum { ITEMS = 36, SIZE = 9, ROUNDS = 2 };

static uint16_t crc_byte(uint16_t crc, uint8_t byte) {
    crc ^= byte;
    for (int bit = 0; bit < 8; bit++) crc = (uint16_t)(crc >> 1 ^ (crc & 1 ? 0xa001 : 0));
    return crc;
}

// CRC-16/ARC: reflected, polynomial 0x8005.
EXPORT("crc16") NOINLINE uint32_t crc16(uint32_t crc, uint32_t half) {
    return crc_byte(crc_byte((uint16_t)crc, (uint8_t)half), (uint8_t)(half >> 8));
}

struct data {
    int16_t value, place;
};

struct item {
    struct item *next;
    struct data *data;
};

static struct item items[ITEMS];
static struct data contents[ITEMS];

typedef int (*comparison)(const struct data *, const struct data *);
static int by_value(const struct data *a, const struct data *b) { return a->value - b->value; }
static int by_place(const struct data *a, const struct data *b) { return a->place - b->place; }
// What looks expensive: by a checksum of the value.
static int by_crc(const struct data *a, const struct data *b) {
    return (int)crc16(0, (uint16_t)a->value) - (int)crc16(0, (uint16_t)b->value);
}
static const comparison orders[] = {by_value, by_place, by_crc};

// Insertion into a list that is in order already.
static NOINLINE struct item *sorted(struct item *list, comparison compare) {
    struct item *first = 0;
    while (list != 0) {
        struct item *one = list, **at = &first;
        list = list->next;
        while (*at != 0 && compare((*at)->data, one->data) <= 0) at = &(*at)->next;
        one->next = *at;
        *at = one;
    }
    return first;
}

static NOINLINE struct item *reversed(struct item *list) {
    struct item *done = 0;
    while (list != 0) {
        struct item *next = list->next;
        list->next = done;
        done = list;
        list = next;
    }
    return done;
}

static NOINLINE const struct item *find(const struct item *list, int16_t value) {
    while (list != 0 && list->data->value != value) list = list->next;
    return list;
}

static uint32_t list_job(uint32_t crc, uint32_t *seed) {
    struct item *list = 0;
    for (int i = 0; i < ITEMS; i++) {
        contents[i] = (struct data){(int16_t)(next_random(seed) >> 23), (int16_t)i};
        items[i] = (struct item){list, &contents[i]};
        list = &items[i];
    }
    for (int order = 0; order < COUNT(orders); order++) {
        list = sorted(reversed(list), orders[order]);
        for (struct item *at = list; at->next != 0; at = at->next)
            require(orders[order](at->data, at->next->data) <= 0);
        for (int16_t value = 0; value < 512; value += 64) {
            const struct item *found = find(list, value);
            crc = crc16(crc, found == 0 ? 0xffff : (uint16_t)found->data->place);
        }
    }
    return crc16(crc, (uint16_t)list->data->value);
}

static int16_t left[SIZE][SIZE], right[SIZE][SIZE];
static int32_t product[SIZE][SIZE];

// One row by one column for each element; answers the trace.
static NOINLINE int32_t multiply(void) {
    int32_t trace = 0;
    for (int i = 0; i < SIZE; i++) {
        for (int j = 0; j < SIZE; j++) {
            int32_t sum = 0;
            for (int k = 0; k < SIZE; k++) sum += left[i][k] * right[k][j];
            product[i][j] = sum;
        }
        trace += product[i][i];
    }
    return trace;
}

static void transpose(void) {
    for (int i = 0; i < SIZE; i++) {
        for (int j = i + 1; j < SIZE; j++) {
            int16_t a = left[i][j], b = right[i][j];
            left[i][j] = left[j][i], right[i][j] = right[j][i];
            left[j][i] = a, right[j][i] = b;
        }
    }
}

// (A B)^T = B^T A^T, so the trace of both products of the transposed is the same as before.
static uint32_t matrix_job(uint32_t crc, uint32_t *seed) {
    for (int i = 0; i < SIZE * SIZE; i++) {
        uint32_t bits = next_random(seed);
        left[i / SIZE][i % SIZE] = (int16_t)bits >> 2;
        right[i / SIZE][i % SIZE] = (int16_t)(bits >> 16) >> 2;
    }
    int32_t trace = multiply();
    for (int i = 0; i < SIZE; i++)
        for (int j = 0; j < SIZE; j++) crc = crc16(crc, (uint32_t)product[i][j] >> 8 & 0xffff);
    transpose();
    require(multiply() == trace);
    return crc;
}

enum state { START, SIGN, INTEGER, POINT, FRACTION, MARK, MARK_SIGN, SCALE, WRONG, STATES };

static int is_digit(char c) { return c >= '0' && c <= '9'; }

static enum state next_state(enum state state, char c) {
    switch (state) {
    case START: return is_digit(c) ? INTEGER : c == '+' || c == '-' ? SIGN : c == '.' ? POINT : WRONG;
    case SIGN: return is_digit(c) ? INTEGER : c == '.' ? POINT : WRONG;
    case INTEGER: return is_digit(c) ? INTEGER : c == '.' ? FRACTION : c == 'e' ? MARK : WRONG;
    case POINT: return is_digit(c) ? FRACTION : WRONG;
    case FRACTION: return is_digit(c) ? FRACTION : c == 'e' ? MARK : WRONG;
    case MARK: return is_digit(c) ? SCALE : c == '+' || c == '-' ? MARK_SIGN : WRONG;
    case MARK_SIGN: case SCALE: return is_digit(c) ? SCALE : WRONG;
    default: return WRONG;
    }
}

// Counts in which states the texts between commas end.
static NOINLINE void scan(const char *at, uint16_t *ends) {
    for (enum state state = START; *at != 0; at++) {
        if (*at == ',') ends[state]++, state = START;
        else state = next_state(state, *at);
    }
}

static uint32_t scan_job(uint32_t crc, uint32_t *seed) {
    static const char numbers[] = "12,-3.5,+.25,7e3,-1.5e-6,.,e4,1e,--2,4x,2e+,99.,0.0e00,";
    static const uint16_t known[STATES] = {0, 0, 1, 1, 3, 1, 1, 3, 3};
    char text[sizeof numbers];
    uint16_t ends[STATES] = {0};
    scan(numbers, ends);
    for (int i = 0; i < STATES; i++) require(ends[i] == known[i]);
    for (int i = 0; i < COUNT(text); i++) text[i] = numbers[i];
    for (int i = 0; i < 6; i++) {
        text[next_random(seed) % (sizeof text - 1)] ^= 1;
        scan(text, ends);
    }
    for (int i = 0; i < STATES; i++) crc = crc16(crc, ends[i]);
    return crc;
}

EXPORT("run") uint32_t run(void) {
    static const char check[] = "123456789";
    uint32_t sum = 0, seed = 0x510e527f;
    uint16_t crc = 0;
    for (int i = 0; i < 9; i++) crc = crc_byte(crc, (uint8_t)check[i]);
    require(crc == 0xbb3d);
    for (int i = 0; i < ROUNDS; i++) {
        sum = mix(sum, list_job(sum & 0xffff, &seed));
        sum = mix(sum, matrix_job(sum & 0xffff, &seed));
        sum = mix(sum, scan_job(sum & 0xffff, &seed));
    }
    return sum;
}
