/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Packets between the broker and berth-auth-helper, on a SOCK_SEQPACKET socket.
 *
 *   question   u8 version (1), then three texts: user, password, address of the client
 *   answer     u8 version (1), u8 outcome, one text: user name as PAM has it, or why not
 *
 * A text is u16 length (little-endian) and so many bytes without a zero byte.  Nothing may follow
 * the last one.  Pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "berth/limits.h"

typedef enum {
    BERTH_AUTH_GOOD = 0,
    BERTH_AUTH_BAD = 1,  /* wrong password, no such user, expired, locked */
    BERTH_AUTH_DOWN = 2, /* PAM itself failed */
} BerthAuthOutcome;

typedef struct {
    char user[BERTH_LIMIT_NAME_BYTES + 1];
    char password[BERTH_LIMIT_PASSWORD_BYTES + 1];
    char source[64];
} BerthAuthQuestion;

typedef struct {
    BerthAuthOutcome outcome;
    char text[256];
} BerthAuthAnswer;

/*
 * Writes a packet; returns its length, 0 if a text is too long.
 *
 * out:  BERTH_LIMIT_AUTH_PACKET_BYTES bytes
 */
size_t berth_auth_question_encode(const BerthAuthQuestion *question,
                                  uint8_t out[BERTH_LIMIT_AUTH_PACKET_BYTES]);
size_t berth_auth_answer_encode(const BerthAuthAnswer *answer,
                                uint8_t out[BERTH_LIMIT_AUTH_PACKET_BYTES]);

/* Reads a packet.  Errors: BERTH_ERR_PROTOCOL, BERTH_ERR_VERSION; ret is then undefined. */
int berth_auth_question_decode(const uint8_t *data, size_t len, BerthAuthQuestion *ret);
int berth_auth_answer_decode(const uint8_t *data, size_t len, BerthAuthAnswer *ret);
