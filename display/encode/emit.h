/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How an encoder gives out the messages it makes.
 */
#pragma once

#include "berth/protocol.h"

#include <stddef.h>
#include <stdint.h>

/*
 * Takes one message.
 *
 * payload: borrowed for the time of the call
 *
 * Returns 0 or BERTH_ERR_*; an error ends the encoding and is what the encoder returns.
 */
typedef int (*BerthMessageFunc)(BerthChannel channel, uint8_t type, const uint8_t *payload,
                                size_t len, void *user_data);
