// An arena that grows the memory: a sorted list, a search tree, vectors and texts in it, until no page is left.
//
// For a code generator: memory.grow and memory.size, after which the memory's length is another; memory.copy
// and memory.fill of lengths known at run time, also of overlapping and of no bytes; chasing of pointers.
// clang: -mbulk-memory -Wl,--max-memory=196608
#include "corpus.h"

enum { PAGE = 65536, MAX_PAGES = 3, RECORDS = 700, NODES = 500, NUMBERS = 1200 };

#ifdef __wasm__
extern uint8_t __heap_base[];
static uint8_t *arena_start(void) { return __heap_base; }
static uint8_t *memory_end(void) { return (uint8_t *)(__builtin_wasm_memory_size(0) * PAGE); }
static int grow_memory(uint32_t pages) { return __builtin_wasm_memory_grow(0, pages) != -1ul; }
#else
// Pointers are longer here, so pages are.
static uint64_t host_memory[MAX_PAGES * PAGE / 4];
static uint32_t host_pages = 1;
static uint8_t *arena_start(void) { return (uint8_t *)host_memory; }
static uint8_t *memory_end(void) { return arena_start() + host_pages * 2 * PAGE; }
static int grow_memory(uint32_t pages) {
    if (host_pages + pages > MAX_PAGES) return 0;
    host_pages += pages;
    return 1;
}
#endif

static uint8_t *top;
static uint32_t allocations;

// Null if the memory cannot grow so far. What the bytes hold is left from before.
EXPORT("allocate") NOINLINE void *allocate(uint32_t bytes) {
    if (top == 0) top = arena_start();
    if (bytes > MAX_PAGES * 2 * PAGE) return 0;
    bytes = (bytes + 7) & ~7u;
    uint32_t left = (uint32_t)(memory_end() - top);
    if (bytes > left && !grow_memory((bytes - left + PAGE - 1) / PAGE)) return 0;
    uint8_t *block = top;
    top += bytes;
    allocations++;
    return block;
}

static void *must_allocate(uint32_t bytes) {
    void *block = allocate(bytes);
    require(block != 0);
    return block;
}

struct record {
    struct record *next;
    uint32_t key;
    uint16_t order;
    char name[18];
};

static struct record *merge(struct record *a, struct record *b) {
    struct record *first = 0, **end = &first;
    while (a != 0 && b != 0) {
        struct record **less = b->key < a->key ? &b : &a;
        *end = *less;
        *less = (*less)->next;
        end = &(*end)->next;
    }
    *end = a != 0 ? a : b;
    return first;
}

// Stable, by lists of 2^i records.
static NOINLINE struct record *sort(struct record *list) {
    struct record *sorted[16] = {0};
    while (list != 0) {
        struct record *one = list;
        list = list->next;
        one->next = 0;
        int i = 0;
        for (; sorted[i] != 0; sorted[i++] = 0) one = merge(sorted[i], one);
        sorted[i] = one;
    }
    for (int i = 0; i < COUNT(sorted); i++) list = merge(sorted[i], list);
    return list;
}

static NOINLINE uint32_t records(uint32_t sum, uint32_t *seed) {
    struct record *list = 0;
    for (int i = 0; i < RECORDS; i++) {
        struct record *r = must_allocate(sizeof *r);
        __builtin_memset(r, 0, sizeof *r);
        r->key = next_random(seed) % 1000;
        r->order = (uint16_t)(RECORDS - i);
        __builtin_memset(r->name, 'a' + i % 26, r->key % sizeof r->name);
        r->next = list;
        list = r;
    }
    int count = 0;
    for (struct record *r = list = sort(list); r != 0; r = r->next, count++) {
        require(r->next == 0 || r->key < r->next->key || (r->key == r->next->key && r->order < r->next->order));
        sum = mix(sum, r->key << 16 | r->order);
        sum += (uint8_t)r->name[1];
    }
    require(count == RECORDS);
    return sum;
}

struct node {
    struct node *child[2];
    uint32_t key, times;
};

