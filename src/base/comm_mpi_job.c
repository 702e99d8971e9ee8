/* How the ranks of a job begin and end. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/comm_mpi.h"
#include "base/error.h"
#include "mmoe/mpi.h"

static const double usual_seconds = 600, answer_seconds = 5;
static const uint64_t usual_chunk = UINT64_C(1) << 30;

/* A process has one MPI. */
static mmoe_mpi job;

/* What launchers tell processes in their environment: how many there are, and which this is. */
static const struct {
    const char *size, *rank, *launcher;
} launchers[] = {
    {"OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK", "Open MPI's mpirun"},
    {"PMI_SIZE", "PMI_RANK", "a launcher that speaks PMI, as MPICH's mpirun does,"},
    {"SLURM_STEP_NUM_TASKS", "SLURM_PROCID", "Slurm's srun"},
};
enum { N_LAUNCHER = sizeof launchers / sizeof *launchers };

static int number_of(const char *variable, int without) {
    const char *text = getenv(variable);
    return text && *text ? atoi(text) : without;
}

static bool is_set(const char *variable) { return getenv(variable) != NULL; }

/* The launcher that has started several processes of which this one, alone, knows nothing; NULL:
 * none has. One of this MPI inside another's single step counts first. */
static const char *foreign_launcher(int *started, int *rank) {
    for (int i = 0; i < N_LAUNCHER; i++) {
        if (!is_set(launchers[i].size)) continue;
        *started = number_of(launchers[i].size, 1);
        *rank = number_of(launchers[i].rank, 0);
        return *started > 1 ? launchers[i].launcher : NULL;
    }
    return NULL;
}

/* The MPI's name: the first words of what it says of itself. */
static void name_mpi(char name[64]) {
    char text[MPI_MAX_LIBRARY_VERSION_STRING] = "";
    int length = 0;
    MPI_Get_library_version(text, &length);
    text[strcspn(text, ",\n")] = 0;
    for (char *c = text; *c; c++)
        if (*c == '\t') *c = ' ';
    snprintf(name, 64, "%.63s", text);
}

/* What is wrong with the ranks that there are; *first: the one of them that says it. */
static mmoe_status check_ranks(const mmoe_comm *c, bool *is_first, mmoe_error *err) {
    int started = 1, rank = c->rank;
    const char *launcher = c->size == 1 ? foreign_launcher(&started, &rank) : NULL;
    *is_first = rank == 0;
    if (!launcher) return mmoe_comm_check_size(c->size, err);
    char name[64];
    name_mpi(name);
    return mmoe_fail(err, MMOE_E_ARGUMENT,
                     "%s has started %d processes, and each finds itself alone: this program has "
                     "%s, whose own launcher must start it",
                     launcher, started, name);
}

static void rest_for(double seconds) {
    const double began = mmoe_clock();
    while (mmoe_clock() - began < seconds) mmoe_mpi_rest(1);
}

/* The first says what all have met. Others do not end before, or their launcher would end it. */
static void say_once(const mmoe_mpi_options *o, const mmoe_comm *c, bool is_first,
                     const char *message) {
    if (is_first && o->say) o->say(o->context, message);
    MPI_Barrier(MPI_COMM_WORLD);
    if (c->size == 1 && !is_first) rest_for(1);
}

static mmoe_status open_mpi(mmoe_mpi *m, mmoe_error *err) {
    int is_there = 0, is_over = 0, threads = MPI_THREAD_FUNNELED;
    int code = MPI_Initialized(&is_there);
    if (!code) code = MPI_Finalized(&is_over);
    if (is_over) return mmoe_fail(err, MMOE_E_ARGUMENT, "mmoe_mpi_start: MPI has ended already");
    m->is_ours = !is_there;
    if (!code && !is_there) code = MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &threads);
    if (code) return mmoe_mpi_fail(err, code, "MPI does not start");
    MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
    code = MPI_Comm_rank(MPI_COMM_WORLD, &m->comm.rank);
    if (!code) code = MPI_Comm_size(MPI_COMM_WORLD, &m->comm.size);
    if (code) return mmoe_mpi_fail(err, code, "MPI does not start");
    code = MPI_Comm_dup(MPI_COMM_WORLD, &m->data);
    if (!code) code = MPI_Comm_dup(MPI_COMM_WORLD, &m->notices);
    if (!code) code = MPI_Comm_set_errhandler(m->data, MPI_ERRORS_RETURN);
    if (!code) code = MPI_Comm_set_errhandler(m->notices, MPI_ERRORS_RETURN);
    return code ? mmoe_mpi_fail(err, code, "MPI does not start") : MMOE_OK;
}

