/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/vm/qmp.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "berth/errors.h"
#include "berth/limits.h"
#include "host-agent/line-buffer.h"
#include "host-agent/vm/qmp-message.h"

#include <errno.h>
#include <glib-unix.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define READ_BYTES 16384
#define TIMEOUT_CHECK_S 5
/* qmp_capabilities has 0. */
#define FIRST_COMMAND_ID 1

typedef struct {
    int64_t id;
    int64_t sent_us;
    char *line; /* NULL once written */
    size_t n_written;
    int fd; /* goes with the first byte of the line; -1: none */
    BerthQmpReply reply;
    void *user_data;
} Command;

struct BerthQmp {
    BerthPoller *poller;
    int fd;
    const BerthQmpCallbacks *callbacks;
    void *user_data;
    BerthLineBuffer input;
    GQueue commands; /* of Command *, oldest first; the unwritten ones are a tail of it */
    int64_t next_id;
    guint timeout_source;
    bool has_greeting;
    bool is_ready;
    bool is_closed;
    bool is_watching_output;
    int n_users; /* > 0 while a callback may run: free is put off */
    bool is_freed;
};

static void
command_free(Command *command)
{
    berth_clear_fd(&command->fd);
    free(command->line);
    g_free(command);
}

static void
release(BerthQmp *self)
{
    berth_line_buffer_clear(&self->input);
    g_free(self);
}

static void
leave(BerthQmp *self)
{
    self->n_users--;
    if (self->n_users == 0 && self->is_freed) {
        release(self);
    }
}

static void
stop_io(BerthQmp *self)
{
    if (self->fd >= 0) {
        berth_poller_remove(self->poller, self->fd);
        berth_clear_fd(&self->fd);
    }
    g_clear_handle_id(&self->timeout_source, g_source_remove);
    self->is_closed = true;
}

static void
finish_command(BerthQmp *self, Command *command, int code, const json_t *result, const char *text)
{
    if (command->reply != NULL && !self->is_freed) {
        command->reply(code, result, text, command->user_data);
    }
    command_free(command);
}

static void
close_with(BerthQmp *self, int code, const char *text)
{
    if (self->is_closed) {
        return;
    }
    stop_io(self);
    while (!self->is_freed && !g_queue_is_empty(&self->commands)) {
        finish_command(self, g_queue_pop_head(&self->commands), BERTH_ERR_CLOSED, NULL, text);
    }
    if (!self->is_freed && self->callbacks->on_closed != NULL) {
        self->callbacks->on_closed(code, text, self->user_data);
    }
}

static ssize_t
send_some(BerthQmp *self, Command *command)
{
    struct iovec part = {
        .iov_base = command->line + command->n_written,
        .iov_len = strlen(command->line) - command->n_written,
    };

    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control = { 0 };
    struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };

    if (command->fd >= 0) {
        message.msg_control = control.bytes;
        message.msg_controllen = sizeof control.bytes;
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(header), &command->fd, sizeof(int));
    }
    return sendmsg(self->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* Writes one command as far as it goes; true if it is out. */
static bool
write_command(BerthQmp *self, Command *command)
{
    while (command->line != NULL) {
        ssize_t n = send_some(self, command);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return false;
        }
        berth_clear_fd(&command->fd);
        command->n_written += (size_t)n;
        if (command->line[command->n_written] == '\0') {
            free(command->line);
            command->line = NULL;
        }
    }
    return true;
}

/* Write errors show as a hang-up on the next poll: only the need to wait matters here. */
static void
flush(BerthQmp *self)
{
    bool is_all_out = true;
    for (GList *item = self->commands.head; item != NULL && is_all_out && self->is_ready;
         item = item->next) {
        is_all_out = write_command(self, item->data);
    }
    if (self->is_watching_output == is_all_out && !self->is_closed) {
        self->is_watching_output = !is_all_out;
        berth_poller_modify(self->poller, self->fd, EPOLLIN | (is_all_out ? 0 : EPOLLOUT));
    }
}

static void
on_capabilities(int code, const json_t *result, const char *text, void *user_data)
{
    BerthQmp *self = user_data;
    if (code == BERTH_OK && self->callbacks->on_ready != NULL) {
        self->callbacks->on_ready(self->user_data);
    }
}

static void
handle_greeting(BerthQmp *self)
{
    self->has_greeting = true;
    self->is_ready = true;
    Command *command = g_new0(Command, 1);
    command->fd = -1;
    command->line = strdup("{\"execute\": \"qmp_capabilities\", \"id\": 0}\n");
    command->sent_us = berth_monotonic_us();
    command->reply = on_capabilities;
    command->user_data = self;
    g_queue_push_head(&self->commands, command);
    flush(self);
}

static void
handle_answer(BerthQmp *self, const BerthQmpMessage *message)
{
    Command *command = g_queue_peek_head(&self->commands);
    if (command == NULL || command->line != NULL || message->id != command->id) {
        close_with(self, BERTH_ERR_PROTOCOL, "QEMU answered a command that was not sent");
        return;
    }
    g_queue_pop_head(&self->commands);
    bool is_good = message->kind == BERTH_QMP_RETURN;
    finish_command(self, command, is_good ? BERTH_OK : BERTH_ERR_INVALID,
                   is_good ? message->body : NULL, message->text);
}

