/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/ctl/table.h"

#include <glib.h>
#include <stdbool.h>
#include <string.h>

/* Deeper than anything that the API says. */
#define MAX_TREE_DEPTH 16

static char *
format_time(json_int_t us)
{
    g_autoptr(GDateTime) time = g_date_time_new_from_unix_utc(us / (1000 * 1000));
    return time != NULL ? g_date_time_format(time, "%Y-%m-%dT%H:%M:%SZ") : g_strdup("-");
}

static char *
format_number(const char *name, const json_t *value)
{
    if (json_is_real(value)) {
        return g_strdup_printf("%.1f", json_real_value(value));
    }
    return g_str_has_suffix(name, "_us")
               ? format_time(json_integer_value(value))
               : g_strdup_printf("%" JSON_INTEGER_FORMAT, json_integer_value(value));
}

/* A text, or what is in an object or an array, so that it cannot move the cursor. */
static char *
format_text(const json_t *value)
{
    char *text = NULL;
    if (json_is_string(value)) {
        text = g_strdup(json_string_length(value) > 0 ? json_string_value(value) : "-");
    } else {
        char *dumped = json_dumps(value, JSON_COMPACT | JSON_SORT_KEYS);
        text = g_strdup(dumped != NULL ? dumped : "-");
        free(dumped);
    }
    for (char *c = text; *c != '\0'; c++) {
        *c = g_ascii_iscntrl(*c) ? '?' : *c;
    }
    return text;
}

static char *
format_value(const char *name, const json_t *value)
{
    if (value == NULL || json_is_null(value)) {
        return g_strdup("-");
    }
    if (json_is_boolean(value)) {
        return g_strdup(json_is_true(value) ? "yes" : "no");
    }
    return json_is_number(value) ? format_number(name, value) : format_text(value);
}

static glong
width_of(const char *text)
{
    return g_utf8_strlen(text, -1);
}

static void
append_cell(GString *out, const char *text, glong width, bool is_last)
{
    g_string_append(out, text);
    for (glong i = width_of(text); !is_last && i < width + 2; i++) {
        g_string_append_c(out, ' ');
    }
}

/* Columns that some row has: what an answer leaves out everywhere is not shown. */
static GStrv
choose_columns(const json_t *rows, const char *columns)
{
    g_auto(GStrv) names = g_strsplit(columns, " ", -1);
    g_autoptr(GStrvBuilder) chosen = g_strv_builder_new();
    for (char **name = names; *name != NULL; name++) {
        bool is_there = json_array_size(rows) == 0;
        for (size_t r = 0; !is_there && r < json_array_size(rows); r++) {
            is_there = json_object_get(json_array_get(rows, r), *name) != NULL;
        }
        if (is_there) {
            g_strv_builder_add(chosen, *name);
        }
    }
    return g_strv_builder_end(chosen);
}

char *
berth_ctl_format_table(const json_t *rows, const char *columns)
{
    g_auto(GStrv) names = choose_columns(rows, columns);
    guint n_columns = g_strv_length(names);
    size_t n_rows = json_array_size(rows);
    g_autofree glong *widths = g_new0(glong, n_columns);
    g_autoptr(GPtrArray) cells = g_ptr_array_new_with_free_func(g_free);
    for (guint c = 0; c < n_columns; c++) {
        g_ptr_array_add(cells, g_ascii_strup(names[c], -1));
    }
    for (size_t r = 0; r < n_rows; r++) {
        const json_t *row = json_array_get(rows, r);
        for (guint c = 0; c < n_columns; c++) {
            g_ptr_array_add(cells, format_value(names[c], json_object_get(row, names[c])));
        }
    }
    for (guint i = 0; n_columns > 0 && i < cells->len; i++) {
        glong width = width_of(g_ptr_array_index(cells, i));
        widths[i % n_columns] = MAX(widths[i % n_columns], width);
    }
    GString *out = g_string_new(NULL);
    for (guint i = 0; i < cells->len; i++) {
        bool is_last = i % n_columns == n_columns - 1;
        append_cell(out, g_ptr_array_index(cells, i), widths[i % n_columns], is_last);
        if (is_last) {
            g_string_append_c(out, '\n');
        }
    }
    return g_string_free(out, FALSE);
}

