// A bytecode interpreter: a stack machine of 79 operators running a sieve, Euclid's algorithm and bit tricks.
//
// For a code generator: one loop around one large br_table. The machine's state (program counter, stack
// pointer, checksum) lives across some eighty blocks, each with needs of its own.
#include "corpus.h"

// Each operator and the number of operand bytes behind it.
#define OPERATORS(X)                                                                                          \
    X(HALT, 0) X(NOP, 0) X(PUSH, 1) X(PUSH16, 2) X(PUSHM1, 0) X(ZERO, 0) X(ONE, 0) X(DUP, 0) X(DUP2, 0)       \
    X(DROP, 0) X(SWAP, 0) X(OVER, 0) X(ROT, 0) X(NIP, 0) X(TUCK, 0) X(PICK, 0) X(ADD, 0) X(SUB, 0)            \
    X(RSUB, 0) X(MUL, 0) X(DIVS, 0) X(DIVU, 0) X(REMS, 0) X(REMU, 0) X(NEG, 0) X(INC, 0) X(DEC, 0) X(ABS, 0)  \
    X(MINS, 0) X(MAXS, 0) X(MINU, 0) X(MAXU, 0) X(AND, 0) X(OR, 0) X(XOR, 0) X(NOT, 0) X(ANDNOT, 0)           \
    X(SHL, 0) X(SHRU, 0) X(SHRS, 0) X(ROTL, 0) X(ROTR, 0) X(CLZ, 0) X(CTZ, 0) X(POPCNT, 0) X(BSWAP, 0)        \
    X(EQ, 0) X(NE, 0) X(LTS, 0) X(LTU, 0) X(GTS, 0) X(GTU, 0) X(LES, 0) X(LEU, 0) X(EQZ, 0) X(SEXT8, 0)       \
    X(SEXT16, 0) X(ZEXT8, 0) X(ZEXT16, 0) X(LOAD8U, 0) X(LOAD8S, 0) X(LOAD16U, 0) X(LOAD16S, 0) X(LOAD32, 0)  \
    X(STORE8, 0) X(STORE16, 0) X(STORE32, 0) X(GET, 1) X(SET, 1) X(TEE, 1) X(BUMP, 2) X(MARK, 1) X(JUMP, 1)   \
    X(JZ, 1) X(JNZ, 1) X(LOOP, 2) X(CALL, 1) X(RET, 0) X(MIX, 0)

#define NAME(operator, operands) operator,
enum { OPERATORS(NAME) OPERATOR_COUNT };

#define OPERANDS(operator, operands) operands,
static const uint8_t operand_bytes[] = {OPERATORS(OPERANDS)};

enum { STACK = 32, RETURNS = 16, LOCALS = 8, LABELS = 8, HEAP = 256 };
enum { OUT_OF_STEPS = -1, BAD_CODE = -2, BAD_STACK = -3 };

static uint32_t stack[STACK], returns[RETURNS], locals[LOCALS];
static uint8_t heap[HEAP] __attribute__((aligned(4)));
static uint32_t checksum;

// Where each `MARK` stands: jumps and calls name labels.
static uint8_t labels[LABELS];

static NOINLINE void link(const uint8_t *code, int length) {
    for (int at = 0; at < length; at += 1 + operand_bytes[code[at]])
        if (code[at] == MARK) labels[code[at + 1]] = (uint8_t)at;
}

#define A (sp[-1])
#define B (sp[-2])
#define BINARY(value)                                                                                         \
    {                                                                                                         \
        uint32_t x = B, y = A;                                                                                \
        sp--;                                                                                                 \
        A = (uint32_t)(value);                                                                                \
        break;                                                                                                \
    }
#define UNARY(value)                                                                                          \
    {                                                                                                         \
        uint32_t x = A;                                                                                       \
        A = (uint32_t)(value);                                                                                \
        break;                                                                                                \
    }

