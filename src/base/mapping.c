#include "base/mapping.h"

#include <errno.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define HUGE_PAGE ((size_t)2 << 20)

static size_t page_size(void) { return (size_t)sysconf(_SC_PAGESIZE); }

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

/* Addresses of `size` bytes, the first as far behind a huge page's beginning as `offset` is. */
static char *reserve(size_t size, size_t offset, bool huge_pages) {
    const size_t more = huge_pages ? HUGE_PAGE : 0;
    char *region =
        mmap(NULL, size + more, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (region == MAP_FAILED || !more) return region;
    const size_t before = (offset - (uintptr_t)region) % HUGE_PAGE, page = page_size(),
                 whole = (size + page - 1) / page * page, behind = more - before;
    if (before) munmap(region, before);
    if (behind) munmap(region + before + whole, behind);
    return region + before;
}

/* So that no request pays for a page's first use. */
static bool bring_pages(int fd, const char *region, size_t size, size_t end) {
#ifdef MADV_POPULATE_READ
    if (madvise((void *)(uintptr_t)region, size, MADV_POPULATE_READ) == 0) return true;
    if (errno != EINVAL) return false;
#endif
    struct stat info; /* an older kernel: a page behind the file's end is the end of the process */
    if (fstat(fd, &info) || (uint64_t)info.st_size < end) return false;
    for (size_t at = 0; at < size; at += page_size()) (void)*(volatile const char *)(region + at);
    return true;
}

bool mmoe_mapping_create(int fd, const mmoe_mapping_wanted *w, mmoe_mapping *out) {
    const size_t page = page_size(), before = w->offset % page,
                 whole = (before + w->size) / page * page;
    if (w->size > (size_t)PTRDIFF_MAX - HUGE_PAGE - page ||
        w->offset > (size_t)PTRDIFF_MAX - w->size)
        return false;
    char *region = reserve(before + w->size, w->offset - before, w->huge_pages);
    if (region == MAP_FAILED) return false;
    mmoe_mapping mapping = {region + before, region, before + w->size};
    bool mapped = !whole || mmap(region, whole, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED, fd,
                                 (off_t)(w->offset - before)) != MAP_FAILED;
#ifdef MADV_HUGEPAGE
    if (mapped && w->huge_pages) madvise(region, whole, MADV_HUGEPAGE); /* it may have none */
#endif
    const size_t done = whole > before ? whole - before : 0;
    if (mapped) mapped = read_range(fd, region + before + done, w->size - done, w->offset + done);
    if (mapped && whole && !w->late_pages)
        mapped = bring_pages(fd, region, whole, w->offset - before + whole);
    if (mapped)
        *out = mapping;
    else
        mmoe_mapping_free(&mapping);
    return mapped;
}

void mmoe_mapping_free(mmoe_mapping *mapping) {
    if (mapping->region) munmap(mapping->region, mapping->length);
    *mapping = (mmoe_mapping){0};
}
