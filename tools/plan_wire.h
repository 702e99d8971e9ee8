/* What processors spend on messages: measured, over TCP within this machine. */
#ifndef MMOE_TOOLS_PLAN_WIRE_H
#define MMOE_TOOLS_PLAN_WIRE_H

#include <stdbool.h>

/* Seconds of both ends together. */
typedef struct plan_wire {
    double message; /* that is empty */
    double byte;    /* more */
} plan_wire;

/* Takes some milliseconds. False, and zeros: this machine has no TCP to itself. */
bool plan_wire_measure(plan_wire *out);

#endif
