/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/auth/pam-client.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/process.h"
#include "base/secret.h"
#include "broker/auth/auth-packet.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define HELPER_FD 3

static bool
fail_errno(GError **error, const char *what)
{
    return berth_set_error(error, BERTH_ERR_SOURCE_DOWN, "%s: %s", what, g_strerror(errno));
}

static bool
connect_helper(const char *path, int *ret_fd, GError **error)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    berth_autofd int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (g_strlcpy(address.sun_path, path, sizeof address.sun_path) >= sizeof address.sun_path) {
        errno = ENAMETOOLONG;
        return fail_errno(error, path);
    }
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) != 0) {
        return fail_errno(error, path);
    }
    *ret_fd = berth_steal_fd(&fd);
    return true;
}

static bool
start_helper(const BerthPamHelper *helper, int *ret_fd, int *ret_pidfd, GError **error)
{
    int pair[2];
    g_autoptr(GError) why = NULL;
    const char *argv[] = { helper->program, "--fd", G_STRINGIFY(HELPER_FD), NULL, NULL, NULL };
    if (helper->confdir[0] != '\0') {
        argv[3] = "--confdir";
        argv[4] = helper->confdir;
    }
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) {
        return fail_errno(error, "a socket pair");
    }
    berth_autofd int ours = pair[0];
    berth_autofd int theirs = pair[1];
    const BerthSpawnFd map = { .source = theirs, .target = HELPER_FD };
    const BerthSpawnOptions options = {
        .fds = &map, .n_fds = 1, .new_session = true, .death_signal = SIGKILL
    };
    if (!berth_spawn(argv, &options, ret_pidfd, NULL, &why)) {
        return berth_set_error(error, BERTH_ERR_SOURCE_DOWN, "%s: %s", helper->program,
                               why->message);
    }
    *ret_fd = berth_steal_fd(&ours);
    return true;
}

/* One packet out, one in, before the time is over. */
static bool
exchange(int fd, const BerthAuthQuestion *question, int timeout_s, BerthAuthAnswer *ret,
         GError **error)
{
    uint8_t packet[BERTH_LIMIT_AUTH_PACKET_BYTES];
    struct pollfd poller = { .fd = fd, .events = POLLIN };
    size_t len = berth_auth_question_encode(question, packet);
    bool is_sent = len > 0 && send(fd, packet, len, MSG_NOSIGNAL) == (ssize_t)len;
    berth_wipe(packet, sizeof packet);
    if (!is_sent) {
        return fail_errno(error, "the helper takes no question");
    }
    int n_ready = poll(&poller, 1, timeout_s * 1000);
    if (n_ready <= 0) {
        return berth_set_error(error, BERTH_ERR_SOURCE_DOWN, "PAM did not answer within %d s",
                               timeout_s);
    }
    ssize_t n = recv(fd, packet, sizeof packet, 0);
    if (n <= 0) {
        return berth_set_error(error, BERTH_ERR_SOURCE_DOWN, "the helper ended without an answer");
    }
    if (berth_auth_answer_decode(packet, (size_t)n, ret) != BERTH_OK) {
        return berth_set_error(error, BERTH_ERR_SOURCE_DOWN, "the helper's answer makes no sense");
    }
    return true;
}

static void
end_helper(int pidfd)
{
    int status = 0;
    struct pollfd poller = { .fd = pidfd, .events = POLLIN };
    if (pidfd >= 0) {
        (void)berth_pidfd_signal(pidfd, SIGKILL);
        (void)poll(&poller, 1, 1000);
        (void)berth_pidfd_reap(pidfd, &status);
    }
}

static BerthIdentity *
take_answer(const BerthAuthAnswer *answer, GError **error)
{
    if (answer->outcome != BERTH_AUTH_GOOD) {
        berth_set_error(error,
                        answer->outcome == BERTH_AUTH_BAD ? BERTH_ERR_BAD_CREDENTIALS
                                                          : BERTH_ERR_SOURCE_DOWN,
                        "PAM: %s", answer->text);
        return NULL;
    }
    g_autoptr(BerthIdentity) identity = berth_identity_new();
    identity->external_id = g_strdup(answer->text);
    identity->name = g_strdup(answer->text);
    return berth_identity_check(identity, error) ? g_steal_pointer(&identity) : NULL;
}

BerthIdentity *
berth_pam_login(const BerthPamHelper *helper, const char *user, const char *password,
                const char *source, GError **error)
{
    BerthAuthQuestion question = { 0 };
    BerthAuthAnswer answer = { 0 };
    berth_autofd int fd = -1;
    berth_autofd int pidfd = -1;
    if (helper->socket_path[0] == '\0' && helper->program[0] == '\0') {
        berth_set_error(error, BERTH_ERR_SOURCE_DOWN,
                        "neither pam_socket nor pam_helper is set in berth-broker.conf");
        return NULL;
    }
    if (!(helper->socket_path[0] != '\0' ? connect_helper(helper->socket_path, &fd, error)
                                         : start_helper(helper, &fd, &pidfd, error))) {
        return NULL;
    }
    g_strlcpy(question.user, user, sizeof question.user);
    g_strlcpy(question.password, password, sizeof question.password);
    g_strlcpy(question.source, source, sizeof question.source);
    bool is_answered = exchange(fd, &question, helper->timeout_s, &answer, error);
    berth_wipe(&question, sizeof question);
    end_helper(pidfd);
    return is_answered ? take_answer(&answer, error) : NULL;
}
