/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Messages of the input channel.
 *
 * What the client sends is one struct with a type, because the session gives every kind to the same
 * place; what the session sends back has a function pair each.  Pure.
 *
 * Errors of encoders: what the writer says, BERTH_ERR_INVALID for values that the decoder would
 * refuse.  Errors of decoders: BERTH_ERR_TRUNCATED, BERTH_ERR_TRAILING, BERTH_ERR_PROTOCOL.
 */
#pragma once

#include "base/bytes-reader.h"
#include "base/bytes-writer.h"
#include "berth/limits.h"
#include "berth/protocol.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Highest key number: KEY_MAX of Linux evdev. */
#define BERTH_WIRE_MAX_KEY 0x2ffu

/* The names of a keyboard layout as XKB has them; all but layout may be empty. */
typedef struct {
    char model[BERTH_LIMIT_LAYOUT_NAME_BYTES + 1];
    char layout[BERTH_LIMIT_LAYOUT_NAME_BYTES + 1]; /* "de", or "us,ru": a group each */
    char variant[BERTH_LIMIT_LAYOUT_NAME_BYTES + 1];
    char options[BERTH_LIMIT_LAYOUT_NAME_BYTES + 1];
} BerthKeyLayout;

typedef struct {
    uint32_t serial; /* grows by one with every input message; comes back in FRAME_BEGIN */

    union {
        struct {
            uint16_t evdev; /* Linux key code, 1..BERTH_WIRE_MAX_KEY */
            bool is_down;
        } key;

        struct {
            uint16_t head;
            uint16_t x, y; /* pixels on the head, below BERTH_LIMIT_HEAD_SIDE_PX */
        } abs;

        struct {
            int16_t dx, dy;
        } rel;

        struct {
            uint8_t button; /* BerthButton */
            bool is_down;
        } button;

        struct {
            int16_t dx, dy; /* 1/120 of a notch; positive is right and away from the user */
        } wheel;

        /* UTF-8 without control characters, 1..BERTH_LIMIT_INPUT_TEXT_BYTES bytes */
        char text[BERTH_LIMIT_INPUT_TEXT_BYTES + 1];

        uint8_t locks; /* BERTH_LED_* of the user's keyboard */

        BerthKeyLayout layout;

        struct {
            uint8_t phase;  /* BerthTouchPhase */
            uint8_t finger; /* below BERTH_LIMIT_FINGERS */
            uint16_t head;
            uint16_t x, y; /* as in abs */
        } touch;
    };
} BerthMsgInput;

/*
 * type: BERTH_MSG_KEY .. BERTH_MSG_TOUCH (BerthInputMessage); any other is
 * BERTH_ERR_INVALID.  RELEASE_ALL has a serial only.
 */
int berth_msg_input_encode(BerthWriter *writer, uint8_t type, const BerthMsgInput *input);
int berth_msg_input_decode(uint8_t type, const uint8_t *payload, size_t len, BerthMsgInput *ret);

/* Whether a name of a BerthKeyLayout may be sent; the empty one may. */
bool berth_key_layout_name_is_good(const char *name);

/* LEDS: bits BERTH_LED_*. */
int berth_msg_leds_encode(BerthWriter *writer, uint8_t leds);
int berth_msg_leds_decode(const uint8_t *payload, size_t len, uint8_t *ret_leds);

/* POINTER_MODE: whether the guest takes POINTER_ABS (true) or POINTER_REL (false). */
int berth_msg_pointer_mode_encode(BerthWriter *writer, bool is_absolute);
int berth_msg_pointer_mode_decode(const uint8_t *payload, size_t len, bool *ret_is_absolute);
