/* Instantiates each of the firmware's modules, calls its `run`, and prints the result and a hash of
 * the memory: what a firmware does with a module that imports nothing. Each does so twice: with
 * memory in RAM between canaries, and with memory that ends where the board's does. */
#include "programs.h"
#include "semihosting.h"
#include <stddef.h>

enum { CANARY = 0xa5, CANARY_BYTES = 64 };

/* What the board has besides the firmware's RAM. Nothing is behind it. */
extern uint8_t pool_end[];

/* Two pages more than a program starts with, if it wants to grow. */
enum { MORE_BYTES = 2 * 65536, ARENA_BYTES = 65536 + MORE_BYTES };
/* Memory begins at an odd multiple of eight bytes. */
static _Alignas(16) uint8_t arena[8 + CANARY_BYTES + ARENA_BYTES + CANARY_BYTES];

struct program {
    const char *name;
    uint32_t memory_bytes;
    uint8_t *before, *behind, *instance;
    uint32_t instance_bytes;
    int (*instantiate)(void *memory, uint32_t bytes);
    uint32_t (*run)(void);
    int (*trap)(void);
    const windlass_memory *(*memory)(void);
};

#define DEFINE(p, P)                                                                               \
    static struct {                                                                                \
        uint8_t before[CANARY_BYTES];                                                              \
        p##_instance instance;                                                                     \
        uint8_t behind[CANARY_BYTES];                                                              \
    } all_of_##p;                                                                                  \
    static int instantiate_##p(void *memory, uint32_t bytes) {                                     \
        return p##_instantiate(&all_of_##p.instance, memory, bytes);                               \
    }                                                                                              \
    static uint32_t run_##p(void) { return p##_run(&all_of_##p.instance); }                        \
    static int trap_##p(void) { return p##_trap(&all_of_##p.instance); }                           \
    static const windlass_memory *memory_##p(void) { return p##_memory(&all_of_##p.instance); }

#define LIST(p, P)                                                                                 \
    {#p,                                                                                           \
     P##_MEMORY_BYTES,                                                                             \
     all_of_##p.before,                                                                            \
     all_of_##p.behind,                                                                            \
     (uint8_t *)&all_of_##p.instance,                                                              \
     sizeof all_of_##p.instance,                                                                   \
     instantiate_##p,                                                                              \
     run_##p,                                                                                      \
     trap_##p,                                                                                     \
     memory_##p},

PROGRAMS(DEFINE)
static const struct program programs[] = {PROGRAMS(LIST)};

/* FNV-1a. */
static uint32_t hash(const windlass_memory *bytes) {
    uint32_t h = 2166136261u;
    for (uint32_t i = 0; i < bytes->bytes; i++)
        h = (h ^ bytes->base[i]) * 16777619u;
    return h;
}

static void paint(uint8_t *from, uint32_t bytes) {
    for (uint32_t i = 0; i < bytes; i++)
        from[i] = CANARY;
}

/* Are all of the bytes as they were painted? */
static int whole(const uint8_t *from, uint32_t bytes) {
    for (uint32_t i = 0; i < bytes; i++)
        if (from[i] != CANARY)
            return 0;
    return 1;
}

/* In `bytes` bytes of memory, `behind` of them and CANARY_BYTES in front of it the host's own. What
 * the answer is not NULL for went wrong. */
static const char *execute(const struct program *p, uint8_t *memory, uint32_t bytes,
                           uint32_t behind) {
    paint(memory - CANARY_BYTES, CANARY_BYTES + bytes);
    paint(p->before, CANARY_BYTES);
    /* No stack limit. */
    for (uint32_t i = 0; i < p->instance_bytes; i++)
        p->instance[i] = 0;
    paint(p->behind, CANARY_BYTES);
    bytes -= behind;
    if (p->instantiate(memory + 4, bytes - 4) != WINDLASS_MEMORY_MISALIGNED)
        return "takes misaligned memory";
    if (p->instantiate(memory, p->memory_bytes - 1) != WINDLASS_MEMORY_TOO_SMALL)
        return "takes too little memory";
    if (!whole(memory, bytes))
        return "wrote to memory that it refused";
    if (p->instantiate(memory, bytes) != WINDLASS_OK)
        return "cannot be instantiated";
    uint32_t result = p->run();
    if (p->trap() != WINDLASS_TRAP_NONE)
        return "traps";
    const windlass_memory *now = p->memory();
    if (now->base != memory || now->bytes < p->memory_bytes || now->bytes > bytes)
        return "has another memory";
    put(" ");
    put_number(result);
    put(" ");
    put_number(hash(now));
    if (!whole(memory - CANARY_BYTES, CANARY_BYTES))
        return "wrote before its memory";
    if (!whole(memory + now->bytes, bytes + behind - now->bytes))
        return "wrote behind its memory";
    if (!whole(p->before, CANARY_BYTES) || !whole(p->behind, CANARY_BYTES))
        return "wrote around its instance";
    return NULL;
}

int main(void) {
    for (uint32_t i = 0; i < sizeof programs / sizeof *programs; i++) {
        const struct program *p = &programs[i];
        put(p->name);
        const char *wrong = "is too large";
        uint32_t bytes = p->memory_bytes + MORE_BYTES;
        if (bytes <= ARENA_BYTES) {
            wrong = execute(p, arena + 8 + CANARY_BYTES, bytes + CANARY_BYTES, CANARY_BYTES);
            if (!wrong)
                wrong = execute(p, pool_end - bytes, bytes, 0);
        }
        if (wrong) {
            put(" ");
            put(wrong);
        }
        put("\n");
    }
    return 0;
}
