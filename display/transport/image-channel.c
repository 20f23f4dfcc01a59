/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "display/transport/image-channel.h"

#include "base/clock.h"
#include "berth/errors.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>

/* What may lie unsent in the kernel: a few of the pieces in which files are read. */
#define UNSENT_BYTES (4 * 1024 * 1024)
#define POLL_MAX_MS 60000
/* Header and tag of a record. */
#define RECORD_EXTRA_BYTES 32
#define WANTED_MAX_BYTES (1024 * 1024)

struct BerthImageChannel {
    BerthTlsStream *stream;
    int stop_fd;
    int wanted_bytes; /* SO_RCVLOWAT */
};

BerthImageChannel *
berth_image_channel_new(BerthTlsStream *stream, int stop_fd)
{
    BerthImageChannel *self = g_new0(BerthImageChannel, 1);
    const int unsent = UNSENT_BYTES;
    self->stream = stream;
    self->stop_fd = stop_fd;
    /* What tcp.c sets is for pictures: little in the kernel.  No harm if it is not TCP. */
    setsockopt(berth_tls_stream_get_fd(stream), IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent,
               sizeof unsent);
    return self;
}

void
berth_image_channel_free(BerthImageChannel *self)
{
    if (self != NULL) {
        berth_tls_stream_shutdown(self->stream);
        berth_tls_stream_free(self->stream);
        g_free(self);
    }
}

/*
 * Lets the kernel wake us when n more bytes can be read, not at the first packet.  What the TLS
 * library holds back is less than a record.
 */
static void
set_wanted(BerthImageChannel *self, size_t n)
{
    size_t held_back = BERTH_TLS_RECORD_BYTES + RECORD_EXTRA_BYTES;
    int wanted = n > held_back ? (int)MIN(n - held_back, WANTED_MAX_BYTES) : 1;
    if (wanted != self->wanted_bytes) {
        setsockopt(berth_tls_stream_get_fd(self->stream), SOL_SOCKET, SO_RCVLOWAT, &wanted,
                   sizeof wanted);
        self->wanted_bytes = wanted;
    }
}

/* Waits for the socket; BERTH_OK if the call may be tried again. */
static int
wait_for_socket(const BerthImageChannel *self, int64_t deadline_us)
{
    bool wants_write = berth_tls_stream_wants_write(self->stream);
    int64_t left_us = deadline_us - berth_monotonic_us();
    struct pollfd fds[2] = {
        { .fd = berth_tls_stream_get_fd(self->stream), .events = wants_write ? POLLOUT : POLLIN },
        { .fd = self->stop_fd, .events = POLLIN },
    };
    if (left_us <= 0) {
        return BERTH_ERR_TIMEOUT;
    }
    int n = poll(fds, G_N_ELEMENTS(fds), (int)MIN(left_us / 1000 + 1, POLL_MAX_MS));
    if (n < 0 && errno != EINTR) {
        return BERTH_ERR_IO;
    }
    return n > 0 && (fds[1].revents & POLLIN) != 0 ? BERTH_ERR_CLOSED : BERTH_OK;
}

int
berth_image_channel_handshake(BerthImageChannel *self, int64_t deadline_us)
{
    int error = berth_tls_stream_handshake(self->stream);
    while (error == BERTH_ERR_AGAIN) {
        error = wait_for_socket(self, deadline_us);
        if (error == BERTH_OK) {
            error = berth_tls_stream_handshake(self->stream);
        }
    }
    return error;
}

int
berth_image_channel_read(BerthImageChannel *self, void *buffer, size_t n, int64_t deadline_us)
{
    for (size_t done = 0; done < n;) {
        size_t n_read = 0;
        int error =
            berth_tls_stream_read(self->stream, (uint8_t *)buffer + done, n - done, &n_read);
        if (error == BERTH_ERR_AGAIN) {
            set_wanted(self, n - done);
            error = wait_for_socket(self, deadline_us);
        }
        if (error != BERTH_OK) {
            return error;
        }
        done += n_read;
    }
    return BERTH_OK;
}

int
berth_image_channel_write(BerthImageChannel *self, const void *data, size_t n, bool has_more,
                          int64_t deadline_us)
{
    for (size_t done = 0; done < n;) {
        size_t n_written = 0;
        size_t left = n - done;
        berth_tls_stream_set_has_more(self->stream, has_more || left > BERTH_TLS_RECORD_BYTES);
        int error =
            berth_tls_stream_write(self->stream, (const uint8_t *)data + done, left, &n_written);
        if (error == BERTH_ERR_AGAIN) {
            error = wait_for_socket(self, deadline_us);
        }
        if (error != BERTH_OK) {
            return error;
        }
        done += n_written;
    }
    return BERTH_OK;
}

BerthTlsStream *
berth_image_channel_get_stream(const BerthImageChannel *self)
{
    return self->stream;
}

bool
berth_image_wait(int stop_fd, int64_t us)
{
    int64_t end_us = berth_monotonic_us() + us;
    struct pollfd stop = { .fd = stop_fd, .events = POLLIN };
    for (int64_t left_us = us; left_us > 0; left_us = end_us - berth_monotonic_us()) {
        if (poll(&stop, 1, (int)MIN((left_us + 999) / 1000, POLL_MAX_MS)) > 0) {
            return false;
        }
    }
    return poll(&stop, 1, 0) <= 0;
}
