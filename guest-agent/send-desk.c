/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "guest-agent/send-desk.h"

#include "base/cleanup.h"
#include "base/error.h"
#include "base/fdpass.h"
#include "base/log.h"
#include "berth/errors.h"

#include <errno.h>
#include <glib-unix.h>
#include <glib/gstdio.h>
#include <gtk/gtk.h>
#include <sys/socket.h>
#include <sys/un.h>

#define SCOPE "send"
#define BACKLOG 8

typedef struct {
    BerthSendDesk *desk;
    int fd;
    guint source;
    bool wants_window;
} Sender;

struct BerthSendDesk {
    BerthFileQueue *queue;
    char *path;
    int fd;
    guint source;
    GSList *senders; /* of Sender * */
};

static void
drop_sender(Sender *sender)
{
    BerthSendDesk *self = sender->desk;

    self->senders = g_slist_remove(self->senders, sender);
    g_clear_handle_id(&sender->source, g_source_remove);
    berth_file_queue_forget(self->queue, sender);
    berth_clear_fd(&sender->fd);
    g_free(sender);
}

/* A packet of a sender; false if it is over. */
static bool
take_packet(Sender *sender)
{
    char name[BERTH_SEND_PACKET_BYTES + 1];
    size_t len = 0;
    int fd = -1, n_fds = 0;
    int code = berth_fds_recv(sender->fd, name, sizeof(name) - 1, &len, &fd, 1, &n_fds);

    if (code < 0) {
        return code == BERTH_ERR_AGAIN;
    }
    name[len] = '\0';
    if (n_fds == 1) {
        berth_file_queue_add(sender->desk->queue, sender, name, fd);
    } else if (g_str_equal(name, BERTH_SEND_WINDOW)) {
        sender->wants_window = true;
    }
    return true;
}

static gboolean
on_packet(gint fd, GIOCondition condition, gpointer user_data)
{
    Sender *sender = user_data;

    if (take_packet(sender)) {
        return G_SOURCE_CONTINUE;
    }
    sender->source = 0;
    drop_sender(sender);
    return G_SOURCE_REMOVE;
}

static gboolean
on_connection(gint fd, GIOCondition condition, gpointer user_data)
{
    BerthSendDesk *self = user_data;
    int connection = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    Sender *sender;

    if (connection < 0) {
        return G_SOURCE_CONTINUE;
    }
    sender = g_new0(Sender, 1);
    sender->desk = self;
    sender->fd = connection;
    sender->source = g_unix_fd_add(connection, G_IO_IN | G_IO_HUP, on_packet, sender);
    self->senders = g_slist_prepend(self->senders, sender);
    return G_SOURCE_CONTINUE;
}

static void
show_window(const char *name, BerthFileStatus status)
{
    g_autofree char *shown = g_utf8_make_valid(name, -1);
    GtkWidget *window =
        gtk_message_dialog_new(NULL, 0, GTK_MESSAGE_WARNING, GTK_BUTTONS_CLOSE, "\"%s\" %s.", shown,
                               berth_send_status_sentence(status));

    g_signal_connect(window, "response", G_CALLBACK(gtk_widget_destroy), NULL);
    gtk_widget_show(window);
}

void
berth_send_desk_note_ended(BerthSendDesk *self, void *whose, const char *name,
                           BerthFileStatus status)
{
    Sender *sender = whose;
    g_autofree char *packet = g_strdup_printf("%d %s", (int)status, name);

    if (berth_fds_send(sender->fd, packet, strlen(packet), NULL, 0) < 0) {
        berth_log_debug(SCOPE, "a sender does not listen");
    }
    if (sender->wants_window && status != BERTH_FILE_DONE && status != BERTH_FILE_CANCELLED) {
        show_window(name, status);
    }
}

static int
listen_at(const char *path, GError **error)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    berth_autofd int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (g_strlcpy(address.sun_path, path, sizeof(address.sun_path)) >= sizeof(address.sun_path)) {
        berth_set_error(error, BERTH_ERR_INVALID, "the path \"%s\" is too long", path);
        return -1;
    }
    g_unlink(path); /* of a session before; the folder is ours */
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0 ||
        listen(fd, BACKLOG) != 0) {
        int errnum = errno;

        berth_set_error(error, berth_error_from_errno(errnum), "cannot listen at \"%s\": %s", path,
                        g_strerror(errnum));
        return -1;
    }
    return berth_steal_fd(&fd);
}

BerthSendDesk *
berth_send_desk_new(BerthFileQueue *queue, GError **error)
{
    g_autofree char *path = berth_send_socket_path();
    int fd = listen_at(path, error);
    BerthSendDesk *self;

    if (fd < 0) {
        return NULL;
    }
    self = g_new0(BerthSendDesk, 1);
    self->queue = queue;
    self->path = g_steal_pointer(&path);
    self->fd = fd;
    self->source = g_unix_fd_add(fd, G_IO_IN, on_connection, self);
    return self;
}

void
berth_send_desk_free(BerthSendDesk *self)
{
    if (!self) {
        return;
    }
    while (self->senders) {
        drop_sender(self->senders->data);
    }
    g_clear_handle_id(&self->source, g_source_remove);
    berth_clear_fd(&self->fd);
    g_unlink(self->path);
    g_free(self->path);
    g_free(self);
}