static void
handle_message(BerthQmp *self, const BerthQmpMessage *message)
{
    if (message->kind == BERTH_QMP_GREETING && !self->has_greeting) {
        handle_greeting(self);
    } else if (message->kind == BERTH_QMP_GREETING || !self->has_greeting) {
        close_with(self, BERTH_ERR_PROTOCOL, "QEMU sent its greeting at the wrong time");
    } else if (message->kind == BERTH_QMP_EVENT) {
        if (self->callbacks->on_event != NULL) {
            self->callbacks->on_event(message->text, message->body, self->user_data);
        }
    } else {
        handle_answer(self, message);
    }
}

static void
handle_lines(BerthQmp *self)
{
    const char *line;
    size_t len;
    while (!self->is_freed && !self->is_closed) {
        int code = berth_line_buffer_take(&self->input, &line, &len);
        if (code == BERTH_ERR_AGAIN) {
            return;
        }
        BerthQmpMessage message;
        if (code != BERTH_OK || berth_qmp_message_parse(line, len, &message) != BERTH_OK) {
            close_with(self, BERTH_ERR_PROTOCOL, "QEMU sent a line that is no monitor message");
            return;
        }
        handle_message(self, &message);
        berth_qmp_message_clear(&message);
    }
}

static void
read_input(BerthQmp *self)
{
    char buffer[READ_BYTES];
    ssize_t n = recv(self->fd, buffer, sizeof buffer, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    if (n <= 0) {
        close_with(self, BERTH_ERR_CLOSED, "QEMU closed its monitor");
        return;
    }
    if (berth_line_buffer_feed(&self->input, buffer, (size_t)n) != BERTH_OK) {
        close_with(self, BERTH_ERR_PROTOCOL, "QEMU sent a line that is too long");
        return;
    }
    handle_lines(self);
}

static void
on_io(int fd, uint32_t events, void *user_data)
{
    BerthQmp *self = user_data;
    self->n_users++;
    if ((events & EPOLLOUT) != 0) {
        flush(self);
    }
    if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) {
        read_input(self);
    }
    leave(self);
}

static gboolean
on_timeout_check(gpointer user_data)
{
    BerthQmp *self = user_data;
    const Command *oldest = g_queue_peek_head(&self->commands);
    if (oldest == NULL || berth_monotonic_us() - oldest->sent_us < BERTH_QMP_TIMEOUT_US) {
        return G_SOURCE_CONTINUE;
    }
    self->timeout_source = 0;
    self->n_users++;
    close_with(self, BERTH_ERR_TIMEOUT, "QEMU did not answer its monitor in time");
    leave(self);
    return G_SOURCE_REMOVE;
}

BerthQmp *
berth_qmp_new(BerthPoller *poller, int fd, const BerthQmpCallbacks *callbacks, void *user_data)
{
    BerthQmp *self = g_new0(BerthQmp, 1);
    self->poller = poller;
    self->fd = fd;
    self->callbacks = callbacks;
    self->user_data = user_data;
    self->next_id = FIRST_COMMAND_ID;
    g_queue_init(&self->commands);
    berth_line_buffer_init(&self->input, BERTH_LIMIT_QMP_LINE_BYTES);
    g_unix_set_fd_nonblocking(fd, TRUE, NULL);
    berth_poller_add(poller, fd, EPOLLIN, on_io, self);
    self->timeout_source = g_timeout_add_seconds(TIMEOUT_CHECK_S, on_timeout_check, self);
    return self;
}

void
berth_qmp_free(BerthQmp *self)
{
    if (self == NULL) {
        return;
    }
    stop_io(self);
    self->is_freed = true;
    g_queue_clear_full(&self->commands, (GDestroyNotify)command_free);
    if (self->n_users == 0) {
        release(self);
    }
}

static void
queue_command(BerthQmp *self, const char *name, json_t *arguments, int fd, BerthQmpReply reply,
              void *user_data)
{
    Command *command = g_new0(Command, 1);
    json_t *root = json_object();
    command->id = self->next_id++;
    command->fd = fd;
    command->sent_us = berth_monotonic_us();
    command->reply = reply;
    command->user_data = user_data;
    json_object_set_new(root, "execute", json_string(name));
    json_object_set_new(root, "id", json_integer(command->id));
    if (arguments != NULL) {
        json_object_set_new(root, "arguments", arguments);
    }
    char *dumped = json_dumps(root, JSON_COMPACT);
    size_t len = strlen(dumped);
    command->line = malloc(len + 2);
    g_assert(command->line != NULL);
    memcpy(command->line, dumped, len);
    command->line[len] = '\n';
    command->line[len + 1] = '\0';
    free(dumped);
    json_decref(root);
    g_queue_push_tail(&self->commands, command);
    if (self->is_ready && !self->is_closed) {
        flush(self);
    }
}

void
berth_qmp_command(BerthQmp *self, const char *name, json_t *arguments, BerthQmpReply reply,
                  void *user_data)
{
    queue_command(self, name, arguments, -1, reply, user_data);
}

void
berth_qmp_pass_fd(BerthQmp *self, const char *fd_name, int fd, BerthQmpReply reply, void *user_data)
{
    json_t *arguments = json_object();
    json_object_set_new(arguments, "fdname", json_string(fd_name));
    queue_command(self, "getfd", arguments, fd, reply, user_data);
}
