/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Messages of the control channel about who else watches: SHADOW_ASK, SHADOW_ANSWER, VIEWERS.
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

/* Asks the owner whether somebody may watch. */
typedef struct {
    uint32_t id;                          /* of the question, for the answer */
    uint8_t mode;                         /* BerthShadowMode */
    char who[BERTH_LIMIT_NAME_BYTES + 1]; /* UTF-8 without control characters, never "" */
} BerthMsgShadowAsk;

typedef struct {
    uint32_t id;
    bool is_allowed;
} BerthMsgShadowAnswer;

/* Who watches now, without the one that is told. */
typedef struct {
    uint16_t n_observers;
    bool is_recorded;
} BerthMsgViewers;

int berth_msg_shadow_ask_encode(BerthWriter *writer, const BerthMsgShadowAsk *ask);
int berth_msg_shadow_ask_decode(const uint8_t *payload, size_t len, BerthMsgShadowAsk *ret);

int berth_msg_shadow_answer_encode(BerthWriter *writer, const BerthMsgShadowAnswer *answer);
int berth_msg_shadow_answer_decode(const uint8_t *payload, size_t len, BerthMsgShadowAnswer *ret);

int berth_msg_viewers_encode(BerthWriter *writer, const BerthMsgViewers *viewers);
int berth_msg_viewers_decode(const uint8_t *payload, size_t len, BerthMsgViewers *ret);
