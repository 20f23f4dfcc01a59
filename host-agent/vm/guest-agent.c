/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/vm/guest-agent.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/id.h"
#include "base/log.h"
#include "berth/errors.h"
#include "berth/limits.h"
#include "host-agent/line-buffer.h"
#include "host-agent/unix-socket.h"

#include <errno.h>
#include <glib.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#define ASK_INTERVAL_MS 500
#define IDLE_MS 5000
#define READ_BYTES 16384
#define TEXT_CHARS 256
#define SHUT_DOWN_TIMEOUT_MS 10000

typedef struct {
    char *line;
    int64_t deadline_us;
    int failure;           /* BERTH_OK, or why it is not even sent */
    BerthGuestReply reply; /* NULL: nobody waits */
    void *user_data;
} Call;

struct BerthGuestAgent {
    BerthPoller *poller;
    char *socket_path;
    int fd;
    BerthLineBuffer input;
    GByteArray *output; /* not written yet */
    int64_t sync_id;
    size_t n_noise;  /* bytes since the last call was sent: more than a guest has to say */
    bool is_in_sync; /* the next line answers the open call */
    bool is_open;    /* the first call was sent */
    bool is_held;
    GQueue calls;     /* of Call *, oldest first */
    guint ask_source; /* asks for synchronisation */
    guint time_source;
    guint idle_source;
    int n_refs;
    bool is_closed;
};

/* ---- pure ---- */

bool
berth_guest_agent_is_sync_answer(const char *line, size_t len, int64_t sync_id)
{
    /* 0xff is the delimiter that flushes a parser; what was before it is of no interest. */
    const char *delimiter = memrchr(line, 0xff, len);
    if (delimiter != NULL) {
        len -= (size_t)(delimiter + 1 - line);
        line = delimiter + 1;
    }
    json_t *root = json_loadb(line, len, JSON_REJECT_DUPLICATES, NULL);
    json_t *answer = json_object_get(root, "return");
    bool is_ours = json_is_integer(answer) && json_integer_value(answer) == sync_id;
    json_decref(root);
    return is_ours;
}

int
berth_guest_agent_read_answer(const char *line, size_t len, json_t **ret_root)
{
    json_t *root = json_loadb(line, len, JSON_REJECT_DUPLICATES, NULL);
    json_t *error = json_object_get(root, "error");
    bool is_error = json_is_string(json_object_get(error, "desc"));
    bool is_return = error == NULL && json_object_get(root, "return") != NULL;
    if (!is_error && !is_return) {
        json_decref(root);
        return BERTH_ERR_PROTOCOL;
    }
    *ret_root = root;
    return is_error ? BERTH_ERR_INVALID : BERTH_OK;
}

/* ---- calls ---- */

static void
call_free(gpointer data)
{
    Call *call = data;
    g_free(call->line);
    g_free(call);
}

static void
finish_call(Call *call, int code, const json_t *result, const char *text)
{
    if (call->reply != NULL) {
        call->reply(code, result, text, call->user_data);
    }
    call_free(call);
}

static void update(BerthGuestAgent *self);
static gboolean on_ask(gpointer user_data);

static void
disconnect(BerthGuestAgent *self)
{
    if (self->fd >= 0) {
        berth_poller_remove(self->poller, self->fd);
        berth_clear_fd(&self->fd);
    }
    berth_line_buffer_clear(&self->input);
    berth_line_buffer_init(&self->input, BERTH_LIMIT_GUEST_AGENT_LINE_BYTES);
    g_byte_array_set_size(self->output, 0);
    self->is_in_sync = false;
    self->n_noise = 0;
}

/* The connection is of no use any more: the open call fails, the others wait for a new one. */
static void
break_off(BerthGuestAgent *self, int code, const char *text)
{
    disconnect(self);
    if (self->ask_source == 0) {
        self->ask_source = g_timeout_add(ASK_INTERVAL_MS, on_ask, self); /* not at once */
    }
    if (self->is_open) {
        self->is_open = false;
        finish_call(g_queue_pop_head(&self->calls), code, NULL, text);
    }
}

