/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * bench-relay: a link between two ports of 127.0.0.1 that counts bytes and can be slow.
 *
 *   bench-relay --listen PORT --connect PORT --log FILE [--kbps N] [--delay-ms N] [--queue BYTES]
 *
 * Delay is one way, in each direction.  Rate holds in each direction; beyond the queue nothing is
 * read, so the sender's socket fills up.  Log: "time_us,down,up" while bytes move (down is towards
 * who connected); "listening" is said when it is.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MAX_LINKS 32
#define READ_BYTES (128 * 1024)
/* On a slow link: about one packet, so that times are those of packets. */
#define SLOW_READ_BYTES 2896
#define SOCKET_BYTES 65536
#define FAST_QUEUE_BYTES (4 * 1024 * 1024)
#define LOG_US 10000

static gint listen_port, connect_port, kbps, delay_ms;
static gint queue_bytes = 65536;
static char *log_path;

static const GOptionEntry options[] = {
    { "listen", 0, 0, G_OPTION_ARG_INT, &listen_port, "Where clients connect", "PORT" },
    { "connect", 0, 0, G_OPTION_ARG_INT, &connect_port, "Where the server is", "PORT" },
    { "log", 0, 0, G_OPTION_ARG_FILENAME, &log_path, "Where counts go", "FILE" },
    { "kbps", 0, 0, G_OPTION_ARG_INT, &kbps, "Rate of each direction; 0: as it comes", "N" },
    { "delay-ms", 0, 0, G_OPTION_ARG_INT, &delay_ms, "Delay of each direction", "N" },
    { "queue", 0, 0, G_OPTION_ARG_INT, &queue_bytes, "Bytes that may wait", "BYTES" },
    { NULL },
};

typedef struct {
    int64_t due_us;
    size_t len, sent;
    char data[];
} Packet;

/* One direction of one connection. */
typedef struct {
    int from, to;
    GQueue packets;
    size_t n_queued;
    bool is_ended, is_shut;
} Lane;

typedef struct {
    Lane lanes[2]; /* down, up */
    bool is_used;
} Connection;

static Connection connections[MAX_LINKS];
static int64_t free_us[2]; /* when the slow link of a direction has sent all that it was given */
static uint64_t totals[2];
static volatile sig_atomic_t is_over;

static void
on_signal(int number)
{
    is_over = 1;
}

static int64_t
get_now_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static bool
may_read(const Lane *lane, int direction, int64_t now_us)
{
    if (lane->is_ended) {
        return false;
    }
    if (kbps > 0) {
        int64_t waiting_us = MAX(0, free_us[direction] - now_us);

        return waiting_us * kbps / 8000 < queue_bytes;
    }
    return lane->n_queued < FAST_QUEUE_BYTES;
}

static void
read_lane(Lane *lane, int direction, int64_t now_us)
{
    static char buffer[READ_BYTES];
    ssize_t n = recv(lane->from, buffer, kbps > 0 ? SLOW_READ_BYTES : READ_BYTES, MSG_DONTWAIT);
    Packet *packet;

    if (n <= 0) {
        lane->is_ended = n == 0 || (errno != EAGAIN && errno != EINTR);
        return;
    }
    totals[direction] += (uint64_t)n;
    packet = g_malloc(sizeof(*packet) + (size_t)n);
    *packet = (Packet){ .due_us = now_us, .len = (size_t)n };
    memcpy(packet->data, buffer, (size_t)n);
    if (kbps > 0) {
        free_us[direction] = MAX(free_us[direction], now_us) + (int64_t)n * 8000 / kbps;
        packet->due_us = free_us[direction];
    }
    packet->due_us += (int64_t)delay_ms * 1000;
    g_queue_push_tail(&lane->packets, packet);
    lane->n_queued += (size_t)n;
}

static void
write_lane(Lane *lane, int64_t now_us)
{
    Packet *packet;

    while ((packet = g_queue_peek_head(&lane->packets)) && packet->due_us <= now_us) {
        ssize_t n = send(lane->to, packet->data + packet->sent, packet->len - packet->sent,
                         MSG_DONTWAIT | MSG_NOSIGNAL);

        if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
            return;
        }
        n = n < 0 ? (ssize_t)(packet->len - packet->sent) : n; /* nobody is there to take it */
        packet->sent += (size_t)n;
        lane->n_queued -= (size_t)n;
        if (packet->sent == packet->len) {
            g_free(g_queue_pop_head(&lane->packets));
        }
    }
    if (lane->is_ended && !packet && !lane->is_shut) {
        shutdown(lane->to, SHUT_WR);
        lane->is_shut = true;
    }
}

static void
set_socket(int fd)
{
    int one = 1;
    int size = SOCKET_BYTES;

    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    if (kbps > 0 || delay_ms > 0) {
        /* The kernel's own queue must not be a part of the link. */
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
        setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
    }
}

