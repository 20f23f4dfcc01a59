/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Messages of the control channel: HELLO, AUTH, WELCOME, PING, PONG, BYE.
 *
 * Each has a struct, an encoder that appends the payload to a writer, and a decoder that checks
 * every field and sets *ret only on success.  Pure.
 *
 * Errors of encoders: what the writer says, BERTH_ERR_INVALID for values that the decoder would
 * refuse.  Errors of decoders: BERTH_ERR_TRUNCATED, BERTH_ERR_TRAILING, BERTH_ERR_PROTOCOL.
 */
#pragma once

#include "base/bytes-reader.h"
#include "base/bytes-writer.h"
#include "berth/ids.h"
#include "berth/limits.h"
#include "berth/protocol.h"
#include "berth/ticket.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What one side can do.  A capability that was not offered is zero or "". */
typedef struct {
    uint16_t version_min;
    uint16_t version_max;
    uint8_t exact_window_log;        /* largest zstd window, log2 of bytes */
    uint16_t cursor_shapes;          /* shapes that the client remembers */
    uint16_t max_head_w, max_head_h; /* pixels; 0 is no limit of its own */
    uint16_t cache_tiles;            /* tiles that the client keeps */
    uint8_t gradient_window_log;     /* of the second exact stream */
    uint8_t photo_mask;              /* BERTH_PHOTO_BIT() */
    uint8_t video_mask;              /* BERTH_VIDEO_BIT() */
    uint8_t takes_notices;           /* 1: NOTICE may be sent */
    uint8_t shows_statistics;        /* 1: INPUT_TIMES and HOST_STATE may be sent */
    uint8_t clipboard_mask;          /* BERTH_CLIPBOARD_BIT() that it takes */
    uint8_t sends_files;             /* 1: the files channel may be used */
    uint8_t takes_files;             /* 1: it may be used the other way, too */
    uint8_t audio_mask;              /* BERTH_AUDIO_* */
    uint8_t input_mask;              /* BERTH_INPUT_BIT() that the session takes */
    char client_name[BERTH_LIMIT_CAPABILITY_BYTES + 1]; /* UTF-8 without control characters */
    uint16_t n_unknown;                                 /* capabilities that were skipped */
} BerthMsgHello;

/* kind decides which of the others are meant. */
typedef struct {
    BerthAuthKind kind;
    uint8_t ticket[BERTH_TICKET_BYTES];         /* BERTH_AUTH_TICKET */
    BerthId session;                            /* BERTH_AUTH_RECONNECT, BERTH_AUTH_SHARE */
    uint8_t token[BERTH_RECONNECT_TOKEN_BYTES]; /* of the same; secret */
} BerthMsgAuth;

typedef struct {
    uint16_t head;
    uint16_t w, h; /* pixels */
} BerthWireHead;

typedef struct {
    uint16_t version; /* chosen by the session from both ranges */
    BerthId session;
    uint64_t connection_epoch;
    uint8_t token[BERTH_RECONNECT_TOKEN_BYTES]; /* for the next resume; secret */
    uint32_t resume_window_s;
    uint32_t rights; /* BERTH_RIGHT_* */
    uint16_t n_heads;
    BerthWireHead heads[BERTH_LIMIT_HEADS];
} BerthMsgWelcome;

/* PING and PONG have the same payload. */
typedef struct {
    uint64_t sent_us; /* clock of the side that sent PING; PONG gives it back */
} BerthMsgPing;

typedef struct {
    int32_t code;                            /* 0 or BERTH_ERR_*; unknown negatives are kept */
    char text[BERTH_LIMIT_REASON_BYTES + 1]; /* UTF-8 for people, may be "" */
} BerthMsgBye;

/*
 * Fills in what this build can do: versions, exact pixels and cursor shapes; no name.  Tiles,
 * gradient, photos and videos are for the client to add: it knows its decoders.
 */
void berth_msg_hello_init(BerthMsgHello *ret);
int berth_msg_hello_encode(BerthWriter *writer, const BerthMsgHello *hello);
int berth_msg_hello_decode(const uint8_t *payload, size_t len, BerthMsgHello *ret);

int berth_msg_auth_encode(BerthWriter *writer, const BerthMsgAuth *auth);
int berth_msg_auth_decode(const uint8_t *payload, size_t len, BerthMsgAuth *ret);

int berth_msg_welcome_encode(BerthWriter *writer, const BerthMsgWelcome *welcome);
int berth_msg_welcome_decode(const uint8_t *payload, size_t len, BerthMsgWelcome *ret);

int berth_msg_ping_encode(BerthWriter *writer, const BerthMsgPing *ping);
int berth_msg_ping_decode(const uint8_t *payload, size_t len, BerthMsgPing *ret);

int berth_msg_bye_encode(BerthWriter *writer, const BerthMsgBye *bye);
int berth_msg_bye_decode(const uint8_t *payload, size_t len, BerthMsgBye *ret);

/*
 * Fills a BYE.  text: any string or NULL for the sentence of the code; it is cut at a whole UTF-8
 * character to BERTH_LIMIT_REASON_BYTES, and control characters become spaces.
 */
void berth_msg_bye_set(BerthMsgBye *ret, int code, const char *text);
