/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Messages of the files channel: files that a user drops on the desktop.
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

typedef struct {
    uint32_t id; /* chosen by the client; not of a transfer that is under way */
    uint64_t size_bytes;
    char name[BERTH_LIMIT_FILE_NAME_BYTES + 1]; /* as berth_wire_file_name_is_allowed() */
} BerthMsgFileOffer;

typedef struct {
    uint32_t id;
    uint8_t status; /* BerthFileStatus; all but SEND end the transfer */
} BerthMsgFileAnswer;

typedef struct {
    uint32_t id;
    const uint8_t *data; /* borrowed */
    size_t data_len;     /* 1..BERTH_LIMIT_SHARE_DATA_BYTES */
} BerthMsgFileData;

typedef struct {
    uint32_t id;
    uint64_t n_bytes; /* that the guest has taken so far */
} BerthMsgFileAck;

/* What is possible, from the session. */
typedef struct {
    uint8_t flags;    /* BERTH_SHARE_TO_GUEST, BERTH_SHARE_AGENT */
    uint32_t max_mib; /* of one file */
} BerthMsgFileState;

/*
 * Returns true for the name of a file that may be sent: UTF-8 of 1..BERTH_LIMIT_FILE_NAME_BYTES
 * bytes without control characters and '/', not "." or "..".
 */
bool berth_wire_file_name_is_allowed(const uint8_t *name, size_t len);

int berth_msg_file_offer_encode(BerthWriter *writer, const BerthMsgFileOffer *offer);
int berth_msg_file_offer_decode(const uint8_t *payload, size_t len, BerthMsgFileOffer *ret);

int berth_msg_file_answer_encode(BerthWriter *writer, const BerthMsgFileAnswer *answer);
int berth_msg_file_answer_decode(const uint8_t *payload, size_t len, BerthMsgFileAnswer *ret);

int berth_msg_file_data_encode(BerthWriter *writer, const BerthMsgFileData *data);
/* ret->data points into payload. */
int berth_msg_file_data_decode(const uint8_t *payload, size_t len, BerthMsgFileData *ret);

int berth_msg_file_ack_encode(BerthWriter *writer, const BerthMsgFileAck *ack);
int berth_msg_file_ack_decode(const uint8_t *payload, size_t len, BerthMsgFileAck *ret);

/* FILE_CANCEL: the id alone. */
int berth_msg_file_cancel_encode(BerthWriter *writer, uint32_t id);
int berth_msg_file_cancel_decode(const uint8_t *payload, size_t len, uint32_t *ret_id);

int berth_msg_file_state_encode(BerthWriter *writer, const BerthMsgFileState *state);
int berth_msg_file_state_decode(const uint8_t *payload, size_t len, BerthMsgFileState *ret);
