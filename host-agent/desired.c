/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/desired.h"

#include "base/error.h"
#include "base/id.h"
#include "base/log.h"
#include "berth/errors.h"
#include "berth/limits.h"
#include "host-agent/json-fields.h"

#include <string.h>

#define REASON_CHARS 64

static void
machine_free(gpointer data)
{
    BerthDesiredMachine *machine = data;
    berth_vm_spec_clear(&machine->spec);
    g_free(machine->wish.address);
    g_free(machine->problem);
    g_free(machine);
}

static void
session_free(gpointer data)
{
    BerthDesiredSession *session = data;
    g_free(session->user);
    g_free(session->user_name);
    g_free(session->reason);
    g_free(session->notice_text);
    json_decref(session->policy);
    g_free(session);
}

/* Id and epoch of a machine that is broken otherwise; NULL if even they cannot be read. */
static BerthDesiredMachine *
broken_machine(const json_t *object, const char *problem)
{
    BerthId id;
    const char *hex = json_string_value(json_object_get(object, "id"));
    json_int_t epoch = json_integer_value(json_object_get(object, "epoch"));
    berth_log_warning("link", "the broker wants a machine that cannot be: %s", problem);
    if (hex == NULL || berth_id_parse(hex, &id) != BERTH_OK || epoch < 0) {
        return NULL;
    }
    BerthDesiredMachine *machine = g_new0(BerthDesiredMachine, 1);
    machine->spec.id = id;
    machine->spec.epoch = (uint64_t)epoch;
    machine->is_broken = true;
    machine->problem = g_strdup(problem);
    return machine;
}

static BerthDesiredMachine *
parse_machine(const json_t *object)
{
    GError *error = NULL;
    BerthDesiredMachine *machine = g_new0(BerthDesiredMachine, 1);
    if (berth_vm_spec_from_desired(object, &machine->spec, &machine->wish, &error)) {
        return machine;
    }
    g_free(machine);
    machine = broken_machine(object, error->message);
    g_error_free(error);
    return machine;
}

static BerthWantSession
read_want(BerthJsonFields *fields)
{
    const char *want = berth_json_fields_string(fields, "want", BERTH_LIMIT_NAME_BYTES);
    if (strcmp(want, "open") == 0) {
        return BERTH_WANT_OPEN;
    }
    if (strcmp(want, "disconnected") == 0) {
        return BERTH_WANT_DISCONNECTED;
    }
    if (strcmp(want, "ended") != 0) {
        berth_json_fields_fail(fields, "want", "is neither open nor disconnected nor ended");
    }
    return BERTH_WANT_ENDED;
}

static void
read_notice(BerthJsonFields *fields, BerthDesiredSession *session)
{
    BerthJsonFields inner;
    GError *error = NULL;
    json_t *object = berth_json_fields_optional_object(fields, "notice");
    if (object == NULL) {
        return;
    }
    berth_json_fields_init(&inner, object, "notice of a session");
    session->notice = berth_json_fields_int(&inner, "number", 0, INT64_MAX);
    session->notice_text =
        g_strdup(berth_json_fields_string(&inner, "text", BERTH_LIMIT_NOTICE_BYTES));
    if (!berth_json_fields_finish(&inner, &error)) {
        berth_json_fields_fail(fields, "notice", error->message);
        g_error_free(error);
    }
}

static BerthDesiredSession *
parse_session(const json_t *object)
{
    BerthJsonFields fields;
    BerthDesiredSession *session = g_new0(BerthDesiredSession, 1);
    GError *error = NULL;

    berth_json_fields_init(&fields, object, "desired session");
    berth_json_fields_id(&fields, "id", &session->id);
    berth_json_fields_id(&fields, "machine", &session->machine);
    session->epoch = (uint64_t)berth_json_fields_int(&fields, "epoch", 0, INT64_MAX);
    session->connection_epoch =
        (uint64_t)berth_json_fields_optional_int(&fields, "connection_epoch", 0, INT64_MAX, 0);
    session->user = g_strdup(berth_json_fields_string(&fields, "user", BERTH_LIMIT_NAME_BYTES));
    session->user_name =
        g_strdup(berth_json_fields_string(&fields, "user_name", BERTH_LIMIT_NAME_BYTES));
    session->want = read_want(&fields);
    session->reason = g_strdup(berth_json_fields_optional_string(&fields, "reason", REASON_CHARS));
    session->policy = json_incref(berth_json_fields_object(&fields, "policy"));
    read_notice(&fields, session);
    if (!berth_json_fields_finish(&fields, &error)) {
        berth_log_warning("link", "the broker wants a session that cannot be: %s", error->message);
        g_error_free(error);
        session_free(session);
        return NULL;
    }
    return session;
}

