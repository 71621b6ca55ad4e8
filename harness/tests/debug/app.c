/* What the debugger's session and the tests of lines look at: three frames deep, a loop, a trap.
 *
 *   clang --target=wasm32 -mcpu=mvp -g -O1 -std=c11 -ffreestanding -fno-ident -nostdlib \
 *       -fdebug-compilation-dir=. -Wl,--no-entry -Wl,-z,stack-size=1024 app.c -o app.wasm
 */

static int table[8] = {3, 1, 4, 1, 5, 9, 2, 6};

__attribute__((noinline)) static int element(int index, int scale) {
    int value = table[index & 7];
    value *= scale;
    value += index;
    return value;
}

__attribute__((noinline)) static int sum(int count, int scale) {
    int total = 0;
    for (int i = 0; i < count; i++) {
        total += element(i, scale);
        table[i & 7] = total;
    }
    return total;
}

__attribute__((export_name("run"))) int run(int count) {
    int first = sum(count, 2);
    int second = sum(count + 1, 3);
    return first ^ second;
}

/* Divides, and so traps if `divisor` is 0. */
__attribute__((export_name("divide"))) int divide(int dividend, int divisor) {
    int adjusted = dividend + 1;
    return adjusted / divisor;
}
