/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/session/x11-target.h"

#include "base/cleanup.h"
#include "base/error.h"
#include "base/fdpass.h"
#include "base/secret.h"
#include "berth/errors.h"

#include <X11/Xauth.h>
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define MAX_DISPLAY 59535 /* so that 6000 + N is a port, as Xlib has it */
#define COOKIE_KIND "MIT-MAGIC-COOKIE-1"

bool
berth_x11_display_parse(const char *text, int *ret_number, int *ret_screen)
{
    guint64 number, screen = 0;
    char *end;

    if (text[0] != ':' || !g_ascii_isdigit(text[1])) {
        return false;
    }
    number = g_ascii_strtoull(text + 1, &end, 10);
    if (*end == '.' && g_ascii_isdigit(end[1])) {
        screen = g_ascii_strtoull(end + 1, &end, 10);
    }
    if (*end != '\0' || number > MAX_DISPLAY || screen > UINT8_MAX) {
        return false;
    }
    *ret_number = (int)number;
    *ret_screen = (int)screen;
    return true;
}

/* Tries the abstract name of Linux first, as Xlib does, then the path. */
static int
connect_socket(int number)
{
    for (int is_path = 0; is_path <= 1; is_path++) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        berth_autofd int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        int n = snprintf(address.sun_path + !is_path, sizeof(address.sun_path) - 1,
                         "/tmp/.X11-unix/X%d", number);
        socklen_t len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (size_t)n + 1);

        if (fd >= 0 && connect(fd, (struct sockaddr *)&address, len) == 0) {
            return berth_steal_fd(&fd);
        }
    }
    return -1;
}

static void
find_cookie(int number, BerthX11Target *target)
{
    static char kind[] = COOKIE_KIND;
    char *kinds[] = { kind };
    int kind_lengths[] = { (int)strlen(COOKIE_KIND) };
    char host[256];
    char display[16];
    Xauth *auth;

    if (gethostname(host, sizeof(host)) < 0) {
        return;
    }
    host[sizeof(host) - 1] = '\0';
    snprintf(display, sizeof(display), "%d", number);
    auth = XauGetBestAuthByAddr(FamilyLocal, (unsigned short)strlen(host), host,
                                (unsigned short)strlen(display), display, 1, kinds, kind_lengths);
    if (!auth) {
        return;
    }
    if (auth->name_length <= BERTH_X11_COOKIE_BYTES &&
        auth->data_length <= BERTH_X11_COOKIE_BYTES) {
        target->name_len = auth->name_length;
        target->data_len = auth->data_length;
        memcpy(target->name, auth->name, auth->name_length);
        memcpy(target->data, auth->data, auth->data_length);
    }
    XauDisposeAuth(auth);
}

/* fd: the X server; returns the end to read the packet from. */
static int
pack(BerthX11Target *target, int fd, GError **error)
{
    berth_autofd int ours = -1;
    berth_autofd int theirs = -1;
    int pair[2];
    int r;

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) {
        r = errno;
        berth_set_error(error, berth_error_from_errno(r), "cannot make a socket pair: %s",
                        g_strerror(r));
        return -1;
    }
    ours = pair[0];
    theirs = pair[1];
    target->fd = -1;
    r = berth_fds_send(ours, target, sizeof(*target), &fd, 1);
    if (r < 0) {
        berth_set_error(error, r, "cannot pass the display on: %s", berth_error_sentence(r));
        return -1;
    }
    return berth_steal_fd(&theirs);
}

int
berth_x11_target_open(const char *display, GError **error)
{
    BerthX11Target target = { 0 };
    berth_autofd int fd = -1;
    int number, packed;

    if (!berth_x11_display_parse(display, &number, &target.screen)) {
        berth_set_error(error, BERTH_ERR_INVALID, "\"%s\" is no local X display such as \":1\"",
                        display);
        return -1;
    }
    fd = connect_socket(number);
    if (fd < 0) {
        int errnum = errno;

        berth_set_error(error, berth_error_from_errno(errnum), "no X server answers at \":%d\": %s",
                        number, g_strerror(errnum));
        return -1;
    }
    find_cookie(number, &target);
    packed = pack(&target, fd, error);
    berth_wipe(&target, sizeof(target));
    return packed;
}

int
berth_x11_target_receive(int fd, BerthX11Target *ret)
{
    BerthX11Target target;
    size_t len;
    int x11_fd, n_fds;
    int r = berth_fds_recv(fd, &target, sizeof(target), &len, &x11_fd, 1, &n_fds);

    berth_clear_fd(&fd);
    if (r < 0) {
        return r;
    }
    if (n_fds != 1) {
        return BERTH_ERR_PROTOCOL;
    }
    if (len != sizeof(target) || target.screen < 0 || target.name_len < 0 ||
        target.name_len > BERTH_X11_COOKIE_BYTES || target.data_len < 0 ||
        target.data_len > BERTH_X11_COOKIE_BYTES) {
        berth_clear_fd(&x11_fd);
        return BERTH_ERR_PROTOCOL;
    }
    target.fd = x11_fd;
    *ret = target;
    berth_wipe(&target, sizeof(target));
    return BERTH_OK;
}
