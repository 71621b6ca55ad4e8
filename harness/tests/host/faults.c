/* Fault vectors of the tests: notes which exception it was, and goes on to windlass's handler, as a host's
 * own handler may. */
#include "faults.h"
#include "semihosting.h"
#include "windlass.h"

uint32_t fault_exception;
uint32_t faults_to_skip;

__attribute__((naked)) void fault(void) {
    __asm__ volatile("mrs r0, ipsr\n\t"
                     "ldr r1, =fault_exception\n\t"
                     "str r0, [r1]\n\t"
                     "b windlass_fault_handler\n\t"
                     ".ltorg");
}

void windlass_unhandled_fault(uint32_t *frame, uint32_t exc_return) {
    (void)exc_return;
    if (faults_to_skip == 0) {
        put("fault\n");
        finish(2);
    }
    faults_to_skip--;
    /* Behind an instruction of two bytes. */
    frame[6] += 2;
}
