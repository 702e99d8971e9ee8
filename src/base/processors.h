/* How many processors the process may use. */
#ifndef MMOE_BASE_PROCESSORS_H
#define MMOE_BASE_PROCESSORS_H

/* Those of its affinity, but no more than its control groups' quota of processor time pays for;
 * at least 1. */
int mmoe_processors(void);

/* That quota in processors, rounded up, by the files of control groups (versions 1 and 2); 0: there
 * is none. `groups` is the process's list, /proc/self/cgroup, `mount` where the file systems of
 * control groups are, /sys/fs/cgroup. A group's parents bind it, too; within a container its path
 * may lead nowhere: the root of the mount is then what the container has. */
int mmoe_quota_processors(const char *groups, const char *mount);

#endif
