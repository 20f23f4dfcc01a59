/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/session-park.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/id.h"
#include "base/log.h"
#include "berth/errors.h"
#include "host-agent/inventory.h"
#include "host-agent/machine-plan.h"
#include "host-agent/state-file.h"

#include <string.h>

#define KEYS_FILE "ticket-keys.json"
#define KEYS_FILE_BYTES 16384

typedef struct {
    BerthSessionHost *host;
    BerthId id;
    int64_t absent_since_us;
} Session;

struct BerthSessionPark {
    BerthSessionParkConfig config;
    BerthSessionEnvironment environment;
    GHashTable *sessions; /* BerthId * -> Session * */
    json_t *ticket_keys;
    const BerthDesired *desired;
    int64_t wanted_us; /* when desired came, monotonic */
    bool is_safe_mode;
    guint reconcile_source;
};

static void
session_free(gpointer data)
{
    Session *session = data;
    berth_session_host_free(session->host);
    g_free(session);
}

/* ---- what a session needs ---- */

static const json_t *
get_ticket_keys(void *user_data)
{
    BerthSessionPark *self = user_data;
    return self->ticket_keys;
}

static bool
attach_display(const BerthId *machine, uint64_t epoch, int *ret_fd, const char **ret_capture,
               GError **error, void *user_data)
{
    BerthSessionPark *self = user_data;
    if (json_array_size(self->ticket_keys) == 0) {
        return berth_set_error(error, BERTH_ERR_STATE, "the broker sent no ticket keys so far");
    }
    return berth_machine_park_attach_display(self->config.machines, machine, epoch, ret_fd,
                                             ret_capture, error);
}

static int
take_guest_port(const BerthId *machine, uint64_t epoch, BerthGuestPortKind kind, void *user_data)
{
    BerthSessionPark *self = user_data;
    return berth_machine_park_take_guest_port(self->config.machines, machine, epoch, kind);
}

static void
give_back_guest_port(const BerthId *machine, BerthGuestPortKind kind, void *user_data)
{
    BerthSessionPark *self = user_data;
    berth_machine_park_give_back_guest_port(self->config.machines, machine, kind);
}

static gboolean on_reconcile(gpointer user_data);

static void
reconcile_soon(BerthSessionPark *self)
{
    if (self->reconcile_source == 0) {
        self->reconcile_source = g_idle_add(on_reconcile, self);
    }
}

static void
on_session_changed(BerthSessionHost *session, void *user_data)
{
    BerthSessionPark *self = user_data;
    reconcile_soon(self);
    berth_machine_park_sessions_changed(self->config.machines);
    self->config.on_changed(self->config.user_data);
}

static void
add_session(BerthSessionPark *self, BerthSessionHost *host)
{
    BerthSessionReport report;
    Session *session = g_new0(Session, 1);
    berth_session_host_get_report(host, &report);
    session->host = host;
    session->id = report.id;
    g_hash_table_replace(self->sessions, &session->id, session);
}

/* ---- reconcile ---- */

/* A session belongs to one machine at one epoch: it ends with either. */
static bool
has_machine(BerthSessionPark *self, const BerthSessionReport *report)
{
    BerthMachineFacts facts;
    return berth_machine_park_look_up(self->config.machines, &report->machine, &facts) &&
           facts.epoch == report->epoch && facts.is_usable;
}

static void
reconcile_session(BerthSessionPark *self, Session *session)
{
    BerthSessionReport report;
    berth_session_host_get_report(session->host, &report);
    const BerthDesiredSession *wanted =
        self->desired != NULL ? berth_desired_find_session(self->desired, &session->id) : NULL;
    if (wanted != NULL) {
        berth_session_host_update(session->host, wanted);
    } else if (!self->is_safe_mode && session->absent_since_us != 0 &&
               self->wanted_us - session->absent_since_us >= BERTH_ABSENCE_US) {
        berth_session_host_end(session->host, BERTH_ERR_LOGGED_OFF);
    }
    if (!has_machine(self, &report)) {
        berth_session_host_end(session->host, BERTH_ERR_DESKTOP_GONE);
    } else {
        berth_session_host_poke(session->host);
    }
}

static void
start_missing(BerthSessionPark *self)
{
    for (guint i = 0; i < self->desired->sessions->len; i++) {
        const BerthDesiredSession *wanted = self->desired->sessions->pdata[i];
        BerthMachineFacts facts;
        if (wanted->want == BERTH_WANT_OPEN &&
            g_hash_table_lookup(self->sessions, &wanted->id) == NULL &&
            berth_machine_park_look_up(self->config.machines, &wanted->machine, &facts) &&
            facts.is_ready && facts.epoch == wanted->epoch) {
            add_session(self, berth_session_host_new(&self->environment, wanted));
            self->config.on_changed(self->config.user_data);
        }
    }
}

/* An ended session is reported until the broker has seen it and stops listing it. */
static gboolean
is_forgotten(gpointer key, gpointer value, gpointer user_data)
{
    const BerthSessionPark *self = user_data;
    const Session *session = value;
    BerthSessionReport report;
    berth_session_host_get_report(session->host, &report);
    return report.state == BERTH_SESSION_ENDED && session->absent_since_us != 0 &&
           berth_desired_find_session(self->desired, &session->id) == NULL;
}