/* Who is not asked anything is not listened to. */
static void
watch_io(BerthGuestAgent *self)
{
    uint32_t events = !self->is_in_sync || self->is_open ? EPOLLIN : 0;
    if (self->fd >= 0) {
        berth_poller_modify(self->poller, self->fd,
                            events | (self->output->len > 0 ? EPOLLOUT : 0));
    }
}

static void
flush(BerthGuestAgent *self)
{
    while (self->fd >= 0 && self->output->len > 0) {
        ssize_t n =
            send(self->fd, self->output->data, self->output->len, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            break; /* an error shows as a hang-up on the next poll */
        }
        g_byte_array_remove_range(self->output, 0, (guint)n);
    }
}

static void
write_text(BerthGuestAgent *self, const char *text)
{
    g_byte_array_append(self->output, (const guint8 *)text, (guint)strlen(text));
    flush(self);
}

/* Printable and short, whatever the guest wrote. */
static char *
dup_text(const json_t *root)
{
    const char *said = json_string_value(json_object_get(json_object_get(root, "error"), "desc"));
    char *text = g_strndup(said, TEXT_CHARS);
    for (char *p = text; *p != '\0'; p++) {
        *p = g_ascii_isprint(*p) ? *p : '?';
    }
    return text;
}

static void
handle_answer(BerthGuestAgent *self, const char *line, size_t len)
{
    json_t *root = NULL;
    int code = berth_guest_agent_read_answer(line, len, &root);
    if (code == BERTH_ERR_PROTOCOL) {
        break_off(self, code, "the guest agent sent a line that is no answer");
        return;
    }
    g_autofree char *text = code != BERTH_OK ? dup_text(root) : NULL;
    self->is_open = false;
    self->n_noise = 0;
    finish_call(g_queue_pop_head(&self->calls), code,
                code == BERTH_OK ? json_object_get(root, "return") : NULL, text);
    json_decref(root);
}

static void
handle_line(BerthGuestAgent *self, const char *line, size_t len)
{
    if (!self->is_in_sync) {
        if (berth_guest_agent_is_sync_answer(line, len, self->sync_id)) {
            self->is_in_sync = true;
            g_clear_handle_id(&self->ask_source, g_source_remove);
        }
    } else if (self->is_open) {
        handle_answer(self, line, len);
    }
}

static void
handle_input(BerthGuestAgent *self)
{
    char buffer[READ_BYTES];
    ssize_t n = recv(self->fd, buffer, sizeof buffer, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    if (n <= 0) {
        break_off(self, BERTH_ERR_CLOSED, "the port of the guest agent was closed");
        return;
    }
    self->n_noise += (size_t)n;
    if (berth_line_buffer_feed(&self->input, buffer, (size_t)n) != BERTH_OK ||
        self->n_noise > BERTH_LIMIT_GUEST_AGENT_LINE_BYTES + READ_BYTES) {
        break_off(self, BERTH_ERR_TOO_LARGE, "the guest agent says more than is allowed");
        return;
    }
    const char *line;
    size_t len;
    int fd = self->fd;
    while (self->fd == fd && berth_line_buffer_take(&self->input, &line, &len) == BERTH_OK) {
        handle_line(self, line, len);
    }
}

static void
on_io(int fd, uint32_t events, void *user_data)
{
    BerthGuestAgent *self = user_data;
    berth_guest_agent_ref(self);
    if ((events & EPOLLOUT) != 0) {
        flush(self);
    }
    if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) {
        handle_input(self);
    }
    update(self);
    berth_guest_agent_unref(self);
}

/* ---- what is to be done next ---- */