static mmoe_status check_options(const mmoe_mpi_options *o, mmoe_error *err) {
    bool is_reserved = true;
    for (int i = 0; i < 4; i++) is_reserved = is_reserved && !o->reserved[i];
    if (is_reserved && o->seconds >= 0 && o->chunk < (uint64_t)1 << 31) return MMOE_OK;
    return mmoe_fail(err, MMOE_E_ARGUMENT,
                     "mmoe_mpi_start: seconds must not be below 0, chunk below 2^31, and what is "
                     "reserved NULL");
}

static mmoe_status start(mmoe_mpi *m, const mmoe_mpi_options *o, mmoe_error *err) {
    *m = (mmoe_mpi){.chunk = o->chunk ? o->chunk : usual_chunk, .failed_by = -1};
    mmoe_status status = open_mpi(m, err);
    if (status) {
        if (o->say) o->say(o->context, err->message);
        return status;
    }
    bool is_first;
    status = check_ranks(&m->comm, &is_first, err);
    if (!status) return MMOE_OK;
    say_once(o, &m->comm, is_first, err->message);
    if (m->is_ours) MPI_Finalize();
    return status;
}

mmoe_status mmoe_mpi_start(const mmoe_mpi_options *options, struct mmoe_comm **out,
                           mmoe_error *err) {
    const mmoe_mpi_options usual = {.seconds = usual_seconds};
    const mmoe_mpi_options *o = options ? options : &usual;
    mmoe_error own;
    if (!err) err = &own;
    if (!out) return mmoe_fail(err, MMOE_E_ARGUMENT, "mmoe_mpi_start: `out` is NULL");
    if (job.comm.kind) return mmoe_fail(err, MMOE_E_ARGUMENT, "mmoe_mpi_start: called before");
    mmoe_status status = check_options(o, err);
    if (!status) status = start(&job, o, err);
    if (status) return status;
    job.comm.kind = &mmoe_comm_mpi_kind;
    job.comm.seconds = o->seconds;
    *out = &job.comm;
    return MMOE_OK;
}

void mmoe_mpi_place(const struct mmoe_comm *comm, int *rank, int *size) {
    *rank = comm->rank;
    *size = comm->size;
}

static uint64_t have_ended(const mmoe_mpi *m) {
    return m->heard[MMOE_NOTICE_DONE] | m->heard[MMOE_NOTICE_FAILED];
}

/* How long is waited at the end, in seconds; 0: without end. */
typedef struct patience {
    double usual, failed; /* once a rank has failed */
} patience;

/* Until these others have ended, or this rank has the verdict. False: the time is over. */
static bool wait_for(mmoe_mpi *m, bool is_failed, uint64_t others, patience seconds) {
    double began = mmoe_clock();
    for (;;) {
        mmoe_mpi_hear(m);
        if (m->heard[MMOE_NOTICE_VERDICT] || (others & ~have_ended(m)) == 0) return true;
        if (!is_failed && m->heard[MMOE_NOTICE_FAILED]) {
            is_failed = true;
            began = mmoe_clock();
        }
        const double waited = mmoe_clock() - began;
        const double most = is_failed ? seconds.failed : seconds.usual;
        if (most > 0 && waited > most) return false;
        mmoe_mpi_rest(waited);
    }
}

static bool was_said(const mmoe_mpi *m, int rank, const mmoe_notice *own) {
    const char *text = m->from[rank].text;
    if (*text == 0 || m->from[rank].is_relayed) return true;
    if (m->has_reported && rank == m->failed_by) return true;
    if (own->status && strcmp(text, own->text) == 0) return true;
    for (int r = 0; r < rank; r++)
        if ((m->heard[MMOE_NOTICE_FAILED] >> r & 1) && strcmp(text, m->from[r].text) == 0)
            return true;
    return false;
}

static void say_of_others(const mmoe_mpi *m, const mmoe_mpi_ending *e, const mmoe_notice *own) {
    for (int r = 0; e->say && r < m->comm.size; r++)
        if ((m->heard[MMOE_NOTICE_FAILED] >> r & 1) && !was_said(m, r, own))
            e->say(e->context, r, m->from[r].text);
}

/* Where the first rank, which says what all have met, does not answer. */
static void say_own(const mmoe_mpi *m, const mmoe_mpi_ending *e, const mmoe_notice *own) {
    if (own->status && *own->text && e->say) e->say(e->context, m->comm.rank, own->text);
}

