/* Folders that files go to after hours of work: if somebody removes one meanwhile, it is made
 * again. */
#ifndef MMOE_TOOLS_FOLDERS_H
#define MMOE_TOOLS_FOLDERS_H

/* From now on the folder that `path` would be written in is looked after. Both texts stay. */
void cli_folders_keep(const char *flag, const char *path);
/* Makes those that are gone again, the current one, too. A warning tells of each, and of what
 * cannot be made. */
void cli_folders_mend(void);
/* The same, unless it has been done within a second: for what is called often. */
void cli_folders_mend_often(void);

#endif