/* A new number each time: what answers an older question is known by it. */
static void
ask_for_sync(BerthGuestAgent *self)
{
    uint32_t number;
    if (self->fd < 0) {
        self->fd = berth_unix_connect(self->socket_path, SOCK_STREAM, NULL);
        if (self->fd >= 0) {
            berth_poller_add(self->poller, self->fd, EPOLLIN, on_io, self);
        }
    }
    if (self->fd < 0 || self->output->len > 0) {
        return; /* a guest that does not read is not asked again before it does */
    }
    berth_random_bytes(&number, sizeof number);
    self->sync_id = number >> 1;
    g_autofree char *text =
        g_strdup_printf("\xff{\"execute\": \"guest-sync-delimited\", \"arguments\": {\"id\": "
                        "%" G_GINT64_FORMAT "}}\n",
                        self->sync_id);
    write_text(self, text);
}

static gboolean
on_ask(gpointer user_data)
{
    ask_for_sync(user_data);
    return G_SOURCE_CONTINUE;
}

static gboolean
on_idle_over(gpointer user_data)
{
    BerthGuestAgent *self = user_data;
    self->idle_source = 0;
    disconnect(self);
    return G_SOURCE_REMOVE;
}

static void
send_next(BerthGuestAgent *self)
{
    const Call *call = g_queue_peek_head(&self->calls);
    if (self->is_in_sync && !self->is_open && call != NULL) {
        self->is_open = true;
        self->n_noise = 0;
        write_text(self, call->line);
    }
}

static gboolean on_time(gpointer user_data);

static void
watch_time(BerthGuestAgent *self)
{
    int64_t first_us = INT64_MAX;
    for (const GList *item = self->calls.head; item != NULL; item = item->next) {
        first_us = MIN(first_us, ((const Call *)item->data)->deadline_us);
    }
    g_clear_handle_id(&self->time_source, g_source_remove);
    if (first_us != INT64_MAX) {
        int64_t left_us = MAX(first_us - berth_monotonic_us(), 0);
        self->time_source = g_timeout_add((guint)(left_us / 1000 + 1), on_time, self);
    }
}

/* Brings timers, the connection and the open call in line with the queue. */
static void
update(BerthGuestAgent *self)
{
    bool is_needed = !self->is_closed && (self->is_held || !g_queue_is_empty(&self->calls));
    if (is_needed) {
        g_clear_handle_id(&self->idle_source, g_source_remove);
    } else {
        g_clear_handle_id(&self->ask_source, g_source_remove);
        if (self->idle_source == 0 && self->fd >= 0) {
            self->idle_source = g_timeout_add(IDLE_MS, on_idle_over, self);
        }
    }
    if (is_needed && !self->is_in_sync && self->ask_source == 0) {
        self->ask_source = g_timeout_add(ASK_INTERVAL_MS, on_ask, self);
        ask_for_sync(self);
    }
    send_next(self);
    watch_io(self);
    watch_time(self);
}

/* The oldest call that is too late, NULL if there is none; the open one makes us lose sync. */
static Call *
take_late(BerthGuestAgent *self)
{
    int64_t now_us = berth_monotonic_us();
    for (GList *item = self->calls.head; item != NULL; item = item->next) {
        Call *call = item->data;
        if (now_us >= call->deadline_us) {
            if (self->is_open && item == self->calls.head) {
                self->is_open = false;
                self->is_in_sync = false;
            }
            g_queue_delete_link(&self->calls, item);
            return call;
        }
    }
    return NULL;
}

static const char *
failure_text(int failure)
{
    switch (failure) {
    case BERTH_ERR_BUSY:
        return "too many commands wait for the guest agent";
    case BERTH_ERR_CLOSED:
        return "the machine ended before its guest agent answered";
    default:
        return "the guest agent did not answer in time";
    }
}

static gboolean
on_time(gpointer user_data)
{
    BerthGuestAgent *self = user_data;
    Call *call;
    self->time_source = 0;
    berth_guest_agent_ref(self);
    while ((call = take_late(self)) != NULL) {
        finish_call(call, call->failure != BERTH_OK ? call->failure : BERTH_ERR_TIMEOUT, NULL,
                    failure_text(call->failure));
    }
    update(self);
    berth_guest_agent_unref(self);
    return G_SOURCE_REMOVE;
}

/* ---- public ---- */

