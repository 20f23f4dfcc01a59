/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/depot/image-tool.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Address space: tables of the largest images and the stacks of threads fit. */
#define MEMORY_BYTES "4294967296"
/* Between looks at time, cancel and may_go_on. */
#define TICK_MS 100
/* Of what it says on its standard error. */
#define SAID_BYTES 1024

typedef struct {
    const BerthImageRun *run;
    int pidfd;
    int out_fd, err_fd;
    char said[SAID_BYTES + 1];
    size_t n_said;
} Child;

static bool
open_pipe(int *ret_read, int *ret_write, GError **error)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0) {
        return berth_set_error(error, berth_error_from_errno(errno), "no pipe for qemu-img: %s",
                               g_strerror(errno));
    }
    *ret_read = ends[0];
    *ret_write = ends[1];
    return true;
}

GPtrArray *
berth_image_box_argv(const BerthImageBox *box, const char *const *arguments)
{
    GPtrArray *argv = g_ptr_array_new_with_free_func(g_free);
    g_ptr_array_add(argv, g_strdup(box->tools->sandbox_program));
    g_ptr_array_add(argv, g_strdup_printf("%" G_GINT64_FORMAT, box->cpu_us / G_USEC_PER_SEC + 1));
    g_ptr_array_add(argv, g_strdup(MEMORY_BYTES));
    g_ptr_array_add(argv, g_strdup_printf("%" G_GUINT64_FORMAT, box->file_bytes));
    for (size_t i = 0; box->read_paths[i] != NULL; i++) {
        g_ptr_array_add(argv, g_strdup(box->read_paths[i]));
    }
    g_ptr_array_add(argv, g_strdup("--"));
    g_ptr_array_add(argv, g_strdup(box->write_path != NULL ? box->write_path : ""));
    g_ptr_array_add(argv, g_strdup(box->tools->qemu_img));
    for (size_t i = 0; arguments[i] != NULL; i++) {
        g_ptr_array_add(argv, g_strdup(arguments[i]));
    }
    g_ptr_array_add(argv, NULL);
    return argv;
}

static bool
start(Child *child, const char *const *arguments, GError **error)
{
    static const char *const environment[] = { "LC_ALL=C", "PATH=/usr/bin:/bin", NULL };
    g_autoptr(GPtrArray) argv = berth_image_box_argv(&child->run->box, arguments);
    berth_autofd int out = -1;
    berth_autofd int err = -1;
    if (!open_pipe(&child->out_fd, &out, error) || !open_pipe(&child->err_fd, &err, error)) {
        return false;
    }
    BerthSpawnOptions options = {
        .new_session = true,
        .death_signal = SIGKILL,
        .stdout_fd = out,
        .stderr_fd = err,
        .cwd = "/",
        .env = environment,
    };
    return berth_spawn((const char *const *)argv->pdata, &options, &child->pidfd, NULL, error);
}

/* Takes what a pipe has; closes it at its end. */
static void
take(Child *child, int *fd)
{
    char bytes[4096];
    ssize_t n = read(*fd, bytes, sizeof(bytes));
    if (n <= 0) {
        if (n == 0 || errno != EINTR) {
            berth_clear_fd(fd);
        }
        return;
    }
    if (fd == &child->out_fd) {
        if (child->run->output != NULL) {
            child->run->output(child->run->data, bytes, (size_t)n);
        }
        return;
    }
    size_t kept = MIN((size_t)n, SAID_BYTES - child->n_said);
    memcpy(child->said + child->n_said, bytes, kept);
    child->n_said += kept;
}

static bool
may_go_on(const Child *child, int64_t deadline_us, GError **error)
{
    const BerthImageRun *run = child->run;
    if (run->cancel != NULL && g_atomic_int_get(run->cancel) != 0) {
        return berth_set_error(error, BERTH_ERR_CLOSED, "reading the image was cancelled");
    }
    if (berth_monotonic_us() >= deadline_us) {
        return berth_set_error(error, BERTH_ERR_TIMEOUT,
                               "qemu-img was not done with the image after %lld s",
                               (long long)(run->timeout_us / G_USEC_PER_SEC));
    }
    return run->may_go_on == NULL || run->may_go_on(run->data, error);
}

/* Waits a little for output or the end. */
static void
wait_a_little(Child *child)
{
    bool is_silent = child->out_fd < 0 && child->err_fd < 0;
    struct pollfd fds[] = {
        { .fd = child->out_fd, .events = POLLIN },
        { .fd = child->err_fd, .events = POLLIN },
        /* Only of interest when the pipes are closed: it may end before they are read. */
        { .fd = is_silent ? child->pidfd : -1, .events = POLLIN },
    };
    if (poll(fds, G_N_ELEMENTS(fds), TICK_MS) <= 0) {
        return;
    }
    if (child->out_fd >= 0 && fds[0].revents != 0) {
        take(child, &child->out_fd);
    }
    if (child->err_fd >= 0 && fds[1].revents != 0) {
        take(child, &child->err_fd);
    }
}

/* Waits for the end; kills it when it may not go on. */
static bool
wait_for_end(Child *child, int *ret_status, GError **error)
{
    int64_t deadline_us = berth_monotonic_us() + child->run->timeout_us;
    bool is_allowed = true;
    while (child->out_fd >= 0 || child->err_fd >= 0 ||
           berth_pidfd_reap(child->pidfd, ret_status) == BERTH_ERR_AGAIN) {
        wait_a_little(child);
        if (is_allowed && !may_go_on(child, deadline_us, error)) {
            is_allowed = false;
            berth_pidfd_signal(child->pidfd, SIGKILL);
        }
    }
    return is_allowed;
}

/* The end of what it said, in one line that can be shown. */
static const char *
said(Child *child)
{
    child->said[child->n_said] = '\0';
    for (size_t i = 0; i < child->n_said; i++) {
        if (g_ascii_iscntrl(child->said[i]) || (child->said[i] & 0x80)) {
            child->said[i] = ' ';
        }
    }
    g_strchomp(child->said);
    return child->said[0] != '\0' ? child->said : "it says nothing";
}

static bool
judge(Child *child, int status, GError **error)
{
    if (status == 0 || (status > 0 && status == child->run->also_good)) {
        return true;
    }
    switch (-status) {
    case SIGXCPU:
    case SIGKILL:
        return berth_set_error(error, BERTH_ERR_TIMEOUT,
                               "qemu-img used more time than it may for one image");
    case SIGSYS:
        return berth_set_error(error, BERTH_ERR_FORBIDDEN,
                               "the image made qemu-img do what it may not; it was ended");
    case SIGXFSZ:
        return berth_set_error(error, BERTH_ERR_TOO_LARGE,
                               "the image made qemu-img write more than its disk has");
    default:
        break;
    }
    const char *text = said(child);
    if (strstr(text, g_strerror(ENOSPC)) != NULL) {
        return berth_set_error(error, BERTH_ERR_DISK_FULL, "the disk became full: %s", text);
    }
    return berth_set_error(error, BERTH_ERR_INVALID, "qemu-img cannot read the image: %s", text);
}

bool
berth_image_run(const BerthImageRun *run, const char *const *arguments, GError **error)
{
    Child child = { .run = run, .pidfd = -1, .out_fd = -1, .err_fd = -1 };
    int status = -1;
    bool is_good = start(&child, arguments, error) && wait_for_end(&child, &status, error) &&
                   judge(&child, status, error);
    berth_clear_fd(&child.out_fd);
    berth_clear_fd(&child.err_fd);
    berth_clear_fd(&child.pidfd);
    return is_good;
}
