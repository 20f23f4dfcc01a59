/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/ctl/image-picture.h"

#include <glib.h>
#include <stdbool.h>
#include <string.h>

/* A bar has a sign a desktop, and at most so many: then a sign stands for more. */
#define MAX_BAR 48
#define NAME_COLUMNS 14

typedef struct {
    GString *text;
    int64_t from, to; /* numbers of the rollout's versions; 0 without */
    int64_t per_sign; /* desktops */
} Picture;

static const char *
get_text(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text != NULL ? text : "";
}

static int64_t
get_int(const json_t *object, const char *key)
{
    return (int64_t)json_integer_value(json_object_get(object, key));
}

/* Text of a server without what would move the cursor. */
static void
add_text(GString *out, const char *text)
{
    for (const char *c = text; *c != '\0'; c++) {
        g_string_append_c(out, g_ascii_iscntrl(*c) ? '?' : *c);
    }
}

static void
add_signs(Picture *self, const char *sign, int64_t n)
{
    for (int64_t i = 0; i < (n + self->per_sign - 1) / self->per_sign; i++) {
        g_string_append(self->text, sign);
    }
}

/* A desktop's sign: what it runs and what it does. */
static const char *
sign_of(const Picture *self, const json_t *desktops)
{
    const char *doing = get_text(desktops, "doing");
    bool is_new = self->to != 0 && get_int(desktops, "number") == self->to;
    if (strcmp(doing, "failed") == 0) {
        return "!";
    }
    if (strcmp(doing, "away") == 0) {
        return is_new ? "+" : "-";
    }
    if (is_new && json_is_true(json_object_get(desktops, "canary"))) {
        return "c";
    }
    if (strcmp(doing, "in-use") == 0) {
        return is_new ? "N" : "O";
    }
    return is_new ? "n" : "o";
}

static void
draw_host(Picture *self, const json_t *desktops, const char *host)
{
    size_t i = 0;
    const json_t *row = NULL;
    g_autoptr(GString) counts = g_string_new(NULL);
    g_string_append(self->text, "  ");
    add_text(self->text, host);
    for (size_t n = strlen(host); n < NAME_COLUMNS; n++) {
        g_string_append_c(self->text, ' ');
    }
    json_array_foreach ((json_t *)desktops, i, row) {
        if (strcmp(get_text(row, "host"), host) != 0) {
            continue;
        }
        add_signs(self, sign_of(self, row), get_int(row, "n"));
        g_string_append_printf(counts, "%s%" G_GINT64_FORMAT " %s", counts->len > 0 ? ", " : "  ",
                               get_int(row, "n"), get_text(row, "doing"));
        g_string_append_printf(counts, " on %" G_GINT64_FORMAT, get_int(row, "number"));
        if (json_is_true(json_object_get(row, "canary"))) {
            g_string_append(counts, " (canary)");
        }
    }
    add_text(self->text, counts->str);
    g_string_append_c(self->text, '\n');
}

/* Hosts come in the order of their names. */
static void
draw_desktops(Picture *self, const json_t *desktops)
{
    size_t i = 0;
    const json_t *row = NULL;
    const char *last = NULL;
    int64_t n_most = 0;
    int64_t n_host = 0;
    json_array_foreach ((json_t *)desktops, i, row) {
        bool is_same = last != NULL && strcmp(last, get_text(row, "host")) == 0;
        n_host = (is_same ? n_host : 0) + MAX(get_int(row, "n"), 0);
        n_most = MAX(n_most, n_host);
        last = get_text(row, "host");
    }
    self->per_sign = MAX((n_most + MAX_BAR - 1) / MAX_BAR, 1);
    last = NULL;
    json_array_foreach ((json_t *)desktops, i, row) {
        const char *host = get_text(row, "host");
        if (last == NULL || strcmp(last, host) != 0) {
            draw_host(self, desktops, host);
        }
        last = host;
    }
}

static void
draw_number(Picture *self, const char *what, const json_t *gate, const char *key, const char *of)
{
    const json_t *old_version = json_object_get(gate, "old");
    const json_t *new_version = json_object_get(gate, "new");
    g_autofree char *old_text = NULL;
    g_autofree char *new_text = NULL;
    if (of == NULL) {
        old_text = g_strdup_printf("%.2f s", (double)get_int(old_version, key) / 1000);
        new_text = g_strdup_printf("%.2f s", (double)get_int(new_version, key) / 1000);
    } else if (of[0] == '\0') {
        old_text = g_strdup_printf("%" G_GINT64_FORMAT, get_int(old_version, key));
        new_text = g_strdup_printf("%" G_GINT64_FORMAT, get_int(new_version, key));
    } else {
        old_text = g_strdup_printf("%" G_GINT64_FORMAT "/%" G_GINT64_FORMAT,
                                   get_int(old_version, key), get_int(old_version, of));
        new_text = g_strdup_printf("%" G_GINT64_FORMAT "/%" G_GINT64_FORMAT,
                                   get_int(new_version, key), get_int(new_version, of));
    }
    g_string_append_printf(self->text, "  %-22s %12s %12s\n", what, old_text, new_text);
}