// Answers the steps that are left, or why it stopped. Between two operators three words of the stack are
// free; that the operands are there is the programs' business.
static NOINLINE int interpret(const uint8_t *code, int steps) {
    const uint8_t *pc = code;
    uint32_t *sp = stack + 4, *rp = returns, sum = checksum;
    for (; steps > 0; steps--) {
        if (sp < stack + 4 || sp > stack + STACK - 3) return BAD_STACK;
        switch (*pc++) {
        case HALT: checksum = sum; return steps;
        case NOP: break;
        case PUSH: *sp++ = *pc++; break;
        case PUSH16: *sp++ = pc[0] | (uint32_t)pc[1] << 8, pc += 2; break;
        case PUSHM1: *sp++ = ~0u; break;
        case ZERO: *sp++ = 0; break;
        case ONE: *sp++ = 1; break;
        case DUP: sp[0] = A, sp++; break;
        case DUP2: sp[0] = B, sp[1] = A, sp += 2; break;
        case DROP: sp--; break;
        case SWAP: { uint32_t x = A; A = B; B = x; break; }
        case OVER: sp[0] = B, sp++; break;
        case ROT: { uint32_t x = sp[-3]; sp[-3] = B; B = A; A = x; break; }
        case NIP: B = A, sp--; break;
        case TUCK: { uint32_t x = A; sp[0] = x; A = B; B = x; sp++; break; }
        case PICK: A = sp[-2 - (int)(A & 3)]; break;
        case ADD: BINARY(x + y)
        case SUB: BINARY(x - y)
        case RSUB: BINARY(y - x)
        case MUL: BINARY(x * y)
        case DIVS: BINARY(y + 1 <= 1 ? 0 : (uint32_t)((int32_t)x / (int32_t)y))
        case DIVU: BINARY(y == 0 ? ~0u : x / y)
        case REMS: BINARY(y + 1 <= 1 ? 0 : (uint32_t)((int32_t)x % (int32_t)y))
        case REMU: BINARY(y == 0 ? x : x % y)
        case NEG: UNARY(-x)
        case INC: A++; break;
        case DEC: A--; break;
        case ABS: UNARY((int32_t)x < 0 ? -x : x)
        case MINS: BINARY((int32_t)x < (int32_t)y ? x : y)
        case MAXS: BINARY((int32_t)x > (int32_t)y ? x : y)
        case MINU: BINARY(x < y ? x : y)
        case MAXU: BINARY(x > y ? x : y)
        case AND: BINARY(x & y)
        case OR: BINARY(x | y)
        case XOR: BINARY(x ^ y)
        case NOT: UNARY(~x)
        case ANDNOT: BINARY(x & ~y)
        case SHL: BINARY(x << (y & 31))
        case SHRU: BINARY(x >> (y & 31))
        case SHRS: BINARY((int32_t)x >> (y & 31))
        case ROTL: BINARY(rotl(x, y))
        case ROTR: BINARY(rotr(x, y))
        case CLZ: UNARY(x == 0 ? 32 : __builtin_clz(x))
        case CTZ: UNARY(x == 0 ? 32 : __builtin_ctz(x))
        case POPCNT: UNARY(__builtin_popcount(x))
        case BSWAP: UNARY(__builtin_bswap32(x))
        case EQ: BINARY(x == y)
        case NE: BINARY(x != y)
        case LTS: BINARY((int32_t)x < (int32_t)y)
        case LTU: BINARY(x < y)
        case GTS: BINARY((int32_t)x > (int32_t)y)
        case GTU: BINARY(x > y)
        case LES: BINARY((int32_t)x <= (int32_t)y)
        case LEU: BINARY(x <= y)
        case EQZ: UNARY(x == 0)
        case SEXT8: UNARY((int32_t)(int8_t)x)
        case SEXT16: UNARY((int32_t)(int16_t)x)
        case ZEXT8: UNARY(x & 0xff)
        case ZEXT16: UNARY(x & 0xffff)
        case LOAD8U: UNARY(heap[x % HEAP])
        case LOAD8S: UNARY((int32_t)(int8_t)heap[x % HEAP])
        case LOAD16U: UNARY(((uint16_t *)heap)[x % (HEAP / 2)])
        case LOAD16S: UNARY((int32_t)((int16_t *)heap)[x % (HEAP / 2)])
        case LOAD32: UNARY(((uint32_t *)heap)[x % (HEAP / 4)])
        case STORE8: heap[B % HEAP] = (uint8_t)A, sp -= 2; break;
        case STORE16: ((uint16_t *)heap)[B % (HEAP / 2)] = (uint16_t)A, sp -= 2; break;
        case STORE32: ((uint32_t *)heap)[B % (HEAP / 4)] = A, sp -= 2; break;
        case GET: *sp++ = locals[*pc++ % LOCALS]; break;
        case SET: locals[*pc++ % LOCALS] = *--sp; break;
        case TEE: locals[*pc++ % LOCALS] = A; break;
        case BUMP: locals[pc[0] % LOCALS] += (uint32_t)(int8_t)pc[1], pc += 2; break;
        case MARK: pc++; break;
        case JUMP: pc = code + labels[*pc]; break;
        case JZ: pc = *--sp == 0 ? code + labels[*pc] : pc + 1; break;
        case JNZ: pc = *--sp != 0 ? code + labels[*pc] : pc + 1; break;
        case LOOP: pc = --locals[pc[0] % LOCALS] != 0 ? code + labels[pc[1]] : pc + 2; break;
        case CALL:
            if (rp == returns + RETURNS) return BAD_STACK;
            *rp++ = (uint32_t)(pc + 1 - code);
            pc = code + labels[*pc];
            break;
        case RET:
            if (rp == returns) return BAD_STACK;
            pc = code + *--rp;
            break;
        case MIX: sum = mix(sum, *--sp); break;
        default: return BAD_CODE;
        }
    }
    return OUT_OF_STEPS;
}

