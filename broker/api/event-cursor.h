/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Where a reader of the audit log stands: a number for each chain, as text in an event's id,
 * "<chain>:<seq>,<chain>:<seq>".
 *
 * Invariants: chains ascend and are 32 hexadecimal digits, numbers are not negative, at most
 * BERTH_EVENT_CURSOR_MAX chains.  Embedded value, 2.6 KiB.  Pure; thread: any.
 */
#pragma once

#include "berth/ids.h"

#include <stddef.h>
#include <stdint.h>

#define BERTH_EVENT_CURSOR_MAX 64
/* Bytes of a cursor as text, with its end: 32 digits, a colon, 19 digits, a comma each. */
#define BERTH_EVENT_CURSOR_CHARS (BERTH_EVENT_CURSOR_MAX * 53 + 1)

typedef struct {
    struct {
        char chain[BERTH_ID_HEX_CHARS + 1];
        int64_t seq;
    } at[BERTH_EVENT_CURSOR_MAX];

    size_t n;
} BerthEventCursor;

/* Reads a cursor; "" is an empty one.  Errors: BERTH_ERR_INVALID; ret is undefined then. */
int berth_event_cursor_parse(const char *text, BerthEventCursor *ret);

/* Writes a cursor as text. */
void berth_event_cursor_format(const BerthEventCursor *cursor,
                               char ret_text[BERTH_EVENT_CURSOR_CHARS]);

/* Number of a chain; 0 if it was not seen yet. */
int64_t berth_event_cursor_get(const BerthEventCursor *cursor, const char *chain);

/* Sets the number of a chain.  Errors: BERTH_ERR_TOO_LARGE if there are too many chains. */
int berth_event_cursor_set(BerthEventCursor *cursor, const char *chain, int64_t seq);
