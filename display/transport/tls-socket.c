/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "display/transport/tls-socket.h"

#include <errno.h>
#include <glib.h>
#include <stdbool.h>
#include <sys/socket.h>

typedef struct {
    int fd;
    bool is_at_end; /* the peer closed its direction */
    bool has_more;  /* more is sent soon */
} Socket;

static bool
is_retry_errno(int errnum)
{
    /* ENOTCONN: a connect that is still under way. */
    return errnum == EAGAIN || errnum == EINTR || errnum == ENOTCONN;
}

static int
socket_read(BIO *bio, char *buffer, size_t cap, size_t *ret_n)
{
    Socket *self = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    ssize_t n = recv(self->fd, buffer, cap, 0);
    if (n > 0) {
        *ret_n = (size_t)n;
        return 1;
    }
    if (n < 0 && is_retry_errno(errno)) {
        BIO_set_retry_read(bio);
    }
    self->is_at_end = n == 0;
    *ret_n = 0;
    return 0;
}

static int
socket_write(BIO *bio, const char *data, size_t len, size_t *ret_n)
{
    Socket *self = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    ssize_t n = send(self->fd, data, len, MSG_NOSIGNAL | (self->has_more ? MSG_MORE : 0));
    if (n >= 0) {
        *ret_n = (size_t)n;
        return 1;
    }
    if (is_retry_errno(errno)) {
        BIO_set_retry_write(bio);
    }
    *ret_n = 0;
    return 0;
}

static long
socket_control(BIO *bio, int command, long number, void *pointer)
{
    const Socket *self = BIO_get_data(bio);
    switch (command) {
    case BIO_CTRL_FLUSH:
        return 1;
    case BIO_CTRL_EOF:
        return self->is_at_end ? 1 : 0;
    default:
        return 0;
    }
}

static int
socket_destroy(BIO *bio)
{
    g_free(BIO_get_data(bio));
    return 1;
}

static gpointer
make_method(gpointer unused)
{
    BIO_METHOD *method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "berth socket");
    g_assert(method != NULL);
    BIO_meth_set_read_ex(method, socket_read);
    BIO_meth_set_write_ex(method, socket_write);
    BIO_meth_set_ctrl(method, socket_control);
    BIO_meth_set_destroy(method, socket_destroy);
    return method;
}

BIO *
berth_tls_socket_new(int fd)
{
    static GOnce once = G_ONCE_INIT;
    BIO *bio = BIO_new(g_once(&once, make_method, NULL));
    if (bio != NULL) {
        Socket *self = g_new0(Socket, 1);
        self->fd = fd;
        BIO_set_data(bio, self);
        BIO_set_init(bio, 1);
    }
    return bio;
}

void
berth_tls_socket_set_has_more(BIO *bio, bool has_more)
{
    ((Socket *)BIO_get_data(bio))->has_more = has_more;
}
