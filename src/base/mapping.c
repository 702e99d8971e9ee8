#include "base/mapping.h"

#include <errno.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

static bool read_range(int fd, char *to, size_t size, size_t offset) {
    while (size) {
        ssize_t got = pread(fd, to, size, (off_t)offset);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return false;
        to += got;
        offset += (size_t)got;
        size -= (size_t)got;
    }
    return true;
}

bool mmoe_mapping_create(int fd, size_t offset, size_t size, mmoe_mapping *out) {
    const size_t page = (size_t)sysconf(_SC_PAGESIZE), before = offset % page,
                 whole = (before + size) / page * page;
    if (size > (size_t)PTRDIFF_MAX - page || offset > (size_t)PTRDIFF_MAX - size) return false;
    char *region =
        mmap(NULL, before + size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (region == MAP_FAILED) return false;
    mmoe_mapping mapping = {region + before, region, before + size};
    bool mapped = !whole || mmap(region, whole, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED, fd,
                                 (off_t)(offset - before)) != MAP_FAILED;
    const size_t done = whole > before ? whole - before : 0;
    if (!mapped || !read_range(fd, region + before + done, size - done, offset + done)) {
        mmoe_mapping_free(&mapping);
        return false;
    }
#ifdef MADV_POPULATE_READ
    if (whole)
        madvise(region, whole,
                MADV_POPULATE_READ); /* so that no request pays for the pages' first use */
#endif
    *out = mapping;
    return true;
}

void mmoe_mapping_free(mmoe_mapping *mapping) {
    if (mapping->region) munmap(mapping->region, mapping->length);
    *mapping = (mmoe_mapping){0};
}
