/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The things that a probe can do on a desktop: one const table makes the options of the command
 * line, the commands of a script and their help.
 *
 * Pure.  Thread: any.
 */
#pragma once

#include "client/core/key-map.h"

#include "berth/protocol.h"

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum {
    BERTH_PROBE_TYPE,
    BERTH_PROBE_KEY,
    BERTH_PROBE_KEY_DOWN,
    BERTH_PROBE_KEY_UP,
    BERTH_PROBE_CLICK,
    BERTH_PROBE_MOVE,
    BERTH_PROBE_WHEEL,
    BERTH_PROBE_TEXT,
    BERTH_PROBE_LAYOUT,
    BERTH_PROBE_TOUCH,
    BERTH_PROBE_RESIZE,
    BERTH_PROBE_REFRESH,
    BERTH_PROBE_WAIT_STABLE,
    BERTH_PROBE_WAIT_CHANGE,
    BERTH_PROBE_WAIT_ECHO,
    BERTH_PROBE_WAIT_SIZE,
    BERTH_PROBE_WAIT_OPEN,
    BERTH_PROBE_WAIT_LOST,
    BERTH_PROBE_WAIT_END,
    BERTH_PROBE_WAIT_NOTICE,
    BERTH_PROBE_WAIT_PIXEL,
    BERTH_PROBE_WAIT_SOUND,
    BERTH_PROBE_COPY,
    BERTH_PROBE_PASTE,
    BERTH_PROBE_SEND_FILE,
    BERTH_PROBE_TAKE_FILE,
    BERTH_PROBE_RESTART,
    BERTH_PROBE_REPORT,
    BERTH_PROBE_SCREENSHOT,
    BERTH_PROBE_RECORD_SOUND,
    BERTH_PROBE_SPEAK,
    BERTH_PROBE_VOLUME,
    BERTH_PROBE_HOLD,
    BERTH_PROBE_HEAD,
    BERTH_PROBE_PIXEL,
    BERTH_PROBE_HASH,
    BERTH_PROBE_STATS,
    BERTH_PROBE_BREAK,
    BERTH_PROBE_DISCONNECT,
    BERTH_PROBE_LOGOFF,
    BERTH_PROBE_QUIT,
    BERTH_N_PROBE_KINDS,
} BerthProbeKind;

/* What an action takes; the members of BerthProbeAction that are set. */
typedef enum {
    BERTH_PROBE_ARG_NONE,
    BERTH_PROBE_ARG_TEXT,          /* text: US-ASCII that the key map can type */
    BERTH_PROBE_ARG_FILE,          /* text */
    BERTH_PROBE_ARG_KEYS,          /* keys */
    BERTH_PROBE_ARG_POINT,         /* x, y */
    BERTH_PROBE_ARG_BUTTON_POINT,  /* x, y, button */
    BERTH_PROBE_ARG_COLOR_POINT,   /* x, y, rgb */
    BERTH_PROBE_ARG_SIZE,          /* x, y: width and height */
    BERTH_PROBE_ARG_TIME,          /* value: milliseconds */
    BERTH_PROBE_ARG_OPTIONAL_TIME, /* value: milliseconds, 0 if it was left out */
    BERTH_PROBE_ARG_SECONDS,       /* value: milliseconds, written as seconds */
    BERTH_PROBE_ARG_NUMBER,        /* value */
    BERTH_PROBE_ARG_PERCENT,       /* value: 0..100 */
    BERTH_PROBE_ARG_HEAD,          /* value: below BERTH_LIMIT_HEADS */
} BerthProbeArg;

typedef struct {
    const char *name; /* "wait-stable": option and command */
    BerthProbeKind kind;
    BerthProbeArg arg;
    const char *arg_name; /* for the help; NULL without argument */
    const char *doc;
    bool is_script_only;
} BerthProbeRow;

typedef struct {
    const BerthProbeRow *row;
    char *text;
    BerthKeyCombination keys;
    int x, y;
    BerthButton button;
    uint32_t rgb;
    int64_t value;
} BerthProbeAction;

/* Returns the table. */
const BerthProbeRow *berth_probe_rows(size_t *ret_n_rows);

/* Finds a row by name; NULL if there is none. */
const BerthProbeRow *berth_probe_find_row(const char *name);

/*
 * Reads the argument of an action.
 *
 * text: NULL if none was given
 *
 * Returns the action, to be freed with berth_probe_action_free(); NULL with BERTH_ERR_INVALID.
 */
BerthProbeAction *berth_probe_action_parse(const BerthProbeRow *row, const char *text,
                                           GError **error);

/* Reads "command argument", a line of a script without its newline. */
BerthProbeAction *berth_probe_action_parse_line(const char *line, GError **error);

/* NULL is allowed. */
void berth_probe_action_free(BerthProbeAction *action);
