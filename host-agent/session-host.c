/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/session-host.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/fdpass.h"
#include "base/id.h"
#include "base/log.h"
#include "base/process.h"
#include "berth/errors.h"
#include "berth/limits.h"
#include "host-agent/json-fields.h"
#include "host-agent/process-identity.h"
#include "host-agent/state-file.h"
#include "host-agent/unix-socket.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#define CONTROL_SOCKET "control.sock"
#define STATE_FILE "session.json"
#define STATE_FILE_BYTES (64 * 1024)
#define CONTROL_FD 3
#define END_GRACE_MS 2000
/* A process that dies at once is started again ever more slowly, and not for ever. */
#define RESTART_FIRST_MS 100
#define RESTART_MAX 5
#define RESTART_CALM_US (60LL * 1000 * 1000)

struct BerthSessionHost {
    const BerthSessionEnvironment *environment;
    char *folder;
    char hex_id[BERTH_ID_HEX_CHARS + 1];
    BerthSessionReport report;
    char *user, *user_name;
    json_t *policy;
    int64_t notice;              /* number of the last one that was passed on */
    uint64_t disconnected_epoch; /* connection that was told to disconnect, +1; 0: none */

    pid_t pid;
    uint64_t pid_start_ticks;
    int pidfd;
    int control_fd;
    bool is_started;                     /* the start message is out */
    bool has_guest[BERTH_N_GUEST_PORTS]; /* it has that port of the guest's agents */
    bool is_ending;
    int n_restarts;
    int64_t spawned_us;
    guint restart_source;
    guint kill_source;
};

static void start_process(BerthSessionHost *self);

static void
report(BerthSessionHost *self)
{
    self->environment->on_changed(self, self->environment->user_data);
}

const char *
berth_session_host_state_name(BerthSessionHostState state)
{
    static const char *const names[] = {
        [BERTH_SESSION_STARTING] = "starting",
        [BERTH_SESSION_LISTENING] = "listening",
        [BERTH_SESSION_CONNECTED] = "connected",
        [BERTH_SESSION_ENDED] = "ended",
    };
    return names[state];
}

/* ---- state on disk ---- */

static const char *const guest_fields[BERTH_N_GUEST_PORTS] = {
    [BERTH_GUEST_PORT_SPICE] = "has_guest",
    [BERTH_GUEST_PORT_BERTH] = "has_own_guest",
};

static void
save(BerthSessionHost *self)
{
    GError *error = NULL;
    json_t *object = json_object();
    berth_json_set_id(object, "session", &self->report.id);
    berth_json_set_id(object, "machine", &self->report.machine);
    json_object_set_new(object, "epoch", json_integer((json_int_t)self->report.epoch));
    json_object_set_new(object, "user", json_string(self->user));
    json_object_set_new(object, "user_name", json_string(self->user_name));
    json_object_set(object, "policy", self->policy);
    json_object_set_new(object, "notice", json_integer(self->notice));
    json_object_set_new(object, "pid", json_integer(self->pid));
    json_object_set_new(object, "pid_start_ticks", json_integer((json_int_t)self->pid_start_ticks));
    json_object_set_new(object, "is_started", json_boolean(self->is_started));
    for (int i = 0; i < BERTH_N_GUEST_PORTS; i++) {
        json_object_set_new(object, guest_fields[i], json_boolean(self->has_guest[i]));
    }
    if (!berth_state_file_save(self->folder, STATE_FILE, object, &error)) {
        berth_log_warning("session", "session=%s: %s", self->hex_id, error->message);
        g_clear_error(&error);
    }
    json_decref(object);
}

