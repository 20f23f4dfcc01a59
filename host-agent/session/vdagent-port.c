/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/session/vdagent-port.h"

#include "base/cleanup.h"
#include "base/error.h"
#include "berth/errors.h"
#include "berth/limits.h"

#include <errno.h>
#include <glib-unix.h>
#include <poll.h>
#include <sys/socket.h>

/* Read at once, and turns of the loop that one port may take before the others. */
#define READ_BYTES (64u * 1024)
#define READS_AT_ONCE 4
#define WRITES_AT_ONCE 64

typedef struct {
    uint8_t *data;
    size_t len;
    uint32_t tag;
    size_t n_content_bytes;
} Item;

struct BerthVdagentPort {
    int fd;
    const BerthVdagentPortCallbacks *callbacks;
    void *user_data;
    BerthVdagentParser *parser;
    GQueue urgent, bulk; /* of Item * */
    Item *current;       /* partly written; of neither queue any more */
    size_t n_written;    /* of current */
    size_t n_queued;     /* bytes in all */
    guint read_source, write_source;
    uint8_t buffer[READ_BYTES];
};

static void
free_item(gpointer data)
{
    Item *item = data;

    g_free(item->data);
    g_free(item);
}

static void
on_parsed(const BerthVdagentMessage *message, void *user_data)
{
    BerthVdagentPort *self = user_data;

    self->callbacks->message(message, self->user_data);
}

/* ---- in ---- */

static void
end(BerthVdagentPort *self, const char *text)
{
    g_clear_handle_id(&self->read_source, g_source_remove);
    g_clear_handle_id(&self->write_source, g_source_remove);
    self->callbacks->ended(text, self->user_data);
}

static gboolean
on_readable(gint fd, GIOCondition condition, gpointer user_data)
{
    BerthVdagentPort *self = user_data;

    for (int i = 0; i < READS_AT_ONCE; i++) {
        ssize_t n = recv(fd, self->buffer, sizeof(self->buffer), MSG_DONTWAIT);

        if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
            return G_SOURCE_CONTINUE;
        }
        if (n <= 0) {
            self->read_source = 0; /* this source; removed by the return value */
            end(self, "QEMU closed it");
            return G_SOURCE_REMOVE;
        }
        if (berth_vdagent_parser_feed(self->parser, self->buffer, (size_t)n) < 0) {
            self->read_source = 0;
            end(self, "the guest breaks the protocol of its agent");
            return G_SOURCE_REMOVE;
        }
    }
    return G_SOURCE_CONTINUE;
}

/* ---- out ---- */

static Item *
get_current(BerthVdagentPort *self)
{
    if (!self->current) {
        self->current = g_queue_pop_head(&self->urgent);
    }
    if (!self->current) {
        self->current = g_queue_pop_head(&self->bulk);
    }
    return self->current;
}

static void
finish_current(BerthVdagentPort *self)
{
    Item *item = g_steal_pointer(&self->current);

    self->n_written = 0;
    self->n_queued -= item->len;
    if (item->n_content_bytes > 0) {
        self->callbacks->sent(item->tag, item->n_content_bytes, self->user_data);
    }
    free_item(item);
}

/* Writes once; false if the socket takes nothing now, or there is nothing. */
static bool
write_some(BerthVdagentPort *self)
{
    Item *item = get_current(self);
    ssize_t n;

    if (!item) {
        return false;
    }
    n = send(self->fd, item->data + self->n_written, item->len - self->n_written,
             MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n <= 0) {
        return false; /* an end is seen by the reader */
    }
    self->n_written += (size_t)n;
    if (self->n_written == item->len) {
        finish_current(self);
    }
    return true;
}

static gboolean
on_writable(gint fd, GIOCondition condition, gpointer user_data)
{
    BerthVdagentPort *self = user_data;

    int n_left = WRITES_AT_ONCE;

    while (n_left > 0 && write_some(self)) {
        n_left--;
    }
    if (self->current || self->n_queued > 0) {
        return G_SOURCE_CONTINUE;
    }
    self->write_source = 0;
    return G_SOURCE_REMOVE;
}

static int
enqueue(BerthVdagentPort *self, GQueue *queue, Item item)
{
    if (item.len >
        BERTH_LIMIT_VDAGENT_QUEUE_BYTES - MIN(self->n_queued, BERTH_LIMIT_VDAGENT_QUEUE_BYTES)) {
        g_free(item.data);
        return BERTH_ERR_TOO_LARGE;
    }
    self->n_queued += item.len;
    g_queue_push_tail(queue, g_memdup2(&item, sizeof(item)));
    if (!self->write_source) {
        self->write_source = g_unix_fd_add(self->fd, G_IO_OUT, on_writable, self);
    }
    return BERTH_OK;
}

int
berth_vdagent_port_send(BerthVdagentPort *self, uint8_t *data, size_t len)
{
    return enqueue(self, &self->urgent, (Item){ .data = data, .len = len });
}

int
berth_vdagent_port_send_bulk(BerthVdagentPort *self, uint8_t *data, size_t len, uint32_t tag,
                             size_t n_content_bytes)
{
    return enqueue(
        self, &self->bulk,
        (Item){ .data = data, .len = len, .tag = tag, .n_content_bytes = n_content_bytes });
}

void
berth_vdagent_port_flush(BerthVdagentPort *self, int timeout_ms)
{
    struct pollfd wait = { .fd = self->fd, .events = POLLOUT };

    while (write_some(self)) {
    }
    if (get_current(self) && poll(&wait, 1, timeout_ms) > 0) {
        while (write_some(self)) {
        }
    }
}

/* ---- life ---- */

BerthVdagentPort *
berth_vdagent_port_new(int fd, const BerthVdagentPortCallbacks *callbacks, void *user_data)
{
    BerthVdagentPort *self = g_new0(BerthVdagentPort, 1);

    self->fd = fd;
    self->callbacks = callbacks;
    self->user_data = user_data;
    self->parser = berth_vdagent_parser_new(on_parsed, self);
    g_queue_init(&self->urgent);
    g_queue_init(&self->bulk);
    self->read_source = g_unix_fd_add(fd, G_IO_IN | G_IO_HUP | G_IO_ERR, on_readable, self);
    return self;
}

void
berth_vdagent_port_free(BerthVdagentPort *self)
{
    if (!self) {
        return;
    }
    g_clear_handle_id(&self->read_source, g_source_remove);
    g_clear_handle_id(&self->write_source, g_source_remove);
    g_queue_clear_full(&self->urgent, free_item);
    g_queue_clear_full(&self->bulk, free_item);
    g_clear_pointer(&self->current, free_item);
    berth_vdagent_parser_free(self->parser);
    berth_clear_fd(&self->fd);
    g_free(self);
}

void
berth_vdagent_port_set_clipboard_bytes(BerthVdagentPort *self, size_t max_bytes)
{
    berth_vdagent_parser_set_clipboard_bytes(self->parser, max_bytes);
}
