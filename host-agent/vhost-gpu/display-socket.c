/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/vhost-gpu/display-socket.h"

#include "base/bytes-reader.h"
#include "base/bytes-writer.h"
#include "base/log.h"
#include "berth/errors.h"
#include "host-agent/vhost-gpu/gpu-queues.h"

#include <errno.h>
#include <glib-unix.h>
#include <string.h>
#include <sys/socket.h>

#define SCOPE "gpu"
#define HEADER_BYTES 12
#define REPLY_INFO_BYTES (24 + BERTH_GPU_DISPLAY_INFO_BYTES)
#define GET_DISPLAY_INFO 3
#define SCANOUT 7
#define UPDATE 8

struct BerthDisplaySocket {
    int fd;
    void (*on_info)(const uint8_t *info, void *user_data);
    void *user_data;
    guint read_source;
    size_t n_bytes;
    uint8_t bytes[HEADER_BYTES + REPLY_INFO_BYTES];
};

/* why: NULL if QEMU closed it, as it does whenever the machine stops. */
static void
give_up(BerthDisplaySocket *self, const char *why)
{
    if (why) {
        berth_log_warning(SCOPE, "QEMU's display socket is left alone: %s", why);
    }
    self->read_source = 0;
    self->fd = -1;
    self->on_info(NULL, self->user_data);
}

/* Only one kind of answer was asked for. */
static bool
is_info(const BerthDisplaySocket *self)
{
    BerthReader reader;

    berth_reader_init(&reader, self->bytes, HEADER_BYTES);
    if (berth_reader_get_u32(&reader) != GET_DISPLAY_INFO) {
        return false;
    }
    berth_reader_get_u32(&reader);
    return berth_reader_get_u32(&reader) == REPLY_INFO_BYTES;
}

static gboolean
on_readable(gint fd, GIOCondition condition, gpointer user_data)
{
    BerthDisplaySocket *self = user_data;
    ssize_t n =
        recv(fd, self->bytes + self->n_bytes, sizeof(self->bytes) - self->n_bytes, MSG_DONTWAIT);

    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        return G_SOURCE_CONTINUE;
    }
    if (n <= 0) {
        give_up(self, n == 0 ? NULL : g_strerror(errno));
        return G_SOURCE_REMOVE;
    }
    self->n_bytes += (size_t)n;
    if (self->n_bytes >= HEADER_BYTES && !is_info(self)) {
        give_up(self, "QEMU says what was not asked");
        return G_SOURCE_REMOVE;
    }
    if (self->n_bytes == sizeof(self->bytes)) {
        self->n_bytes = 0;
        self->on_info(self->bytes + HEADER_BYTES + 24, self->user_data);
    }
    return G_SOURCE_CONTINUE;
}

BerthDisplaySocket *
berth_display_socket_new(int fd, void (*on_info)(const uint8_t *info, void *user_data),
                         void *user_data)
{
    BerthDisplaySocket *self = g_new0(BerthDisplaySocket, 1);

    self->fd = fd;
    self->on_info = on_info;
    self->user_data = user_data;
    self->read_source = g_unix_fd_add(fd, G_IO_IN | G_IO_HUP | G_IO_ERR, on_readable, self);
    return self;
}

void
berth_display_socket_free(BerthDisplaySocket *self)
{
    if (self) {
        g_clear_handle_id(&self->read_source, g_source_remove);
        g_free(self);
    }
}

/* Messages are small: if the socket takes none QEMU is stuck, and will not miss them. */
static bool
send_message(BerthDisplaySocket *self, uint32_t request, const uint32_t *numbers, size_t n_numbers)
{
    BerthWriter writer;
    bool is_sent;

    if (self->fd < 0) {
        return false;
    }
    berth_writer_init(&writer, 64);
    berth_writer_put_u32(&writer, request);
    berth_writer_put_u32(&writer, 0);
    berth_writer_put_u32(&writer, (uint32_t)(n_numbers * 4));
    for (size_t i = 0; i < n_numbers; i++) {
        berth_writer_put_u32(&writer, numbers[i]);
    }
    is_sent =
        send(self->fd, writer.data, writer.len, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)writer.len;
    berth_writer_clear(&writer);
    return is_sent;
}

bool
berth_display_socket_ask(BerthDisplaySocket *self)
{
    return send_message(self, GET_DISPLAY_INFO, NULL, 0);
}

void
berth_display_socket_tell(BerthDisplaySocket *self, unsigned scanout, int w_px, int h_px)
{
    const uint32_t size[] = { scanout, (uint32_t)w_px, (uint32_t)h_px };
    const uint32_t pixel[] = { scanout, 0, 0, 1, 1, 0 };

    send_message(self, SCANOUT, size, G_N_ELEMENTS(size));
    if (w_px > 0) {
        /* QEMU takes the new size with the first pixels. */
        send_message(self, UPDATE, pixel, G_N_ELEMENTS(pixel));
    }
}
