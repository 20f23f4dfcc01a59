/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the guest's agent sends over its port: bytes to whole messages.
 *
 * The stream is a row of chunks, each for one of two ports inside of it; the chunks of one port
 * hold messages, one after the other.  The guest is hostile: memory grows with what has come, never
 * with what was announced, and a message over its limit is skipped, not stored.
 *
 * Pure.  The first error is sticky: nobody knows where the next chunk begins.  Thread: any one.
 * Source: spice/vd_agent.h.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct BerthVdagentParser BerthVdagentParser;

/* The first bytes of a message that is skipped are kept: they say what it was about. */
#define BERTH_VDAGENT_KEPT_BYTES 8

typedef struct {
    uint32_t type;       /* VD_AGENT_*, or any other number */
    const uint8_t *data; /* borrowed until return; valid for len 0, too */
    size_t len;          /* bytes at data */
    bool is_skipped;     /* it was over the limit of its type: data has its first bytes only */
} BerthVdagentMessage;

/* One message.  Must not feed or free the parser. */
typedef void (*BerthVdagentFunc)(const BerthVdagentMessage *message, void *user_data);

/* A parser at the beginning of a stream. */
BerthVdagentParser *berth_vdagent_parser_new(BerthVdagentFunc func, void *user_data);

/* NULL is allowed. */
void berth_vdagent_parser_free(BerthVdagentParser *self);

/* Bytes of a clipboard content from the guest that are stored; 0 (at first): none. */
void berth_vdagent_parser_set_clipboard_bytes(BerthVdagentParser *self, size_t max_bytes);

/*
 * Takes any number of bytes.
 *
 * Errors: BERTH_ERR_PROTOCOL; sticky.
 */
int berth_vdagent_parser_feed(BerthVdagentParser *self, const uint8_t *data, size_t len);
