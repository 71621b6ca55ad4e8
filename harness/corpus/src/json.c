// A JSON parser: checks a document, counts what it holds and hashes its strings and numbers.
//
// For a code generator: recursive descent, a switch on bytes, long chains of comparisons, a cursor in memory
// that every function moves.
#include "corpus.h"

enum { MAX_DEPTH = 16 };

static const char *cursor;
static int depth;
static uint32_t checksum;

static struct {
    uint32_t objects, arrays, strings, numbers, words;
} seen;

static NOINLINE int parse_value(void);

static inline void skip_space(void) {
    while (*cursor == ' ' || *cursor == '\n' || *cursor == '\t' || *cursor == '\r') cursor++;
}

// The byte at the cursor, which never passes the end.
static inline char take(void) {
    char c = *cursor;
    if (c != 0) cursor++;
    return c;
}

static inline int is_digit(char c) { return c >= '0' && c <= '9'; }

static inline int hex_digit(char c) {
    if (is_digit(c)) return c - '0';
    char lower = c | 0x20;
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

static NOINLINE int parse_word(const char *word) {
    for (; *word != 0; word++)
        if (take() != *word) return 0;
    seen.words++;
    return 1;
}

static NOINLINE int parse_string(void) {
    uint32_t hash = 0x811c9dc5;
    if (take() != '"') return 0;
    for (char c; (c = take()) != '"';) {
        uint32_t unit = (uint8_t)c;
        if (unit < 0x20) return 0;
        if (c == '\\') {
            switch (c = take()) {
            case 'b': unit = '\b'; break;
            case 'f': unit = '\f'; break;
            case 'n': unit = '\n'; break;
            case 'r': unit = '\r'; break;
            case 't': unit = '\t'; break;
            case '"': case '\\': case '/': unit = (uint8_t)c; break;
            case 'u':
                unit = 0;
                for (int i = 0; i < 4; i++) {
                    int digit = hex_digit(take());
                    if (digit < 0) return 0;
                    unit = unit << 4 | (uint32_t)digit;
                }
                break;
            default: return 0;
            }
        }
        hash = (hash ^ unit) * 0x01000193;
    }
    seen.strings++;
    checksum = mix(checksum, hash);
    return 1;
}

static NOINLINE int parse_number(void) {
    uint32_t value = 0;
    int negative = *cursor == '-';
    cursor += negative;
    if (!is_digit(*cursor)) return 0;
    if (*cursor == '0' && is_digit(cursor[1])) return 0;
    while (is_digit(*cursor)) value = value * 10 + (uint32_t)(*cursor++ - '0');
    if (*cursor == '.') {
        cursor++;
        if (!is_digit(*cursor)) return 0;
        while (is_digit(*cursor)) value = value * 10 + (uint32_t)(*cursor++ - '0');
    }
    if ((*cursor | 0x20) == 'e') {
        cursor++;
        if (*cursor == '+' || *cursor == '-') cursor++;
        if (!is_digit(*cursor)) return 0;
        while (is_digit(*cursor)) value = rotl(value, 3) + (uint32_t)(*cursor++ - '0');
    }
    seen.numbers++;
    checksum = mix(checksum, negative ? -value : value);
    return 1;
}

// Members or elements up to `close`.
static NOINLINE int parse_list(char close, int named) {
    cursor++;
    if (++depth > MAX_DEPTH) return 0;
    skip_space();
    if (*cursor == close) {
        cursor++;
    } else {
        for (;;) {
            if (named) {
                skip_space();
                if (!parse_string()) return 0;
                skip_space();
                if (take() != ':') return 0;
            }
            if (!parse_value()) return 0;
            char c = take();
            if (c == close) break;
            if (c != ',') return 0;
        }
    }
    depth--;
    return 1;
}

static int parse_value(void) {
    int good;
    skip_space();
    switch (*cursor) {
    case '{': seen.objects++, good = parse_list('}', 1); break;
    case '[': seen.arrays++, good = parse_list(']', 0); break;
    case '"': good = parse_string(); break;
    case 't': good = parse_word("true"); break;
    case 'f': good = parse_word("false"); break;
    case 'n': good = parse_word("null"); break;
    default: good = parse_number();
    }
    skip_space();
    return good;
}

static int parse(const char *document) {
    cursor = document;
    depth = 0;
    return parse_value() && *cursor == 0;
}

EXPORT("run") uint32_t run(void) {
    static const char document[] =
        "{\"schema\": 1, \"target\": \"thumbv7em-none-eabi\", \"reg_env\": \"r0-r8\",\n"
        " \"functions\": [{\"name\": \"flight_step\", \"peak\": 9, \"spills\": [0, 0, 17], \"fits\": true},\n"
        "  {\"name\": \"\\u0063ompress\", \"peak\": 21,"
        " \"spills\": [-12, 31.5, 4e2, 0.25E-3], \"fits\": false},\n"
        "  {\"name\": \"tab\\tand \\\"quotes\\\" and \\\\\", \"peak\": null, \"spills\": [], \"more\": {}}],\n"
        " \"nested\": [[[[[[[[1], 2], 3], 4], 5], 6], 7], 8]}";
    static const char *const bad[] = {
        "", "[1, 2", "[1 2]", "{\"a\" 1}", "{a: 1}", "01", "1.", "2e", "\"open", "\"\\x\"", "\"\\u12g4\"", "tru",
        "[] []",
        "[[[[[[[[[[[[[[[[[0]]]]]]]]]]]]]]]]]",
    };
    checksum = seen.objects = seen.arrays = seen.strings = seen.numbers = seen.words = 0;
    for (int i = 0; i < 8; i++) require(parse(document));
    require(seen.objects == 8 * 5 && seen.arrays == 8 * 12 && seen.strings == 8 * 22);
    require(seen.numbers == 8 * 18 && seen.words == 8 * 3);
    for (int i = 0; i < COUNT(bad); i++) require(!parse(bad[i]));
    return checksum;
}