BerthGuestAgent *
berth_guest_agent_new(BerthPoller *poller, const char *socket_path)
{
    BerthGuestAgent *self = g_new0(BerthGuestAgent, 1);
    self->n_refs = 1;
    self->poller = poller;
    self->socket_path = g_strdup(socket_path);
    self->fd = -1;
    self->output = g_byte_array_new();
    g_queue_init(&self->calls);
    berth_line_buffer_init(&self->input, BERTH_LIMIT_GUEST_AGENT_LINE_BYTES);
    return self;
}

BerthGuestAgent *
berth_guest_agent_ref(BerthGuestAgent *self)
{
    self->n_refs++;
    return self;
}

void
berth_guest_agent_unref(BerthGuestAgent *self)
{
    if (self == NULL || --self->n_refs > 0) {
        return;
    }
    g_clear_handle_id(&self->ask_source, g_source_remove);
    g_clear_handle_id(&self->time_source, g_source_remove);
    g_clear_handle_id(&self->idle_source, g_source_remove);
    disconnect(self);
    g_queue_clear_full(&self->calls, call_free);
    berth_line_buffer_clear(&self->input);
    g_byte_array_unref(self->output);
    g_free(self->socket_path);
    g_free(self);
}

/* It is too late already for such a call. */
static void
give_up(Call *call, int failure)
{
    call->failure = failure;
    call->deadline_us = 0;
}

void
berth_guest_agent_close(BerthGuestAgent *self)
{
    if (self == NULL || self->is_closed) {
        return;
    }
    self->is_closed = true;
    for (GList *item = self->calls.head; item != NULL; item = item->next) {
        give_up(item->data, BERTH_ERR_CLOSED);
    }
    disconnect(self);
    update(self);
}

static char *
format_line(const char *name, json_t *arguments)
{
    json_t *root = json_object();
    json_object_set_new(root, "execute", json_string(name));
    if (arguments != NULL) {
        json_object_set_new(root, "arguments", arguments);
    }
    char *dumped = json_dumps(root, JSON_COMPACT);
    char *line = g_strconcat(dumped, "\n", NULL);
    free(dumped);
    json_decref(root);
    return line;
}

void
berth_guest_agent_call(BerthGuestAgent *self, const char *name, json_t *arguments, int timeout_ms,
                       BerthGuestReply reply, void *user_data)
{
    Call *call = g_new0(Call, 1);
    call->line = format_line(name, arguments);
    call->reply = reply;
    call->user_data = user_data;
    call->deadline_us = berth_monotonic_us() + (int64_t)timeout_ms * 1000;
    if (self->is_closed) {
        give_up(call, BERTH_ERR_CLOSED);
    } else if (g_queue_get_length(&self->calls) >= BERTH_LIMIT_GUEST_CALLS) {
        give_up(call, BERTH_ERR_BUSY);
    }
    g_queue_push_tail(&self->calls, call);
    berth_guest_agent_ref(self);
    update(self);
    berth_guest_agent_unref(self);
}

/* The open one stays in the queue: its answer has to be skipped. */
void
berth_guest_agent_forget(BerthGuestAgent *self, const void *user_data)
{
    GList *next;
    for (GList *item = self->calls.head; item != NULL; item = next) {
        Call *call = item->data;
        next = item->next;
        if (call->user_data != user_data) {
            continue;
        }
        call->reply = NULL;
        if (item != self->calls.head || !self->is_open) {
            call_free(call);
            g_queue_delete_link(&self->calls, item);
        }
    }
}

void
berth_guest_agent_hold(BerthGuestAgent *self, bool is_held)
{
    self->is_held = is_held;
    berth_guest_agent_ref(self);
    update(self);
    berth_guest_agent_unref(self);
}

void
berth_guest_agent_shut_down(BerthGuestAgent *self)
{
    berth_guest_agent_call(self, "guest-shutdown", json_pack("{s:s}", "mode", "powerdown"),
                           SHUT_DOWN_TIMEOUT_MS, NULL, NULL);
}
