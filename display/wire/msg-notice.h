/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * NOTICE of the control channel: a sentence for the user, and what the user may do from now on.
 *
 * Pure.  Errors as in msg-control.h.
 */
#pragma once

#include "base/bytes-reader.h"
#include "base/bytes-writer.h"
#include "berth/limits.h"
#include "berth/protocol.h"

#include <stddef.h>
#include <stdint.h>

typedef struct {
    uint32_t number; /* tells one notice from the next */
    uint32_t rights; /* BERTH_RIGHT_*; others zero */
    /* UTF-8 without control characters; "": nothing is said, only the rights changed */
    char text[BERTH_LIMIT_NOTICE_BYTES + 1];
} BerthMsgNotice;

int berth_msg_notice_encode(BerthWriter *writer, const BerthMsgNotice *notice);
int berth_msg_notice_decode(const uint8_t *payload, size_t len, BerthMsgNotice *ret);