static bool
load(BerthSessionHost *self, GError **error)
{
    BerthJsonFields fields;
    json_t *object = berth_state_file_load(self->folder, STATE_FILE, STATE_FILE_BYTES, error);
    if (object == NULL) {
        return false;
    }
    berth_json_fields_init(&fields, object, "session file");
    berth_json_fields_id(&fields, "session", &self->report.id);
    berth_json_fields_id(&fields, "machine", &self->report.machine);
    self->report.epoch = (uint64_t)berth_json_fields_int(&fields, "epoch", 0, INT64_MAX);
    self->user = g_strdup(berth_json_fields_string(&fields, "user", BERTH_LIMIT_NAME_BYTES));
    self->user_name =
        g_strdup(berth_json_fields_string(&fields, "user_name", BERTH_LIMIT_NAME_BYTES));
    self->policy = json_incref(berth_json_fields_object(&fields, "policy"));
    self->notice = berth_json_fields_optional_int(&fields, "notice", 0, INT64_MAX, 0);
    self->pid = (pid_t)berth_json_fields_int(&fields, "pid", 0, INT32_MAX);
    self->pid_start_ticks =
        (uint64_t)berth_json_fields_int(&fields, "pid_start_ticks", 0, INT64_MAX);
    self->is_started = berth_json_fields_optional_bool(&fields, "is_started", false);
    for (int i = 0; i < BERTH_N_GUEST_PORTS; i++) {
        self->has_guest[i] = berth_json_fields_optional_bool(&fields, guest_fields[i], false);
    }
    bool is_good = berth_json_fields_finish(&fields, error);
    json_decref(object);
    return is_good;
}

/* ---- end ---- */

/* The process has gone, or has closed the port itself. */
static void
give_back_guest_port(BerthSessionHost *self, BerthGuestPortKind kind)
{
    const BerthSessionEnvironment *environment = self->environment;
    if (self->has_guest[kind]) {
        self->has_guest[kind] = false;
        environment->give_back_guest_port(&self->report.machine, kind, environment->user_data);
    }
}

static void
give_back_guest_ports(BerthSessionHost *self)
{
    for (int i = 0; i < BERTH_N_GUEST_PORTS; i++) {
        give_back_guest_port(self, (BerthGuestPortKind)i);
    }
}

static void
drop_control(BerthSessionHost *self)
{
    if (self->control_fd >= 0) {
        berth_poller_remove(self->environment->poller, self->control_fd);
        berth_clear_fd(&self->control_fd);
    }
}

static void
drop_process(BerthSessionHost *self)
{
    if (self->pidfd >= 0) {
        berth_poller_remove(self->environment->poller, self->pidfd);
        berth_clear_fd(&self->pidfd);
    }
    self->pid = 0;
}

static void
become_ended(BerthSessionHost *self)
{
    g_clear_handle_id(&self->kill_source, g_source_remove);
    g_clear_handle_id(&self->restart_source, g_source_remove);
    drop_control(self);
    drop_process(self);
    give_back_guest_ports(self);
    berth_state_folder_remove(self->folder);
    if (self->report.state != BERTH_SESSION_ENDED) {
        self->report.state = BERTH_SESSION_ENDED;
        berth_log_info("session", "session=%s ended (%s)", self->hex_id,
                       berth_error_name(self->report.code));
        report(self);
    }
}

static void
kill_process(BerthSessionHost *self)
{
    if (self->pidfd >= 0) {
        berth_process_kill_group(self->pidfd, self->pid);
    }
}

/* ---- control socket ---- */

/* Sends a message with at most one descriptor; reference taken.  false: the process is no good. */
static bool
send_message(BerthSessionHost *self, json_t *message, int fd)
{
    char *text = json_dumps(message, JSON_COMPACT);
    json_decref(message);
    int code = berth_fds_send(self->control_fd, text, strlen(text), &fd, fd >= 0 ? 1 : 0);
    free(text);
    if (code != BERTH_OK) {
        berth_log_warning("session", "session=%s takes no message: %s", self->hex_id,
                          berth_error_sentence(code));
    }
    return code == BERTH_OK;
}

static json_t *
start_message(BerthSessionHost *self, const char *capture)
{
    const BerthSessionEnvironment *environment = self->environment;
    json_t *message = json_object();
    json_object_set_new(message, "op", json_string("start"));
    berth_json_set_id(message, "session", &self->report.id);
    berth_json_set_id(message, "machine", &self->report.machine);
    json_object_set_new(message, "user", json_string(self->user));
    json_object_set_new(message, "user_name", json_string(self->user_name));
    berth_json_set_id(message, "host", &environment->host_id);
    json_object_set_new(message, "epoch", json_integer((json_int_t)self->report.epoch));
    json_object_set(message, "ticket_keys",
                    (json_t *)environment->get_ticket_keys(environment->user_data));
    json_object_set(message, "policy", self->policy);
    json_object_set_new(message, "capture", json_string(capture));
    return message;
}

