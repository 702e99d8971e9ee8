/* A cable between two hosts that are network namespaces of this machine: it takes packets from each
 * one's interface and hands them to the other's, each as late as a network of this rate and latency
 * would: what netem does, which not every kernel has.
 *   rank_link HOST HOST INTERFACE GBIT_A_SECOND MS
 * Both interfaces are there, as `ip tuntap add` makes them. Prints a line when it carries, and runs
 * until it is ended. */
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

/* Of a packet, up to 64 KB behind the header of what the kernel still has to do with it; and of all
 * that are under way in a direction, more than TCP has windows for. */
enum { MOST_BYTES = 66 << 10, PACKETS = 1 << 11 };

typedef struct packet {
    struct packet *below; /* of those that are free */
    double arrival;
    ssize_t bytes;
    unsigned char data[MOST_BYTES];
} packet;

typedef struct direction {
    int from, to;
    double bytes_a_second, latency;
    double is_free; /* when the last packet has left */
    unsigned first, next;
    packet *packets[PACKETS]; /* a ring */
    packet *idle; /* the last that was used on top: hosts want the cache for themselves */
} direction;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void die(const char *what) {
    perror(what);
    exit(1);
}

/* False: none is there. */
static bool take(direction *d) {
    packet *p = d->idle ? d->idle : calloc(1, sizeof *p);
    if (!p) die("rank_link");
    d->idle = p;
    p->bytes = read(d->from, p->data, sizeof p->data);
    if (p->bytes < 0 && errno == EAGAIN) return false;
    if (p->bytes < 0) die("rank_link: read");
    const double at = now();
    if (d->is_free < at) d->is_free = at;
    d->is_free += (double)p->bytes / d->bytes_a_second;
    p->arrival = d->is_free + d->latency;
    d->idle = p->below;
    d->packets[d->next++ % PACKETS] = p;
    return true;
}

static void hand_on(direction *d) {
    while (d->first != d->next && d->packets[d->first % PACKETS]->arrival <= now()) {
        packet *p = d->packets[d->first++ % PACKETS];
        if (write(d->to, p->data, (size_t)p->bytes) < 0 && errno != EIO && errno != EINVAL)
            die("rank_link: write");
        p->below = d->idle;
        d->idle = p;
    }
}

static void *carry(void *context) {
    direction *d = context;
    for (;;) {
        while (d->next - d->first < PACKETS && take(d)) hand_on(d);
        hand_on(d);
        struct pollfd waits = {d->next - d->first < PACKETS ? d->from : -1, POLLIN, 0};
        double left = d->first == d->next ? 1 : d->packets[d->first % PACKETS]->arrival - now();
        if (left < 0) left = 0;
        const struct timespec most = {(time_t)left, (long)(1e9 * (left - (double)(time_t)left))};
        if (ppoll(&waits, 1, &most, NULL) < 0 && errno != EINTR) die("rank_link: ppoll");
    }
    return NULL;
}

/* The end of a host's interface. */
static int open_end(const char *host, const char *name) {
    char path[256];
    struct ifreq request = {.ifr_flags = IFF_TUN | IFF_NO_PI | IFF_VNET_HDR};
    snprintf(path, sizeof path, "/run/netns/%s", host);
    snprintf(request.ifr_name, sizeof request.ifr_name, "%s", name);
    const int space = open(path, O_RDONLY);
    if (space < 0 || setns(space, CLONE_NEWNET)) die(path);
    close(space);
    const int end = open("/dev/net/tun", O_RDWR | O_NONBLOCK);
    if (end < 0 || ioctl(end, TUNSETIFF, &request)) die("rank_link: /dev/net/tun");
    if (ioctl(end, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4)) die("rank_link: TUNSETOFFLOAD");
    return end;
}

static void start(direction *d) {
    pthread_t thread;
    pthread_attr_t first;
    const struct sched_param one = {1};
    pthread_attr_init(&first);
    /* Before all else that runs, or it would be late. */
    pthread_attr_setinheritsched(&first, PTHREAD_EXPLICIT_SCHED);
    pthread_attr_setschedpolicy(&first, SCHED_FIFO);
    pthread_attr_setschedparam(&first, &one);
    if ((errno = pthread_create(&thread, &first, carry, d))) die("rank_link: a thread");
}

int main(int argc, char **argv) {
    if (argc != 6) return 2;
    const double rate = atof(argv[4]) * 1e9 / 8, latency = atof(argv[5]) * 1e-3;
    const int ends[] = {open_end(argv[1], argv[3]), open_end(argv[2], argv[3])};
    static direction there, back;
    there = (direction){.from = ends[0], .to = ends[1], .bytes_a_second = rate, .latency = latency};
    back = (direction){.from = ends[1], .to = ends[0], .bytes_a_second = rate, .latency = latency};
    start(&there);
    start(&back);
    puts("carries");
    fflush(stdout);
    pause();
    return 0;
}
