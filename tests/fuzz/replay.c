/* replay FOLDER: gives every file of a folder to a fuzz target, whole and cut at every length up to
 * 4096. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

static int replay(const char *path) {
    static uint8_t bytes[1 << 20];
    FILE *f = fopen(path, "rb");
    if (!f) return 1;
    size_t size = fread(bytes, 1, sizeof bytes, f);
    fclose(f);
    for (size_t length = 0; length <= size;
         length += length < 4096 || length == size ? 1 : size - length) {
        uint8_t *block = malloc(
            length ? length : 1); /* of this size, so that a sanitizer sees a read past its end */
        if (!block) return 1;
        memcpy(block, bytes, length);
        LLVMFuzzerTestOneInput(block, length);
        free(block);
    }
    return 0;
}

int main(int argc, char **argv) {
    DIR *dir = argc == 2 ? opendir(argv[1]) : NULL;
    if (!dir) {
        fprintf(stderr, "usage: replay FOLDER\n");
        return 2;
    }
    int files = 0, failed = 0;
    for (struct dirent *entry = readdir(dir); entry; entry = readdir(dir)) {
        if (entry->d_name[0] == '.') continue;
        char path[4096];
        snprintf(path, sizeof path, "%s/%s", argv[1], entry->d_name);
        failed |= replay(path);
        files++;
    }
    closedir(dir);
    return failed || !files;
}