/* The rank that hears all others out says how they end. */
static mmoe_notice judge(mmoe_mpi *m, const mmoe_mpi_ending *e, const mmoe_notice *own) {
    const uint64_t others = mmoe_mpi_others(m);
    const bool are_there = wait_for(m, own->status != 0 || m->late != 0, others & ~m->late,
                                    (patience){m->comm.seconds, answer_seconds});
    mmoe_notice verdict = {.kind = MMOE_NOTICE_VERDICT, .status = own->status};
    verdict.is_clean = are_there && !m->late && !m->has_reported && own->is_clean;
    for (int r = 0; r < m->comm.size; r++) {
        if (!(m->heard[MMOE_NOTICE_FAILED] >> r & 1)) continue;
        if (!verdict.status) verdict.status = m->from[r].status;
        if (m->from[r].is_relayed || !m->from[r].is_clean) verdict.is_clean = 0;
    }
    if (m->comm.rank > 0) say_own(m, e, own);
    say_of_others(m, e, own);
    for (int r = 0; r < m->comm.size && !are_there && !m->late; r++)
        if ((others & ~have_ended(m)) >> r & 1 && e->say) e->say(e->context, r, "it has not ended");
    if (!are_there && !verdict.status) verdict.status = 1;
    mmoe_mpi_say(m, verdict);
    return verdict;
}

/* Where no verdict comes, ranks speak for themselves: does another one say what this one would? */
static bool is_anothers(const mmoe_mpi *m, int judge, const mmoe_notice *own) {
    if (m->has_reported && m->failed_by >= 0 && m->failed_by != judge) return true;
    for (int r = 0; r < m->comm.rank; r++)
        if (r != judge && (m->heard[MMOE_NOTICE_FAILED] >> r & 1) &&
            strcmp(own->text, m->from[r].text) == 0)
            return true;
    return false;
}

/* One that waits for the verdict, whoever gives it: for as long as its judge is still at work,
 * which may write files and evaluate, or after a failure longer than that waits. */
static mmoe_notice await(mmoe_mpi *m, const mmoe_mpi_ending *e, const mmoe_notice *own, int judge) {
    const uint64_t never = (uint64_t)1 << m->comm.rank;
    if (wait_for(m, own->status != 0, never, (patience){0, 2 * answer_seconds})) {
        int by = 0;
        while (!(m->heard[MMOE_NOTICE_VERDICT] >> by & 1)) by++;
        return m->from[by];
    }
    if (is_anothers(m, judge, own))
        rest_for(answer_seconds); /* that one ends all */
    else
        say_own(m, e, own);
    return (mmoe_notice){.kind = MMOE_NOTICE_VERDICT, .status = own->status};
}

/* When nothing is under way any more. */
static void close_mpi(mmoe_mpi *m) {
    const double began = mmoe_clock();
    for (;;) { /* every notice is taken */
        mmoe_mpi_hear(m);
        const double waited = mmoe_clock() - began;
        if (!(mmoe_mpi_others(m) & ~have_ended(m)) || waited > answer_seconds) break;
        mmoe_mpi_rest(waited);
    }
    MPI_Comm_free(&m->data);
    MPI_Comm_free(&m->notices);
    if (m->is_ours) MPI_Finalize();
    *m = (mmoe_mpi){.failed_by = -1};
}

static bool is_idle(const mmoe_mpi *m) {
    for (int w = 0; w < MMOE_N_WAY; w++)
        if (m->ways[w].exchange) return false;
    return true;
}

int mmoe_mpi_end(struct mmoe_comm *comm, const mmoe_mpi_ending *ending) {
    mmoe_mpi *m = (mmoe_mpi *)comm;
    mmoe_notice own = {.kind = ending->status ? MMOE_NOTICE_FAILED : MMOE_NOTICE_DONE,
                       .status = ending->status,
                       .is_relayed = m->has_reported,
                       .is_clean = is_idle(m),
                       .late = m->late};
    m->is_ending = true;
    if (ending->message) memccpy(own.text, ending->message, 0, sizeof own.text - 1);
    mmoe_mpi_say(m, own);
    int first = 0;
    while (m->late >> first & 1) first++;
    const mmoe_notice verdict =
        first == comm->rank ? judge(m, ending, &own) : await(m, ending, &own, first);
    if (!verdict.is_clean) {
        /* One call ends all: others make it only where that one's does not reach them. */
        if (first != comm->rank && m->heard[MMOE_NOTICE_VERDICT]) rest_for(answer_seconds);
        rest_for(0.1); /* MPICH's launcher drops what was said and it has not read by then */
        MPI_Abort(MPI_COMM_WORLD, verdict.status ? verdict.status : 1);
    }
    close_mpi(m);
    return verdict.status;
}
