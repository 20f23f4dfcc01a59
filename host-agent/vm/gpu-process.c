/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/vm/gpu-process.h"

#include "base/cleanup.h"
#include "base/error.h"
#include "base/fdpass.h"
#include "base/log.h"
#include "base/process.h"
#include "host-agent/unix-socket.h"
#include "host-agent/vm/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#define SOCKET_NAME "gpu.sock"
#define LOG_NAME "gpu.log"
#define VHOST_FD 3
#define LISTEN_FD 4

/* Kept until the process has ended, so that it can be reaped. */
typedef struct {
    BerthPoller *poller;
    int pidfd;
} GpuProcess;

static void
on_exit_of_gpu(int fd, uint32_t events, void *user_data)
{
    GpuProcess *self = user_data;
    int status = 0;

    if (berth_pidfd_reap(fd, &status) == BERTH_ERR_AGAIN) {
        return;
    }
    if (status != 0) {
        berth_log_warning("vm", "a graphics card ended with status %d", status);
    }
    berth_poller_remove(self->poller, fd);
    berth_clear_fd(&self->pidfd);
    g_free(self);
}

static int
spawn(const char *program, const char *folder, int vhost_fd, const int *groups, int n_groups,
      GError **error)
{
    g_autofree char *socket_path = g_build_filename(folder, SOCKET_NAME, NULL);
    g_autofree char *log_path = g_build_filename(folder, LOG_NAME, NULL);
    berth_autofd int listen_fd = berth_unix_listen(socket_path, SOCK_SEQPACKET, error);
    berth_autofd int log_fd =
        open(log_path, O_WRONLY | O_CREAT | O_APPEND | O_TRUNC | O_CLOEXEC, 0600);
    const BerthSpawnFd fds[] = { { vhost_fd, VHOST_FD }, { listen_fd, LISTEN_FD } };
    const BerthSpawnOptions options = {
        .fds = fds,
        .n_fds = G_N_ELEMENTS(fds),
        .new_session = true,
        .stdout_fd = log_fd,
        .stderr_fd = log_fd,
        .group_fds = groups,
        .n_group_fds = (size_t)n_groups,
    };
    g_autofree char *vhost = g_strdup_printf("%d", VHOST_FD);
    g_autofree char *listener = g_strdup_printf("%d", LISTEN_FD);
    const char *const argv[] = { program, "--vhost-fd", vhost, "--listen-fd", listener, NULL };
    int pidfd = -1;

    if (listen_fd >= 0) {
        berth_spawn(argv, &options, &pidfd, NULL, error);
    }
    return pidfd;
}

int
berth_gpu_process_start(BerthPoller *poller, const char *program, const char *folder,
                        const char *hex_id, BerthCgroups *cgroups)
{
    g_autoptr(GError) error = NULL;
    int pair[2];
    int groups[BERTH_CGROUP_MAX_FDS];
    int n_groups = cgroups != NULL ? berth_cgroups_open(cgroups, hex_id, groups) : 0;
    int pidfd;
    GpuProcess *self;

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) {
        berth_cgroups_close(groups, n_groups);
        return -1;
    }
    pidfd = spawn(program, folder, pair[0], groups, n_groups, &error);
    berth_cgroups_close(groups, n_groups);
    berth_clear_fd(&pair[0]);
    if (pidfd < 0) {
        berth_log_warning("vm", "machine=%s has QEMU's graphics card: %s", hex_id, error->message);
        berth_clear_fd(&pair[1]);
        return -1;
    }
    self = g_new0(GpuProcess, 1);
    self->poller = poller;
    self->pidfd = pidfd;
    berth_poller_add(poller, pidfd, EPOLLIN, on_exit_of_gpu, self);
    return pair[1];
}

int
berth_gpu_process_join(const char *folder, int *fd, GError **error)
{
    berth_autofd int display = berth_steal_fd(fd);
    g_autofree char *path = g_build_filename(folder, SOCKET_NAME, NULL);
    GError *problem = NULL;
    berth_autofd int gpu = berth_unix_connect(path, SOCK_SEQPACKET, &problem);
    int pair[2];
    int r;

    if (gpu < 0) {
        r = problem->code;
        g_propagate_error(error, problem);
        return r;
    }
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) {
        berth_set_error(error, BERTH_ERR_IO, "cannot make a socket pair: %s", g_strerror(errno));
        return BERTH_ERR_IO;
    }
    r = berth_fds_send(pair[0], "g", 1, (const int[]){ display, gpu }, 2);
    berth_clear_fd(&pair[0]);
    if (r < 0) {
        berth_clear_fd(&pair[1]);
        berth_set_error(error, BERTH_ERR_IO, "the graphics card cannot be passed on: %s",
                        berth_error_sentence(r));
        return BERTH_ERR_IO;
    }
    *fd = pair[1];
    return BERTH_OK;
}
