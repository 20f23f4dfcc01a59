/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Messages of the clipboard channel.  Who owns a clipboard says so (GRAB); what it holds is asked
 * for (REQUEST) and comes in pieces (DATA).
 *
 * Pure.  Errors as in msg-control.h.
 */
#pragma once

#include "base/bytes-reader.h"
#include "base/bytes-writer.h"
#include "berth/limits.h"
#include "berth/protocol.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The sender has something new to copy. */
typedef struct {
    uint32_t serial;                            /* never 0; rises with each GRAB of a side */
    uint8_t selection;                          /* BerthSelection */
    uint8_t n_types;                            /* at least 1 */
    uint8_t types[BERTH_LIMIT_CLIPBOARD_TYPES]; /* BerthClipboardType, each once */
} BerthMsgClipboardGrab;

typedef struct {
    uint32_t serial; /* of the GRAB whose content is asked for */
    uint8_t selection;
    uint8_t type;
} BerthMsgClipboardRequest;

typedef struct {
    uint32_t serial; /* of the REQUEST */
    uint8_t selection;
    uint8_t type;
    uint8_t status;      /* BerthClipboardStatus */
    bool is_last;        /* always true unless the status is OK */
    const uint8_t *data; /* borrowed; nothing unless the status is OK */
    size_t data_len;     /* at most BERTH_LIMIT_SHARE_DATA_BYTES; 0 only if is_last */
} BerthMsgClipboardData;

/* What the last GRAB of that side offered is gone. */
typedef struct {
    uint32_t serial;
    uint8_t selection;
} BerthMsgClipboardRelease;

/* What is possible, from the session. */
typedef struct {
    uint8_t flags;    /* BERTH_SHARE_* */
    uint8_t types;    /* BERTH_CLIPBOARD_BIT() */
    uint32_t max_kib; /* of one content */
} BerthMsgClipboardState;

int berth_msg_clipboard_grab_encode(BerthWriter *writer, const BerthMsgClipboardGrab *grab);
int berth_msg_clipboard_grab_decode(const uint8_t *payload, size_t len, BerthMsgClipboardGrab *ret);

int berth_msg_clipboard_request_encode(BerthWriter *writer,
                                       const BerthMsgClipboardRequest *request);
int berth_msg_clipboard_request_decode(const uint8_t *payload, size_t len,
                                       BerthMsgClipboardRequest *ret);

int berth_msg_clipboard_data_encode(BerthWriter *writer, const BerthMsgClipboardData *data);
/* ret->data points into payload. */
int berth_msg_clipboard_data_decode(const uint8_t *payload, size_t len, BerthMsgClipboardData *ret);

int berth_msg_clipboard_release_encode(BerthWriter *writer,
                                       const BerthMsgClipboardRelease *release);
int berth_msg_clipboard_release_decode(const uint8_t *payload, size_t len,
                                       BerthMsgClipboardRelease *ret);

int berth_msg_clipboard_state_encode(BerthWriter *writer, const BerthMsgClipboardState *state);
int berth_msg_clipboard_state_decode(const uint8_t *payload, size_t len,
                                     BerthMsgClipboardState *ret);
