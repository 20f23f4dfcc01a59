/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/fdpass.h"

#include "testing.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

typedef struct {
    int a;
    int b;
} Pair;

static int
set_up(void **state)
{
    static Pair pair;
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) < 0) {
        return -1;
    }
    pair = (Pair){ ends[0], ends[1] };
    *state = &pair;
    return 0;
}

static int
tear_down(void **state)
{
    Pair *pair = *state;
    close(pair->a);
    close(pair->b);
    return 0;
}

static int
count_open_fds(void)
{
    int n = 0;
    DIR *dir = opendir("/proc/self/fd");
    assert_non_null(dir);
    while (readdir(dir)) {
        n++;
    }
    closedir(dir);
    return n;
}

static void
a_packet_arrives_with_its_descriptors(void **state)
{
    Pair *pair = *state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    assert_berth_ok(berth_fds_send(pair->a, "hello", 5, ends, 2));

    char buf[64];
    size_t len;
    int fds[4], n_fds;
    assert_berth_ok(berth_fds_recv(pair->b, buf, sizeof(buf), &len, fds, 4, &n_fds));
    assert_int_equal(len, 5);
    assert_memory_equal(buf, "hello", 5);
    assert_int_equal(n_fds, 2);
    assert_int_equal(fcntl(fds[0], F_GETFD), FD_CLOEXEC);
    assert_int_equal(write(fds[1], "x", 1), 1);
    assert_int_equal(read(ends[0], buf, 1), 1);
    close(fds[0]);
    close(fds[1]);
    close(ends[0]);
    close(ends[1]);
}

static void
packets_without_descriptors_keep_their_borders(void **state)
{
    Pair *pair = *state;
    char buf[64];
    size_t len;
    int n_fds;
    assert_berth_ok(berth_fds_send(pair->a, "one", 3, NULL, 0));
    assert_berth_ok(berth_fds_send(pair->a, "three", 5, NULL, 0));
    assert_berth_ok(berth_fds_recv(pair->b, buf, sizeof(buf), &len, NULL, 0, &n_fds));
    assert_int_equal(len, 3);
    assert_berth_ok(berth_fds_recv(pair->b, buf, sizeof(buf), &len, NULL, 0, &n_fds));
    assert_int_equal(len, 5);
    assert_berth_error(berth_fds_recv(pair->b, buf, sizeof(buf), &len, NULL, 0, &n_fds),
                       BERTH_ERR_AGAIN);
}

static void
a_packet_that_does_not_fit_is_refused_and_leaks_nothing(void **state)
{
    Pair *pair = *state;
    char buf[4];
    size_t len = 77;
    int fds[2] = { -7, -7 }, n_fds = 77;
    int sent[2] = { STDIN_FILENO, STDOUT_FILENO };
    int n_before = count_open_fds();
    assert_berth_ok(berth_fds_send(pair->a, "too long", 8, sent, 2));
    assert_berth_error(berth_fds_recv(pair->b, buf, sizeof(buf), &len, fds, 2, &n_fds),
                       BERTH_ERR_PROTOCOL);
    assert_int_equal(count_open_fds(), n_before);
    assert_int_equal(len, 77);
    assert_int_equal(fds[0], -7);
    assert_int_equal(n_fds, 77);
}

static void
too_many_descriptors_are_refused_and_closed(void **state)
{
    Pair *pair = *state;
    char buf[64];
    size_t len;
    int fds[1], n_fds;
    int sent[BERTH_FDPASS_MAX_FDS] = { 0 };
    int n_before = count_open_fds();
    assert_berth_ok(berth_fds_send(pair->a, "x", 1, sent, BERTH_FDPASS_MAX_FDS));
    assert_berth_error(berth_fds_recv(pair->b, buf, sizeof(buf), &len, fds, 1, &n_fds),
                       BERTH_ERR_PROTOCOL);
    assert_int_equal(count_open_fds(), n_before);
    assert_berth_error(berth_fds_send(pair->a, "x", 1, sent, BERTH_FDPASS_MAX_FDS + 1),
                       BERTH_ERR_INVALID);
}

/* Sends more descriptors than our receive buffer has room for, as a foreign peer could. */
static void
send_many_fds(int sock, int n_fds)
{
    union {
        char bytes[CMSG_SPACE(sizeof(int) * 64)];
        struct cmsghdr align;
    } control = { 0 };

    char byte = 'x';
    struct iovec packet = { &byte, 1 };
    struct msghdr message = {
        .msg_iov = &packet,
        .msg_iovlen = 1,
        .msg_control = control.bytes,
        .msg_controllen = CMSG_SPACE(sizeof(int) * (size_t)n_fds),
    };
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int) * (size_t)n_fds);
    assert_int_equal(sendmsg(sock, &message, 0), 1);
}

static void
a_flood_of_descriptors_leaks_nothing(void **state)
{
    Pair *pair = *state;
    char buf[64];
    size_t len;
    int fds[BERTH_FDPASS_MAX_FDS], n_fds;
    int n_before = count_open_fds();
    send_many_fds(pair->a, 64);
    assert_berth_error(
        berth_fds_recv(pair->b, buf, sizeof(buf), &len, fds, BERTH_FDPASS_MAX_FDS, &n_fds),
        BERTH_ERR_PROTOCOL);
    assert_int_equal(count_open_fds(), n_before);
}

static void
the_end_of_the_peer_is_closed(void **state)
{
    Pair *pair = *state;
    char buf[64];
    size_t len;
    int n_fds;
    close(pair->a);
    pair->a = -1;
    assert_berth_error(berth_fds_recv(pair->b, buf, sizeof(buf), &len, NULL, 0, &n_fds),
                       BERTH_ERR_CLOSED);
    assert_berth_error(berth_fds_send(pair->b, "x", 1, NULL, 0), BERTH_ERR_CLOSED);
}

int
main(void)
{
#define FDPASS_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        FDPASS_TEST(a_packet_arrives_with_its_descriptors),
        FDPASS_TEST(packets_without_descriptors_keep_their_borders),
        FDPASS_TEST(a_packet_that_does_not_fit_is_refused_and_leaks_nothing),
        FDPASS_TEST(too_many_descriptors_are_refused_and_closed),
        FDPASS_TEST(a_flood_of_descriptors_leaks_nothing),
        FDPASS_TEST(the_end_of_the_peer_is_closed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
