/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One line per event on stderr:
 *
 *   2026-01-02T03:04:05.678Z program level scope: message key=value
 *
 * Control bytes in the message and in context values are escaped, so that a peer cannot forge a
 * line.  Secrets have no format function and never belong here.  BERTH_LOG="info,session=debug"
 * sets the level for all scopes and for some (error, warning, info, debug; default info).
 * Thread: any.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

typedef enum {
    BERTH_LOG_ERROR = 0,
    BERTH_LOG_WARNING = 1,
    BERTH_LOG_INFO = 2,
    BERTH_LOG_DEBUG = 3,
} BerthLogLevel;

/*
 * Names this program in its lines, reads BERTH_LOG and turns GLib's messages into our lines.
 *
 * program:  borrowed for ever (a literal)
 */
void berth_log_init(const char *program);

/*
 * Sets the levels as BERTH_LOG would.
 *
 * spec:  "info,session=debug"; NULL or "" is the default
 *
 * Returns false and changes nothing if a level or a scope cannot be read.
 */
bool berth_log_set_levels(const char *spec);

/* Whether a line of this level and scope would be written; for costly arguments. */
bool berth_log_is_enabled(int level, const char *scope);

/*
 * Appends key=value to every later line of this process.
 *
 * key:    borrowed for ever (a literal); at most eight keys
 * value:  copied; NULL takes the key away
 */
void berth_log_set_context(const char *key, const char *value);

/* Writes one line if level and scope are enabled; format is printf's.  errno is left as it was. */
void berth_log(int level, const char *scope, const char *format, ...) G_GNUC_PRINTF(3, 4);

/*
 * Keeps the last lines that are written, each cut to BERTH_LIMIT_KEPT_LOG_LINE_BYTES; for
 * diagnostics that a user asks for.  n_lines: 0 keeps none, as at the beginning.
 */
void berth_log_keep(unsigned n_lines);

/* The lines that are kept, the oldest first.  Owned. */
char *berth_log_dup_kept(void);

#define berth_log_error(scope, ...) berth_log(BERTH_LOG_ERROR, (scope), __VA_ARGS__)
#define berth_log_warning(scope, ...) berth_log(BERTH_LOG_WARNING, (scope), __VA_ARGS__)
#define berth_log_info(scope, ...) berth_log(BERTH_LOG_INFO, (scope), __VA_ARGS__)
#define berth_log_debug(scope, ...) berth_log(BERTH_LOG_DEBUG, (scope), __VA_ARGS__)
