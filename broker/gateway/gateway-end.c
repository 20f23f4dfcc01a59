/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/gateway/gateway-end.h"

#include "base/cleanup.h"
#include "base/error.h"

#include <errno.h>
#include <sys/socket.h>

void
berth_end_clear(BerthEnd *end)
{
    if (end->tls) {
        berth_tls_stream_free(end->tls);
    } else {
        berth_clear_fd(&end->fd);
    }
    *end = BERTH_END_NONE;
}

int
berth_end_read(BerthEnd *end, void *buffer, size_t cap, size_t *ret_n)
{
    if (end->tls) {
        return berth_tls_stream_read(end->tls, buffer, cap, ret_n);
    }
    ssize_t n = recv(end->fd, buffer, cap, 0);
    if (n < 0) {
        return berth_error_from_errno(errno);
    }
    if (n == 0) {
        return BERTH_ERR_CLOSED;
    }
    *ret_n = (size_t)n;
    return BERTH_OK;
}

int
berth_end_write(BerthEnd *end, const void *data, size_t len, size_t *ret_n)
{
    if (end->tls) {
        return berth_tls_stream_write(end->tls, data, len, ret_n);
    }
    ssize_t n = send(end->fd, data, len, MSG_NOSIGNAL);
    if (n < 0) {
        return berth_error_from_errno(errno);
    }
    *ret_n = (size_t)n;
    return BERTH_OK;
}

void
berth_end_shutdown_write(BerthEnd *end)
{
    if (end->tls) {
        berth_tls_stream_shutdown(end->tls);
    }
    shutdown(end->fd, SHUT_WR);
}

bool
berth_end_has_pending(const BerthEnd *end)
{
    return end->tls && berth_tls_stream_has_pending(end->tls);
}

bool
berth_end_wants_write(const BerthEnd *end)
{
    return end->tls && berth_tls_stream_wants_write(end->tls);
}
