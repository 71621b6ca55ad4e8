/* Output and the end of the program, by Arm semihosting. */
#ifndef SEMIHOSTING_H
#define SEMIHOSTING_H

#include <stdint.h>

void put(const char *text);
void put_number(uint32_t value);
void finish(int code) __attribute__((noreturn));
/* Ends the program, unless it has its own. */
void fault(void);
/* The handler of PendSV: does nothing, unless the program has its own. */
void pend_sv(void);

#endif
