/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Bounded little-endian reader with a sticky error: how every byte from a peer is read.
 *
 * After the first error every get returns 0 and moves nothing, so a decoder may read a whole
 * structure and look at the error once.  Invariant: pos <= size.  The data is borrowed and must
 * outlive the reader.  Thread: whoever owns the reader.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

typedef struct {
    const uint8_t *data;
    size_t size;
    size_t pos;
    int error; /* BERTH_OK or the first BERTH_ERR_* */
} BerthReader;

/* Starts reading size bytes at data; data may be NULL if size is 0. */
void berth_reader_init(BerthReader *reader, const void *data, size_t size);

/* Numbers: little-endian, consumed; 0 after an error, which is BERTH_ERR_TRUNCATED at the end. */
uint8_t berth_reader_get_u8(BerthReader *reader);
uint16_t berth_reader_get_u16(BerthReader *reader);
uint32_t berth_reader_get_u32(BerthReader *reader);
uint64_t berth_reader_get_u64(BerthReader *reader);
int16_t berth_reader_get_i16(BerthReader *reader);
int32_t berth_reader_get_i32(BerthReader *reader);
int64_t berth_reader_get_i64(BerthReader *reader);

/* Copies n bytes to dst; after an error dst is filled with zeros. */
void berth_reader_get_bytes(BerthReader *reader, void *dst, size_t n);

/*
 * Consumes n bytes without copying them.
 *
 * Returns a borrowed pointer into the data, or NULL after an error (also for n = 0 then).
 */
const uint8_t *berth_reader_get_bytes_direct(BerthReader *reader, size_t n);

/* Bytes that are left; 0 after an error. */
size_t berth_reader_remaining(const BerthReader *reader);

/* Marks the data as bad with a code (not BERTH_OK); the first error stays. */
void berth_reader_fail(BerthReader *reader, int code);

/* Ends the reading: BERTH_OK, the first error, or BERTH_ERR_TRAILING if bytes are left. */
int berth_reader_finish(BerthReader *reader);