/* Passes on a port of the guest's agents as soon as it is there. */
static void
maybe_give_guest_port(BerthSessionHost *self, BerthGuestPortKind kind)
{
    const BerthSessionEnvironment *environment = self->environment;
    berth_autofd int port = -1;
    if (self->has_guest[kind]) {
        return;
    }
    port = environment->take_guest_port(&self->report.machine, self->report.epoch, kind,
                                        environment->user_data);
    if (port < 0) {
        return;
    }
    self->has_guest[kind] = true;
    if (!send_message(self,
                      json_pack("{s:s,s:s}", "op", "guest", "port", berth_guest_port_name(kind)),
                      port)) {
        give_back_guest_port(self, kind);
        return;
    }
    save(self);
}

static void
maybe_give_guest_ports(BerthSessionHost *self)
{
    for (int i = 0; i < BERTH_N_GUEST_PORTS; i++) {
        if (self->is_started && !self->is_ending && self->control_fd >= 0) {
            maybe_give_guest_port(self, (BerthGuestPortKind)i);
        }
    }
}

/* Sends the start message as soon as the machine has a display to give. */
static void
maybe_start(BerthSessionHost *self)
{
    const BerthSessionEnvironment *environment = self->environment;
    berth_autofd int display = -1;
    const char *capture = NULL;
    GError *error = NULL;
    if (self->is_started || self->is_ending || self->control_fd < 0) {
        return;
    }
    if (!environment->attach_display(&self->report.machine, self->report.epoch, &display, &capture,
                                     &error, environment->user_data)) {
        berth_log_debug("session", "session=%s waits for its display: %s", self->hex_id,
                        error->message);
        g_error_free(error);
        return;
    }
    self->is_started = send_message(self, start_message(self, capture), display);
    if (!self->is_started) {
        kill_process(self);
        return;
    }
    save(self);
    maybe_give_guest_ports(self);
}

static void
handle_packet(BerthSessionHost *self, const char *packet, size_t len)
{
    BerthSessionAsks asks = BERTH_SESSION_ASKS_NOTHING;
    if (berth_session_message_read(packet, len, &self->report, &asks) != BERTH_OK) {
        kill_process(self);
        return;
    }
    if (asks == BERTH_SESSION_GIVES_UP) {
        kill_process(self);
    } else if (asks == BERTH_SESSION_LOST_SPICE || asks == BERTH_SESSION_LOST_BERTH) {
        give_back_guest_port(self, asks == BERTH_SESSION_LOST_BERTH ? BERTH_GUEST_PORT_BERTH
                                                                    : BERTH_GUEST_PORT_SPICE);
        save(self);
    }
    report(self);
}

static void
on_control(int fd, uint32_t events, void *user_data)
{
    BerthSessionHost *self = user_data;
    g_autofree char *packet = g_malloc(BERTH_LIMIT_SESSION_CONTROL_BYTES);
    size_t len;
    int fds[1];
    int n_fds;
    int code = berth_fds_recv(fd, packet, BERTH_LIMIT_SESSION_CONTROL_BYTES, &len, fds, 0, &n_fds);
    if (code == BERTH_ERR_AGAIN) {
        return;
    }
    if (code != BERTH_OK) {
        /* Its end is noticed by the pidfd; a live process without control is of no use. */
        drop_control(self);
        kill_process(self);
        return;
    }
    handle_packet(self, packet, len);
}

static bool
connect_control(BerthSessionHost *self, GError **error)
{
    g_autofree char *path = g_build_filename(self->folder, CONTROL_SOCKET, NULL);
    int fd = berth_unix_connect(path, SOCK_SEQPACKET, error);
    if (fd < 0) {
        return false;
    }
    self->control_fd = fd;
    berth_poller_add(self->environment->poller, fd, EPOLLIN, on_control, self);
    return true;
}

/* ---- process ---- */

static gboolean
on_restart(gpointer user_data)
{
    BerthSessionHost *self = user_data;
    self->restart_source = 0;
    start_process(self);
    return G_SOURCE_REMOVE;
}

static void
plan_restart(BerthSessionHost *self)
{
    if (berth_monotonic_us() - self->spawned_us > RESTART_CALM_US) {
        self->n_restarts = 0;
    }
    if (self->n_restarts >= RESTART_MAX) {
        berth_log_error("session", "session=%s died %d times in a row", self->hex_id,
                        RESTART_MAX + 1);
        self->report.code = self->report.code != BERTH_OK ? self->report.code : BERTH_ERR_INTERNAL;
        become_ended(self);
        return;
    }
    self->report.state = BERTH_SESSION_STARTING;
    self->report.session_key[0] = '\0';
    self->is_started = false;
    self->restart_source =
        g_timeout_add((guint)(RESTART_FIRST_MS << self->n_restarts), on_restart, self);
    self->n_restarts++;
    report(self);
}

