/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/bytes-reader.h"

#include "berth/errors.h"

#include <string.h>

void
berth_reader_init(BerthReader *reader, const void *data, size_t size)
{
    /* A pointer that is never NULL lets a direct get of no bytes succeed at the end. */
    reader->data = data ? data : (const void *)"";
    reader->size = data ? size : 0;
    reader->pos = 0;
    reader->error = BERTH_OK;
}

void
berth_reader_fail(BerthReader *reader, int code)
{
    if (reader->error == BERTH_OK) {
        reader->error = code;
    }
}

size_t
berth_reader_remaining(const BerthReader *reader)
{
    return reader->error == BERTH_OK ? reader->size - reader->pos : 0;
}

const uint8_t *
berth_reader_get_bytes_direct(BerthReader *reader, size_t n)
{
    if (reader->error != BERTH_OK) {
        return NULL;
    }
    if (n > reader->size - reader->pos) {
        berth_reader_fail(reader, BERTH_ERR_TRUNCATED);
        return NULL;
    }
    const uint8_t *bytes = reader->data + reader->pos;
    reader->pos += n;
    return bytes;
}

void
berth_reader_get_bytes(BerthReader *reader, void *dst, size_t n)
{
    const uint8_t *bytes = berth_reader_get_bytes_direct(reader, n);
    if (n == 0) {
        return;
    }
    if (bytes) {
        memcpy(dst, bytes, n);
    } else {
        memset(dst, 0, n);
    }
}

static uint64_t
get_number(BerthReader *reader, size_t n)
{
    const uint8_t *bytes = berth_reader_get_bytes_direct(reader, n);
    uint64_t value = 0;
    for (size_t i = 0; bytes && i < n; i++) {
        value |= (uint64_t)bytes[i] << (8 * i);
    }
    return value;
}

uint8_t
berth_reader_get_u8(BerthReader *reader)
{
    return (uint8_t)get_number(reader, 1);
}

uint16_t
berth_reader_get_u16(BerthReader *reader)
{
    return (uint16_t)get_number(reader, 2);
}

uint32_t
berth_reader_get_u32(BerthReader *reader)
{
    return (uint32_t)get_number(reader, 4);
}

uint64_t
berth_reader_get_u64(BerthReader *reader)
{
    return get_number(reader, 8);
}

int16_t
berth_reader_get_i16(BerthReader *reader)
{
    return (int16_t)berth_reader_get_u16(reader);
}

int32_t
berth_reader_get_i32(BerthReader *reader)
{
    return (int32_t)berth_reader_get_u32(reader);
}

int64_t
berth_reader_get_i64(BerthReader *reader)
{
    return (int64_t)berth_reader_get_u64(reader);
}

int
berth_reader_finish(BerthReader *reader)
{
    if (reader->error == BERTH_OK && reader->pos != reader->size) {
        reader->error = BERTH_ERR_TRAILING;
    }
    return reader->error;
}