static uint32_t walk(const struct node *n, uint32_t sum, int depth) {
    for (; n != 0; n = n->child[1], depth++) {
        sum = walk(n->child[0], sum, depth + 1);
        sum = mix(sum, n->key + n->times * (uint32_t)depth);
    }
    return sum;
}

static NOINLINE uint32_t tree(uint32_t sum, uint32_t *seed) {
    struct node *root = 0;
    for (int i = 0; i < NODES; i++) {
        uint32_t key = next_random(seed) >> 22;
        struct node **at = &root;
        while (*at != 0 && (*at)->key != key) at = &(*at)->child[key > (*at)->key];
        if (*at == 0) {
            *at = must_allocate(sizeof **at);
            **at = (struct node){{0, 0}, key, 0};
        }
        (*at)->times++;
    }
    return walk(root, sum, 0);
}

// Numbers in a vector that doubles its room when it is full.
static NOINLINE uint32_t vector(uint32_t sum) {
    uint32_t length = 0, room = 0, *numbers = 0;
    for (uint32_t i = 0; i < NUMBERS; i++) {
        if (length == room) {
            uint32_t *larger = must_allocate((room = room * 2 + 1) * sizeof *numbers);
            if (length != 0) __builtin_memcpy(larger, numbers, length * sizeof *numbers);
            numbers = larger;
        }
        numbers[length++] = i * i;
    }
    for (uint32_t i = 0; i < length; i++) require(numbers[i] == i * i);
    // Insertion in front and removal farther on shift what overlaps, up and down.
    for (uint32_t i = 0; i < 6; i++) {
        __builtin_memmove(numbers + 1, numbers, (length - 1) * sizeof *numbers);
        require(numbers[length - 1] == (length - 2) * (length - 2));
        numbers[0] = ~i;
        __builtin_memmove(numbers + i, numbers + i + 1, (length - i - 1) * sizeof *numbers);
        sum = mix(sum, numbers[i] + numbers[length - 1]);
    }
    return sum;
}

struct text {
    uint32_t length;
    char bytes[];
};

static struct text *join(const struct text *a, const struct text *b) {
    struct text *both = must_allocate((uint32_t)sizeof *both + a->length + b->length);
    both->length = a->length + b->length;
    __builtin_memcpy(both->bytes, a->bytes, a->length);
    __builtin_memcpy(both->bytes + a->length, b->bytes, b->length);
    return both;
}

static struct text *letter(char c) {
    struct text *one = must_allocate(sizeof *one + 1);
    one->length = 1;
    one->bytes[0] = c;
    return one;
}

// Fibonacci words: each is the two before it in a row.
static NOINLINE uint32_t texts(uint32_t sum) {
    static const struct text empty = {0};
    struct text *before = letter('b'), *now = letter('a');
    for (int i = 0; i < 15; i++) {
        struct text *next = join(now, before);
        before = now;
        now = next;
    }
    require(now->length == 1597 && now->bytes[1595] == 'a' && now->bytes[1596] == 'b');
    now = join(&empty, now);
    for (uint32_t i = 0; i < now->length; i += 7) sum = mix(sum, (uint8_t)now->bytes[i]);
    return mix(sum, now->length);
}

EXPORT("run") uint32_t run(void) {
    uint32_t seed = 0x6b43a9b5;
    top = 0;
    allocations = 0;
    uint32_t sum = records(0, &seed);
    sum = tree(sum, &seed);
    sum = texts(vector(sum));
    sum = mix(sum, allocations);

    // Until the last byte of the last page.
    require(allocate(2 * MAX_PAGES * PAGE + 1) == 0);
    while (allocate(PAGE / 4) != 0) {}
    uint32_t left = (uint32_t)(memory_end() - top);
    uint8_t *last = must_allocate(left);
    __builtin_memset(last, 0x5a, left);
    require(left > 0 && last[left - 1] == 0x5a && top == memory_end());
    require(!grow_memory(1) && grow_memory(0) && allocate(1) == 0 && allocate(0) == top);
    return sum;
}
