/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Cuts a byte stream of a peer into lines, each bounded.
 *
 * The bytes of a line that is not finished are kept; a line over the limit is an error that sticks.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
    GByteArray *bytes;
    size_t start;    /* of the first line not taken yet */
    size_t scanned;  /* no newline before this offset */
    size_t max_line; /* bytes of a line without its newline */
    int error;
} BerthLineBuffer;

/* Starts empty; max_line_bytes > 0. */
void berth_line_buffer_init(BerthLineBuffer *self, size_t max_line_bytes);

/* Frees the bytes. */
void berth_line_buffer_clear(BerthLineBuffer *self);

/* Appends bytes of the peer.  Errors: BERTH_ERR_TOO_LARGE (sticks). */
int berth_line_buffer_feed(BerthLineBuffer *self, const void *data, size_t len);

/*
 * Takes the next whole line, without newline and carriage return.
 *
 * ret_line:  not terminated; valid until the next call of feed or clear
 *
 * Errors: BERTH_ERR_AGAIN if no line is complete.
 */
int berth_line_buffer_take(BerthLineBuffer *self, const char **ret_line, size_t *ret_len);
