/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/log.h"

#include "base/clock.h"
#include "berth/limits.h"

#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define MAX_CONTEXT_KEYS 8
#define MAX_SCOPES 32
#define MAX_SCOPE_BYTES 32

typedef struct {
    const char *key;
    char *value;
} ContextItem;

typedef struct {
    char scope[MAX_SCOPE_BYTES];
    int level;
} ScopeLevel;

typedef struct {
    int level;
    ScopeLevel scopes[MAX_SCOPES];
    int n_scopes;
} Levels;

static const char *const level_names[] = { "error", "warning", "info", "debug" };

/* One lock for all of it: lines are rare, and a line must not tear. */
static GMutex log_mutex;
static const char *log_program = "berth";
static ContextItem log_context[MAX_CONTEXT_KEYS];
static Levels log_levels = { .level = BERTH_LOG_INFO };
static GQueue log_kept = G_QUEUE_INIT; /* of lines */
static unsigned log_n_kept_max;

static int
find_level(const char *name)
{
    for (int i = 0; i < (int)G_N_ELEMENTS(level_names); i++) {
        if (strcmp(level_names[i], name) == 0) {
            return i;
        }
    }
    return -1;
}

static bool
parse_level_word(const char *word, Levels *levels)
{
    const char *equals = strchr(word, '=');
    int level = find_level(equals ? equals + 1 : word);
    if (level < 0) {
        return false;
    }
    if (!equals) {
        levels->level = level;
        return true;
    }
    size_t scope_len = (size_t)(equals - word);
    if (scope_len == 0 || scope_len >= MAX_SCOPE_BYTES || levels->n_scopes == MAX_SCOPES) {
        return false;
    }
    ScopeLevel *row = &levels->scopes[levels->n_scopes++];
    memcpy(row->scope, word, scope_len);
    row->scope[scope_len] = '\0';
    row->level = level;
    return true;
}

bool
berth_log_set_levels(const char *spec)
{
    Levels levels = { .level = BERTH_LOG_INFO };
    g_auto(GStrv) words = g_strsplit(spec ? spec : "", ",", -1);
    for (int i = 0; words[i]; i++) {
        if (words[i][0] != '\0' && !parse_level_word(words[i], &levels)) {
            return false;
        }
    }
    g_mutex_lock(&log_mutex);
    log_levels = levels;
    g_mutex_unlock(&log_mutex);
    return true;
}

static bool
is_enabled_locked(int level, const char *scope)
{
    for (int i = 0; i < log_levels.n_scopes; i++) {
        if (strcmp(log_levels.scopes[i].scope, scope) == 0) {
            return level <= log_levels.scopes[i].level;
        }
    }
    return level <= log_levels.level;
}

bool
berth_log_is_enabled(int level, const char *scope)
{
    g_mutex_lock(&log_mutex);
    bool is_enabled = is_enabled_locked(level, scope);
    g_mutex_unlock(&log_mutex);
    return is_enabled;
}

void
berth_log_set_context(const char *key, const char *value)
{
    g_mutex_lock(&log_mutex);
    ContextItem *item = NULL;
    for (int i = 0; i < MAX_CONTEXT_KEYS && !item; i++) {
        if (log_context[i].key && strcmp(log_context[i].key, key) == 0) {
            item = &log_context[i];
        }
    }
    for (int i = 0; i < MAX_CONTEXT_KEYS && !item; i++) {
        if (!log_context[i].key) {
            item = &log_context[i];
        }
    }
    if (item) {
        g_free(item->value);
        item->value = g_strdup(value);
        item->key = value ? key : NULL;
    }
    g_mutex_unlock(&log_mutex);
}

static void
append_time(GString *line, int64_t wall_us)
{
    time_t seconds = (time_t)(wall_us / 1000000);
    struct tm utc;
    gmtime_r(&seconds, &utc);
    g_string_append_printf(line, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", utc.tm_year + 1900,
                           utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec,
                           (int)(wall_us / 1000 % 1000));
}

static void
append_escaped(GString *line, const char *text)
{
    for (const unsigned char *at = (const unsigned char *)text; *at; at++) {
        if (*at < 0x20 || *at == 0x7f) {
            g_string_append_printf(line, "\\x%02x", *at);
        } else {
            g_string_append_c(line, (char)*at);
        }
    }
}

