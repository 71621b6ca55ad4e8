/* What the examples need of a board: output, and an end, both by Arm semihosting. */
#ifndef BOARD_H
#define BOARD_H

#include <stdint.h>

void print(const char *text);
void print_number(int32_t value);
void finish(int status) __attribute__((noreturn));

#endif