static int
make_socket(int port, struct sockaddr_in *ret_address)
{
    *ret_address = (struct sockaddr_in){
        .sin_family = AF_INET,
        .sin_port = htons((uint16_t)port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    return socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

static int
listen_here(void)
{
    struct sockaddr_in address;
    int fd = make_socket(listen_port, &address);
    int one = 1;

    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(fd, 8) < 0) {
        fprintf(stderr, "port %d is in use\n", listen_port);
        exit(1);
    }
    printf("listening\n");
    fflush(stdout);
    return fd;
}

static void
accept_one(int listener)
{
    struct sockaddr_in address;
    int client = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    int server = make_socket(connect_port, &address);
    size_t i = 0;

    while (i < MAX_LINKS && connections[i].is_used) {
        i++;
    }
    set_socket(server);
    if (client < 0 || i == MAX_LINKS ||
        connect(server, (struct sockaddr *)&address, sizeof(address)) < 0) {
        close(server);
        if (client >= 0) {
            close(client);
        }
        return;
    }
    set_socket(client);
    connections[i] = (Connection){ .is_used = true };
    connections[i].lanes[0] = (Lane){ .from = server, .to = client, .packets = G_QUEUE_INIT };
    connections[i].lanes[1] = (Lane){ .from = client, .to = server, .packets = G_QUEUE_INIT };
}

static void
move_bytes(Connection *connection, int64_t now_us)
{
    Lane *lanes = connection->lanes;

    for (int d = 0; d < 2; d++) {
        if (may_read(&lanes[d], d, now_us)) {
            read_lane(&lanes[d], d, now_us);
        }
        write_lane(&lanes[d], get_now_us());
    }
    if (lanes[0].is_shut && lanes[1].is_shut) {
        close(lanes[0].from);
        close(lanes[1].from);
        connection->is_used = false;
    }
}

/* What one lane's source is watched for; lowers the wait to the next time that matters. */
static struct pollfd
watch_lane(const Connection *connection, int direction, int64_t now_us, int64_t *wait_us)
{
    const Lane *lane = &connection->lanes[direction];
    const Packet *packet = g_queue_peek_head((GQueue *)&lane->packets);
    /* The other lane writes to the socket that this one reads from. */
    const Packet *answer = g_queue_peek_head((GQueue *)&connection->lanes[!direction].packets);
    bool can_read = may_read(lane, direction, now_us);
    bool can_write = answer && answer->due_us <= now_us;

    if (packet && packet->due_us > now_us) {
        *wait_us = MIN(*wait_us, packet->due_us - now_us);
    }
    if (!can_read && !lane->is_ended) {
        *wait_us = MIN(*wait_us, 1000);
    }
    return (struct pollfd){ can_read || can_write ? lane->from : -1,
                            (short)((can_read ? POLLIN : 0) | (can_write ? POLLOUT : 0)), 0 };
}

/* Waits until a socket or a packet's time says that there is something to do. */
static void
wait_for_work(int listener, int64_t now_us)
{
    struct pollfd fds[1 + 2 * MAX_LINKS] = { { listener, POLLIN, 0 } };
    nfds_t n = 1;
    int64_t wait_us = 100000;
    struct timespec timeout;

    for (size_t i = 0; i < MAX_LINKS; i++) {
        for (int d = 0; connections[i].is_used && d < 2; d++) {
            fds[n++] = watch_lane(&connections[i], d, now_us, &wait_us);
        }
    }
    timeout = (struct timespec){ wait_us / 1000000, (long)(wait_us % 1000000) * 1000 };
    ppoll(fds, n, &timeout, NULL);
    if (fds[0].revents & POLLIN) {
        accept_one(listener);
    }
}

static void
log_counts(FILE *log, bool is_last)
{
    static uint64_t logged = UINT64_MAX;
    static int64_t logged_us;
    int64_t now_us = get_now_us();

    if (is_last || (totals[0] + totals[1] != logged && now_us - logged_us >= LOG_US)) {
        fprintf(log, "%lld,%llu,%llu\n", (long long)now_us, (unsigned long long)totals[0],
                (unsigned long long)totals[1]);
        fflush(log);
        logged = totals[0] + totals[1];
        logged_us = now_us;
    }
}

int
main(int argc, char **argv)
{
    g_autoptr(GOptionContext) context = g_option_context_new(NULL);
    FILE *log;
    int listener;

    g_option_context_add_main_entries(context, options, NULL);
    if (!g_option_context_parse(context, &argc, &argv, NULL) || !log_path || !listen_port ||
        !connect_port || !(log = fopen(log_path, "w"))) {
        fprintf(stderr, "usage: bench-relay --listen PORT --connect PORT --log FILE [OPTION]...\n");
        return 1;
    }
    signal(SIGTERM, on_signal);
    signal(SIGINT, on_signal);
    listener = listen_here();
    while (!is_over) {
        wait_for_work(listener, get_now_us());
        for (size_t i = 0; i < MAX_LINKS; i++) {
            if (connections[i].is_used) {
                move_bytes(&connections[i], get_now_us());
            }
        }
        log_counts(log, false);
    }
    log_counts(log, true);
    return 0;
}
