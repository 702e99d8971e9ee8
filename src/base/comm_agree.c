#include "base/comm_agree.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/utf8.h"

/* All ranks' facts as text: name, 0, text, 0 each. */
typedef struct facts {
    char *own, *all;
    int size;
    uint64_t bytes[MMOE_MOST_RANKS];
    const char *of[MMOE_MOST_RANKS]; /* in `all` */
} facts;

static void put(char **at, const char *text) {
    const size_t n = strlen(text) + 1;
    memcpy(*at, text, n);
    *at += n;
}

static mmoe_status gather(mmoe_comm *c, const mmoe_comm_facts *own, facts *f,
                          const mmoe_allocator *alloc, mmoe_error *err) {
    uint64_t each[MMOE_MOST_RANKS], length = 0, total = 0;
    for (int i = 0; i < own->n; i++)
        length += strlen(own->facts[i].name) + strlen(own->facts[i].text) + 2;
    for (int r = 0; r < c->size; r++) each[r] = sizeof length;
    mmoe_status status =
        mmoe_comm_gather(c, &(mmoe_gathering){"what ranks have", &length, f->bytes, each}, err);
    if (status) return status;
    for (int r = 0; r < c->size; r++) total += f->bytes[r];
    f->size = c->size;
    f->own = mmoe_alloc(alloc, length, 1);
    f->all = mmoe_alloc(alloc, total, 1);
    if (!f->own || !f->all) return mmoe_fail_memory(err, length + total);
    char *at = f->own;
    for (int i = 0; i < own->n; i++) {
        put(&at, own->facts[i].name);
        put(&at, own->facts[i].text);
    }
    status =
        mmoe_comm_gather(c, &(mmoe_gathering){"what ranks have", f->own, f->all, f->bytes}, err);
    f->of[0] = f->all;
    for (int r = 1; r < c->size; r++) f->of[r] = f->of[r - 1] + f->bytes[r - 1];
    return status;
}

static const char *after(const char *text) { return text + strlen(text) + 1; }

/* The text of a rank's fact; NULL: it has none of that name. */
static const char *find(const facts *f, int rank, const char *name) {
    const char *end = f->of[rank] + f->bytes[rank];
    for (const char *at = f->of[rank]; at < end; at = after(after(at)))
        if (strcmp(at, name) == 0) return after(at);
    return NULL;
}

static bool is_same(const char *a, const char *b) { return a && b ? strcmp(a, b) == 0 : a == b; }

/* "avx512" on ranks 0-2, "avx2" on rank 3: all texts but the first's in the order of ranks. Returns
 * whether there are several. */
enum { SENTENCE = 400, SHOWN = 60 };
static bool describe(const facts *f, const char *name, char sentence[SENTENCE]) {
    uint64_t told = 0;
    size_t used = (size_t)snprintf(sentence, SENTENCE, "ranks have unlike \"%.*s\":", SHOWN, name);
    int n_text = 0;
    for (int first = 0; first < f->size; first++) {
        if (told >> first & 1) continue;
        const char *text = find(f, first, name);
        uint64_t alike = 0;
        for (int r = first; r < f->size; r++)
            if (is_same(find(f, r, name), text)) alike |= (uint64_t)1 << r;
        told |= alike;
        char ranks[MMOE_RANKS_SIZE];
        const size_t n = text ? mmoe_utf8_cut(text, strlen(text), SHOWN) : 0;
        if (used < SENTENCE)
            used += (size_t)snprintf(sentence + used, SENTENCE - used, "%s %s%.*s%s%s on %s",
                                     n_text > 0 ? "," : "", text ? "\"" : "none", (int)n,
                                     text ? text : "", text && text[n] ? "..." : "",
                                     text ? "\"" : "", mmoe_comm_ranks_text(alike, ranks));
        n_text++;
    }
    return n_text > 1;
}

static bool is_told(const facts *f, int rank, const char *name) {
    for (int r = 0; r < rank; r++)
        if (find(f, r, name)) return true;
    return false;
}

static mmoe_status compare(const facts *f, const mmoe_comm_facts *own, mmoe_error *err) {
    char sentence[SENTENCE];
    for (int r = 0; r < f->size; r++) {
        const char *end = f->of[r] + f->bytes[r];
        for (const char *name = f->of[r]; name < end; name = after(after(name))) {
            if (is_told(f, r, name) || !describe(f, name, sentence)) continue;
            if (!own->allow || !own->allow(own->context, name, sentence))
                return mmoe_fail(err, MMOE_E_CONFIG, "%s", sentence);
        }
    }
    return MMOE_OK;
}

bool mmoe_comm_fact_rounds(const char *name) {
    return strcmp(name, MMOE_FACT_KERNELS) == 0 || strcmp(name, MMOE_FACT_BLAS) == 0 ||
           strcmp(name, MMOE_FACT_PATCH) == 0;
}

mmoe_status mmoe_comm_agree(mmoe_comm *c, const mmoe_comm_facts *own, const mmoe_allocator *alloc,
                            mmoe_error *err) {
    const mmoe_allocator a = mmoe_allocator_or_default(alloc);
    facts f = {0};
    mmoe_status status = gather(c, own, &f, &a, err);
    if (!status) status = compare(&f, own, err);
    mmoe_release(&a, f.own);
    mmoe_release(&a, f.all);
    return status;
}
