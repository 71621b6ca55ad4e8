/* A script of the WebAssembly test suite as data: the generated main.c has the modules, a caller for
 * each type of function and the commands; script.c carries them out. */
#ifndef SCRIPT_H
#define SCRIPT_H

#include "floats.h"

/* The host module that every script may import from. */
struct spectest_instance;
extern struct spectest_instance spectest;

/* Memories of the modules lie here, after each other or in place of each other. */
extern uint64_t pool[];

/* No module may use the stack below. */
extern const void *const stack_limit;

typedef void any_function(void);

/* Calls a function of an instance. Arguments and results are bits, a value each. */
typedef void caller(any_function *, void *instance, const uint64_t *arguments, uint64_t *results);

struct module {
    void *instance;
    any_function *trap;
};

/* A result has these bits where the mask is 1. A mask of 0 stands for anything but 0. */
struct pattern {
    uint64_t mask;
    uint64_t bits;
};

struct command {
    uint32_t line;
    /* What the command must end in: a set of trap codes, or a return if it is empty. */
    uint32_t traps;
    const struct module *module;
    caller *call;
    /* NULL: `call` instantiates, and its result is the status. */
    any_function *function;
    const uint64_t *arguments;
    const struct pattern *results;
    uint32_t result_count;
    uint32_t is_assertion;
};

extern const struct command commands[];
extern const uint32_t command_count;

#endif
