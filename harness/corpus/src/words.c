// Word counts of a text in a hash table with open addressing, keys compared as strings; then half of the
// words are removed again, closing the gaps.
//
// For a code generator: string loops, pointers kept in tables, probing with wrap-around, structures of mixed
// field sizes.
#include "corpus.h"

enum { SLOTS = 64 };

struct entry {
    const char *word;
    uint32_t hash;
    uint16_t count;
    uint8_t length;
};

static struct entry table[SLOTS];
static int used;

static const char text[] =
    "a register allocator assigns registers to values and a value that gets no register gets a slot on the "
    "stack a good allocator spills the value whose next use is far away or whose loads sit outside of loops "
    "a greedy allocator spills whatever is in the way and loads the value again at the next use so the stack "
    "traffic of a greedy allocator is the measure of what a better allocator saves and the lower bound is the "
    "measure of what no allocator can save";

static inline uint32_t hash_of(const char *word, int length) {
    uint32_t hash = 0x811c9dc5;
    for (int i = 0; i < length; i++) hash = (hash ^ (uint8_t)word[i]) * 0x01000193;
    return hash;
}

// The word's slot, or the free one where it would go.
static NOINLINE struct entry *find(const char *word, int length, uint32_t hash) {
    for (uint32_t slot = hash;; slot++) {
        struct entry *entry = &table[slot % SLOTS];
        if (entry->count == 0) return entry;
        if (entry->hash != hash || entry->length != length) continue;
        int same = 0;
        while (same < length && entry->word[same] == word[same]) same++;
        if (same == length) return entry;
    }
}

static NOINLINE void count_word(const char *word, int length) {
    uint32_t hash = hash_of(word, length);
    struct entry *entry = find(word, length, hash);
    if (entry->count == 0) {
        require(++used < SLOTS);
        entry->word = word;
        entry->hash = hash;
        entry->length = (uint8_t)length;
    }
    entry->count++;
}

// Moves later entries of the same run into the gap where their search would otherwise end too soon.
static NOINLINE void remove_word(struct entry *gone) {
    uint32_t gap = (uint32_t)(gone - table);
    for (uint32_t slot = gap;;) {
        slot = (slot + 1) % SLOTS;
        if (table[slot].count == 0) break;
        uint32_t home = table[slot].hash % SLOTS;
        if ((slot - home) % SLOTS < (slot - gap) % SLOTS) continue;
        table[gap].word = table[slot].word;
        table[gap].hash = table[slot].hash;
        table[gap].count = table[slot].count;
        table[gap].length = table[slot].length;
        gap = slot;
    }
    table[gap].count = 0;
    used--;
}

static NOINLINE uint32_t count_of(const char *word) {
    int length = 0;
    while (word[length] != 0) length++;
    return find(word, length, hash_of(word, length))->count;
}

// Calls `count_word` for every word, or removes every second one that is still there.
static NOINLINE void each_word(int removing) {
    int number = 0;
    for (const char *at = text; *at != 0;) {
        int length = 0;
        while (at[length] != 0 && at[length] != ' ') length++;
        if (!removing) {
            count_word(at, length);
        } else if (number++ % 2 == 0) {
            struct entry *entry = find(at, length, hash_of(at, length));
            if (entry->count != 0) remove_word(entry);
        }
        at += length;
        while (*at == ' ') at++;
    }
}

static uint32_t table_checksum(uint32_t sum) {
    for (int i = 0; i < SLOTS; i++)
        if (table[i].count != 0) sum = mix(sum, table[i].hash + table[i].count);
    return sum;
}

EXPORT("run") uint32_t run(void) {
    for (int i = 0; i < SLOTS; i++) table[i].count = 0;
    used = 0;
    uint32_t sum = 0;
    for (int round = 0; round < 4; round++) {
        each_word(0);
        require(count_of("allocator") == 6 && count_of("a") == 7 && count_of("of") == 4);
        require(count_of("spill") == 0);
        sum = table_checksum(sum);
        each_word(1);
        sum = table_checksum(sum);
        for (int i = 0; i < SLOTS; i++)
            if (table[i].count != 0) require(find(table[i].word, table[i].length, table[i].hash) == &table[i]);
        for (int i = 0; i < SLOTS; i++) table[i].count = 0;
        used = 0;
    }
    return sum;
}
