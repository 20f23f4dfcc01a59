/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a session tells its client beside pictures: the messages of the control channel that are no
 * part of the handshake, and those of the input channel.
 *
 * Checks them and calls back.  Thread: main.
 */
#pragma once

#include "client/core/session-client.h"

#include "berth/protocol.h"

#include <stddef.h>
#include <stdint.h>

/* Where news go; all borrowed. */
typedef struct {
    const BerthSessionCallbacks *callbacks;
    void *user_data;
    BerthStats *stats;
    uint32_t *rights; /* of the connection, which news may change */
} BerthSessionNews;

/* The rights of the connection from now on. */
void berth_session_news_set_rights(const BerthSessionNews *self, uint32_t rights);

/*
 * Takes one message.
 *
 * channel: BERTH_CHANNEL_CONTROL or _INPUT
 *
 * Errors: those of the decoders; BERTH_ERR_UNSUPPORTED for a message that is not for a client.
 */
int berth_session_news_take(const BerthSessionNews *self, BerthChannel channel, uint8_t type,
                            const uint8_t *payload, size_t len);
