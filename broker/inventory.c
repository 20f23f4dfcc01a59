/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/inventory.h"

#include "base/error.h"
#include "base/id.h"

#include <string.h>

/* Block of a string chunk: what the texts of some twenty machines need. */
#define TEXTS_BYTES 1024
#define MAX_IDLE_S (366LL * 24 * 3600)
#define MAX_FIRST_FRAME_MS (3600LL * 1000)

static const char *const machine_states[BERTH_N_MACHINE_REPORTS] = {
    [BERTH_REPORT_CREATING] = "creating", [BERTH_REPORT_STARTING] = "starting",
    [BERTH_REPORT_READY] = "ready",       [BERTH_REPORT_STOPPED] = "stopped",
    [BERTH_REPORT_FROZEN] = "frozen",     [BERTH_REPORT_FAILED] = "failed",
    [BERTH_REPORT_ABSENT] = "absent",
};

static const char *const session_states[BERTH_N_SESSION_REPORTS] = {
    [BERTH_REPORT_SESSION_STARTING] = "starting",
    [BERTH_REPORT_SESSION_LISTENING] = "listening",
    [BERTH_REPORT_SESSION_CONNECTED] = "connected",
    [BERTH_REPORT_SESSION_ENDED] = "ended",
};

/*
 * Text of a member, kept by the inventory; a missing or null one is "".  Cut at the end of a
 * character if it is longer.
 */
static bool
get_text(const json_t *item, const char *key, GStringChunk *texts, const char **ret, GError **error)
{
    char text[BERTH_INVENTORY_TEXT_BYTES + 1] = "";
    const json_t *value = json_object_get(item, key);
    if (value != NULL && !json_is_null(value) && !json_is_string(value)) {
        return berth_set_error(error, BERTH_ERR_PROTOCOL, "\"%s\" must be a string", key);
    }
    if (json_is_string(value)) {
        g_strlcpy(text, json_string_value(value), sizeof text);
        const char *end = NULL;
        if (!g_utf8_validate(text, -1, &end)) {
            text[end - text] = '\0';
        }
    }
    *ret = text[0] != '\0' ? g_string_chunk_insert(texts, text) : "";
    return true;
}

/* A number that is not negative; 0 for anything else. */
static int64_t
get_count(const json_t *object, const char *key)
{
    json_int_t value = json_integer_value(json_object_get(object, key));
    return value > 0 ? (int64_t)value : 0;
}

static bool
get_id(const json_t *item, char ret[BERTH_ID_HEX_CHARS + 1], GError **error)
{
    const char *text = json_string_value(json_object_get(item, "id"));
    BerthId id;
    if (berth_id_parse(text, &id) != BERTH_OK) {
        return berth_set_error(error, BERTH_ERR_PROTOCOL, "\"id\" is missing or not an id");
    }
    berth_id_format(&id, ret);
    return true;
}

static bool
get_epoch(const json_t *item, int64_t *ret, GError **error)
{
    const json_t *value = json_object_get(item, "epoch");
    if (!json_is_integer(value) || json_integer_value(value) < 0) {
        return berth_set_error(error, BERTH_ERR_PROTOCOL, "\"epoch\" is missing or not a number");
    }
    *ret = json_integer_value(value);
    return true;
}

static bool
get_state(const json_t *item, const char *const *names, int n_names, int *ret, GError **error)
{
    const char *text = json_string_value(json_object_get(item, "state"));
    for (int i = 0; text != NULL && i < n_names; i++) {
        if (strcmp(text, names[i]) == 0) {
            *ret = i;
            return true;
        }
    }
    return berth_set_error(error, BERTH_ERR_PROTOCOL, "\"state\" is missing or unknown");
}

static bool
read_machine(const json_t *item, GStringChunk *texts, BerthMachineReport *ret, GError **error)
{
    int state = 0;
    const json_t *usage = json_object_get(item, "usage");
    if (!get_id(item, ret->id, error) || !get_epoch(item, &ret->epoch, error) ||
        !get_state(item, machine_states, BERTH_N_MACHINE_REPORTS, &state, error)) {
        return false;
    }
    ret->state = (BerthMachineReportState)state;
    ret->usage = (BerthMachineUsage){ .cpu_ms = get_count(usage, "cpu_ms"),
                                      .memory_mib = get_count(usage, "memory_mib"),
                                      .disk_mib = get_count(usage, "disk_mib"),
                                      .net_rx_mib = get_count(usage, "net_rx_mib"),
                                      .net_tx_mib = get_count(usage, "net_tx_mib") };
    return get_text(item, "overlay", texts, &ret->overlay, error) &&
           get_text(item, "condition", texts, &ret->condition, error) &&
           get_text(item, "code", texts, &ret->code, error) &&
           get_text(item, "detail", texts, &ret->detail, error);
}

