/* Files of a test, in a folder that is its case's alone. */
#ifndef MMOE_TESTS_FILES_H
#define MMOE_TESTS_FILES_H

#include <stddef.h>

extern char folder[64];

/* A checked fixture, or a part of one. */
void make_folder(void);
void remove_folder(void);

/* A folder, and all that is in it. */
void remove_tree(const char *path);

/* The path of a file in it; the last four live. */
const char *in_folder(const char *name);

/* Removes what is in it; returns how many files that were. */
int empty_folder(void);

void put_file(const char *path, const void *bytes, size_t size);
void put_text(const char *path, const char *text);

/* By malloc; a 0 stands behind the bytes. */
char *get_file(const char *path, size_t *size);

#endif
