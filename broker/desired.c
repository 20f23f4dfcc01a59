/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/desired.h"

#include "base/error.h"
#include "broker/desired-disks.h"
#include "broker/desired-parts.h"
#include "policies/policy-decision.h"

#include <string.h>

/* Columns of BERTH_SQL_DESIRED_MACHINES. */
enum {
    COLUMN_ID,
    COLUMN_EPOCH,
    COLUMN_NAME,
    COLUMN_STATE,
    COLUMN_POWER,
    COLUMN_KEEP,
    COLUMN_OVERLAY,
    COLUMN_ADDRESS,
    COLUMN_IMAGE,
    COLUMN_VCPUS,
    COLUMN_MEMORY_MIB,
    COLUMN_TEMPLATE,
    COLUMN_CONDITION,
    COLUMN_KIND,
    COLUMN_RESOURCES,
    COLUMN_NETWORK,
    COLUMN_VERSION,
    COLUMN_PURPOSE,
};

/* An image of the machines: read once, shared by all that have it. */
typedef struct {
    json_t *name;
    json_t *manifest;
} Image;

static void
image_free(gpointer data)
{
    Image *image = data;
    json_decref(image->name);
    json_decref(image->manifest);
    g_free(image);
}

static json_t *
parse_object(const char *text)
{
    json_t *value = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    return json_is_object(value) ? value : json_object();
}

static const Image *
find_image(BerthTx *tx, GHashTable *images, const char *id, int *ret_error)
{
    Image *image = g_hash_table_lookup(images, id);
    if (image != NULL || id[0] == '\0') {
        return image;
    }
    BerthRows rows;
    berth_tx_query(tx, &rows, BERTH_SQL_DESIRED_IMAGE, "s", id);
    if (berth_rows_next(&rows)) {
        image = g_new0(Image, 1);
        image->name = json_string(berth_rows_text(&rows, 0));
        image->manifest = parse_object(berth_rows_text(&rows, 1));
        g_hash_table_insert(images, g_strdup(id), image);
    }
    *ret_error = berth_rows_end(&rows);
    return image;
}

static const char *
name_want(const char *state, const char *power)
{
    if (strcmp(state, "deleting") == 0) {
        return "absent";
    }
    if (strcmp(power, "off") == 0) {
        return "stopped";
    }
    return strcmp(power, "frozen") == 0 ? "frozen" : "running";
}

static void
set(json_t *object, const char *key, json_t *value)
{
    json_object_set_new(object, key, value);
}

static void
add_vm(json_t *machine, const BerthRows *rows, const Image *image)
{
    bool is_kept = berth_rows_int(rows, COLUMN_KEEP) != 0;
    const char *overlay = berth_rows_text(rows, COLUMN_OVERLAY);
    if (!berth_rows_is_null(rows, COLUMN_VERSION)) {
        /* The host has its manifest, signed. */
        set(machine, "version", json_string(berth_rows_text(rows, COLUMN_VERSION)));
    } else {
        set(machine, "image", image != NULL ? json_incref(image->name) : json_string(""));
        set(machine, "manifest", image != NULL ? json_incref(image->manifest) : json_object());
    }
    if (strcmp(berth_rows_text(rows, COLUMN_PURPOSE), "maintenance") == 0) {
        set(machine, "maintenance", json_true());
    }
    set(machine, "vcpus", json_integer(berth_rows_int(rows, COLUMN_VCPUS)));
    set(machine, "memory_mib", json_integer(berth_rows_int(rows, COLUMN_MEMORY_MIB)));
    set(machine, "template", json_boolean(berth_rows_int(rows, COLUMN_TEMPLATE) != 0));
    set(machine, "resources", parse_object(berth_rows_text(rows, COLUMN_RESOURCES)));
    set(machine, "network", parse_object(berth_rows_text(rows, COLUMN_NETWORK)));
    if (is_kept && overlay[0] != '\0') {
        set(machine, "overlay", json_string(overlay));
    }
}

static json_t *
machine_to_json(const BerthRows *rows, const Image *image)
{
    bool is_physical = strcmp(berth_rows_text(rows, COLUMN_KIND), "physical") == 0;
    json_t *machine = json_object();
    set(machine, "id", json_string(berth_rows_text(rows, COLUMN_ID)));
    set(machine, "epoch", json_integer(berth_rows_int(rows, COLUMN_EPOCH)));
    set(machine, "kind", json_string(is_physical ? "physical" : "vm"));
    set(machine, "name", json_string(berth_rows_text(rows, COLUMN_NAME)));
    set(machine, "want",
        json_string(
            name_want(berth_rows_text(rows, COLUMN_STATE), berth_rows_text(rows, COLUMN_POWER))));
    set(machine, "keep", json_boolean(berth_rows_int(rows, COLUMN_KEEP) != 0));
    if (is_physical) {
        set(machine, "address", json_string(berth_rows_text(rows, COLUMN_ADDRESS)));
    } else {
        add_vm(machine, rows, image);
    }
    return machine;
}

/*
 * A kept machine whose disk is missing: to list it would ask the host for a new one.
 */
static bool
is_missing(const BerthRows *rows)
{
    return berth_rows_int(rows, COLUMN_KEEP) != 0 &&
           strcmp(berth_rows_text(rows, COLUMN_STATE), "lost") == 0 &&
           strcmp(berth_rows_text(rows, COLUMN_CONDITION), "missing") == 0;
}

