/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/session/share.h"

#include "host-agent/json-fields.h"
#include "host-agent/session/share-target.h"
#include "host-agent/unix-socket.h"

#include "base/cleanup.h"
#include "base/error.h"
#include "base/fdpass.h"
#include "base/id.h"
#include "base/log.h"
#include "base/process.h"
#include "base/secret.h"
#include "berth/limits.h"
#include "berth/ticket.h"
#include "display/transport/session-name.h"
#include "display/transport/tcp.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <glib/gstdio.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SCOPE "share"
#define CONTROL_FD 3
#define DEFAULT_LISTEN "127.0.0.1:0"
#define DEFAULT_FILE "berth-share.json"
#define FILE_VERSION 1
/* Time for the session process to say goodbye. */
#define FINISH_MS 2000

struct BerthShare {
    const BerthShareConfig *config;
    GMainLoop *loop;
    char *file;
    BerthId session, host;
    uint8_t token[BERTH_RECONNECT_TOKEN_BYTES];
    int listen_fd, control_fd, pidfd;
    pid_t pid;
    guint listen_source, control_source, exit_source;
    bool is_file_written;
    bool was_connected;
    bool is_ending;
    int exit_status;
};

/* ---- the connection file ---- */

static char *
format_file(BerthShare *self, const char *session_key)
{
    char session[BERTH_ID_HEX_CHARS + 1];
    char token[2 * BERTH_RECONNECT_TOKEN_BYTES + 1];
    char name[BERTH_SESSION_NAME_CHARS + 1];
    char ip[BERTH_ADDRESS_CHARS] = "";
    BerthAddress address;
    json_t *object;
    char *text, *copy;

    if (berth_tcp_get_local(self->listen_fd, &address) < 0) {
        return NULL;
    }
    berth_address_format_ip(&address, ip);
    berth_id_format(&self->session, session);
    berth_hex_format(self->token, sizeof(self->token), token);
    berth_session_name_format(&self->session, &self->host, name);
    object = json_pack("{s:i,s:s,s:i,s:s,s:s,s:s,s:s}", "version", FILE_VERSION, "address", ip,
                       "port", (int)berth_address_get_port(&address), "session", session,
                       "session_key", session_key, "token", token, "sni", name);
    text = json_dumps(object, JSON_INDENT(1));
    copy = g_strconcat(text, "\n", NULL);
    json_decref(object);
    free(text);
    berth_wipe(token, sizeof(token));
    return copy;
}

static bool
write_file(BerthShare *self, const char *session_key)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *text = format_file(self, session_key);

    if (!text || !g_file_set_contents_full(self->file, text, -1, G_FILE_SET_CONTENTS_CONSISTENT,
                                           0600, &error)) {
        fprintf(stderr, "berth-session: cannot write the connection file \"%s\": %s\n", self->file,
                error ? error->message : "the listening socket is broken");
        return false;
    }
    self->is_file_written = true;
    printf("sharing %s, connection file %s\n", self->config->target, self->file);
    fflush(stdout);
    return true;
}

/* ---- the session process ---- */

static void
end_by_itself(BerthShare *self, int exit_status)
{
    self->exit_status = exit_status;
    g_main_loop_quit(self->loop);
}

/* Sends a packet with at most one descriptor (-1: none; borrowed); reference taken. */
static bool
send_packet(BerthShare *self, json_t *object, int fd)
{
    char *text = json_dumps(object, JSON_COMPACT);
    int r = berth_fds_send(self->control_fd, text, strlen(text), &fd, fd >= 0 ? 1 : 0);

    json_decref(object);
    free(text);
    if (r < 0) {
        berth_log_warning(SCOPE, "the session process takes no packet: %s",
                          berth_error_sentence(r));
    }
    return r == BERTH_OK;
}

static void
note_state(BerthShare *self, const json_t *packet)
{
    bool is_connected = json_is_true(json_object_get(packet, "connected"));

    if (self->config->is_once && self->was_connected && !is_connected) {
        end_by_itself(self, 0);
    }
    self->was_connected |= is_connected;
}

static void
handle_packet(BerthShare *self, const json_t *packet)
{
    const char *op = json_string_value(json_object_get(packet, "op"));
    const char *detail = json_string_value(json_object_get(packet, "detail"));
    const char *key = json_string_value(json_object_get(packet, "session_key"));

    if (g_strcmp0(op, "listening") == 0 && key && !self->is_file_written) {
        if (!write_file(self, key)) {
            end_by_itself(self, 1);
        }
    } else if (g_strcmp0(op, "state") == 0) {
        note_state(self, packet);
    } else if (g_strcmp0(op, "failed") == 0) {
        fprintf(stderr, "berth-session: %s\n", detail ? detail : "the session failed");
        end_by_itself(self, 1);
    }
}