static void
write_line(const GString *line)
{
    const char *at = line->str;
    size_t left = line->len;
    while (left > 0) {
        ssize_t n = write(STDERR_FILENO, at, left);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return;
        }
        at += n;
        left -= (size_t)n;
    }
}

static void
drop_kept(unsigned n_max)
{
    while (log_kept.length > n_max) {
        g_free(g_queue_pop_head(&log_kept));
    }
}

static void
keep_line(const GString *line)
{
    if (log_n_kept_max == 0) {
        return;
    }
    g_queue_push_tail(&log_kept, g_strndup(line->str, BERTH_LIMIT_KEPT_LOG_LINE_BYTES));
    drop_kept(log_n_kept_max);
}

void
berth_log_keep(unsigned n_lines)
{
    g_mutex_lock(&log_mutex);
    log_n_kept_max = n_lines;
    drop_kept(n_lines);
    g_mutex_unlock(&log_mutex);
}

char *
berth_log_dup_kept(void)
{
    GString *text = g_string_new(NULL);

    g_mutex_lock(&log_mutex);
    for (GList *at = log_kept.head; at != NULL; at = at->next) {
        const char *line = at->data;

        g_string_append(text, line);
        if (!g_str_has_suffix(line, "\n")) {
            g_string_append_c(text, '\n');
        }
    }
    g_mutex_unlock(&log_mutex);
    return g_string_free(text, FALSE);
}

static void
log_message(int level, const char *scope, const char *message)
{
    g_mutex_lock(&log_mutex);
    if (is_enabled_locked(level, scope)) {
        g_autoptr(GString) line = g_string_sized_new(160);
        append_time(line, berth_wall_us());
        g_string_append_printf(line, " %s %s ", log_program, level_names[CLAMP(level, 0, 3)]);
        append_escaped(line, scope);
        g_string_append(line, ": ");
        append_escaped(line, message);
        for (int i = 0; i < MAX_CONTEXT_KEYS; i++) {
            if (log_context[i].key) {
                g_string_append_printf(line, " %s=", log_context[i].key);
                append_escaped(line, log_context[i].value);
            }
        }
        g_string_append_c(line, '\n');
        write_line(line);
        keep_line(line);
    }
    g_mutex_unlock(&log_mutex);
}

void
berth_log(int level, const char *scope, const char *format, ...)
{
    int saved_errno = errno;
    if (berth_log_is_enabled(level, scope)) {
        va_list args;
        va_start(args, format);
        g_autofree char *message = g_strdup_vprintf(format, args);
        va_end(args);
        log_message(level, scope, message);
    }
    errno = saved_errno;
}

static int
level_from_glib(GLogLevelFlags flags)
{
    if (flags & (G_LOG_LEVEL_ERROR | G_LOG_LEVEL_CRITICAL)) {
        return BERTH_LOG_ERROR;
    }
    if (flags & G_LOG_LEVEL_WARNING) {
        return BERTH_LOG_WARNING;
    }
    return flags & G_LOG_LEVEL_MESSAGE ? BERTH_LOG_INFO : BERTH_LOG_DEBUG;
}

static GLogWriterOutput
write_glib_message(GLogLevelFlags flags, const GLogField *fields, gsize n_fields, gpointer data)
{
    const char *domain = "glib";
    const char *message = "";
    for (gsize i = 0; i < n_fields; i++) {
        if (strcmp(fields[i].key, "MESSAGE") == 0) {
            message = fields[i].value;
        } else if (strcmp(fields[i].key, "GLIB_DOMAIN") == 0 && fields[i].value) {
            domain = fields[i].value;
        }
    }
    log_message(level_from_glib(flags), domain, message);
    return G_LOG_WRITER_HANDLED;
}

void
berth_log_init(const char *program)
{
    static bool is_writer_set; /* GLib aborts on a second writer */

    log_program = program;
    if (!is_writer_set) {
        is_writer_set = true;
        g_log_set_writer_func(write_glib_message, NULL, NULL);
    }
    const char *spec = g_getenv("BERTH_LOG");
    if (!berth_log_set_levels(spec)) {
        berth_log_warning("log", "BERTH_LOG \"%s\" cannot be read, the level is info", spec);
    }
}