static void append_tree(GString *out, const json_t *json, int depth);

static bool
is_deep(const json_t *value)
{
    return (json_is_object(value) && json_object_size(value) > 0) ||
           (json_is_array(value) && json_array_size(value) > 0);
}

/* What a list of flat things has, what they are called first; NULL if it is no such list. */
static char *
find_columns(const json_t *rows)
{
    g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
    g_autoptr(GString) first = g_string_new(NULL);
    g_autoptr(GString) rest = g_string_new(NULL);
    size_t i = 0;
    json_t *row = NULL;
    json_array_foreach (rows, i, row) {
        const char *key = NULL;
        json_t *value = NULL;
        if (!json_is_object(row)) {
            return NULL;
        }
        json_object_foreach (row, key, value) {
            bool is_name = strcmp(key, "step") == 0 || strcmp(key, "name") == 0;
            if (is_deep(value) || strchr(key, ' ') != NULL) {
                return NULL;
            }
            if (g_hash_table_add(seen, (gpointer)key)) {
                g_string_append_printf(is_name ? first : rest, " %s", key);
            }
        }
    }
    g_string_append(first, rest->str);
    return first->len > 0 ? g_strdup(first->str + 1) : NULL;
}

static void
append_indent(GString *out, int depth)
{
    g_string_append_printf(out, "%*s", 2 * depth, "");
}

static void
append_member(GString *out, const char *name, const json_t *value, int depth)
{
    append_indent(out, depth);
    if (is_deep(value)) {
        g_string_append_printf(out, "%s:\n", name);
        append_tree(out, value, depth + 1);
    } else {
        g_autofree char *text = format_value(name, value);
        g_string_append_printf(out, "%s: %s\n", name, text);
    }
}

static void
append_rows(GString *out, const json_t *rows, const char *columns, int depth)
{
    g_autofree char *table = berth_ctl_format_table(rows, columns);
    g_auto(GStrv) lines = g_strsplit(table, "\n", -1);
    for (char **line = lines; *line != NULL && **line != '\0'; line++) {
        append_indent(out, depth);
        g_string_append_printf(out, "%s\n", *line);
    }
}

static void
append_tree(GString *out, const json_t *json, int depth)
{
    const char *key = NULL;
    json_t *value = NULL;
    size_t i = 0;
    if (depth > MAX_TREE_DEPTH) {
        return;
    }
    /* The macro's iterator wants a pointer that is not const; nothing is changed. */
    json_object_foreach ((json_t *)json, key, value) {
        g_autofree char *name = g_strdup(key);
        for (char *c = name; *c != '\0'; c++) {
            *c = g_ascii_iscntrl(*c) ? '?' : *c;
        }
        append_member(out, name, value, depth);
    }
    g_autofree char *columns = find_columns(json);
    if (columns != NULL) {
        append_rows(out, json, columns, depth);
        return;
    }
    json_array_foreach (json, i, value) {
        append_member(out, "-", value, depth);
    }
}

char *
berth_ctl_format_tree(const json_t *json)
{
    GString *out = g_string_new(NULL);
    append_tree(out, json, 0);
    return g_string_free(out, FALSE);
}

char *
berth_ctl_format_object(const json_t *object)
{
    GString *out = g_string_new(NULL);
    const char *key = NULL;
    json_t *value = NULL;
    /* The macro's iterator wants a pointer that is not const; nothing is changed. */
    json_object_foreach ((json_t *)object, key, value) {
        if (is_deep(value)) {
            append_member(out, key, value, 0);
            continue;
        }
        g_autofree char *text = format_value(key, value);
        append_cell(out, key, 20, false);
        g_string_append_printf(out, "%s\n", text);
    }
    return g_string_free(out, FALSE);
}
