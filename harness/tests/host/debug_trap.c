/* The host of debug.c, which then divides by zero. */
#define DIVIDE
#include "debug.c"
