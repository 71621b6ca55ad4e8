// Expressions in infix notation: parsed by precedence into trees, evaluated in i64 and in f64.
//
// For a code generator: everything goes through tables of functions of many types, so indirect calls with
// i32, i64 and f64 arguments; recursion through them; 64-bit values alive across calls.
#include "floats.h"

enum { NODES = 64 };
enum kind { NUMBER, VARIABLE, ASSIGN, NEGATE, INVERT, BINARY, CALL, KINDS };

struct node {
    uint8_t kind, what;    // `what` is a variable, an operator or a function, as the kind has it
    uint8_t child[3];
    int64_t value;
};

static struct node nodes[NODES];
static int used, failed;
static const char *cursor;
static int64_t variables[26];

static int64_t fail(void) {
    failed = 1;
    return 0;
}

// What operators do. Integers wrap around.
static int64_t add(int64_t x, int64_t y) { return (int64_t)((uint64_t)x + (uint64_t)y); }
static int64_t subtract(int64_t x, int64_t y) { return (int64_t)((uint64_t)x - (uint64_t)y); }
static int64_t multiply(int64_t x, int64_t y) { return (int64_t)((uint64_t)x * (uint64_t)y); }
static int64_t divide(int64_t x, int64_t y) { return y == 0 ? fail() : y == -1 ? subtract(0, x) : x / y; }
static int64_t rest(int64_t x, int64_t y) { return y == 0 ? fail() : y == -1 ? 0 : x % y; }
static int64_t and(int64_t x, int64_t y) { return x & y; }
static int64_t or(int64_t x, int64_t y) { return x | y; }
static int64_t xor(int64_t x, int64_t y) { return x ^ y; }
static int64_t left(int64_t x, int64_t y) { return (int64_t)((uint64_t)x << (y & 63)); }
static int64_t right(int64_t x, int64_t y) { return x >> (y & 63); }
static int64_t less(int64_t x, int64_t y) { return x < y; }
static int64_t same(int64_t x, int64_t y) { return x == y; }
static double add_real(double x, double y) { return x + y; }
static double subtract_real(double x, double y) { return x - y; }
static double multiply_real(double x, double y) { return x * y; }
static double divide_real(double x, double y) { return x / y; }
static double less_real(double x, double y) { return x < y; }

static const struct operator {
    char symbol[3];
    uint8_t precedence;
    int64_t (*whole)(int64_t, int64_t);
    double (*real)(double, double);
} operators[] = {
    {"<<", 5, left, 0}, {">>", 5, right, 0}, {"==", 4, same, 0}, {"<", 4, less, less_real},
    {"+", 6, add, add_real}, {"-", 6, subtract, subtract_real}, {"*", 7, multiply, multiply_real},
    {"/", 7, divide, divide_real}, {"%", 7, rest, 0}, {"&", 3, and, 0}, {"^", 2, xor, 0}, {"|", 1, or, 0},
};

static int64_t magnitude(int64_t x) { return x < 0 ? subtract(0, x) : x; }
static int64_t ones(int64_t x) { return __builtin_popcountll((uint64_t)x); }
static int64_t smaller(int64_t x, int64_t y) { return x < y ? x : y; }
static int64_t choose(int64_t condition, int64_t x, int64_t y) { return condition != 0 ? x : y; }

static const struct function {
    const char *name;
    int arity;
    union {
        int64_t (*one)(int64_t);
        int64_t (*two)(int64_t, int64_t);
        int64_t (*three)(int64_t, int64_t, int64_t);
    } call;
} functions[] = {
    {"abs", 1, {.one = magnitude}}, {"ones", 1, {.one = ones}}, {"min", 2, {.two = smaller}},
    {"if", 3, {.three = choose}},
};

// Parsing. Every function answers the index of a node; after a failure it means nothing.
static int parse(int precedence);

static int parse_nothing(void) { return failed = 1, 0; }

static int new_node(enum kind kind, int what, int first, int second) {
    if (used == NODES) return parse_nothing();
    nodes[used] = (struct node){(uint8_t)kind, (uint8_t)what, {(uint8_t)first, (uint8_t)second, 0}, 0};
    return used++;
}

static char look(void) {
    while (*cursor == ' ') cursor++;
    return *cursor;
}

static int take(const char *symbol) {
    int i = 0;
    look();
    while (symbol[i] != 0 && cursor[i] == symbol[i]) i++;
    if (symbol[i] != 0) return 0;
    cursor += i;
    return 1;
}

static int is_letter(char c) { return c >= 'a' && c <= 'z'; }

static int parse_number(void) {
    int node = new_node(NUMBER, 0, 0, 0);
    uint64_t value = 0;
    while (*cursor >= '0' && *cursor <= '9') value = value * 10 + (uint64_t)(*cursor++ - '0');
    nodes[node].value = (int64_t)value;
    return node;
}

static int parse_name(void) {
    if (!is_letter(cursor[1])) {
        int variable = *cursor++ - 'a';
        if (look() != ':') return new_node(VARIABLE, variable, 0, 0);
        return take(":=") ? new_node(ASSIGN, variable, parse(1), 0) : parse_nothing();
    }
    for (int f = 0; f < COUNT(functions); f++) {
        if (!take(functions[f].name)) continue;
        int node = new_node(CALL, f, 0, 0);
        for (int i = 0; i < functions[f].arity; i++) {
            if (!take(i == 0 ? "(" : ",")) failed = 1;
            nodes[node].child[i] = (uint8_t)parse(1);
        }
        return take(")") ? node : parse_nothing();
    }
    return parse_nothing();
}

