#include "plan_wire.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"

enum { LONG = 64 << 10, TIMES = 200, PATIENCE = 1000 /* ms */ };

/* The ends of a connection. */
typedef struct line {
    int from, to;
} line;

/* An end that sends at once, and does not wait. */
static int new_end(void) {
    const int one = 1, end = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (end >= 0) setsockopt(end, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return end;
}

static bool join(int listening, line *l) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    if (listening < 0 || l->from < 0 || bind(listening, (struct sockaddr *)&at, size) ||
        listen(listening, 1) || getsockname(listening, (struct sockaddr *)&at, &size) ||
        connect(l->from, (struct sockaddr *)&at, size))
        return false;
    l->to = accept(listening, NULL, NULL);
    return l->to >= 0;
}

/* As many bytes as fit are sent before they are taken, in turns. */
static bool pass(const line *l, char *bytes, size_t n) {
    for (size_t sent = 0, got = 0; got < n;) {
        const ssize_t out =
            sent < n ? send(l->from, bytes, n - sent, MSG_DONTWAIT | MSG_NOSIGNAL) : 0;
        if (out > 0) sent += (size_t)out;
        const ssize_t in = recv(l->to, bytes, LONG, MSG_DONTWAIT);
        if (in == 0) return false;
        if (in > 0) got += (size_t)in;
        struct pollfd comes = {l->to, POLLIN, 0};
        if (in < 0 && poll(&comes, 1, PATIENCE) != 1) return false;
    }
    return true;
}

/* The least that so many bytes take; below 0: they do not come. */
static double least_of(const line *l, char *bytes, size_t n) {
    double least = -1;
    for (int i = 0; i < TIMES; i++) {
        const double began = mmoe_clock();
        if (!pass(l, bytes, n)) return -1;
        const double took = mmoe_clock() - began;
        if (least < 0 || took < least) least = took;
    }
    return least;
}

bool plan_wire_measure(plan_wire *out) {
    static char bytes[LONG];
    const int listening = new_end();
    line l = {new_end(), -1};
    double one = -1, many = -1;
    if (join(listening, &l)) {
        one = least_of(&l, bytes, 1);
        if (one >= 0) many = least_of(&l, bytes, LONG);
    }
    const int ends[] = {listening, l.from, l.to};
    for (int i = 0; i < 3; i++)
        if (ends[i] >= 0) close(ends[i]);
    *out = (plan_wire){0};
    if (many < 0) return false;
    *out = (plan_wire){one, many > one ? (many - one) / (LONG - 1) : 0};
    return true;
}
