/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/tasks/guest-facts.h"

#include "base/error.h"
#include "berth/errors.h"
#include "berth/limits.h"

#include <string.h>

/* Of one line that is kept: a path has at most 4096 bytes, but who can read that? */
#define LINE_BYTES 400
/* Of a text beside the lists. */
#define TEXT_BYTES 200
/* More files than any guest has. */
#define FILES_MAX (1000LL * 1000 * 1000)

/* ---- lines ---- */

typedef struct {
    const char *at, *end;
} Lines;

/* Takes the next line as printable UTF-8 for g_free(), NULL at the end. */
static char *
take_line(Lines *lines)
{
    if (lines->at >= lines->end) {
        return NULL;
    }
    const char *stop = memchr(lines->at, '\n', (size_t)(lines->end - lines->at));
    if (stop == NULL) {
        stop = lines->end;
    }
    size_t len = MIN((size_t)(stop - lines->at), LINE_BYTES);
    g_autofree char *raw = g_strndup(lines->at, len);
    lines->at = stop + 1;
    char *line = g_utf8_make_valid(raw, -1);
    for (char *c = line; *c != '\0'; c++) {
        *c = (unsigned char)*c < ' ' || *c == 0x7f ? ' ' : *c;
    }
    return line;
}

/* The rest of a line that begins with the word and a space, else NULL; borrowed. */
static const char *
after_word(const char *line, const char *word)
{
    size_t len = strlen(word);
    return strncmp(line, word, len) == 0 && line[len] == ' ' ? line + len + 1 : NULL;
}

/* ---- check ---- */

static void
set_text(char **text, const char *value)
{
    g_free(*text);
    *text = g_strndup(value, TEXT_BYTES);
    char *valid = g_utf8_make_valid(*text, -1);
    g_free(*text);
    *text = valid;
}

static void
read_check_line(BerthGuestCheck *check, const char *line)
{
    const char *value;
    if ((value = after_word(line, "os")) != NULL) {
        set_text(&check->os, value);
    } else if ((value = after_word(line, "agent")) != NULL) {
        set_text(&check->agent, value);
    } else if ((value = after_word(line, "used_kib")) != NULL) {
        check->used_kib = g_ascii_strtoll(value, NULL, 10);
    } else if ((value = after_word(line, "free_kib")) != NULL) {
        check->free_kib = g_ascii_strtoll(value, NULL, 10);
    } else if ((value = after_word(line, "unclean")) != NULL) {
        set_text(&check->unclean, value);
    }
}

bool
berth_guest_check_read(const char *text, size_t len, BerthGuestCheck *ret, GError **error)
{
    BerthGuestCheck check = {
        .os = g_strdup(""), .agent = g_strdup(""), .used_kib = -1, .free_kib = -1
    };
    Lines lines = { text, text + len };
    char *line;
    while ((line = take_line(&lines)) != NULL) {
        read_check_line(&check, line);
        g_free(line);
    }
    if (check.used_kib < 0 || check.free_kib < 0) {
        berth_guest_check_clear(&check);
        return berth_set_error(error, BERTH_ERR_PROTOCOL,
                               "the guest did not say how much room its disk has");
    }
    *ret = check;
    return true;
}

void
berth_guest_check_clear(BerthGuestCheck *self)
{
    g_free(self->os);
    g_free(self->agent);
    g_free(self->unclean);
    memset(self, 0, sizeof *self);
}

/* ---- facts ---- */

typedef struct {
    json_t *packages, *package_changes, *file_changes;
    int64_t n_files[3]; /* added, changed, removed */
    size_t n_bytes;     /* of the lists as text */
    bool has_baseline, is_cut, has_end;
} Facts;

static const char letters[] = "AMD";

/* Appends unless that would leave less than keep_bytes of the whole. */
static void
append(Facts *facts, json_t *list, const char *text, size_t keep_bytes)
{
    /* At worst every byte is escaped as \u00xx; what was made printable is one or two. */
    size_t size = 2 * strlen(text) + 4;
    if (facts->n_bytes + size + keep_bytes > BERTH_LIMIT_FACTS_BYTES) {
        facts->is_cut = true;
        return;
    }
    facts->n_bytes += size;
    json_array_append_new(list, json_string(text));
}

static void
read_file_count(Facts *facts, const char *text)
{
    const char *letter = text[0] != '\0' ? strchr(letters, text[0]) : NULL;
    if (letter != NULL && text[1] == ' ') {
        facts->n_files[letter - letters] = CLAMP(g_ascii_strtoll(text + 2, NULL, 10), 0, FILES_MAX);
    }
}

static void
read_facts_line(Facts *facts, const char *line)
{
    const char *value;
    if ((value = after_word(line, "package")) != NULL) {
        append(facts, facts->packages, value, BERTH_LIMIT_FACTS_BYTES / 4);
    } else if ((value = after_word(line, "p")) != NULL) {
        append(facts, facts->package_changes, value, BERTH_LIMIT_FACTS_BYTES / 8);
    } else if ((value = after_word(line, "f")) != NULL) {
        append(facts, facts->file_changes, value, 0);
    } else if ((value = after_word(line, "n_files")) != NULL) {
        read_file_count(facts, value);
    } else if ((value = after_word(line, "baseline")) != NULL) {
        facts->has_baseline = strcmp(value, "yes") == 0;
    } else if (strcmp(line, "end") == 0) {
        facts->has_end = true;
    }
}

json_t *
berth_guest_facts_read(const char *text, size_t len, GError **error)
{
    Facts facts = { .packages = json_array(),
                    .package_changes = json_array(),
                    .file_changes = json_array() };
    Lines lines = { text, text + len };
    char *line;
    while ((line = take_line(&lines)) != NULL) {
        read_facts_line(&facts, line);
        g_free(line);
    }
    int64_t n_changes = facts.n_files[0] + facts.n_files[1] + facts.n_files[2];
    facts.is_cut = facts.is_cut || n_changes > (int64_t)json_array_size(facts.file_changes);
    json_t *report = json_pack(
        "{s:o, s:b, s:o, s:{s:I, s:I, s:I}, s:o, s:b}", "packages", facts.packages, "has_baseline",
        facts.has_baseline, "package_changes", facts.package_changes, "files", "added",
        (json_int_t)facts.n_files[0], "changed", (json_int_t)facts.n_files[1], "removed",
        (json_int_t)facts.n_files[2], "file_changes", facts.file_changes, "is_cut", facts.is_cut);
    if (!facts.has_end) {
        json_decref(report);
        berth_set_error(error, BERTH_ERR_PROTOCOL,
                        "the guest did not list what is installed to the end");
        return NULL;
    }
    return report;
}
