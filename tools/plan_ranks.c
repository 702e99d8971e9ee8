#include "plan_ranks.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "plan_report.h"
#include "progress.h"

/* The longest message that Open MPI sends over TCP unasked. */
static const double longest_at_once = 65536;

bool plan_is_dealt(const mmoe_table_estimate *t) {
    return strcmp(t->update, "deferred") == 0 || strcmp(t->update, "lazy") == 0;
}

/* Bytes of what each host has a gradient of: of weights that every step updates, and of rows that
 * its share of the batch reads, in tables whose rows are updated then. */
typedef struct gradients {
    double whole, dealt;
} gradients;

static gradients gradients_of(const mmoe_estimate *e, double hosts) {
    gradients g = {.whole = (double)e->shared_bytes};
    for (size_t i = 0; i < e->n_table; i++) {
        const mmoe_table_estimate *t = &e->tables[i];
        if (plan_is_dealt(t))
            g.dealt += t->met[ilogb(hosts)] * 4 * t->width;
        else if (strcmp(t->update, "none") != 0)
            g.whole += (double)t->bytes;
    }
    return g;
}

/* Of rows that are read the vectors and the gradients; of all else gradients to who adds them, and
 * weights back. Of sums by id the way there, as of what is told of rows. Of numbers each rank's to
 * all others. */
static double bytes_of(const mmoe_estimate *e, double hosts) {
    const gradients g = gradients_of(e, hosts);
    return (2 * (g.whole + g.dealt) + (double)(e->sum_bytes + e->told_bytes)) * (hosts - 1) /
               hosts +
           8.0 * e->n_barrier_number * (hosts - 1);
}

/* Of an exchange of every host with every other, of so many bytes on each, a part from and to each.
 * One that is long begins when its receiver has answered. */
static double latencies_of(double bytes, double hosts) {
    if (!(bytes > 0)) return 0;
    return bytes / hosts > longest_at_once ? 3 : 1;
}

/* Two that are on their way at once, or one. The latency has what processors spend on the first
 * message. */
static double exchange_of(double bytes, double beside, const plan_network *n, double hosts) {
    const double messages = ((bytes > 0) + (beside > 0)) * (hosts - 1),
                 latencies = fmax(latencies_of(bytes, hosts), latencies_of(beside, hosts));
    return latencies * n->latency + fmax(messages - 1, 0) * n->wire.message;
}

/* A round of messages for each barrier and for losses, which log2 of `hosts` pairs pass on; and of
 * every host with every other: sums by id, and gradients and weights, with those of rows. What is
 * told of the next batch's rows is on its way during a step, and takes processors alone. */
static double waiting_of(const mmoe_estimate *e, const plan_network *n, double hosts) {
    const gradients g = gradients_of(e, hosts);
    if (hosts < 2) return 0;
    return (e->n_barrier + 1) * log2(hosts) * n->latency +
           exchange_of((double)e->sum_bytes, 0, n, hosts) +
           (e->told_bytes > 0) * (hosts - 1) * n->wire.message +
           2 * exchange_of(g.whole, g.dealt, n, hosts);
}

/* More ranks than were timed, as there are no more segments, are as quick in proportion. */
static double computing_of(const mmoe_estimate *e, int hosts) {
    double seconds = e->step_seconds / hosts;
    for (size_t i = 0; i < e->n_of_ranks && e->of_ranks[i].ranks <= hosts; i++)
        seconds = e->of_ranks[i].step_seconds * e->of_ranks[i].ranks / hosts;
    return seconds;
}

/* Its steps; the order of its rows, which each rank draws; rows of tables, of which each rank
 * brings its own up to date at the end; and a round of messages: whether a rank was told to stop.
 */
static double epoch_of(const mmoe_estimate *e, const plan_network *n, double step, int hosts) {
    const double steps = ceil((double)e->rows / e->batch_size),
                 order = e->epoch_seconds - e->settle_seconds - steps * e->step_seconds;
    if (!e->rows) return 0;
    return steps * step + order + e->settle_seconds / hosts + log2(hosts) * n->latency;
}

plan_ranks plan_ranks_of(const mmoe_estimate *e, const plan_network *n, int hosts) {
    plan_ranks r = {.hosts = hosts, .computing = computing_of(e, hosts)};
    r.bytes = bytes_of(e, hosts);
    r.sending = r.bytes / n->bytes_a_second;
    r.copying = r.bytes * n->wire.byte; /* as many come as go */
    r.waiting = waiting_of(e, n, hosts);
    r.seconds = r.computing + r.sending + r.copying + r.waiting;
    r.epoch = epoch_of(e, n, r.seconds, hosts);
    return r;
}

