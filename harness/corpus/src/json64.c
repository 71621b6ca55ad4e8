// JSON rewritten in its shortest form, with integers of 64 bits and f64 numbers in as few digits as read back
// the same; sums of them as i64, f64 and f32.
//
// For a code generator: conversions between i64, f64 and f32 in all directions, 64-bit division by ten, mixed
// integer and float arguments, a recursive reader and writer with its state in memory.
#include "floats.h"

enum { ROOM = 640, MAX_DEPTH = 8, POWERS = 23, MOST_DIGITS = 17 };

static const char *cursor;
static char output[ROOM], again[ROOM];
static char *at, *end;
static int depth;

static struct {
    int64_t whole;
    double real;
    float single;
    int32_t exact;
} sums;

// 10^i, each exact in f64.
static const double power[POWERS] = {
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18,
    1e19, 1e20, 1e21, 1e22,
};

static void put(char c) {
    require(at < end);
    *at++ = c;
}

static NOINLINE void put_digits(uint64_t n, int least) {
    char digits[20];
    int length = 0;
    for (; n != 0 || length < least; n /= 10) digits[length++] = (char)('0' + n % 10);
    while (length > 0) put(digits[--length]);
}

static void put_whole(int64_t n) {
    if (n < 0) put('-');
    put_digits(n < 0 ? -(uint64_t)n : (uint64_t)n, 1);
}

// digits * 10^exponent, rounded once if f64 can hold the digits and the exponent is within 22 (Clinger, 1990).
EXPORT("decimal") NOINLINE double decimal(int64_t digits, int32_t exponent) {
    if (exponent <= -POWERS || exponent >= POWERS) return 0;
    return exponent < 0 ? (double)digits / power[-exponent] : (double)digits * power[exponent];
}

// The fewest digits that read back as x, or as the same f32, unless that takes powers beyond the table.
static NOINLINE void put_real(double x, int single) {
    if (bits_of_f64(x) >> 63 != 0) put('-');
    x = abs_f64(x);
    int exponent = 0, count = 1;
    while (exponent < POWERS - 1 && x >= power[exponent + 1]) exponent++;
    while (x != 0 && exponent > -POWERS && x < decimal(1, exponent)) exponent--;
    int64_t digits = 0;
    for (;; count++) {
        int shift = count - 1 - exponent;
        require(count <= MOST_DIGITS && shift < POWERS);
        double scaled = shift < 0 ? x / power[-shift] : x * power[shift];
        digits = (int64_t)nearest_f64(scaled);
        double back = decimal(digits, -shift);
        if (single ? (float)back == (float)x : back == x) break;
    }
    // Rounded up to the next power of ten.
    if (count == 1 && digits == 10) digits = 1, exponent++;
    uint64_t unit = 1;
    if (exponent < -4 || exponent > 15) {
        for (int i = 1; i < count; i++) unit *= 10;
        put((char)('0' + (uint64_t)digits / unit));
        if (count > 1) put('.'), put_digits((uint64_t)digits % unit, count - 1);
        put('e'), put_whole(exponent);
    } else if (count <= exponent + 1) {
        put_digits((uint64_t)digits, 1);
        for (int i = count; i <= exponent; i++) put('0');
        put('.'), put('0');
    } else {
        for (int i = exponent + 1; i < count; i++) unit *= 10;
        put_digits((uint64_t)digits / unit, 1);
        put('.'), put_digits((uint64_t)digits % unit, count - exponent - 1);
    }
}

static inline int is_digit(char c) { return c >= '0' && c <= '9'; }

// Digits at the cursor, onto `value`. Answers how many, or -1 if they exceed 64 bits.
static NOINLINE int take_digits(uint64_t *value) {
    int count = 0;
    for (; is_digit(*cursor); count++) {
        uint64_t digit = (uint64_t)(*cursor++ - '0');
        if (*value > (UINT64_MAX - digit) / 10) return -1;
        *value = *value * 10 + digit;
    }
    return count;
}

static int take(char c) { return *cursor == c ? cursor++, 1 : 0; }

// A number without point and exponent that fits i64 is one, every other is an f64.
static NOINLINE int take_number(void) {
    uint64_t digits = 0, power_of_ten = 0;
    int negative = take('-'), real = 0, exponent = 0;
    if (*cursor == '0' && is_digit(cursor[1])) return 0;
    if (take_digits(&digits) <= 0) return 0;
    if (take('.')) {
        real = 1;
        exponent = -take_digits(&digits);
        if (exponent >= 0) return 0;
    }
    if (take('e') || take('E')) {
        real = 1;
        int down = take('-');
        if (!down) take('+');
        if (take_digits(&power_of_ten) <= 0 || power_of_ten > 99) return 0;
        exponent += down ? -(int)power_of_ten : (int)power_of_ten;
    }
    if (!real && digits <= (uint64_t)INT64_MAX + (uint64_t)negative) {
        int64_t whole = (int64_t)(negative ? -digits : digits);
        sums.whole = (int64_t)((uint64_t)sums.whole + (uint64_t)whole);
        double rounded = (double)whole;
        sums.exact += rounded < 0x1p63 && (int64_t)rounded == whole;
        put_whole(whole);
        return 1;
    }
    double x = (double)digits;
    if (exponent != 0) {
        if (digits > INT64_MAX || (uint64_t)x != digits || exponent <= -POWERS || exponent >= POWERS) return 0;
        x = decimal((int64_t)digits, exponent);
    }
    x = copysign_f64(x, negative ? -1.0 : 1.0);
    sums.real += x;
    sums.single += (float)x;
    put_real(x, 0);
    return 1;
}