static void
on_process_exit(int fd, uint32_t events, void *user_data)
{
    BerthSessionHost *self = user_data;
    int status = 0;
    int code = berth_pidfd_reap(self->pidfd, &status);
    if (code == BERTH_ERR_AGAIN) {
        return;
    }
    drop_control(self);
    drop_process(self);
    give_back_guest_ports(self);
    if (self->is_ending) {
        become_ended(self);
        return;
    }
    berth_log_warning("session", "session=%s: its process ended (status %d)", self->hex_id, status);
    plan_restart(self);
}

static bool
spawn_session(BerthSessionHost *self, GError **error)
{
    const BerthSessionEnvironment *environment = self->environment;
    g_autofree char *path = g_build_filename(self->folder, CONTROL_SOCKET, NULL);
    g_autofree char *number = g_strdup_printf("%d", CONTROL_FD);
    const char *const argv[] = { environment->session_program, "--control-fd", number, NULL };
    if (!berth_state_folder_make(self->folder, error)) {
        return false;
    }
    berth_autofd int listener = berth_unix_listen(path, SOCK_SEQPACKET, error);
    if (listener < 0) {
        return false;
    }
    BerthSpawnFd map = { .source = listener, .target = CONTROL_FD };
    BerthSpawnOptions options = { .fds = &map, .n_fds = 1, .new_session = true };
    if (!berth_spawn(argv, &options, &self->pidfd, &self->pid, error)) {
        return false;
    }
    self->pid_start_ticks = berth_process_get_start_ticks(self->pid);
    self->spawned_us = berth_monotonic_us();
    berth_poller_add(environment->poller, self->pidfd, EPOLLIN, on_process_exit, self);
    save(self);
    return connect_control(self, error);
}

static void
start_process(BerthSessionHost *self)
{
    GError *error = NULL;
    if (!spawn_session(self, &error)) {
        berth_log_error("session", "session=%s cannot start: %s", self->hex_id, error->message);
        self->report.code = error->code;
        g_error_free(error);
        if (self->pidfd >= 0) {
            kill_process(self);
        } else {
            plan_restart(self);
        }
        return;
    }
    berth_log_info("session", "session=%s runs as process %d", self->hex_id, (int)self->pid);
    maybe_start(self);
}

/* ---- public ---- */

static BerthSessionHost *
session_new(const BerthSessionEnvironment *environment, const char *name)
{
    BerthSessionHost *self = g_new0(BerthSessionHost, 1);
    self->environment = environment;
    self->folder = g_build_filename(environment->folder, name, NULL);
    self->pidfd = -1;
    self->control_fd = -1;
    g_strlcpy(self->hex_id, name, sizeof self->hex_id);
    return self;
}

BerthSessionHost *
berth_session_host_new(const BerthSessionEnvironment *environment,
                       const BerthDesiredSession *wanted)
{
    char name[BERTH_ID_HEX_CHARS + 1];
    berth_id_format(&wanted->id, name);
    BerthSessionHost *self = session_new(environment, name);
    self->report.id = wanted->id;
    self->report.machine = wanted->machine;
    self->report.epoch = wanted->epoch;
    self->user = g_strdup(wanted->user);
    self->user_name = g_strdup(wanted->user_name);
    self->policy = json_incref(wanted->policy);
    start_process(self);
    return self;
}

BerthSessionHost *
berth_session_host_adopt(const BerthSessionEnvironment *environment, const char *name)
{
    GError *error = NULL;
    BerthSessionHost *self = session_new(environment, name);
    if (!load(self, &error)) {
        berth_log_warning("session", "session=%s cannot be adopted: %s", name, error->message);
        g_error_free(error);
        berth_state_folder_remove(self->folder);
        berth_session_host_free(self);
        return NULL;
    }
    self->pidfd = berth_process_open(self->pid, self->pid_start_ticks);
    if (self->pidfd < 0) {
        self->pid = 0;
        self->is_started = false;
        memset(self->has_guest, 0, sizeof self->has_guest);
        start_process(self);
        return self;
    }
    berth_poller_add(environment->poller, self->pidfd, EPOLLIN, on_process_exit, self);
    self->spawned_us = berth_monotonic_us();
    if (!connect_control(self, &error)) {
        berth_log_warning("session", "session=%s: %s", name, error->message);
        g_error_free(error);
        kill_process(self);
    }
    return self;
}