static gboolean
on_control(gint fd, GIOCondition condition, gpointer user_data)
{
    BerthShare *self = user_data;
    g_autofree char *text = g_malloc(BERTH_LIMIT_SESSION_CONTROL_BYTES);
    int fds[1];
    int n_fds;
    size_t len;
    json_t *packet;
    int r = berth_fds_recv(fd, text, BERTH_LIMIT_SESSION_CONTROL_BYTES, &len, fds, 0, &n_fds);

    if (r == BERTH_ERR_AGAIN) {
        return G_SOURCE_CONTINUE;
    }
    packet = r == BERTH_OK ? berth_json_parse_object(text, len, "a session's packet", NULL) : NULL;
    if (!packet) {
        self->control_source = 0; /* the end of the process is noticed by its pidfd */
        return G_SOURCE_REMOVE;
    }
    handle_packet(self, packet);
    json_decref(packet);
    return G_SOURCE_CONTINUE;
}

static gboolean
on_process_exit(gint fd, GIOCondition condition, gpointer user_data)
{
    BerthShare *self = user_data;
    int status = 0;

    if (berth_pidfd_reap(self->pidfd, &status) == BERTH_ERR_AGAIN) {
        return G_SOURCE_CONTINUE;
    }
    self->exit_source = 0;
    self->pid = 0;
    if (!self->is_ending) {
        berth_log_warning(SCOPE, "the session process ended (status %d)", status);
        end_by_itself(self, 1);
    }
    return G_SOURCE_REMOVE;
}

static gboolean
on_connection(gint listen_fd, GIOCondition condition, gpointer user_data)
{
    BerthShare *self = user_data;
    int fd;
    int r = berth_tcp_accept(listen_fd, &fd, NULL);

    if (r == BERTH_OK) {
        send_packet(self, json_pack("{s:s}", "op", "client"), fd);
        berth_clear_fd(&fd);
    } else if (r != BERTH_ERR_AGAIN) {
        berth_log_warning(SCOPE, "a client could not be accepted: %s", berth_error_sentence(r));
    }
    return G_SOURCE_CONTINUE;
}

static json_t *
start_message(BerthShare *self, const char *source)
{
    json_t *message = json_object();
    json_t *policy = json_object();
    char token[2 * BERTH_RECONNECT_TOKEN_BYTES + 1];
    BerthId id;

    json_object_set_new(message, "op", json_string("start"));
    berth_json_set_id(message, "session", &self->session);
    berth_json_set_id(message, "host", &self->host);
    berth_id_random(&id);
    berth_json_set_id(message, "machine", &id);
    berth_id_random(&id);
    berth_json_set_id(message, "user", &id);
    json_object_set_new(message, "user_name", json_string(g_get_user_name()));
    json_object_set_new(message, "epoch", json_integer(1));
    json_object_set_new(message, "ticket_keys", json_array());
    json_object_set_new(message, "capture", json_string(source));
    json_object_set_new(policy, "input", json_boolean(!self->config->is_view_only));
    json_object_set_new(policy, "resize", json_boolean(strcmp(source, "x11") != 0));
    berth_hex_format(self->token, sizeof(self->token), token);
    json_object_set_new(message, "share_token", json_string(token));
    berth_wipe(token, sizeof(token));
    json_object_set_new(message, "policy", policy);
    return message;
}

static bool
spawn(BerthShare *self, int listener, GError **error)
{
    g_autofree char *program = g_file_read_link("/proc/self/exe", error);
    g_autofree char *number = g_strdup_printf("%d", CONTROL_FD);
    const char *const argv[] = { program, "--control-fd", number, NULL };
    BerthSpawnFd map = { .source = listener, .target = CONTROL_FD };
    BerthSpawnOptions options = {
        .fds = &map,
        .n_fds = 1,
        .new_session = true, /* the terminal's Ctrl-C is for us, who say goodbye */
        .death_signal = SIGTERM,
    };

    return program && berth_spawn(argv, &options, &self->pidfd, &self->pid, error);
}

