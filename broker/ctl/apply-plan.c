/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Things that others refer to come first: schedules, groups, pools, then entitlements and policies;
 * deletions go the other way round, after everything else.
 */
#include "broker/ctl/apply-plan.h"

#include "base/error.h"

#include <string.h>

static const char *const kinds[] = { "schedules", "groups", "pools", "entitlements" };

static const struct {
    const char *level;
    const char *member; /* of the file */
} levels[] = { { "group", "groups" }, { "user", "users" }, { "device", "devices" } };

static void
change_clear(gpointer data)
{
    BerthCtlChange *change = data;
    g_free(change->label);
    g_free(change->id);
    json_decref(change->before);
    json_decref(change->after);
}

static const char *
text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text != NULL ? text : "";
}

/* What a thing is called within its kind; of entitlements who may have what. */
static char *
label_of(const char *kind, const json_t *object)
{
    if (strcmp(kind, "entitlements") == 0) {
        bool is_group = text_of(object, "group")[0] != '\0';
        return g_strdup_printf("%s \"%s\" for pool \"%s\"", is_group ? "group" : "user",
                               text_of(object, is_group ? "group" : "user"),
                               text_of(object, "pool"));
    }
    return g_strdup_printf("\"%s\"", text_of(object, "name"));
}

static const json_t *
find_row(const char *kind, const json_t *rows, const char *label)
{
    size_t i = 0;
    json_t *row = NULL;
    json_array_foreach (rows, i, row) {
        g_autofree char *other = label_of(kind, row);
        if (strcmp(other, label) == 0) {
            return row;
        }
    }
    return NULL;
}

static void
add(GArray *changes, BerthCtlAct act, const char *kind, const char *label, const json_t *row,
    json_t *before, json_t *after)
{
    BerthCtlChange change = { .act = act,
                              .kind = kind,
                              .label = g_strdup(label),
                              .id = row != NULL ? g_strdup(text_of(row, "id")) : NULL,
                              .version = json_integer_value(json_object_get(row, "version")),
                              .before = before,
                              .after = after };
    g_array_append_val(changes, change);
}

/* A key that is not said and one that is null or "" are the same to people. */
static bool
is_same(const json_t *a, const json_t *b)
{
    bool is_a_empty =
        a == NULL || json_is_null(a) || (json_is_string(a) && json_string_length(a) == 0);
    bool is_b_empty =
        b == NULL || json_is_null(b) || (json_is_string(b) && json_string_length(b) == 0);
    return (is_a_empty && is_b_empty) || json_equal(a, b);
}

static void
compare(GArray *changes, const char *kind, const char *label, const json_t *wanted,
        const json_t *row)
{
    json_t *before = json_object();
    json_t *after = json_object();
    const char *key = NULL;
    json_t *value = NULL;
    json_object_foreach ((json_t *)wanted, key, value) {
        json_t *old = json_object_get(row, key);
        if (!is_same(old, value)) {
            json_object_set_new(before, key, old != NULL ? json_incref(old) : json_null());
            json_object_set(after, key, value);
        }
    }
    if (json_object_size(after) == 0) {
        json_decref(before);
        json_decref(after);
        return;
    }
    if (strcmp(kind, "entitlements") == 0) {
        /* They are not edited: one goes, another comes. */
        json_decref(after);
        add(changes, BERTH_CTL_DELETE, kind, label, row, before, NULL);
        add(changes, BERTH_CTL_CREATE, kind, label, NULL, NULL, json_deep_copy(wanted));
        return;
    }
    add(changes, BERTH_CTL_UPDATE, kind, label, row, before, after);
}

static bool
plan_kind(GArray *changes, const char *kind, const json_t *wanted, const json_t *rows,
          GError **error)
{
    g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    size_t i = 0;
    json_t *object = NULL;
    if (!json_is_array(wanted)) {
        return berth_set_error(error, BERTH_ERR_CONFIG, "\"%s\" must be an array", kind);
    }
    json_array_foreach (wanted, i, object) {
        g_autofree char *label = label_of(kind, object);
        bool is_named = strcmp(kind, "entitlements") == 0
                            ? text_of(object, "pool")[0] != '\0' && strstr(label, "\"\"") == NULL
                            : text_of(object, "name")[0] != '\0';
        if (!is_named) {
            return berth_set_error(error, BERTH_ERR_CONFIG, "number %zu of \"%s\" has no name",
                                   i + 1, kind);
        }
        const json_t *row = find_row(kind, rows, label);
        if (row == NULL) {
            add(changes, BERTH_CTL_CREATE, kind, label, NULL, NULL, json_deep_copy(object));
        } else {
            compare(changes, kind, label, object, row);
        }
        if (!g_hash_table_add(seen, g_strdup(label))) {
            return berth_set_error(error, BERTH_ERR_CONFIG, "%s is in \"%s\" twice", label, kind);
        }
    }
    return true;
}

static void
prune_kind(GArray *changes, const char *kind, const json_t *wanted, const json_t *rows)
{
    size_t i = 0;
    json_t *row = NULL;
    json_array_foreach (rows, i, row) {
        g_autofree char *label = label_of(kind, row);
        if (find_row(kind, wanted, label) == NULL) {
            add(changes, BERTH_CTL_DELETE, kind, label, row, NULL, NULL);
        }
    }
}

static const json_t *
find_policy(const json_t *rows, const char *level, const char *name)
{
    size_t i = 0;
    json_t *row = NULL;
    json_array_foreach (rows, i, row) {
        if (strcmp(text_of(row, "level"), level) == 0 && strcmp(text_of(row, "name"), name) == 0) {
            return row;
        }
    }
    return NULL;
}

