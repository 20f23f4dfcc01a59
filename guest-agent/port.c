/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "guest-agent/port.h"

#include "base/cleanup.h"
#include "base/error.h"
#include "base/log.h"
#include "berth/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <poll.h>
#include <unistd.h>

#define SCOPE "port"
#define LOOK_S 1
#define READ_BYTES (64u * 1024)
#define WRITES_AT_ONCE 16

typedef struct {
    uint8_t *data;
    size_t len;
} Item;

struct BerthAgentPort {
    int fd;
    const BerthAgentPortCallbacks *callbacks;
    void *user_data;
    BerthVdagentParser *parser; /* NULL: the host's end is gone */
    GQueue items;               /* of Item *; the first one may be partly written */
    size_t n_written, n_queued;
    guint read_source, write_source, look_source;
    uint8_t buffer[READ_BYTES];
};

static gboolean on_look(gpointer user_data);

static void
free_item(gpointer data)
{
    Item *item = data;

    g_free(item->data);
    g_free(item);
}

static void
drop_items(BerthAgentPort *self)
{
    g_queue_clear_full(&self->items, free_item);
    self->n_written = 0;
    self->n_queued = 0;
}

/* The host's end has gone, or nobody knows any more where the next message begins. */
static void
lose(BerthAgentPort *self)
{
    g_clear_handle_id(&self->read_source, g_source_remove);
    g_clear_handle_id(&self->write_source, g_source_remove);
    g_clear_pointer(&self->parser, berth_vdagent_parser_free);
    drop_items(self);
    if (self->look_source == 0) {
        self->look_source = g_timeout_add_seconds(LOOK_S, on_look, self);
    }
    self->callbacks->changed(false, self->user_data);
}

static void
on_parsed(const BerthVdagentMessage *message, void *user_data)
{
    BerthAgentPort *self = user_data;

    self->callbacks->message(message, self->user_data);
}

static gboolean
on_readable(gint fd, GIOCondition condition, gpointer user_data)
{
    BerthAgentPort *self = user_data;
    ssize_t n = read(fd, self->buffer, sizeof(self->buffer));

    if (n < 0 && (errno == EAGAIN || errno == EINTR) && !(condition & G_IO_HUP)) {
        return G_SOURCE_CONTINUE;
    }
    if (n <= 0) {
        lose(self);
        return G_SOURCE_REMOVE;
    }
    if (berth_vdagent_parser_feed(self->parser, self->buffer, (size_t)n) < 0) {
        berth_log_warning(SCOPE, "the host breaks the protocol of the port: beginning anew");
        lose(self);
        return G_SOURCE_REMOVE;
    }
    return G_SOURCE_CONTINUE;
}

static bool
write_some(BerthAgentPort *self)
{
    Item *item = g_queue_peek_head(&self->items);
    ssize_t n =
        item ? write(self->fd, item->data + self->n_written, item->len - self->n_written) : -1;

    if (n <= 0) {
        return false; /* an end is seen by the reader */
    }
    self->n_written += (size_t)n;
    if (self->n_written == item->len) {
        self->n_queued -= item->len;
        self->n_written = 0;
        free_item(g_queue_pop_head(&self->items));
    }
    return true;
}

static gboolean
on_writable(gint fd, GIOCondition condition, gpointer user_data)
{
    BerthAgentPort *self = user_data;
    int n_left = WRITES_AT_ONCE;

    while (n_left > 0 && write_some(self)) {
        n_left--;
    }
    self->callbacks->writable(self->user_data);
    if (!g_queue_is_empty(&self->items)) {
        return G_SOURCE_CONTINUE;
    }
    self->write_source = 0;
    return G_SOURCE_REMOVE;
}

/* Throws away what an earlier host was told, or told us. */
static void
drain(BerthAgentPort *self)
{
    while (read(self->fd, self->buffer, sizeof(self->buffer)) > 0) {
    }
}

static gboolean
on_look(gpointer user_data)
{
    BerthAgentPort *self = user_data;
    struct pollfd look = { .fd = self->fd, .events = POLLIN | POLLOUT };

    if (poll(&look, 1, 0) > 0 && (look.revents & (POLLHUP | POLLERR))) {
        return G_SOURCE_CONTINUE;
    }
    self->look_source = 0;
    drain(self);
    self->parser = berth_vdagent_parser_new(on_parsed, self);
    berth_vdagent_parser_set_clipboard_bytes(self->parser,
                                             (size_t)BERTH_LIMIT_CLIPBOARD_KIB * 1024);
    self->read_source = g_unix_fd_add(self->fd, G_IO_IN | G_IO_HUP | G_IO_ERR, on_readable, self);
    self->callbacks->changed(true, self->user_data);
    return G_SOURCE_REMOVE;
}

BerthAgentPort *
berth_agent_port_open(const char *path, const BerthAgentPortCallbacks *callbacks, void *user_data,
                      GError **error)
{
    int fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    BerthAgentPort *self;

    if (fd < 0) {
        int errnum = errno;

        g_set_error(error, G_FILE_ERROR, g_file_error_from_errno(errnum),
                    "cannot open the port \"%s\": %s", path, g_strerror(errnum));
        return NULL;
    }
    self = g_new0(BerthAgentPort, 1);
    self->fd = fd;
    self->callbacks = callbacks;
    self->user_data = user_data;
    g_queue_init(&self->items);
    self->look_source = g_idle_add(on_look, self);
    return self;
}

void
berth_agent_port_close(BerthAgentPort *self)
{
    if (!self) {
        return;
    }
    g_clear_handle_id(&self->look_source, g_source_remove);
    g_clear_handle_id(&self->read_source, g_source_remove);
    g_clear_handle_id(&self->write_source, g_source_remove);
    berth_vdagent_parser_free(self->parser);
    drop_items(self);
    berth_clear_fd(&self->fd);
    g_free(self);
}

void
berth_agent_port_send(BerthAgentPort *self, uint8_t *data, size_t len)
{
    Item item = { data, len };

    if (!self->parser || !data ||
        len > BERTH_LIMIT_VDAGENT_QUEUE_BYTES -
                  MIN(self->n_queued, BERTH_LIMIT_VDAGENT_QUEUE_BYTES)) {
        g_free(data);
        return;
    }
    self->n_queued += len;
    g_queue_push_tail(&self->items, g_memdup2(&item, sizeof(item)));
    if (self->write_source == 0) {
        self->write_source = g_unix_fd_add(self->fd, G_IO_OUT, on_writable, self);
    }
}

size_t
berth_agent_port_get_queued_bytes(const BerthAgentPort *self)
{
    return self->n_queued;
}