static void
reconcile(BerthSessionPark *self)
{
    /* A copy of the list: ending a session reports, and nothing may be removed meanwhile. */
    g_autoptr(GList) sessions = g_hash_table_get_values(self->sessions);
    for (GList *item = sessions; item != NULL; item = item->next) {
        reconcile_session(self, item->data);
    }
    if (self->desired != NULL) {
        g_hash_table_foreach_remove(self->sessions, is_forgotten, self);
        start_missing(self);
    }
}

static gboolean
on_reconcile(gpointer user_data)
{
    BerthSessionPark *self = user_data;
    self->reconcile_source = 0;
    reconcile(self);
    return G_SOURCE_REMOVE;
}

/* ---- adoption ---- */

static void
adopt_all(BerthSessionPark *self)
{
    BerthId id;
    GDir *dir = g_dir_open(self->config.folder, 0, NULL);
    const char *name;
    while (dir != NULL && (name = g_dir_read_name(dir)) != NULL) {
        BerthSessionHost *host = berth_id_parse(name, &id) == BERTH_OK
                                     ? berth_session_host_adopt(&self->environment, name)
                                     : NULL;
        if (host != NULL) {
            add_session(self, host);
        }
    }
    g_clear_pointer(&dir, g_dir_close);
    if (g_hash_table_size(self->sessions) > 0) {
        berth_log_info("session", "%u sessions of an earlier agent adopted",
                       g_hash_table_size(self->sessions));
    }
}

static json_t *
load_keys(BerthSessionPark *self)
{
    json_t *file = berth_state_file_load(self->config.folder, KEYS_FILE, KEYS_FILE_BYTES, NULL);
    json_t *keys = json_incref(json_object_get(file, "ticket_keys"));
    json_decref(file);
    return json_is_array(keys) ? keys : json_array();
}

/* ---- public ---- */

BerthSessionPark *
berth_session_park_new(const BerthSessionParkConfig *config)
{
    BerthSessionPark *self = g_new0(BerthSessionPark, 1);
    self->config = *config;
    self->environment = (BerthSessionEnvironment){
        .poller = config->poller,
        .session_program = config->session_program,
        .folder = config->folder,
        .host_id = config->host_id,
        .get_ticket_keys = get_ticket_keys,
        .attach_display = attach_display,
        .take_guest_port = take_guest_port,
        .give_back_guest_port = give_back_guest_port,
        .on_changed = on_session_changed,
        .user_data = self,
    };
    self->sessions = g_hash_table_new_full(berth_id_hash, berth_id_equal_func, NULL, session_free);
    self->ticket_keys = load_keys(self);
    adopt_all(self);
    reconcile_soon(self);
    return self;
}

void
berth_session_park_free(BerthSessionPark *self)
{
    if (self == NULL) {
        return;
    }
    g_clear_handle_id(&self->reconcile_source, g_source_remove);
    g_hash_table_unref(self->sessions);
    json_decref(self->ticket_keys);
    g_free(self);
}

void
berth_session_park_set_ticket_keys(BerthSessionPark *self, const json_t *keys)
{
    GError *error = NULL;
    if (json_equal(self->ticket_keys, (json_t *)keys)) {
        return;
    }
    json_decref(self->ticket_keys);
    self->ticket_keys = json_deep_copy(keys);
    json_t *file = json_pack("{s:O}", "ticket_keys", self->ticket_keys);
    if (!berth_state_file_save(self->config.folder, KEYS_FILE, file, &error)) {
        berth_log_warning("session", "%s", error->message);
        g_error_free(error);
    }
    json_decref(file);
    reconcile_soon(self);
}

void
berth_session_park_want(BerthSessionPark *self, const BerthDesired *desired)
{
    GHashTableIter iter;
    gpointer value;
    self->desired = desired;
    self->wanted_us = berth_monotonic_us();
    g_hash_table_iter_init(&iter, self->sessions);
    while (desired != NULL && g_hash_table_iter_next(&iter, NULL, &value)) {
        Session *session = value;
        session->absent_since_us =
            berth_machine_absence(berth_desired_find_session(desired, &session->id) != NULL,
                                  session->absent_since_us, self->wanted_us);
    }
    reconcile_soon(self);
}

void
berth_session_park_set_safe_mode(BerthSessionPark *self, bool is_safe_mode)
{
    self->is_safe_mode = is_safe_mode;
}

void
berth_session_park_machines_changed(BerthSessionPark *self)
{
    reconcile_soon(self);
}

bool
berth_session_park_route(BerthSessionPark *self, const BerthId *session, int fd)
{
    const Session *found = g_hash_table_lookup(self->sessions, session);
    return found != NULL && berth_session_host_give_client(found->host, fd);
}

json_t *
berth_session_park_report(BerthSessionPark *self)
{
    json_t *array = json_array();
    GHashTableIter iter;
    gpointer value;
    g_hash_table_iter_init(&iter, self->sessions);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        BerthSessionReport report;
        berth_session_host_get_report(((const Session *)value)->host, &report);
        json_array_append_new(array, berth_inventory_session(&report, berth_monotonic_us()));
    }
    return array;
}

bool
berth_session_park_is_in_use(BerthSessionPark *self, const BerthId *machine)
{
    GHashTableIter iter;
    gpointer value;
    g_hash_table_iter_init(&iter, self->sessions);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        BerthSessionReport report;
        berth_session_host_get_report(((const Session *)value)->host, &report);
        if (report.state != BERTH_SESSION_ENDED && berth_id_equal(&report.machine, machine)) {
            return true;
        }
    }
    return false;
}