static void
compare_policy(GArray *changes, const char *level, const char *name, json_t *policy,
               const json_t *rows)
{
    const json_t *row = find_policy(rows, level, name);
    json_t *old = json_object_get(row, "policy");
    if (row != NULL && json_equal(old, policy)) {
        return;
    }
    g_autofree char *label =
        name[0] != '\0' ? g_strdup_printf("of %s \"%s\"", level, name) : g_strdup("of the site");
    json_t *after = json_pack("{s:s, s:s, s:O}", "level", level, "name", name, "policy", policy);
    add(changes, row != NULL ? BERTH_CTL_UPDATE : BERTH_CTL_CREATE, "policies", label, NULL,
        row != NULL ? json_pack("{s:O}", "policy", old) : NULL, after);
}

static bool
plan_policies(GArray *changes, const json_t *wanted, const json_t *rows, GError **error)
{
    const char *member = NULL;
    json_t *value = NULL;
    json_object_foreach ((json_t *)wanted, member, value) {
        const char *level = NULL;
        const char *name = NULL;
        json_t *policy = NULL;
        for (size_t i = 0; i < G_N_ELEMENTS(levels); i++) {
            level = strcmp(levels[i].member, member) == 0 ? levels[i].level : level;
        }
        if ((level == NULL && strcmp(member, "site") != 0) || !json_is_object(value)) {
            return berth_set_error(error, BERTH_ERR_CONFIG,
                                   "\"policies\" has no \"%s\"; it takes \"site\", \"groups\", "
                                   "\"users\" and \"devices\", each an object",
                                   member);
        }
        if (level == NULL) {
            compare_policy(changes, "site", "", value, rows);
            continue;
        }
        json_object_foreach (value, name, policy) {
            compare_policy(changes, level, name, policy, rows);
        }
    }
    return true;
}

static bool
check_members(const json_t *file, GError **error)
{
    const char *member = NULL;
    json_t *value = NULL;
    if (!json_is_object(file)) {
        return berth_set_error(error, BERTH_ERR_CONFIG, "the file must be a JSON object");
    }
    json_object_foreach ((json_t *)file, member, value) {
        bool is_known = strcmp(member, "policies") == 0;
        for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++) {
            is_known = is_known || strcmp(kinds[i], member) == 0;
        }
        if (!is_known) {
            return berth_set_error(error, BERTH_ERR_CONFIG,
                                   "the file has \"%s\"; it takes schedules, groups, pools, "
                                   "entitlements and policies",
                                   member);
        }
    }
    return true;
}

static void
sort_deletions(GArray *changes)
{
    g_autoptr(GArray) sorted = g_array_new(FALSE, FALSE, sizeof(BerthCtlChange));
    for (guint i = 0; i < changes->len; i++) {
        const BerthCtlChange *change = &g_array_index(changes, BerthCtlChange, i);
        bool is_exchanged = change->act == BERTH_CTL_DELETE && change->before != NULL;
        if (change->act != BERTH_CTL_DELETE || is_exchanged) {
            g_array_append_val(sorted, *change);
        }
    }
    for (guint i = changes->len; i-- > 0;) {
        const BerthCtlChange *change = &g_array_index(changes, BerthCtlChange, i);
        if (change->act == BERTH_CTL_DELETE && change->before == NULL) {
            g_array_append_val(sorted, *change);
        }
    }
    memcpy(changes->data, sorted->data, changes->len * sizeof(BerthCtlChange));
}

GArray *
berth_ctl_plan(const json_t *file, const json_t *site, bool is_prune, GError **error)
{
    g_autoptr(GArray) changes = g_array_new(FALSE, FALSE, sizeof(BerthCtlChange));
    g_array_set_clear_func(changes, change_clear);
    if (!check_members(file, error)) {
        return NULL;
    }
    for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++) {
        const json_t *wanted = json_object_get(file, kinds[i]);
        const json_t *rows = json_object_get(site, kinds[i]);
        if (wanted == NULL) {
            continue;
        }
        if (!plan_kind(changes, kinds[i], wanted, rows, error)) {
            return NULL;
        }
        if (is_prune) {
            prune_kind(changes, kinds[i], wanted, rows);
        }
    }
    const json_t *policies = json_object_get(file, "policies");
    if (policies != NULL &&
        !plan_policies(changes, policies, json_object_get(site, "policies"), error)) {
        return NULL;
    }
    sort_deletions(changes);
    return g_steal_pointer(&changes);
}

static char *
dump(const json_t *value)
{
    char *text = json_dumps(value, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY);
    char *copy = g_strdup(text != NULL ? text : "null");
    free(text);
    return copy;
}

char *
berth_ctl_format_change(const BerthCtlChange *change)
{
    static const char *const marks[] = { "+", "~", "-" };
    GString *text = g_string_new(NULL);
    const char *key = NULL;
    json_t *value = NULL;
    g_string_append_printf(text, "%s %s %s\n", marks[change->act], change->kind, change->label);
    json_object_foreach (change->after, key, value) {
        g_autofree char *after = dump(value);
        const json_t *old = json_object_get(change->before, key);
        if (change->act == BERTH_CTL_UPDATE && old == NULL) {
            continue; /* says what the change is about */
        }
        if (old != NULL) {
            g_autofree char *before = dump(old);
            g_string_append_printf(text, "    %s: %s -> %s\n", key, before, after);
        } else {
            g_string_append_printf(text, "    %s: %s\n", key, after);
        }
    }
    for (char *c = text->str; *c != '\0'; c++) {
        *c = g_ascii_iscntrl(*c) && *c != '\n' ? '?' : *c;
    }
    return g_string_free(text, FALSE);
}
