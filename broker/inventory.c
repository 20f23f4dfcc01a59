/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/inventory.h"

#include "base/error.h"
#include "base/id.h"

#include <string.h>

static const char *const machine_states[BERTH_N_MACHINE_REPORTS] = {
    [BERTH_REPORT_CREATING] = "creating", [BERTH_REPORT_STARTING] = "starting",
    [BERTH_REPORT_READY] = "ready",       [BERTH_REPORT_FAILED] = "failed",
    [BERTH_REPORT_ABSENT] = "absent",
};

static const char *const session_states[BERTH_N_SESSION_REPORTS] = {
    [BERTH_REPORT_SESSION_STARTING] = "starting",
    [BERTH_REPORT_SESSION_LISTENING] = "listening",
    [BERTH_REPORT_SESSION_CONNECTED] = "connected",
    [BERTH_REPORT_SESSION_ENDED] = "ended",
};

/* Text of a member; a missing or null one is "".  Cut at the end of a character if it is longer. */
static bool
get_text(const json_t *item, const char *key, char *ret, GError **error)
{
    const json_t *value = json_object_get(item, key);
    ret[0] = '\0';
    if (value == NULL || json_is_null(value)) {
        return true;
    }
    if (!json_is_string(value)) {
        return berth_set_error(error, BERTH_ERR_PROTOCOL, "\"%s\" must be a string", key);
    }
    g_strlcpy(ret, json_string_value(value), BERTH_INVENTORY_TEXT_BYTES + 1);
    const char *end = NULL;
    if (!g_utf8_validate(ret, -1, &end)) {
        ret[end - ret] = '\0';
    }
    return true;
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
read_machine(const json_t *item, BerthMachineReport *ret, GError **error)
{
    int state = 0;
    if (!get_id(item, ret->id, error) || !get_epoch(item, &ret->epoch, error) ||
        !get_state(item, machine_states, BERTH_N_MACHINE_REPORTS, &state, error)) {
        return false;
    }
    ret->state = (BerthMachineReportState)state;
    return get_text(item, "overlay", ret->overlay, error) &&
           get_text(item, "condition", ret->condition, error) &&
           get_text(item, "code", ret->code, error) && get_text(item, "detail", ret->detail, error);
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
read_session(const json_t *item, BerthSessionReport *ret, GError **error)
{
    int state = 0;
    if (!get_id(item, ret->id, error) || !get_epoch(item, &ret->epoch, error) ||
        !get_state(item, session_states, BERTH_N_SESSION_REPORTS, &state, error)) {
        return false;
    }
    ret->state = (BerthSessionReportState)state;
    return get_key(item, ret->session_key, error) && get_text(item, "code", ret->code, error);
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
        if (!read_machine(json_array_get(items, i), &report, error) ||
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
        if (!read_session(json_array_get(items, i), &report, error) ||
            !note_id(seen, report.id, error)) {
            return false;
        }
        g_array_append_val(inventory->sessions, report);
    }
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
    inventory->machines = g_array_new(FALSE, FALSE, sizeof(BerthMachineReport));
    inventory->sessions = g_array_new(FALSE, FALSE, sizeof(BerthSessionReport));
    if (!read_machines(machines, inventory, error) || !read_sessions(sessions, inventory, error)) {
        berth_inventory_free(inventory);
        return NULL;
    }
    return inventory;
}

void
berth_inventory_free(BerthInventory *inventory)
{
    if (inventory != NULL) {
        g_array_unref(inventory->machines);
        g_array_unref(inventory->sessions);
        g_free(inventory);
    }
}
