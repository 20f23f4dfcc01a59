/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/bytes-writer.h"

#include "berth/errors.h"

#include <glib.h>
#include <string.h>

#define SMALLEST_CAP_BYTES 64u

void
berth_writer_init(BerthWriter *writer, size_t max)
{
    *writer = (BerthWriter){ .max = max, .error = BERTH_OK };
}

void
berth_writer_clear(BerthWriter *writer)
{
    g_free(writer->data);
    berth_writer_init(writer, writer->max);
}

void
berth_writer_reset(BerthWriter *writer)
{
    writer->len = 0;
    writer->error = BERTH_OK;
}

static size_t
grown_cap(const BerthWriter *writer, size_t needed)
{
    size_t cap = MAX(writer->cap, SMALLEST_CAP_BYTES);
    while (cap < needed) {
        cap = cap > writer->max / 2 ? writer->max : cap * 2;
    }
    return MAX(MIN(cap, writer->max), needed);
}

uint8_t *
berth_writer_reserve(BerthWriter *writer, size_t n)
{
    if (writer->error != BERTH_OK) {
        return NULL;
    }
    if (n > writer->max - writer->len) {
        writer->error = BERTH_ERR_TOO_LARGE;
        return NULL;
    }
    if (n > writer->cap - writer->len || !writer->data) {
        size_t cap = MAX(grown_cap(writer, writer->len + n), 1);
        uint8_t *grown = g_try_realloc(writer->data, cap);
        if (!grown) {
            writer->error = BERTH_ERR_NO_MEMORY;
            return NULL;
        }
        writer->data = grown;
        writer->cap = cap;
    }
    uint8_t *at = writer->data + writer->len;
    writer->len += n;
    return at;
}

void
berth_writer_put_bytes(BerthWriter *writer, const void *bytes, size_t n)
{
    if (n == 0) {
        return;
    }
    uint8_t *at = berth_writer_reserve(writer, n);
    if (at) {
        memcpy(at, bytes, n);
    }
}

static void
store_number(uint8_t *at, uint64_t value, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        at[i] = (uint8_t)(value >> (8 * i));
    }
}

static void
put_number(BerthWriter *writer, uint64_t value, size_t n)
{
    uint8_t *at = berth_writer_reserve(writer, n);
    if (at) {
        store_number(at, value, n);
    }
}

void
berth_writer_put_u8(BerthWriter *writer, uint8_t value)
{
    put_number(writer, value, 1);
}

void
berth_writer_put_u16(BerthWriter *writer, uint16_t value)
{
    put_number(writer, value, 2);
}

void
berth_writer_put_u32(BerthWriter *writer, uint32_t value)
{
    put_number(writer, value, 4);
}

void
berth_writer_put_u64(BerthWriter *writer, uint64_t value)
{
    put_number(writer, value, 8);
}

void
berth_writer_put_i16(BerthWriter *writer, int16_t value)
{
    put_number(writer, (uint16_t)value, 2);
}

void
berth_writer_put_i32(BerthWriter *writer, int32_t value)
{
    put_number(writer, (uint32_t)value, 4);
}

void
berth_writer_put_i64(BerthWriter *writer, int64_t value)
{
    put_number(writer, (uint64_t)value, 8);
}

static void
patch_number(BerthWriter *writer, size_t offset, uint64_t value, size_t n)
{
    if (writer->error != BERTH_OK) {
        return;
    }
    if (writer->len < n || offset > writer->len - n) {
        writer->error = BERTH_ERR_INVALID;
        return;
    }
    store_number(writer->data + offset, value, n);
}

void
berth_writer_patch_u16(BerthWriter *writer, size_t offset, uint16_t value)
{
    patch_number(writer, offset, value, 2);
}

void
berth_writer_patch_u32(BerthWriter *writer, size_t offset, uint32_t value)
{
    patch_number(writer, offset, value, 4);
}

uint8_t *
berth_writer_steal(BerthWriter *writer, size_t *ret_len)
{
    uint8_t *stolen = NULL;
    size_t len = 0;
    if (writer->error == BERTH_OK) {
        stolen = g_steal_pointer(&writer->data);
        len = writer->len;
    }
    berth_writer_clear(writer);
    if (ret_len) {
        *ret_len = len;
    }
    return stolen;
}