static void
draw_gate(Picture *self, const json_t *gate)
{
    if (json_object_get(gate, "new") == NULL) {
        return;
    }
    g_autofree char *old_name = g_strdup_printf("version %" G_GINT64_FORMAT, self->from);
    g_autofree char *new_name = g_strdup_printf("version %" G_GINT64_FORMAT, self->to);
    g_string_append_printf(self->text, "  %-22s %12s %12s\n", "measured", old_name, new_name);
    draw_number(self, "boots that worked", gate, "boots_ok", "boots");
    draw_number(self, "ready (95 of 100)", gate, "ready_p95_ms", NULL);
    draw_number(self, "logons that worked", gate, "logons_ok", "logons");
    draw_number(self, "logon (95 of 100)", gate, "logon_p95_ms", NULL);
    draw_number(self, "first picture", gate, "first_frame_p95_ms", NULL);
    draw_number(self, "crashes", gate, "crashes", "");
}

static void
draw_sentence(Picture *self, const char *label, const char *sentence)
{
    if (sentence[0] != '\0') {
        g_string_append_printf(self->text, "  %s: ", label);
        add_text(self->text, sentence);
        g_string_append_c(self->text, '\n');
    }
}

static bool
is_over(const char *state)
{
    return strcmp(state, "done") == 0 || strcmp(state, "rolled-back") == 0;
}

static void
draw_rollout(Picture *self, const json_t *rollout, int64_t now_us)
{
    const json_t *gate = json_object_get(rollout, "gate");
    const char *state = get_text(rollout, "state");
    g_string_append(self->text, "  rollout ");
    add_text(self->text, get_text(rollout, "id"));
    g_string_append_printf(self->text, ": %" G_GINT64_FORMAT " -> %" G_GINT64_FORMAT ", ",
                           get_int(rollout, "from_number"), get_int(rollout, "to_number"));
    add_text(self->text, state);
    g_string_append_printf(self->text, " for %" G_GINT64_FORMAT " s, ",
                           MAX(now_us - get_int(rollout, "since_us"), 0) / (1000 * 1000));
    add_text(self->text, get_text(rollout, "strategy"));
    if (!is_over(state)) {
        g_string_append_printf(self->text, ", %" G_GINT64_FORMAT " to follow",
                               get_int(gate, "left"));
    }
    g_string_append_c(self->text, '\n');
    draw_gate(self, gate);
    draw_sentence(self, "why", get_text(rollout, "reason"));
    if (!is_over(state)) {
        draw_sentence(self, "now", get_text(gate, "waits"));
    }
}

static void
draw_pool(GString *text, const json_t *pool, int64_t now_us)
{
    const json_t *rollout = json_object_get(pool, "rollout");
    Picture self = { .text = text,
                     .from = get_int(rollout, "from_number"),
                     .to = get_int(rollout, "to_number") };
    g_string_append(text, "\npool ");
    add_text(text, get_text(pool, "name"));
    g_string_append_printf(text, ": version %" G_GINT64_FORMAT ", follows \"",
                           get_int(pool, "number"));
    add_text(text, get_text(pool, "tag"));
    g_string_append(text, "\"\n");
    draw_desktops(&self, json_object_get(pool, "desktops"));
    if (self.per_sign > 1) {
        g_string_append_printf(text, "  (a sign is %" G_GINT64_FORMAT " desktops)\n",
                               self.per_sign);
    }
    if (json_is_object(rollout)) {
        draw_rollout(&self, rollout, now_us);
    }
}

/* Versions that are still on their way to hosts. */
static void
draw_replicas(GString *text, const json_t *replicas)
{
    size_t i = 0;
    const json_t *row = NULL;
    json_array_foreach ((json_t *)replicas, i, row) {
        int64_t total = get_int(row, "total_bytes");
        if (strcmp(get_text(row, "state"), "present") == 0) {
            continue;
        }
        g_string_append_printf(text, "version %" G_GINT64_FORMAT " on host ",
                               get_int(row, "number"));
        add_text(text, get_text(row, "host"));
        g_string_append(text, ": ");
        add_text(text, get_text(row, "state"));
        if (total > 0) {
            g_string_append_printf(text, ", %d %%",
                                   (int)((double)get_int(row, "bytes") * 100 / (double)total));
        }
        g_string_append_c(text, ' ');
        add_text(text, get_text(row, "detail"));
        g_string_append_c(text, '\n');
    }
}

char *
berth_ctl_draw_image(const json_t *status, int64_t now_us)
{
    size_t i = 0;
    const json_t *row = NULL;
    GString *text = g_string_new("image ");
    add_text(text, get_text(status, "image"));
    json_array_foreach (json_object_get(status, "tags"), i, row) {
        g_string_append(text, i == 0 ? ": " : ", ");
        add_text(text, get_text(row, "tag"));
        g_string_append_printf(text, " is version %" G_GINT64_FORMAT, get_int(row, "number"));
    }
    g_string_append_c(text, '\n');
    draw_replicas(text, json_object_get(status, "replicas"));
    json_array_foreach (json_object_get(status, "pools"), i, row) {
        draw_pool(text, row, now_us);
    }
    g_string_append(text,
                    "\no old, n new, c canary; capital: in use; - + on their way; ! failed\n");
    return g_string_free(text, FALSE);
}
