/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the port org.berth.agent.0, to our own agent in a guest, has beside the messages of the
 * SPICE project's agent: the framing, the capabilities and the clipboard are as there
 * (vdagent-message.h, vdagent-parser.h), with HTML as one more type; texts, layouts and files have
 * the bodies of the display protocol (msg-input.h, msg-files.h).
 *
 * Pure.  Source: docs/PROTOCOL-GUEST.md.
 */
#pragma once

#include "base/bytes-writer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum {
    /* Session to guest: */
    BERTH_GUEST_LAYOUT = 0x4201, /* as LAYOUT */
    BERTH_GUEST_TEXT = 0x4202,   /* as TEXT */
    /* Guest to session: */
    BERTH_GUEST_TYPED = 0x4203, /* a TEXT has been typed */
    BERTH_GUEST_FILE_OFFER = 0x4204,
    BERTH_GUEST_FILE_DATA = 0x4205,
    BERTH_GUEST_FILE_CANCEL = 0x4206,
    /* Session to guest: */
    BERTH_GUEST_FILE_ANSWER = 0x4207,
    BERTH_GUEST_FILE_ACK = 0x4208,
} BerthGuestMessage;

/* Bits of the capabilities of our agent, above those of the SPICE project. */
#define BERTH_GUEST_CAP_HTML 24
#define BERTH_GUEST_CAP_LAYOUT 25
#define BERTH_GUEST_CAP_TEXT 26
#define BERTH_GUEST_CAP_FILES 27

/* What a session announces to our agent. */
extern const uint32_t berth_guest_session_caps;

/* Whether the number is a BerthGuestMessage. */
bool berth_guest_type_is_known(uint32_t type);

/* TYPED: the serial of the TEXT.  Errors: BERTH_ERR_TRUNCATED, BERTH_ERR_TRAILING. */
void berth_guest_typed_encode(BerthWriter *writer, uint32_t serial);
int berth_guest_typed_decode(const uint8_t *body, size_t len, uint32_t *ret_serial);
