/* Sums of parts in a fixed binary tree, ((0 + 1) + (2 + 3)) + ...: who has a subtree alone, of
 * parts that lie elsewhere, has one partial sum of it, and the whole has the same bits wherever its
 * parts were added.
 *
 * Parts come in their order. What waits for its neighbour stands on a stack, so 2^n parts never
 * need more than n + 1 sums. A part that does not come adds nothing: sums end with +0 added, so it
 * makes no difference whether a part was 0 (which turns -0 into +0) or not there. */
#ifndef MMOE_MATH_TREE_H
#define MMOE_MATH_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MMOE_TREE_PARTS = 64, MMOE_TREE_DEPTH = 7 }; /* at most; sums of so many parts */

/* The stack: of each of its sums one of the parts. */
typedef struct mmoe_tree {
    int32_t depth, parts[MMOE_TREE_DEPTH];
} mmoe_tree;

/* Before `part` comes, or, MMOE_TREE_PARTS, at the end: whether the topmost sum is to be added to
 * the one below it, which is now the topmost.
 *
 *   while (mmoe_tree_merges(&t, part)) sum[t.depth - 1] += sum[t.depth];
 *   sum[mmoe_tree_push(&t, part)] = the part's; */
static inline bool mmoe_tree_merges(mmoe_tree *t, int32_t part) {
    if (t->depth < 2) return false;
    const int32_t top = t->parts[t->depth - 1], below = t->parts[t->depth - 2];
    int level = 1; /* of the node whose halves they are */
    while (top >> level != below >> level) level++;
    if (part >> level == top >> level) return false; /* it is of that node, too */
    t->depth--;
    return true;
}

static inline int32_t mmoe_tree_push(mmoe_tree *t, int32_t part) {
    t->parts[t->depth] = part;
    return t->depth++;
}

/* The stack's sums for so many parts. */
static inline int32_t mmoe_tree_depth(int32_t parts) {
    int32_t depth = 1;
    while (1 << (depth - 1) < parts) depth++;
    return depth;
}

/* ---- Sums of numbers ---- */

typedef struct mmoe_tree_number {
    mmoe_tree tree;
    double sums[MMOE_TREE_DEPTH];
} mmoe_tree_number;

static inline void mmoe_tree_merge(mmoe_tree_number *n, int32_t part) {
    while (mmoe_tree_merges(&n->tree, part)) n->sums[n->tree.depth - 1] += n->sums[n->tree.depth];
}
static inline void mmoe_tree_add(mmoe_tree_number *n, int32_t part, double sum) {
    mmoe_tree_merge(n, part);
    n->sums[mmoe_tree_push(&n->tree, part)] = sum;
}
/* 0, where none has come. */
static inline double mmoe_tree_end(mmoe_tree_number *n) {
    mmoe_tree_merge(n, MMOE_TREE_PARTS);
    return n->tree.depth ? n->sums[0] : 0;
}

/* ---- Sums of arrays ---- */

typedef struct mmoe_tree_sum {
    mmoe_tree tree;
    int32_t parts; /* there may be; of 1 the sum is the part as it is */
    float *sums;   /* [mmoe_tree_depth(parts), stride]: the whole is made in the first */
    size_t count, stride;
} mmoe_tree_sum;

/* Where the next part is to be written. */
float *mmoe_tree_next(mmoe_tree_sum *s, int32_t part);
/* The sum of what has come: s->sums. */
float *mmoe_tree_total(mmoe_tree_sum *s);

#endif