/* The control socket lies in a folder of ours only until both ends are connected. */
static bool
start_process(BerthShare *self, GError **error)
{
    g_autofree char *folder = g_dir_make_tmp("berth-share-XXXXXX", error);
    g_autofree char *path = folder ? g_build_filename(folder, "control.sock", NULL) : NULL;
    berth_autofd int listener = -1;

    if (!folder) {
        return false;
    }
    listener = berth_unix_listen(path, SOCK_SEQPACKET, error);
    if (listener >= 0 && spawn(self, listener, error)) {
        self->control_fd = berth_unix_connect(path, SOCK_SEQPACKET, error);
    }
    g_unlink(path);
    g_rmdir(folder);
    if (self->control_fd < 0) {
        return false;
    }
    self->exit_source = g_unix_fd_add(self->pidfd, G_IO_IN, on_process_exit, self);
    self->control_source =
        g_unix_fd_add(self->control_fd, G_IO_IN | G_IO_HUP | G_IO_ERR, on_control, self);
    return true;
}

/* ---- life ---- */

static bool
listen_at(BerthShare *self, GError **error)
{
    const char *text = self->config->listen ? self->config->listen : DEFAULT_LISTEN;
    BerthAddress address;
    int r = berth_address_parse(text, &address);

    if (r == BERTH_OK) {
        r = berth_tcp_listen(&address, &self->listen_fd);
    }
    if (r < 0) {
        return berth_set_error(error, r, "cannot listen at \"%s\": %s", text,
                               berth_error_sentence(r));
    }
    self->listen_source = g_unix_fd_add(self->listen_fd, G_IO_IN, on_connection, self);
    return true;
}

/* Opens the file to record into; -1 if there is none to be. */
static bool
open_recording(BerthShare *self, int *ret_fd, GError **error)
{
    *ret_fd = -1;
    if (!self->config->record) {
        return true;
    }
    *ret_fd = open(self->config->record, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    return *ret_fd >= 0 || berth_set_error(error, BERTH_ERR_IO, "cannot record into \"%s\": %s",
                                           self->config->record, g_strerror(errno));
}

static bool
start(BerthShare *self, GError **error)
{
    const char *source = NULL;
    berth_autofd int target = -1;
    berth_autofd int recording = -1;

    if (!listen_at(self, error)) {
        return false;
    }
    target = berth_share_target_open(self->config->target, &source, error);
    if (target < 0 || !open_recording(self, &recording, error) || !start_process(self, error)) {
        return false;
    }
    if (!send_packet(self, start_message(self, source), target)) {
        return berth_set_error(error, BERTH_ERR_CLOSED, "the session process does not start");
    }
    if (recording >= 0) {
        send_packet(self, json_pack("{s:s}", "op", "record"), recording);
    }
    return true;
}

BerthShare *
berth_share_new(const BerthShareConfig *config, GMainLoop *loop, GError **error)
{
    BerthShare *self = g_new0(BerthShare, 1);

    self->config = config;
    self->loop = loop;
    self->listen_fd = self->control_fd = self->pidfd = -1;
    self->file = config->file ? g_strdup(config->file)
                              : g_build_filename(g_get_user_runtime_dir(), DEFAULT_FILE, NULL);
    berth_id_random(&self->session);
    berth_id_random(&self->host);
    berth_random_bytes(self->token, sizeof(self->token));
    if (!start(self, error)) {
        berth_share_finish(self);
        berth_share_free(self);
        return NULL;
    }
    return self;
}

static gboolean
on_finish_timer(gpointer user_data)
{
    BerthShare *self = user_data;

    berth_pidfd_signal(self->pidfd, SIGKILL);
    return G_SOURCE_CONTINUE;
}

void
berth_share_finish(BerthShare *self)
{
    guint timer;

    self->is_ending = true;
    if (self->is_file_written) {
        g_unlink(self->file);
        self->is_file_written = false;
    }
    if (self->pid == 0 || !self->exit_source) {
        return;
    }
    if (self->control_fd >= 0) {
        send_packet(self, json_pack("{s:s,s:s}", "op", "end", "reason", "logged-off"), -1);
    }
    timer = g_timeout_add(FINISH_MS, on_finish_timer, self);
    while (self->pid != 0) {
        g_main_context_iteration(NULL, TRUE);
    }
    g_source_remove(timer);
}

int
berth_share_get_exit_status(const BerthShare *self)
{
    return self->exit_status;
}

void
berth_share_free(BerthShare *self)
{
    if (!self) {
        return;
    }
    g_clear_handle_id(&self->listen_source, g_source_remove);
    g_clear_handle_id(&self->control_source, g_source_remove);
    g_clear_handle_id(&self->exit_source, g_source_remove);
    if (self->pid != 0) {
        berth_pidfd_signal(self->pidfd, SIGKILL);
    }
    berth_clear_fd(&self->listen_fd);
    berth_clear_fd(&self->control_fd);
    berth_clear_fd(&self->pidfd);
    berth_wipe(self->token, sizeof(self->token));
    g_free(self->file);
    g_free(self);
}