// Sieve of Eratosthenes below 256: mixes every prime and leaves their number in local 1.
static const uint8_t sieve[] = {
    ZERO, SET, 1, PUSH, 2, SET, 0,
    MARK, 0, GET, 0, LOAD8U, JNZ, 3,                          // struck before
    GET, 0, MIX, BUMP, 1, 1, GET, 0, DUP, ADD, SET, 2,
    MARK, 1, GET, 2, PUSH16, 0, 1, LTU, JZ, 3,                // strike the multiples
    GET, 2, ONE, STORE8, GET, 2, GET, 0, ADD, SET, 2, JUMP, 1,
    MARK, 3, BUMP, 0, 1, GET, 0, PUSH16, 0, 1, LTU, JNZ, 0,
    HALT,
};

// Euclid's algorithm for 40 pairs, as a subroutine; local 1 sums the divisors.
static const uint8_t euclid[] = {
    ZERO, SET, 1, PUSH, 40, SET, 0,
    MARK, 0, GET, 0, PUSH, 84, MUL, GET, 0, DUP, MUL, PUSH, 36, ADD, CALL, 1,
    DUP, MIX, GET, 1, ADD, SET, 1, LOOP, 0, 0, HALT,
    MARK, 1, DUP, JZ, 2, TUCK, REMU, JUMP, 1, MARK, 2, DROP, RET,
};

// Every other operator on pseudo random words, 30 times; local 1 holds the word at hand.
static const uint8_t bits[] = {
    PUSHM1, PUSH16, 0x39, 0x30, XOR, SET, 1, PUSH, 30, SET, 0,
    MARK, 0, GET, 1, DUP, PUSH, 13, SHL, XOR, DUP, PUSH, 17, SHRU, XOR, DUP, PUSH, 5, SHL, XOR, TEE, 1, NOP,
    DUP, PUSH, 7, ROTL, OVER, PUSH, 3, ROTR, SUB, MIX, DUP, CLZ, OVER, CTZ, MAXS, MIX,
    DUP, POPCNT, OVER, BSWAP, RSUB, MIX, DUP, NEG, OVER, NOT, MINS, MIX, DUP, ABS, OVER, INC, MINU, MIX,
    DUP, SEXT8, OVER, SEXT16, MAXU, MIX, DUP, ZEXT8, OVER, ZEXT16, ANDNOT, MIX, DUP, DEC, OVER, SHRS, MIX,
    DUP, PUSH, 9, DIVS, OVER, PUSH, 11, DIVU, OR, MIX, DUP, PUSH, 100, REMS, OVER, PUSH, 10, REMU, AND, MIX,
    DUP, PUSH16, 0, 128, DUP2, EQ, ROT, ROT, DUP2, NE, ROT, ROT, LTS, ADD, ADD, MIX,
    DUP, DUP, BSWAP, DUP2, GTS, ROT, ROT, DUP2, GTU, ROT, ROT, DUP2, LES, ROT, ROT, LEU, ADD, ADD, ADD, MIX,
    GET, 0, OVER, STORE32, GET, 0, DUP, LOAD16U, MIX, LOAD16S, MIX, GET, 0, LOAD32, MIX,
    GET, 0, OVER, STORE16, GET, 0, LOAD8S, EQZ, MIX,
    DUP, ONE, PICK, NIP, SWAP, DROP, ZERO, ADD, DROP,
    LOOP, 0, 0, HALT,
};

static void execute(const uint8_t *code, int length) {
    link(code, length);
    require(interpret(code, 20000) > 0);
}

EXPORT("run") uint32_t run(void) {
    for (int i = 0; i < HEAP; i++) heap[i] = 0;
    checksum = 0;
    execute(sieve, COUNT(sieve));
    require(locals[1] == 54);
    execute(euclid, COUNT(euclid));
    require(locals[1] == 484);
    execute(bits, COUNT(bits));
    static const uint8_t no_code[] = {OPERATOR_COUNT}, endless[] = {MARK, 0, CALL, 0};
    link(endless, COUNT(endless));
    require(interpret(no_code, 1) == BAD_CODE);
    require(interpret(endless, 1000) == BAD_STACK);
    return checksum;
}
