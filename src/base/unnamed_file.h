/* A file that has no name: it is gone when it is closed, and when its process is killed. */
#ifndef MMOE_BASE_UNNAMED_FILE_H
#define MMOE_BASE_UNNAMED_FILE_H

/* One to write and read, on the file system of a folder; -1 with errno. */
int mmoe_unnamed_file_open(const char *folder);

#endif