static int
read_machines(BerthTx *tx, const char *host, json_t *machines)
{
    BerthRows rows;
    int error = BERTH_OK;
    g_autoptr(GHashTable) images =
        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, image_free);
    berth_tx_query(tx, &rows, BERTH_SQL_DESIRED_MACHINES, "s", host);
    while (error == BERTH_OK && berth_rows_next(&rows)) {
        if (!is_missing(&rows)) {
            const Image *image =
                find_image(tx, images, berth_rows_text(&rows, COLUMN_IMAGE), &error);
            json_array_append_new(machines, machine_to_json(&rows, image));
        }
    }
    int end_error = berth_rows_end(&rows);
    return error != BERTH_OK ? error : end_error;
}

static void
policy_free(gpointer data)
{
    json_decref(data);
}

/* What is kept of a policy may say little; a host gets the whole.  Many sessions share one. */
static json_t *
find_policy(GHashTable *policies, const char *text)
{
    json_t *whole = g_hash_table_lookup(policies, text);
    if (whole == NULL) {
        BerthPolicy policy = berth_policy_of_pool(text);
        whole = berth_policy_to_json(&policy);
        g_hash_table_insert(policies, g_strdup(text), whole);
    }
    return json_incref(whole);
}

static void
complete_session(json_t *session, GHashTable *policies)
{
    const char *text = json_string_value(json_object_get(session, "policy"));
    set(session, "policy", find_policy(policies, text != NULL ? text : ""));
    json_int_t number = json_integer_value(json_object_get(session, "notice_number"));
    if (number > 0) {
        set(session, "notice",
            json_pack("{s:I, s:O}", "number", number, "text", json_object_get(session, "notice")));
    } else {
        json_object_del(session, "notice");
    }
    json_object_del(session, "notice_number");
}

int
berth_host_desired(BerthTx *tx, const char *host, json_t **ret)
{
    json_auto_t *machines = json_array();
    int error = read_machines(tx, host, machines);
    if (error == BERTH_OK) {
        error = berth_desired_add_machine_disks(tx, host, machines);
    }
    if (error != BERTH_OK) {
        return error;
    }
    json_auto_t *sessions = berth_tx_to_json(tx, &error, BERTH_SQL_DESIRED_SESSIONS, "s", host);
    if (sessions == NULL) {
        return error;
    }
    size_t i = 0;
    json_t *session = NULL;
    g_autoptr(GHashTable) policies =
        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, policy_free);
    json_array_foreach (sessions, i, session) {
        complete_session(session, policies);
    }
    json_auto_t *desired = json_pack("{s:O, s:O}", "machines", machines, "sessions", sessions);
    error = berth_desired_add_parts(tx, host, desired);
    if (error == BERTH_OK) {
        *ret = json_incref(desired);
    }
    return error;
}

static bool
has_text(const json_t *object, const char *key, const char *text)
{
    return g_strcmp0(json_string_value(json_object_get(object, key)), text) == 0;
}

/* What the host has is as new as the row, or the host has nothing that could be hurt. */
static bool
is_machine_safe(const json_t *machine, const BerthInventory *inventory)
{
    const char *id = json_string_value(json_object_get(machine, "id"));
    const BerthMachineReport *report =
        inventory != NULL && id != NULL ? berth_inventory_find(inventory, id) : NULL;
    json_int_t epoch = json_integer_value(json_object_get(machine, "epoch"));
    return !has_text(machine, "want", "absent") && (report == NULL || report->epoch >= epoch);
}

/* The host works at it already: what an old store remembers may have been done long ago. */
static bool
is_task_safe(const json_t *task, const BerthInventory *inventory)
{
    const char *id = json_string_value(json_object_get(task, "id"));
    for (guint i = 0; inventory != NULL && id != NULL && i < inventory->parts.tasks->len; i++) {
        if (strcmp(g_array_index(inventory->parts.tasks, BerthTaskReport, i).id, id) == 0) {
            return true;
        }
    }
    return false;
}

static void
make_parts_safe(json_t *desired, const BerthInventory *inventory)
{
    json_t *tasks = json_object_get(desired, "tasks");
    json_t *disks = json_object_get(desired, "disks");
    for (size_t i = json_array_size(tasks); i > 0; i--) {
        if (!is_task_safe(json_array_get(tasks, i - 1), inventory)) {
            json_array_remove(tasks, i - 1);
        }
    }
    for (size_t i = json_array_size(disks); i > 0; i--) {
        if (has_text(json_array_get(disks, i - 1), "want", "absent")) {
            json_array_remove(disks, i - 1);
        }
    }
}

void
berth_desired_make_safe(json_t *desired, const BerthInventory *inventory)
{
    json_t *machines = json_object_get(desired, "machines");
    json_t *sessions = json_object_get(desired, "sessions");
    for (size_t i = json_array_size(machines); i > 0; i--) {
        if (!is_machine_safe(json_array_get(machines, i - 1), inventory)) {
            json_array_remove(machines, i - 1);
        }
    }
    for (size_t i = json_array_size(sessions); i > 0; i--) {
        if (has_text(json_array_get(sessions, i - 1), "want", "ended")) {
            json_array_remove(sessions, i - 1);
        }
    }
    make_parts_safe(desired, inventory);
}