static bool
get_key(const json_t *item, char ret[BERTH_INVENTORY_KEY_CHARS + 1], GError **error)
{
    uint8_t hash[BERTH_KEY_HASH_BYTES];
    const json_t *value = json_object_get(item, "session_key");
    ret[0] = '\0';
    if (value == NULL || json_is_null(value)) {
        return true;
    }
    const char *text = json_string_value(value);
    if (text != NULL && text[0] == '\0') {
        return true;
    }
    if (berth_hex_parse(text, hash, sizeof hash) != BERTH_OK) {
        return berth_set_error(error, BERTH_ERR_PROTOCOL, "\"session_key\" is not a SHA-256");
    }
    berth_hex_format(hash, sizeof hash, ret);
    return true;
}

static bool
read_session(const json_t *item, GStringChunk *texts, BerthSessionReport *ret, GError **error)
{
    int state = 0;
    if (!get_id(item, ret->id, error) || !get_epoch(item, &ret->epoch, error) ||
        !get_state(item, session_states, BERTH_N_SESSION_REPORTS, &state, error)) {
        return false;
    }
    ret->state = (BerthSessionReportState)state;
    ret->idle_s = MIN(get_count(item, "idle_s"), MAX_IDLE_S);
    ret->first_frame_ms = MIN(get_count(item, "first_frame_ms"), MAX_FIRST_FRAME_MS);
    return get_key(item, ret->session_key, error) &&
           get_text(item, "code", texts, &ret->code, error);
}

static const json_t *
get_items(const json_t *message, const char *key, GError **error)
{
    const json_t *items = json_object_get(message, key);
    if (!json_is_array(items)) {
        berth_set_error(error, BERTH_ERR_PROTOCOL, "an inventory must have a list \"%s\"", key);
        return NULL;
    }
    if (json_array_size(items) > BERTH_INVENTORY_MAX_ITEMS) {
        berth_set_error(error, BERTH_ERR_TOO_LARGE, "\"%s\" has %zu items, at most %d are allowed",
                        key, json_array_size(items), BERTH_INVENTORY_MAX_ITEMS);
        return NULL;
    }
    return items;
}

/* Refuses an item whose id came before: two truths about one thing are none. */
static bool
note_id(GHashTable *seen, const char *id, GError **error)
{
    if (!g_hash_table_add(seen, g_strdup(id))) {
        return berth_set_error(error, BERTH_ERR_PROTOCOL, "\"%s\" is listed twice", id);
    }
    return true;
}

static bool
read_machines(const json_t *items, BerthInventory *inventory, GError **error)
{
    g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    for (size_t i = 0; i < json_array_size(items); i++) {
        BerthMachineReport report = { 0 };
        if (!read_machine(json_array_get(items, i), inventory->texts, &report, error) ||
            !note_id(seen, report.id, error)) {
            return false;
        }
        g_array_append_val(inventory->machines, report);
    }
    return true;
}

static bool
read_sessions(const json_t *items, BerthInventory *inventory, GError **error)
{
    g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    for (size_t i = 0; i < json_array_size(items); i++) {
        BerthSessionReport report = { 0 };
        if (!read_session(json_array_get(items, i), inventory->texts, &report, error) ||
            !note_id(seen, report.id, error)) {
            return false;
        }
        g_array_append_val(inventory->sessions, report);
    }
    return true;
}

/* The names of what is wrong with the host, in the order told. */
static bool
read_conditions(const json_t *message, BerthInventory *inventory, GError **error)
{
    size_t i = 0;
    json_t *item = NULL;
    g_autoptr(GString) text = g_string_new(NULL);
    const json_t *conditions = json_object_get(message, "conditions");
    bool is_good =
        conditions == NULL || (json_is_array(conditions) &&
                               json_array_size(conditions) <= BERTH_INVENTORY_MAX_CONDITIONS);
    json_array_foreach (conditions, i, item) {
        const char *name = json_string_value(item);
        if (!is_good || name == NULL || strlen(name) > BERTH_INVENTORY_CONDITION_CHARS) {
            is_good = false;
            break;
        }
        g_string_append_printf(text, "%s%s", i > 0 ? ", " : "", name);
    }
    inventory->conditions = g_strdup(text->str);
    return is_good || berth_set_error(error, BERTH_ERR_PROTOCOL,
                                      "\"conditions\" must be at most %d short names",
                                      BERTH_INVENTORY_MAX_CONDITIONS);
}

