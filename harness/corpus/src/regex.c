// A backtracking matcher for small regular expressions: . [a-z] [^..] * + ? ^ $ and escapes.
//
// For a code generator: mutual recursion with several live values across calls, byte scanning, many exits.
#include "corpus.h"

static NOINLINE int match_here(const char *pattern, const char *text);

// The end of the one-character item at `pattern`.
static NOINLINE const char *item_end(const char *pattern) {
    if (*pattern == '\\') return pattern + 2;
    if (*pattern != '[') return pattern + 1;
    do pattern++;
    while (*pattern != ']');
    return pattern + 1;
}

static NOINLINE int item_accepts(const char *item, const char *end, char c) {
    if (c == 0) return 0;
    if (*item == '.') return 1;
    if (*item == '\\') return item[1] == c;
    if (*item != '[') return *item == c;
    int accepted = 1;
    if (*++item == '^') item++, accepted = 0;
    while (item < end - 1) {
        if (item[1] == '-' && item + 2 < end - 1) {
            if (item[0] <= c && c <= item[2]) return accepted;
            item += 3;
        } else if (*item++ == c) {
            return accepted;
        }
    }
    return !accepted;
}

// As many items as possible, then fewer and fewer until the rest fits too.
static NOINLINE int match_repeated(const char *item, const char *end, int at_least, int at_most, const char *rest,
                                   const char *text) {
    int count = 0;
    while (count < at_most && item_accepts(item, end, text[count])) count++;
    for (; count >= at_least; count--) {
        int length = match_here(rest, text + count);
        if (length >= 0) return count + length;
    }
    return -1;
}

// The length of the match that starts at `text`, or -1.
static int match_here(const char *pattern, const char *text) {
    const char *start = text;
    while (*pattern != 0) {
        if (pattern[0] == '$' && pattern[1] == 0) return *text == 0 ? (int)(text - start) : -1;
        const char *end = item_end(pattern);
        int at_least = *end == '+', at_most = *end == '?' ? 1 : INT16_MAX;
        if (*end == '*' || *end == '+' || *end == '?') {
            int length = match_repeated(pattern, end, at_least, at_most, end + 1, text);
            return length < 0 ? -1 : (int)(text - start) + length;
        }
        if (!item_accepts(pattern, end, *text)) return -1;
        pattern = end;
        text++;
    }
    return (int)(text - start);
}

// Position and length of the leftmost match as position * 256 + length, or -1.
static NOINLINE int search(const char *pattern, const char *text) {
    if (*pattern == '^') return match_here(pattern + 1, text);
    for (int at = 0;; at++) {
        int length = match_here(pattern, text + at);
        if (length >= 0) return at << 8 | length;
        if (text[at] == 0) return -1;
    }
}

EXPORT("run") uint32_t run(void) {
    static const struct {
        char pattern[24], text[40];
        int16_t expected;
    } cases[] = {
        {"registers", "nine registers suffice", 5 << 8 | 9},
        {"^nine", "nine registers suffice", 4},
        {"^registers", "nine registers suffice", -1},
        {"suffice$", "nine registers suffice", 15 << 8 | 7},
        {"nine$", "nine registers suffice", -1},
        {"[0-9]+", "r0 to r12", 1 << 8 | 1},
        {"r[0-9][0-9]+", "r0 to r12", 6 << 8 | 3},
        {"[^a-z ]", "spill 17 words", 6 << 8 | 1},
        {"colou?r", "a color, a colour", 2 << 8 | 5},
        {"colou?r$", "a color, a colour", 11 << 8 | 6},
        {"a.*b.*c", "xaxxbxxbxxcxxbx", 1 << 8 | 10},
        {"\\[.*\\]", "str r0, [sp, #4]", 8 << 8 | 8},
        {"a*a*a*b", "aaaaaaaa", -1},
        {"x*", "aaa", 0},
        {"[a-z]+@[a-z]+\\.[a-z]+$", "mail to: someone@example.org", 9 << 8 | 19},
    };
    uint32_t sum = 0;
    for (int i = 0; i < COUNT(cases); i++) {
        int found = search(cases[i].pattern, cases[i].text);
        require(found == cases[i].expected);
        sum = mix(sum, (uint32_t)found);
    }
    return sum;
}