static void
add_if(GPtrArray *array, gpointer item)
{
    if (item != NULL) {
        g_ptr_array_add(array, item);
    }
}

/* An optional array of objects; a new reference, an empty array if there is none. */
static json_t *
read_objects(BerthJsonFields *fields, const char *key, size_t max_items)
{
    size_t i;
    json_t *item;
    json_t *array = berth_json_fields_optional_array(fields, key, max_items);
    json_array_foreach (array, i, item) {
        if (!json_is_object(item)) {
            berth_json_fields_fail(fields, key, "has something that is no object");
        }
    }
    return array != NULL ? json_incref(array) : json_array();
}

static void
read_parts(BerthJsonFields *fields, BerthDesired *self)
{
    self->images = read_objects(fields, "images", BERTH_LIMIT_HOST_IMAGES);
    self->templates = read_objects(fields, "templates", BERTH_LIMIT_HOST_TEMPLATES);
    self->tasks = read_objects(fields, "tasks", BERTH_LIMIT_HOST_TASKS);
    self->disks = read_objects(fields, "disks", BERTH_LIMIT_HOST_DISKS);
}

BerthDesired *
berth_desired_parse(const json_t *message, GError **error)
{
    BerthJsonFields fields;
    berth_json_fields_init(&fields, message, "desired state");
    berth_json_fields_string(&fields, "type", BERTH_LIMIT_NAME_BYTES);
    int64_t generation = berth_json_fields_int(&fields, "generation", 0, INT64_MAX);
    json_t *machines = berth_json_fields_array(&fields, "machines", BERTH_DESIRED_MACHINES_MAX);
    json_t *sessions = berth_json_fields_array(&fields, "sessions", BERTH_DESIRED_SESSIONS_MAX);
    BerthDesired *self = g_new0(BerthDesired, 1);
    self->generation = generation;
    self->machines = g_ptr_array_new_with_free_func(machine_free);
    self->sessions = g_ptr_array_new_with_free_func(session_free);
    read_parts(&fields, self);
    if (!berth_json_fields_finish(&fields, error)) {
        berth_desired_free(self);
        return NULL;
    }
    size_t i;
    json_t *item;
    json_array_foreach (machines, i, item) {
        add_if(self->machines, parse_machine(item));
    }
    json_array_foreach (sessions, i, item) {
        add_if(self->sessions, parse_session(item));
    }
    return self;
}

void
berth_desired_free(BerthDesired *self)
{
    if (self != NULL) {
        g_ptr_array_unref(self->machines);
        g_ptr_array_unref(self->sessions);
        json_decref(self->images);
        json_decref(self->templates);
        json_decref(self->tasks);
        json_decref(self->disks);
        g_free(self);
    }
}

const BerthDesiredMachine *
berth_desired_find_machine(const BerthDesired *self, const BerthId *id)
{
    for (guint i = 0; i < self->machines->len; i++) {
        const BerthDesiredMachine *machine = self->machines->pdata[i];
        if (berth_id_equal(&machine->spec.id, id)) {
            return machine;
        }
    }
    return NULL;
}

const BerthDesiredSession *
berth_desired_find_session(const BerthDesired *self, const BerthId *id)
{
    for (guint i = 0; i < self->sessions->len; i++) {
        const BerthDesiredSession *session = self->sessions->pdata[i];
        if (berth_id_equal(&session->id, id)) {
            return session;
        }
    }
    return NULL;
}
