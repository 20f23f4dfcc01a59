/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The file format of recorded sessions: what it is made of.
 *
 *   file    = header record* [trailer]
 *   header  = "BERTHREC" u32 version (1) u32 zero i64 started_us (since 1970) bytes[16] session id
 *   record  = u32 length  u8 type  i64 t_us (since started_us, never falls)  bytes[length]
 *   trailer = u64 offset of the INDEX record  "BERTHEND"
 *
 * Records: STREAM begins a new stream of messages, with all decoders fresh and whole pictures to
 * come: a place to start from.  DISPLAY and CURSOR are one message each: u8 type and its payload as
 * on the wire.  INDEX lists the STREAM records; it and the trailer are at the end of a file that
 * was closed.  A file without them was cut and plays up to where it ends.
 *
 * All numbers are little-endian.  Pure.  Source: docs/RECORDING.md.
 */
#pragma once

#include "base/bytes-reader.h"
#include "base/bytes-writer.h"
#include "berth/ids.h"

#include <stddef.h>
#include <stdint.h>

#define BERTH_RECORDING_VERSION 1
#define BERTH_RECORDING_HEADER_BYTES 40u
#define BERTH_RECORDING_RECORD_BYTES 13u
#define BERTH_RECORDING_TRAILER_BYTES 16u

typedef enum {
    BERTH_RECORD_STREAM = 1,
    BERTH_RECORD_DISPLAY = 2,
    BERTH_RECORD_CURSOR = 3,
    BERTH_RECORD_INDEX = 4,
} BerthRecordType;

typedef struct {
    int64_t started_us; /* since 1970 */
    BerthId session;
} BerthRecordingHeader;

typedef struct {
    uint32_t len; /* of what follows */
    BerthRecordType type;
    int64_t t_us;
} BerthRecordHead;

/* Payload of STREAM: what a decoder must be able to do; 0 is nothing. */
typedef struct {
    uint8_t exact_window_log;
    uint8_t gradient_window_log;
    uint16_t cache_tiles;
    uint8_t photo_mask; /* BERTH_PHOTO_BIT() */
    uint8_t video_mask; /* BERTH_VIDEO_BIT() */
    uint16_t cursor_shapes;
} BerthRecordingCaps;

/* One entry of INDEX. */
typedef struct {
    int64_t t_us;
    uint64_t offset; /* of the STREAM record in the file */
} BerthRecordingPlace;

/*
 * Encoders append; decoders take exactly the bytes of their part and set *ret on success only.
 * Errors of decoders: BERTH_ERR_TRUNCATED, BERTH_ERR_TRAILING, BERTH_ERR_CORRUPT (not such a file),
 * BERTH_ERR_VERSION, BERTH_ERR_TOO_LARGE (a record over its limit), BERTH_ERR_PROTOCOL.
 */
int berth_recording_header_encode(BerthWriter *writer, const BerthRecordingHeader *header);
int berth_recording_header_decode(const uint8_t *data, size_t len, BerthRecordingHeader *ret);

/* The head of a record; errors beside those above: BERTH_ERR_CORRUPT for values out of range. */
int berth_record_head_encode(BerthWriter *writer, const BerthRecordHead *head);
int berth_record_head_decode(const uint8_t *data, size_t len, BerthRecordHead *ret);

/* The payload of STREAM. */
int berth_recording_caps_encode(BerthWriter *writer, const BerthRecordingCaps *caps);
int berth_recording_caps_decode(const uint8_t *data, size_t len, BerthRecordingCaps *ret);

/* Entries must be in order of time and place; at most BERTH_LIMIT_RECORDING_STREAMS. */
int berth_recording_index_encode(BerthWriter *writer, const BerthRecordingPlace *places, size_t n);
/* ret: room for len / 16 entries. */
int berth_recording_index_decode(const uint8_t *data, size_t len, BerthRecordingPlace *ret,
                                 size_t *ret_n);

/* The last bytes of a file that was closed. */
int berth_recording_trailer_encode(BerthWriter *writer, uint64_t index_offset);
int berth_recording_trailer_decode(const uint8_t *data, size_t len, uint64_t *ret_index_offset);
