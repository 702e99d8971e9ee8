/* A host may have set another rounding mode than the usual one. What is computed is computed in it;
 * but numbers that go to text and come back must be what they were. */
#ifndef MMOE_BASE_ROUNDING_H
#define MMOE_BASE_ROUNDING_H

/* From here on this thread rounds to nearest. Returns what mmoe_rounding_restore takes. */
int mmoe_rounding_nearest(void);
void mmoe_rounding_restore(int before);

#endif
