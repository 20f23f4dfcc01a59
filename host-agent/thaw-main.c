/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * berth-thaw: thaws a guest whose agent was told to freeze, if whoever said so dies or forgets.
 *
 *   berth-thaw SOCKET LIMIT_MS
 *
 * Standard input is a pipe of the agent of the host.  A byte on it says that the guest is well, and
 * we are done.  Its end, or LIMIT_MS without a word, says that nobody else will do it: then the
 * order to thaw is given to the guest's agent until that obeys, for at most GIVE_UP_MS.  QEMU
 * serves one client of the socket at a time, so this works when the other one has gone.  It does
 * nothing else, so that nothing can fail before the guest is safe.
 */
#include "base/clock.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define GIVE_UP_MS (10 * 60 * 1000)
#define ANSWER_MS 3000
#define RETRY_MS 200
#define LINE_BYTES 4096

static int64_t
now_ms(void)
{
    return berth_monotonic_us() / 1000;
}

/* Whether the guest is well; else it is ours to thaw. */
static bool
wait_for_word(int limit_ms)
{
    struct pollfd pipe = { .fd = STDIN_FILENO, .events = POLLIN };
    int64_t until = now_ms() + limit_ms;
    char word;
    for (;;) {
        int64_t left = until - now_ms();
        int n = left > 0 ? poll(&pipe, 1, (int)left) : 0;
        if (n == 0) {
            return false;
        }
        if (n > 0) {
            ssize_t got = read(STDIN_FILENO, &word, 1);
            if (got >= 0 || errno != EINTR) {
                return got == 1;
            }
        }
    }
}

static int
connect_to(const char *path)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    size_t n = strlen(path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || n >= sizeof address.sun_path) {
        return fd;
    }
    memcpy(address.sun_path, path, n + 1);
    if (connect(fd, (const struct sockaddr *)&address, sizeof address) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

/* The byte 0xff empties the parser of the guest's agent, whatever was half said before. */
static bool
give_order(int fd)
{
    static const char order[] = "\xff{\"execute\": \"guest-fsfreeze-thaw\"}\n";
    return send(fd, order, sizeof order - 1, MSG_NOSIGNAL) == (ssize_t)(sizeof order - 1);
}

/* Adds what there is to read; false if the other end is gone. */
static bool
read_more(int fd, char *line, size_t *used)
{
    ssize_t n = recv(fd, line + *used, LINE_BYTES - *used, MSG_DONTWAIT);
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
        return false;
    }
    for (ssize_t i = 0; i < n; i++, (*used)++) {
        line[*used] = line[*used] == '\0' ? ' ' : line[*used];
    }
    line[*used] = '\0';
    return true;
}

/* Whether an answer came that is no error: older answers may come first. */
static bool
wait_for_answer(int fd)
{
    char line[LINE_BYTES + 1] = "";
    size_t used = 0;
    int64_t until = now_ms() + ANSWER_MS;
    struct pollfd agent = { .fd = fd, .events = POLLIN };
    while (used < LINE_BYTES && until > now_ms() && poll(&agent, 1, RETRY_MS) >= 0) {
        if (!read_more(fd, line, &used)) {
            return false;
        }
        if (strstr(line, "\"return\":") != NULL && strchr(line, '\n') != NULL) {
            return true;
        }
    }
    return false;
}

static bool
thaw_once(const char *path)
{
    int fd = connect_to(path);
    if (fd < 0) {
        return false;
    }
    bool is_thawed = give_order(fd) && wait_for_answer(fd);
    close(fd);
    return is_thawed;
}

int
main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: berth-thaw SOCKET LIMIT_MS\n"
                        "Thaws a guest when the agent that froze it dies; berth-agent runs it.\n");
        return argc == 2 && strcmp(argv[1], "--help") == 0 ? 0 : 2;
    }
    if (wait_for_word((int)strtol(argv[2], NULL, 10))) {
        return 0;
    }
    int64_t until = now_ms() + GIVE_UP_MS;
    while (now_ms() < until) {
        /* Without a socket there is no QEMU, and without QEMU nobody is frozen. */
        if (access(argv[1], F_OK) != 0) {
            return 0;
        }
        if (thaw_once(argv[1])) {
            return 0;
        }
        poll(NULL, 0, RETRY_MS);
    }
    return 1;
}