static int parse_group(void) {
    cursor++;
    int node = parse(1);
    return take(")") ? node : parse_nothing();
}

static int parse_prefix(void) {
    enum kind kind = *cursor++ == '-' ? NEGATE : INVERT;
    return new_node(kind, 0, parse(8), 0);
}

// A row per class of first character.
static int (*const parsers[])(void) = {parse_nothing, parse_number, parse_name, parse_group, parse_prefix};

static NOINLINE int parse(int precedence) {
    char c = look();
    int class = c >= '0' && c <= '9' ? 1 : is_letter(c) ? 2 : c == '(' ? 3 : c == '-' || c == '~' ? 4 : 0;
    int node = parsers[class]();
    for (int op = 0; op < COUNT(operators) && !failed; op++) {
        if (operators[op].precedence < precedence || !take(operators[op].symbol)) continue;
        node = new_node(BINARY, op, node, parse(operators[op].precedence + 1));
        op = -1;
    }
    return node;
}

// Evaluation in i64, by kind.
static int64_t (*const evaluators[KINDS])(const struct node *);
static const struct node *child(const struct node *n, int i) { return &nodes[n->child[i]]; }
static int64_t value_of(const struct node *n) { return evaluators[n->kind](n); }
static int64_t value_of_number(const struct node *n) { return n->value; }
static int64_t value_of_variable(const struct node *n) { return variables[n->what]; }
static int64_t assign(const struct node *n) { return variables[n->what] = value_of(child(n, 0)); }
static int64_t negate(const struct node *n) { return subtract(0, value_of(child(n, 0))); }
static int64_t invert(const struct node *n) { return ~value_of(child(n, 0)); }
static int64_t apply(const struct node *n) {
    int64_t x = value_of(child(n, 0));
    return operators[n->what].whole(x, value_of(child(n, 1)));
}
static int64_t call(const struct node *n) {
    const struct function *f = &functions[n->what];
    int64_t x = value_of(child(n, 0));
    if (f->arity == 1) return f->call.one(x);
    int64_t y = value_of(child(n, 1));
    return f->arity == 2 ? f->call.two(x, y) : f->call.three(x, y, value_of(child(n, 2)));
}
static int64_t (*const evaluators[KINDS])(const struct node *) = {
    value_of_number, value_of_variable, assign, negate, invert, apply, call,
};

// Evaluation in f64, of what has a meaning there.
static NOINLINE double real_of(const struct node *n) {
    switch (n->kind) {
    case NUMBER: case VARIABLE: return (double)value_of(n);
    case NEGATE: return -real_of(child(n, 0));
    case BINARY:
        if (operators[n->what].real != 0) {
            double x = real_of(child(n, 0));
            return operators[n->what].real(x, real_of(child(n, 1)));
        }
    }
    return (double)fail();
}

// The tree, or null.
static const struct node *parse_text(const char *from) {
    cursor = from;
    used = failed = 0;
    int root = parse(1);
    return failed || look() != 0 ? 0 : &nodes[root];
}

// The value of the operator at `index`: an indirect call, with the caller's operands.
EXPORT("apply_operator") int64_t apply_operator(uint32_t index, int64_t x, int64_t y) {
    return operators[index % COUNT(operators)].whole(x, y);
}

EXPORT("run") uint32_t run(void) {
    static const struct {
        const char *text;
        int64_t value;
    } known[] = {
        {"1 + 2 * 3 - 4", 3}, {"(1 + 2) * -3", -9}, {"7 - 2 - 1 << 2", 16}, {"1 << 40 | 6 & 3", 0x10000000002},
        {"if(2 < 3, abs(-5), 4 / 2 - 1)", 5}, {"-9 / 2 * 100 + -9 % 2", -401}, {"ones(~0) == 64", 1},
        {"min(9223372036854775807 + 1, 5) >> 62", -2}, {"3037000500 * 3037000500", -9223372036709301616},
        {"x := y := 6 * 7", 42}, {"x * y + z", 1764}, {"-(8 ^ ~1) % 5", 0},
    };
    static const char *const bad[] = {
        "", "1 +", "(2", "2)", "f00", "abs 1", "min(1)", "x : 3", "1 2", "*3", "if(1, 2)",
    };
    uint32_t sum = 0;
    for (int i = 0; i < 26; i++) variables[i] = 0;
    for (int i = 0; i < COUNT(known); i++) {
        const struct node *root = parse_text(known[i].text);
        require(root != 0);
        int64_t value = value_of(root);
        require(!failed && value == known[i].value);
        sum = mix64(sum, (uint64_t)value);
    }
    for (int i = 0; i < COUNT(bad); i++) require(parse_text(bad[i]) == 0);
    require(value_of(parse_text("3 + 5 % (2 - 2)")) == 3 && failed);

    // Knuth's MMIX generator, and a polynomial in both arithmetics.
    const struct node *generator = parse_text("x := x * 6364136223846793005 + 1442695040888963407");
    uint64_t x = (uint64_t)variables['x' - 'a'];
    for (int i = 0; i < 500; i++) {
        x = x * 6364136223846793005 + 1442695040888963407;
        require((uint64_t)value_of(generator) == x);
    }
    const struct node *polynomial = parse_text("((3 * t - 20) * t + 7) * (t < 90) - t / 4 * 4");
    for (int64_t t = 0; t < 100; t += 4) {
        variables['t' - 'a'] = t;
        double real = real_of(polynomial);
        require(!failed && real == (double)value_of(polynomial));
        sum = mix_f64(sum, real);
    }
    return mix64(sum, x);
}
