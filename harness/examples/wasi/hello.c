/* A program for wasi-libc. harness/examples/wasi/README.md says how it gets onto a board. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(void) {
    printf("Hello from a sandbox: %d %u %#x %s\n", -42, 3000000000u, 48879, "text");
    printf("%.3f %g %e\n", 3.14159265, 1e300, 1.0 / 3.0);

    char *copy = malloc(1000);
    if (copy == NULL)
        return 1;
    memset(copy, '-', 999);
    copy[20] = '\0';
    puts(copy);
    free(copy);
    return 0;
}
