/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/session/share-target.h"

#include "host-agent/session/x11-target.h"
#include "host-agent/unix-socket.h"
#include "host-agent/vm/qmp.h"

#include "base/cleanup.h"
#include "base/error.h"
#include "base/main-loop.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#define QEMU_PREFIX "qemu:"
#define FD_NAME "berth-share"

/* One exchange with a monitor. */
typedef struct {
    GMainLoop *loop;
    BerthQmp *qmp;
    int peer_fd; /* QEMU's end until it has it */
    bool is_done;
    GError *error;
} QemuOpen;

static void
on_added(int code, const json_t *result, const char *text, void *user_data)
{
    QemuOpen *open = user_data;

    if (code == BERTH_OK) {
        open->is_done = true;
    } else if (!open->error) {
        berth_set_error(&open->error, BERTH_ERR_UNSUPPORTED,
                        "QEMU gives no display (was it started with -display dbus,p2p=on?): %s",
                        text ? text : berth_error_sentence(code));
    }
    g_main_loop_quit(open->loop);
}

static void
on_ready(void *user_data)
{
    QemuOpen *open = user_data;

    berth_qmp_pass_fd(open->qmp, FD_NAME, berth_steal_fd(&open->peer_fd), NULL, NULL);
    berth_qmp_command(open->qmp, "add_client",
                      json_pack("{s:s,s:s}", "protocol", "@dbus-display", "fdname", FD_NAME),
                      on_added, open);
}

static void
on_event(const char *name, const json_t *data, void *user_data)
{
}

static void
on_closed(int code, const char *text, void *user_data)
{
    QemuOpen *open = user_data;

    if (!open->is_done && !open->error) {
        berth_set_error(&open->error, code, "the monitor of QEMU ended: %s", text);
    }
    g_main_loop_quit(open->loop);
}

static const BerthQmpCallbacks qmp_callbacks = { on_ready, on_event, on_closed };

/* fd: the monitor, taken. */
static bool
exchange(QemuOpen *open, int fd, GError **error)
{
    BerthPoller *poller = berth_poller_new(NULL);

    open->loop = g_main_loop_new(NULL, FALSE);
    open->qmp = berth_qmp_new(poller, fd, &qmp_callbacks, open);
    berth_main_loop_run(open->loop);
    berth_qmp_free(open->qmp);
    berth_poller_free(poller);
    g_main_loop_unref(open->loop);
    berth_clear_fd(&open->peer_fd);
    if (open->is_done) {
        return true;
    }
    if (!open->error) {
        return berth_set_error(error, BERTH_ERR_CLOSED, "stopped while QEMU was asked");
    }
    g_propagate_error(error, open->error);
    return false;
}

static int
open_qemu(const char *path, GError **error)
{
    berth_autofd int ours = -1;
    QemuOpen open = { .peer_fd = -1 };
    int pair[2];
    int fd = berth_unix_connect(path, SOCK_STREAM, error);

    if (fd < 0) {
        return -1;
    }
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) {
        int errnum = errno;

        berth_clear_fd(&fd);
        berth_set_error(error, berth_error_from_errno(errnum), "cannot make a socket pair: %s",
                        g_strerror(errnum));
        return -1;
    }
    ours = pair[0];
    open.peer_fd = pair[1];
    return exchange(&open, fd, error) ? berth_steal_fd(&ours) : -1;
}

int
berth_share_target_open(const char *text, const char **ret_source, GError **error)
{
    bool is_qemu = g_str_has_prefix(text, QEMU_PREFIX);
    int number, screen, fd;

    if (!is_qemu && !berth_x11_display_parse(text, &number, &screen)) {
        berth_set_error(error, BERTH_ERR_INVALID,
                        "\"%s\" can not be shared: give :N or qemu:QMP-SOCKET", text);
        return -1;
    }
    fd =
        is_qemu ? open_qemu(text + strlen(QEMU_PREFIX), error) : berth_x11_target_open(text, error);
    if (fd >= 0) {
        *ret_source = is_qemu ? "qemu-dbus" : "x11";
    }
    return fd;
}
