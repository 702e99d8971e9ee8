/* How many processors the process may use. */
#ifndef MMOE_BASE_PROCESSORS_H
#define MMOE_BASE_PROCESSORS_H

/* Those of its affinity, but no more than its control groups' quota of processor time pays for;
 * at least 1. */
int mmoe_processors(void);

/* That quota in processors, rounded up; 0: there is none. Arguments as of mmoe_control_limit. */
int mmoe_quota_processors(const char *groups, const char *mount);

#endif
