/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a client says of itself when it opens a connection: formats that it shows, and services that
 * it takes part in.
 *
 * Pure.
 */
#pragma once

#include "display/wire/msg-control.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * name:        of this device, for logs; what is too long is cut
 * has_share:   clipboard and files are offered
 * audio_mask:  BERTH_AUDIO_* of what it plays and hears
 */
void berth_client_hello_init(BerthMsgHello *hello, const char *name, bool has_share,
                             uint8_t audio_mask);
