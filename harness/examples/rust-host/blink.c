/* The guest: clang --target=wasm32 -O2 -nostdlib -Wl,--no-entry -Wl,-z,stack-size=1024 -o blink.wasm blink.c */
#define IMPORT(name) __attribute__((import_module("board"), import_name(name)))
#define EXPORT(name) __attribute__((export_name(name)))

IMPORT("led") void led(int on);
IMPORT("say") void say(const char *text, int length);

static int steps;

/* Toggles the lamp; every `period`-th time it says so. */
EXPORT("step") int step(int period) {
    led(steps & 1);
    if (steps % period == 0)
        say("another period", 14);
    return ++steps;
}

/* Writes where there is no memory. */
EXPORT("misbehave") void misbehave(int address) {
    *(volatile int *)address = 1;
}
