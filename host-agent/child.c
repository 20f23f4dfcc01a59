/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/child.h"

#include "base/cleanup.h"
#include "base/error.h"
#include "base/process.h"
#include "berth/errors.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

#define OUTPUT_MAX_BYTES 16384
#define READ_BYTES 4096
/* A killed child that does not end by then is stuck in the kernel; the loop goes on. */
#define KILL_LIMIT_MS 100

struct BerthChild {
    BerthPoller *poller;
    int pidfd;
    int output_fd;
    GString *output;
    guint timeout_source;
    bool is_timed_out;
    BerthChildDone done;
    void *user_data;
};

static void
drain(BerthChild *self)
{
    char buffer[READ_BYTES];
    ssize_t n;
    while ((n = read(self->output_fd, buffer, sizeof buffer)) > 0) {
        gsize room = OUTPUT_MAX_BYTES - self->output->len;
        g_string_append_len(self->output, buffer, (gssize)MIN((gsize)n, room));
    }
    if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
        berth_poller_modify(self->poller, self->output_fd, 0);
    }
}

static void
release(BerthChild *self)
{
    g_clear_handle_id(&self->timeout_source, g_source_remove);
    berth_poller_remove(self->poller, self->output_fd);
    berth_poller_remove(self->poller, self->pidfd);
    berth_clear_fd(&self->output_fd);
    berth_clear_fd(&self->pidfd);
    g_string_free(self->output, TRUE);
    g_free(self);
}

static void
on_output(int fd, uint32_t events, void *user_data)
{
    BerthChild *self = user_data;
    if ((events & EPOLLIN) != 0) {
        drain(self);
    } else {
        /* The other end is closed and empty; watching on would spin. */
        berth_poller_remove(self->poller, fd);
    }
}

static void
on_exit_event(int fd, uint32_t events, void *user_data)
{
    BerthChild *self = user_data;
    int status = 0;
    if (berth_pidfd_reap(self->pidfd, &status) == BERTH_ERR_AGAIN) {
        return;
    }
    drain(self);
    BerthChildDone done = self->done;
    void *done_data = self->user_data;
    g_autofree char *output = g_strdup(self->output->str);
    status = self->is_timed_out ? BERTH_CHILD_TIMEOUT : status;
    release(self);
    done(status, output, done_data);
}

static gboolean
on_timeout(gpointer user_data)
{
    BerthChild *self = user_data;
    self->timeout_source = 0;
    self->is_timed_out = true;
    berth_pidfd_signal(self->pidfd, SIGKILL);
    return G_SOURCE_REMOVE;
}

BerthChild *
berth_child_run(BerthPoller *poller, const char *const *argv, int timeout_ms, BerthChildDone done,
                void *user_data, GError **error)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) {
        berth_set_error(error, berth_error_from_errno(errno), "cannot make a pipe");
        return NULL;
    }
    berth_autofd int read_end = ends[0];
    berth_autofd int write_end = ends[1];
    int pidfd = -1;
    BerthSpawnOptions options = {
        .death_signal = SIGKILL,
        .stdout_fd = write_end,
        .stderr_fd = write_end,
    };
    fcntl(read_end, F_SETFL, O_NONBLOCK);
    if (!berth_spawn(argv, &options, &pidfd, NULL, error)) {
        return NULL;
    }
    BerthChild *self = g_new0(BerthChild, 1);
    self->poller = poller;
    self->pidfd = pidfd;
    self->output_fd = berth_steal_fd(&read_end);
    self->output = g_string_new(NULL);
    self->done = done;
    self->user_data = user_data;
    self->timeout_source = g_timeout_add((guint)timeout_ms, on_timeout, self);
    berth_poller_add(poller, self->output_fd, EPOLLIN, on_output, self);
    berth_poller_add(poller, self->pidfd, EPOLLIN, on_exit_event, self);
    return self;
}

void
berth_child_cancel(BerthChild *self)
{
    if (self == NULL) {
        return;
    }
    int status;
    berth_pidfd_signal(self->pidfd, SIGKILL);
    struct pollfd ended = { .fd = self->pidfd, .events = POLLIN };
    if (poll(&ended, 1, KILL_LIMIT_MS) > 0) {
        berth_pidfd_reap(self->pidfd, &status);
    }
    release(self);
}
