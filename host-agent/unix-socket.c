/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/unix-socket.h"

#include "base/cleanup.h"
#include "base/error.h"
#include "berth/errors.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 16

static int
make_socket(const char *path, int type, struct sockaddr_un *ret_address, GError **error)
{
    memset(ret_address, 0, sizeof *ret_address);
    ret_address->sun_family = AF_UNIX;
    if (strlen(path) >= sizeof ret_address->sun_path) {
        berth_set_error(error, BERTH_ERR_TOO_LARGE, "the socket path %s is too long", path);
        return -1;
    }
    memcpy(ret_address->sun_path, path, strlen(path));
    int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        int errnum = errno;
        berth_set_error(error, berth_error_from_errno(errnum), "cannot make a socket: %s",
                        g_strerror(errnum));
    }
    return fd;
}

int
berth_unix_connect(const char *path, int type, GError **error)
{
    struct sockaddr_un address;
    berth_autofd int fd = make_socket(path, type, &address, error);
    if (fd < 0) {
        return -1;
    }
    if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0) {
        int errnum = errno;
        int code = errnum == ECONNREFUSED ? BERTH_ERR_CLOSED : berth_error_from_errno(errnum);
        berth_set_error(error, code, "cannot connect to %s: %s", path, g_strerror(errnum));
        return -1;
    }
    return berth_steal_fd(&fd);
}

int
berth_unix_listen(const char *path, int type, GError **error)
{
    struct sockaddr_un address;
    berth_autofd int fd = make_socket(path, type, &address, error);
    if (fd < 0) {
        return -1;
    }
    unlink(path);
    /* The folder above is private already; the mode of the socket is a second fence. */
    fchmod(fd, 0600);
    if (bind(fd, (struct sockaddr *)&address, sizeof address) != 0 || listen(fd, BACKLOG) != 0) {
        int errnum = errno;
        berth_set_error(error, berth_error_from_errno(errnum), "cannot listen on %s: %s", path,
                        g_strerror(errnum));
        return -1;
    }
    return berth_steal_fd(&fd);
}
