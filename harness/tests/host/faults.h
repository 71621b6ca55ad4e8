/* What happened to faults. */
#ifndef FAULTS_H
#define FAULTS_H

#include <stdint.h>

/* The number of the last fault's exception: 3 HardFault, 6 UsageFault. */
extern uint32_t fault_exception;
/* As many faults that are none of a module's do not end the program. */
extern uint32_t faults_to_skip;

#endif