/* How many of 1, 2, 4 .. `most` hosts make the quickest step. */
static int quickest(const mmoe_estimate *e, const plan_network *n, int most) {
    int best = 1;
    for (int hosts = 2; hosts <= most; hosts *= 2)
        if (plan_ranks_of(e, n, hosts).seconds < plan_ranks_of(e, n, best).seconds) best = hosts;
    return best;
}

static void print_line(const mmoe_estimate *e, const plan_ranks *r) {
    char rate[CLI_COUNT_SIZE];
    printf("%6d %9.3f %9.3f %9.3f %9.3f %9.3f %10.3f %9s %8.2f", r->hosts, 1e3 * r->seconds,
           1e3 * r->computing, 1e3 * r->sending, 1e3 * r->copying, 1e3 * r->waiting, r->bytes / 1e6,
           cli_count_text(e->batch_size / r->seconds, rate), e->step_seconds / r->seconds);
    if (e->rows) printf(" %9.3g", r->epoch);
    puts("");
}

static void print_memory_of(const mmoe_estimate *e, const mmoe_rank_estimate *m) {
    char text[5][PLAN_BYTES_SIZE];
    printf("%6d %10s %10s %10s %10s %10s\n", (int)m->ranks,
           plan_bytes_text(m->table_bytes, text[0]), plan_bytes_text(m->moment_bytes, text[1]),
           plan_bytes_text(m->layer_bytes + m->copy_bytes + m->step_bytes, text[2]),
           plan_bytes_text(e->rows ? plan_rank_memory(m, true) : 0, text[3]),
           plan_bytes_text(plan_rank_memory(m, false), text[4]));
}

/* For as many ranks as trainer.segments allows. */
static void print_memory(const mmoe_estimate *e) {
    const mmoe_rank_estimate one = plan_of_one(e);
    if (!e->n_of_ranks) return;
    puts(
        "\nmemory of a rank: with streamed rows (its own lanes, with trainer.lanes), and with rows "
        "in memory\n(without the rows, if none are known)");
    printf("%6s %10s %10s %10s %10s %10s\n", "ranks", "tables", "moments", "the rest", "streamed",
           "in memory");
    print_memory_of(e, &one);
    for (size_t i = 0; i < e->n_of_ranks; i++) print_memory_of(e, &e->of_ranks[i]);
}

void plan_ranks_print(const mmoe_estimate *e, const plan_network *n, int most) {
    printf("\na step on hosts like this one, %g Gbit/s and %g ms apart, predicted by a formula; "
           "measured here:\n",
           n->bytes_a_second * 8 / 1e9, 1e3 * n->latency);
    if (e->n_of_ranks)
        printf("computing, for up to %d ranks, and ", (int)e->of_ranks[e->n_of_ranks - 1].ranks);
    printf("the processors' time for messages over TCP: %.1f us each and %.2f ns a byte\n",
           1e6 * n->wire.message, 1e9 * n->wire.byte);
    printf("%6s %9s %9s %9s %9s %9s %10s %9s %8s%s\n", "hosts", "ms", "computing", "sending",
           "copying", "waiting", "MB a rank", "rows/s", "speed-up", e->rows ? "   epoch s" : "");
    for (int hosts = 1; hosts <= most; hosts *= 2) {
        const plan_ranks r = plan_ranks_of(e, n, hosts);
        print_line(e, &r);
    }
    const int best = quickest(e, n, most);
    if (best < most) printf("more than %d %s slower\n", best, best == 1 ? "host is" : "hosts are");
    print_memory(e);
}

/* Of one rank of `hosts`; null: trainer.segments does not allow so many. */
static json_t *memory_json(const mmoe_estimate *e, int hosts) {
    const mmoe_rank_estimate one = plan_of_one(e);
    if (hosts == 1) return plan_memory_json(&one);
    for (size_t i = 0; i < e->n_of_ranks; i++)
        if (e->of_ranks[i].ranks == hosts) return plan_memory_json(&e->of_ranks[i]);
    return json_null();
}

json_t *plan_ranks_json(const mmoe_estimate *e, const plan_network *n, int most) {
    json_t *list = json_array();
    for (int hosts = 1; hosts <= most; hosts *= 2) {
        const plan_ranks r = plan_ranks_of(e, n, hosts);
        json_array_append_new(list, json_pack("{s:i, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:o, s:o}",
                                              "hosts", hosts, "seconds", r.seconds, "computing",
                                              r.computing, "sending", r.sending, "copying",
                                              r.copying, "waiting", r.waiting, "bytes", r.bytes,
                                              "speed_up", e->step_seconds / r.seconds, "epoch",
                                              e->rows ? json_real(r.epoch) : json_null(), "memory",
                                              memory_json(e, hosts)));
    }
    return json_pack("{s:f, s:f, s:f, s:f, s:o, s:i}", "bytes_a_second", n->bytes_a_second,
                     "latency", n->latency, "message", n->wire.message, "byte", n->wire.byte,
                     "hosts", list, "quickest", quickest(e, n, most));
}