static char look(void) {
    while (*cursor == ' ' || *cursor == '\n') cursor++;
    return *cursor;
}

static NOINLINE int take_string(void) {
    if (!take('"')) return 0;
    for (put('"'); *cursor != '"'; put(*cursor++)) {
        if ((uint8_t)*cursor < 0x20) return 0;
        if (*cursor == '\\') put(*cursor++);
    }
    put(*cursor++);
    return 1;
}

static NOINLINE int take_word(const char *word) {
    for (; *word != 0; put(*word++))
        if (!take(*word)) return 0;
    return 1;
}

static NOINLINE int take_value(void) {
    char open = look();
    switch (open) {
    case '"': return take_string();
    case 't': return take_word("true");
    case 'f': return take_word("false");
    case 'n': return take_word("null");
    case '{': case '[': break;
    default: return take_number();
    }
    char close = open == '{' ? '}' : ']';
    if (++depth > MAX_DEPTH) return 0;
    cursor++, put(open), look();
    for (int first = 1; !take(close); first = 0) {
        if (!first && !take(',')) return 0;
        if (!first) put(',');
        if (open == '{') {
            if (look(), !take_string()) return 0;
            if (look(), !take(':')) return 0;
            put(':');
        }
        if (!take_value()) return 0;
        look();
    }
    depth--;
    put(close);
    return 1;
}

// Rewrites a document into `into`. Answers whether it is one.
static NOINLINE int rewrite(char *into, const char *document) {
    cursor = document;
    at = into, end = into + ROOM;
    depth = 0;
    int good = take_value() && look() == 0;
    put(0);
    return good;
}

static int same(const char *a, const char *b) {
    while (*a == *b && *a != 0) a++, b++;
    return *a == *b;
}

EXPORT("run") uint32_t run(void) {
    static const char document[] =
        "{ \"time\": 1700000000123456789, \"id\": -9223372036854775808, \"beyond\": 9223372036854775808,\n"
        "  \"place\": [47.37690, -8.5417E0, 408.0, 0.1, 450359962737049.5, -0.0],\n"
        "  \"units\": [6.62607015e-13, 1.602176634e-3, 299792458, 2.99792458E+8, 6.02214076e22, 1e-7, 25e-1],\n"
        "  \"edges\": [9007199254740991, 9007199254740993, 9007199254740992.0, 123456789.125, 1e15, 1e16],\n"
        "  \"name\": \"a \\\"quoted\\\" name\", \"more\": {\"fix\": true, \"old\": [false, null, [], {}]} }";
    static const char shortest[] =
        "{\"time\":1700000000123456789,\"id\":-9223372036854775808,\"beyond\":9.223372036854776e18,"
        "\"place\":[47.3769,-8.5417,408.0,0.1,450359962737049.5,-0.0],"
        "\"units\":[6.62607015e-13,0.001602176634,299792458,299792458.0,6.02214076e22,1e-7,2.5],"
        "\"edges\":[9007199254740991,9007199254740993,9007199254740992.0,123456789.125,1000000000000000.0,"
        "1e16],"
        "\"name\":\"a \\\"quoted\\\" name\",\"more\":{\"fix\":true,\"old\":[false,null,[],{}]}}";
    static const char *const bad[] = {
        "", "[1, 2", "01", "1.", ".5", "2e", "--1", "1e99", "18446744073709551616", "1.8446744073709551615",
        "[1 2]", "{1:2}", "\"open", "tru", "[[[[[[[[[0]]]]]]]]]",
    };
    static const float singles[] = {0.1f, 3.14159265f, 16777217.0f, 1e-5f, -65504.0f};
    sums.whole = 0, sums.exact = 0;
    sums.real = 0, sums.single = 0;
    require(rewrite(output, document) && same(output, shortest));
    require(sums.whole == -INT64_MAX - 1 + 1700000000123456789 + 299792458 + 2 * 9007199254740992);
    require(sums.exact == 3);
    require(rewrite(again, output) && same(again, shortest));

    at = again;
    for (int i = 0; i < COUNT(singles); i++) put_real((double)singles[i], 1), put(' ');
    put(0);
    require(same(again, "0.1 3.1415927 16777216.0 1e-5 -65504.0 "));
    uint32_t sum = mix_f32(mix_f64(mix64(0, (uint64_t)sums.whole), sums.real), sums.single);
    for (int i = 0; i < COUNT(bad); i++) require(!rewrite(again, bad[i]));
    for (int i = 0; i < ROOM; i++) sum = mix(sum, (uint8_t)output[i]);
    return sum;
}
