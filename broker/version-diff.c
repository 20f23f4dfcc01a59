/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/version-diff.h"

#include <glib.h>
#include <stdbool.h>
#include <string.h>

static int
compare_texts(gconstpointer a, gconstpointer b)
{
    return strcmp(json_string_value(*(json_t *const *)a), json_string_value(*(json_t *const *)b));
}

/* An array of texts, taken, in order; a new reference. */
static json_t *
sorted(json_t *texts)
{
    g_autoptr(GPtrArray) items = g_ptr_array_new();
    json_t *result = json_array();
    size_t i = 0;
    json_t *text = NULL;
    json_array_foreach (texts, i, text) {
        g_ptr_array_add(items, text);
    }
    g_ptr_array_sort(items, compare_texts);
    for (guint k = 0; k < items->len; k++) {
        json_array_append(result, items->pdata[k]);
    }
    json_decref(texts);
    return result;
}

/* ---- packages ---- */

/* name -> version (of the list's own texts) */
static GHashTable *
index_packages(const json_t *packages)
{
    size_t i = 0;
    json_t *item = NULL;
    GHashTable *index = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    json_array_foreach ((json_t *)packages, i, item) {
        const char *text = json_string_value(item);
        const char *space = text != NULL ? strchr(text, ' ') : NULL;
        if (space != NULL) {
            g_hash_table_replace(index, g_strndup(text, (gsize)(space - text)),
                                 (gpointer)(space + 1));
        }
    }
    return index;
}

static void
add_text(json_t *array, char *text)
{
    json_array_append_new(array, json_string(text));
    g_free(text);
}

json_t *
berth_version_diff_packages(const json_t *from, const json_t *to)
{
    if (!json_is_array(from) || !json_is_array(to)) {
        return NULL;
    }
    GHashTableIter iter;
    gpointer name = NULL;
    gpointer version = NULL;
    json_t *added = json_array();
    json_t *removed = json_array();
    json_t *changed = json_array();
    g_autoptr(GHashTable) old = index_packages(from);
    g_autoptr(GHashTable) new = index_packages(to);
    g_hash_table_iter_init(&iter, new);
    while (g_hash_table_iter_next(&iter, &name, &version)) {
        const char *before = g_hash_table_lookup(old, name);
        if (before == NULL) {
            add_text(added, g_strdup_printf("%s %s", (char *)name, (char *)version));
        } else if (strcmp(before, version) != 0) {
            add_text(changed, g_strdup_printf("%s %s %s", (char *)name, before, (char *)version));
        }
    }
    g_hash_table_iter_init(&iter, old);
    while (g_hash_table_iter_next(&iter, &name, &version)) {
        if (!g_hash_table_contains(new, name)) {
            add_text(removed, g_strdup_printf("%s %s", (char *)name, (char *)version));
        }
    }
    return json_pack("{s:o, s:o, s:o}", "added", sorted(added), "removed", sorted(removed),
                     "changed", sorted(changed));
}

/* ---- files ---- */

/* The change of a path after one more version; 0: none is left. */
static char
follow(char before, char now)
{
    if (before == 'A') {
        return now == 'D' ? 0 : 'A';
    }
    if (before == 'D') {
        return now == 'A' ? 'M' : now;
    }
    return now;
}

/* "A /path" into path -> letter. */
static void
add_change(GHashTable *changes, const char *text)
{
    if (text == NULL || strlen(text) < 3 || text[1] != ' ' || strchr("AMD", text[0]) == NULL) {
        return;
    }
    const char *path = text + 2;
    char before = (char)GPOINTER_TO_INT(g_hash_table_lookup(changes, path));
    char after = before != 0 ? follow(before, text[0]) : text[0];
    if (after != 0) {
        g_hash_table_replace(changes, g_strdup(path), GINT_TO_POINTER((int)after));
    } else {
        g_hash_table_remove(changes, path);
    }
}

static json_t *
list_changes(GHashTable *changes, char letter)
{
    GHashTableIter iter;
    gpointer path = NULL;
    gpointer value = NULL;
    json_t *array = json_array();
    g_hash_table_iter_init(&iter, changes);
    while (g_hash_table_iter_next(&iter, &path, &value)) {
        if ((char)GPOINTER_TO_INT(value) == letter) {
            json_array_append_new(array, json_string(path));
        }
    }
    return sorted(array);
}

json_t *
berth_version_diff_files(const json_t *const *reports, size_t n_reports)
{
    bool is_cut = false;
    g_autoptr(GHashTable) changes = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    for (size_t r = 0; r < n_reports; r++) {
        size_t i = 0;
        json_t *item = NULL;
        json_t *list = json_object_get(reports[r], "file_changes");
        if (!json_is_array(list) || !json_is_true(json_object_get(reports[r], "has_baseline"))) {
            return NULL;
        }
        is_cut = is_cut || json_is_true(json_object_get(reports[r], "is_cut"));
        json_array_foreach (list, i, item) {
            add_change(changes, json_string_value(item));
        }
    }
    return json_pack("{s:o, s:o, s:o, s:b}", "added", list_changes(changes, 'A'), "removed",
                     list_changes(changes, 'D'), "changed", list_changes(changes, 'M'), "is_cut",
                     is_cut);
}