void
berth_session_host_free(BerthSessionHost *self)
{
    if (self == NULL) {
        return;
    }
    g_clear_handle_id(&self->kill_source, g_source_remove);
    g_clear_handle_id(&self->restart_source, g_source_remove);
    drop_control(self);
    drop_process(self);
    g_free(self->folder);
    g_free(self->user);
    g_free(self->user_name);
    json_decref(self->policy);
    g_free(self);
}

static void
disconnect(BerthSessionHost *self, const BerthDesiredSession *wanted)
{
    /* Once a connection: the same wish comes with every message of the broker.  A client with a
     * newer ticket may be here before the broker's next wish, and is not meant by this one. */
    uint64_t mark = self->report.connection_epoch + 1;
    if (self->report.state == BERTH_SESSION_CONNECTED &&
        self->report.connection_epoch <= wanted->connection_epoch &&
        self->disconnected_epoch != mark) {
        self->disconnected_epoch = mark;
        send_message(self,
                     json_pack("{s:s,s:s,s:I}", "op", "disconnect", "reason",
                               wanted->reason != NULL ? wanted->reason : "disconnected",
                               "connection_epoch", (json_int_t)wanted->connection_epoch),
                     -1);
    }
}

/* One that has not started yet gets it with its start. */
static void
update_policy(BerthSessionHost *self, json_t *policy)
{
    if (json_equal(self->policy, policy)) {
        return;
    }
    json_decref(self->policy);
    self->policy = json_incref(policy);
    save(self);
    if (self->is_started && self->control_fd >= 0) {
        send_message(self, json_pack("{s:s,s:O}", "op", "policy", "policy", policy), -1);
    }
}

static void
update_notice(BerthSessionHost *self, const BerthDesiredSession *wanted)
{
    if (wanted->notice_text == NULL || wanted->notice == self->notice || !self->is_started ||
        self->control_fd < 0) {
        return;
    }
    if (send_message(self,
                     json_pack("{s:s,s:I,s:s}", "op", "notice", "number",
                               (json_int_t)(wanted->notice & UINT32_MAX), "text",
                               wanted->notice_text),
                     -1)) {
        self->notice = wanted->notice;
        save(self);
    }
}

void
berth_session_host_update(BerthSessionHost *self, const BerthDesiredSession *wanted)
{
    if (self->report.state == BERTH_SESSION_ENDED || self->is_ending) {
        return;
    }
    update_policy(self, wanted->policy);
    update_notice(self, wanted);
    if (wanted->want == BERTH_WANT_ENDED) {
        berth_session_host_end(self, wanted->reason != NULL ? berth_error_from_name(wanted->reason)
                                                            : BERTH_ERR_LOGGED_OFF);
    } else if (wanted->want == BERTH_WANT_DISCONNECTED) {
        disconnect(self, wanted);
    }
}

void
berth_session_host_poke(BerthSessionHost *self)
{
    maybe_start(self);
    maybe_give_guest_ports(self);
}

bool
berth_session_host_give_client(BerthSessionHost *self, int fd)
{
    if (!self->is_started || self->is_ending || self->control_fd < 0 ||
        !send_message(self, json_pack("{s:s}", "op", "client"), fd)) {
        return false;
    }
    berth_clear_fd(&fd);
    return true;
}

static gboolean
on_end_grace_over(gpointer user_data)
{
    BerthSessionHost *self = user_data;
    self->kill_source = 0;
    kill_process(self);
    return G_SOURCE_REMOVE;
}

void
berth_session_host_end(BerthSessionHost *self, int code)
{
    if (self->is_ending || self->report.state == BERTH_SESSION_ENDED) {
        return;
    }
    self->is_ending = true;
    self->report.code = code;
    if (self->pidfd < 0) {
        become_ended(self);
        return;
    }
    if (!self->is_started || self->control_fd < 0 ||
        !send_message(self, json_pack("{s:s,s:s}", "op", "end", "reason", berth_error_name(code)),
                      -1)) {
        kill_process(self);
        return;
    }
    self->kill_source = g_timeout_add(END_GRACE_MS, on_end_grace_over, self);
}

void
berth_session_host_get_report(const BerthSessionHost *self, BerthSessionReport *ret)
{
    *ret = self->report;
}
