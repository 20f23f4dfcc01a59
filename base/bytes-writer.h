/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Growing little-endian writer with a ceiling and a sticky error.
 *
 * After the first error (BERTH_ERR_TOO_LARGE when max is reached) nothing more is written, so an
 * encoder may write a whole structure and look at the error once.  Invariant: len <= cap, and
 * len <= max.  Thread: whoever owns the writer.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

typedef struct {
    uint8_t *data; /* g_malloc; NULL while nothing was written */
    size_t len;
    size_t cap;
    size_t max;
    int error; /* BERTH_OK or the first BERTH_ERR_* */
} BerthWriter;

/* Starts an empty writer that may grow to max bytes; allocates nothing. */
void berth_writer_init(BerthWriter *writer, size_t max);

/* Frees the bytes; the writer may be used again as if new. */
void berth_writer_clear(BerthWriter *writer);

/* Forgets bytes and error but keeps the memory for the next message. */
void berth_writer_reset(BerthWriter *writer);

/* Numbers: appended little-endian; nothing happens after an error. */
void berth_writer_put_u8(BerthWriter *writer, uint8_t value);
void berth_writer_put_u16(BerthWriter *writer, uint16_t value);
void berth_writer_put_u32(BerthWriter *writer, uint32_t value);
void berth_writer_put_u64(BerthWriter *writer, uint64_t value);
void berth_writer_put_i16(BerthWriter *writer, int16_t value);
void berth_writer_put_i32(BerthWriter *writer, int32_t value);
void berth_writer_put_i64(BerthWriter *writer, int64_t value);

/* Appends n bytes; bytes may be NULL if n is 0 and must not lie inside the writer. */
void berth_writer_put_bytes(BerthWriter *writer, const void *bytes, size_t n);

/*
 * Appends n bytes for the caller to fill.
 *
 * Returns where they are, valid until the next call that writes; NULL after an error.
 */
uint8_t *berth_writer_reserve(BerthWriter *writer, size_t n);

/* Overwrites a number written before; out of range is the sticky error BERTH_ERR_INVALID. */
void berth_writer_patch_u16(BerthWriter *writer, size_t offset, uint16_t value);
void berth_writer_patch_u32(BerthWriter *writer, size_t offset, uint32_t value);

/*
 * Takes the bytes out and leaves the writer empty.
 *
 * ret_len:  bytes, set always; may be NULL
 *
 * Returns g_malloc memory that the caller owns; NULL after an error or if nothing was written.
 */
uint8_t *berth_writer_steal(BerthWriter *writer, size_t *ret_len);
