/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/vhost-gpu/keeper.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fdpass.h"
#include "base/log.h"
#include "base/process.h"
#include "base/sandbox.h"
#include "berth/errors.h"
#include "host-agent/vhost-gpu/gpu-notes.h"
#include "host-agent/vhost-gpu/gpu-server.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SCOPE "gpu"
/* Workers that may die within the time. */
#define MAX_DEATHS 8
#define DEATHS_US (60LL * 1000 * 1000)

typedef struct {
    int vhost_fd, listen_fd;
    BerthGpuNotes *notes;
    int fds[BERTH_GPU_N_FDS];
    int socket_fd; /* to the worker */
    int pidfd;
    int64_t deaths_us[MAX_DEATHS]; /* the last ones, a ring */
    unsigned n_deaths;
} Keeper;

static int
run_worker(Keeper *self, int socket_fd)
{
    const BerthSandboxProfile profile = { .name = "berth-gpu", .flags = BERTH_SANDBOX_MEMFD };
    BerthGpuServerConfig config = {
        .vhost_fd = self->vhost_fd,
        .listen_fd = self->listen_fd,
        .keeper_fd = socket_fd,
        .notes = self->notes,
        .fds = self->fds,
    };
    g_autoptr(GError) error = NULL;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (!berth_sandbox_enter(&profile, &error)) {
        berth_log_error(SCOPE, "%s", error->message);
        return 1;
    }
    return berth_gpu_server_run(&config);
}

/* Returns in the keeper only. */
static bool
start_worker(Keeper *self)
{
    int pair[2];
    pid_t pid;

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) {
        berth_log_error(SCOPE, "no socket pair for the worker: %s", g_strerror(errno));
        return false;
    }
    pid = fork();
    if (pid == 0) {
        close(pair[0]);
        _exit(run_worker(self, pair[1]));
    }
    close(pair[1]);
    self->socket_fd = pair[0];
    self->pidfd = pid > 0 ? (int)syscall(SYS_pidfd_open, pid, 0) : -1;
    if (self->pidfd < 0) {
        berth_log_error(SCOPE, "no worker can be started: %s", g_strerror(errno));
        berth_clear_fd(&self->socket_fd);
        return false;
    }
    return true;
}

/* Takes one descriptor, or the end of one.  false: the worker says no more. */
static bool
take_descriptor(Keeper *self)
{
    uint8_t slot = 0;
    size_t n_bytes;
    int fd = -1;
    int n_fds = 0;
    int r = berth_fds_recv(self->socket_fd, &slot, 1, &n_bytes, &fd, 1, &n_fds);

    if (r < 0) {
        return r == BERTH_ERR_PROTOCOL;
    }
    if (slot >= BERTH_GPU_N_FDS) {
        berth_clear_fd(&fd);
        return true;
    }
    berth_clear_fd(&self->fds[slot]);
    self->fds[slot] = n_fds == 1 ? fd : -1;
    return true;
}

/* Holds what the worker gives until it has ended.  Returns how. */
static int
watch_worker(Keeper *self)
{
    int status = -1;

    for (;;) {
        struct pollfd polls[] = { { self->socket_fd, POLLIN, 0 }, { self->pidfd, POLLIN, 0 } };

        if (poll(polls, G_N_ELEMENTS(polls), -1) < 0 && errno != EINTR) {
            break;
        }
        if (polls[0].revents) {
            if (!take_descriptor(self)) {
                berth_clear_fd(&self->socket_fd); /* poll ignores it; its end follows */
            }
        } else if (polls[1].revents && berth_pidfd_reap(self->pidfd, &status) == BERTH_OK) {
            break;
        }
    }
    berth_clear_fd(&self->socket_fd);
    berth_clear_fd(&self->pidfd);
    return status;
}

static bool
is_hopeless(Keeper *self)
{
    int64_t now_us = berth_monotonic_us();

    self->deaths_us[self->n_deaths % MAX_DEATHS] = now_us;
    self->n_deaths++;
    /* The place of the next one holds the oldest. */
    return self->n_deaths >= MAX_DEATHS &&
           now_us - self->deaths_us[self->n_deaths % MAX_DEATHS] < DEATHS_US;
}

int
berth_gpu_keeper_run(int vhost_fd, int listen_fd)
{
    Keeper self = { .vhost_fd = vhost_fd, .listen_fd = listen_fd, .socket_fd = -1, .pidfd = -1 };
    int status = 1;

    for (unsigned i = 0; i < BERTH_GPU_N_FDS; i++) {
        self.fds[i] = -1;
    }
    self.notes = berth_gpu_notes_new();
    if (!self.notes) {
        berth_log_error(SCOPE, "no memory for the notes");
        return 1;
    }
    while (start_worker(&self)) {
        status = watch_worker(&self);
        if (status >= 0) {
            break; /* it ended by itself: QEMU has gone, or there is no going on */
        }
        berth_log_warning(SCOPE, "the worker was killed by signal %d, another one goes on",
                          -status);
        if (is_hopeless(&self)) {
            berth_log_error(SCOPE, "%d workers died within a minute", MAX_DEATHS);
            break;
        }
    }
    return status == 0 ? 0 : 1;
}