bool
berth_host_usage_from_json(const json_t *message, BerthHostUsage *ret)
{
    const json_t *usage = json_object_get(message, "usage");
    if (!json_is_object(usage)) {
        return false;
    }
    *ret = (BerthHostUsage){ .cpu_pct = get_count(usage, "cpu_pct"),
                             .memory_used_mib = get_count(usage, "memory_used_mib"),
                             .disk_free_mib = get_count(usage, "disk_free_mib") };
    return true;
}

BerthInventory *
berth_inventory_new_from_json(const json_t *message, GError **error)
{
    const json_t *machines = get_items(message, "machines", error);
    const json_t *sessions = machines != NULL ? get_items(message, "sessions", error) : NULL;
    if (machines == NULL || sessions == NULL) {
        return NULL;
    }
    BerthInventory *inventory = g_new0(BerthInventory, 1);
    inventory->n_refs = 1;
    inventory->machines = g_array_sized_new(FALSE, FALSE, sizeof(BerthMachineReport),
                                            (guint)json_array_size(machines));
    inventory->sessions = g_array_sized_new(FALSE, FALSE, sizeof(BerthSessionReport),
                                            (guint)json_array_size(sessions));
    inventory->texts = g_string_chunk_new(TEXTS_BYTES);
    inventory->serial = get_count(message, "serial");
    inventory->has_usage = berth_host_usage_from_json(message, &inventory->usage);
    if (!read_machines(machines, inventory, error) || !read_sessions(sessions, inventory, error) ||
        !read_conditions(message, inventory, error) ||
        !berth_inventory_parts_read(message, inventory->texts, &inventory->parts, error)) {
        berth_inventory_unref(inventory);
        return NULL;
    }
    return inventory;
}

BerthInventory *
berth_inventory_ref(BerthInventory *inventory)
{
    g_atomic_int_inc(&inventory->n_refs);
    return inventory;
}

void
berth_inventory_unref(BerthInventory *inventory)
{
    if (inventory != NULL && g_atomic_int_dec_and_test(&inventory->n_refs)) {
        g_array_unref(inventory->machines);
        g_array_unref(inventory->sessions);
        berth_inventory_parts_clear(&inventory->parts);
        g_string_chunk_free(inventory->texts);
        g_free(inventory->conditions);
        g_free(inventory);
    }
}

static bool
is_same_machine(const BerthMachineReport *a, const BerthMachineReport *b)
{
    return a->epoch == b->epoch && a->state == b->state && strcmp(a->id, b->id) == 0 &&
           strcmp(a->overlay, b->overlay) == 0 && strcmp(a->condition, b->condition) == 0 &&
           strcmp(a->code, b->code) == 0 && strcmp(a->detail, b->detail) == 0;
}

/* Idleness that counts on is no news; one that crosses the line or began anew is. */
static bool
is_same_session(const BerthSessionReport *a, const BerthSessionReport *b)
{
    return a->epoch == b->epoch && a->state == b->state && strcmp(a->id, b->id) == 0 &&
           strcmp(a->session_key, b->session_key) == 0 && strcmp(a->code, b->code) == 0 &&
           (a->idle_s == 0) == (b->idle_s == 0) && a->idle_s <= b->idle_s &&
           a->first_frame_ms == b->first_frame_ms;
}

bool
berth_inventory_is_same(const BerthInventory *a, const BerthInventory *b)
{
    if (a == NULL || b == NULL || a->machines->len != b->machines->len ||
        a->sessions->len != b->sessions->len || strcmp(a->conditions, b->conditions) != 0) {
        return false;
    }
    for (guint i = 0; i < a->machines->len; i++) {
        if (!is_same_machine(&g_array_index(a->machines, BerthMachineReport, i),
                             &g_array_index(b->machines, BerthMachineReport, i))) {
            return false;
        }
    }
    for (guint i = 0; i < a->sessions->len; i++) {
        if (!is_same_session(&g_array_index(a->sessions, BerthSessionReport, i),
                             &g_array_index(b->sessions, BerthSessionReport, i))) {
            return false;
        }
    }
    return true;
}

const BerthMachineReport *
berth_inventory_find(const BerthInventory *inventory, const char *id)
{
    for (guint i = 0; i < inventory->machines->len; i++) {
        const BerthMachineReport *report =
            &g_array_index(inventory->machines, BerthMachineReport, i);
        if (strcmp(report->id, id) == 0) {
            return report;
        }
    }
    return NULL;
}

const char *
berth_machine_report_name(BerthMachineReportState state)
{
    return machine_states[state];
}
