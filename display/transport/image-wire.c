/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "display/transport/image-wire.h"

#include "base/bytes-reader.h"
#include "base/bytes-writer.h"
#include "berth/errors.h"
#include "berth/limits.h"

#include <string.h>

#define MAGIC 0x474d4942u /* "BIMG" */
#define WIRE_VERSION 1
#define LIST_HEADER_BYTES 24
/* The lowest BERTH_ERR_* that may come; what is below is from no program of ours. */
#define LOWEST_STATUS (-255)

/* Writes what a small writer has into a field of exactly n bytes. */
static void
put_fixed(BerthWriter *writer, uint8_t *out, size_t n)
{
    g_assert(writer->error == BERTH_OK && writer->len == n);
    memcpy(out, writer->data, n);
    berth_writer_clear(writer);
}

void
berth_image_request_encode(const BerthImageRequest *request, uint8_t out[BERTH_IMAGE_REQUEST_BYTES])
{
    BerthWriter writer;
    berth_writer_init(&writer, BERTH_IMAGE_REQUEST_BYTES);
    berth_writer_put_u32(&writer, MAGIC);
    berth_writer_put_u16(&writer, WIRE_VERSION);
    berth_writer_put_u16(&writer, (uint16_t)request->op);
    berth_writer_put_bytes(&writer, request->root.bytes, BERTH_DIGEST_BYTES);
    berth_writer_put_u64(&writer, request->first_chunk);
    berth_writer_put_u64(&writer, request->n_chunks);
    berth_writer_put_u64(&writer, 0);
    put_fixed(&writer, out, BERTH_IMAGE_REQUEST_BYTES);
}

static int
check_range(const BerthImageRequest *request)
{
    if (request->op == BERTH_IMAGE_OP_LIST) {
        return request->first_chunk == 0 && request->n_chunks == 0 ? BERTH_OK : BERTH_ERR_PROTOCOL;
    }
    if (request->op != BERTH_IMAGE_OP_CHUNKS || request->n_chunks == 0) {
        return BERTH_ERR_PROTOCOL;
    }
    bool is_too_far = request->first_chunk > BERTH_LIMIT_IMAGE_BYTES / BERTH_CHUNK_BYTES;
    return is_too_far || request->n_chunks > BERTH_LIMIT_IMAGE_REQUEST_CHUNKS ? BERTH_ERR_TOO_LARGE
                                                                              : BERTH_OK;
}

int
berth_image_request_decode(const void *data, size_t size, BerthImageRequest *ret)
{
    BerthReader reader;
    BerthImageRequest request;
    berth_reader_init(&reader, data, size);
    uint32_t magic = berth_reader_get_u32(&reader);
    uint16_t version = berth_reader_get_u16(&reader);
    request.op = (BerthImageOp)berth_reader_get_u16(&reader);
    berth_reader_get_bytes(&reader, request.root.bytes, BERTH_DIGEST_BYTES);
    request.first_chunk = berth_reader_get_u64(&reader);
    request.n_chunks = berth_reader_get_u64(&reader);
    uint64_t reserved = berth_reader_get_u64(&reader);
    int error = berth_reader_finish(&reader);
    if (error != BERTH_OK) {
        return error;
    }
    if (magic != MAGIC || reserved != 0) {
        return BERTH_ERR_PROTOCOL;
    }
    error = version == WIRE_VERSION ? check_range(&request) : BERTH_ERR_VERSION;
    if (error == BERTH_OK) {
        *ret = request;
    }
    return error;
}

void
berth_image_answer_encode(const BerthImageAnswer *answer, uint8_t out[BERTH_IMAGE_ANSWER_BYTES])
{
    BerthWriter writer;
    berth_writer_init(&writer, BERTH_IMAGE_ANSWER_BYTES);
    berth_writer_put_i32(&writer, answer->status);
    berth_writer_put_u32(&writer, 0);
    berth_writer_put_u64(&writer, answer->length);
    put_fixed(&writer, out, BERTH_IMAGE_ANSWER_BYTES);
}

int
berth_image_answer_decode(const void *data, size_t size, BerthImageAnswer *ret)
{
    BerthReader reader;
    BerthImageAnswer answer;
    berth_reader_init(&reader, data, size);
    answer.status = berth_reader_get_i32(&reader);
    uint32_t reserved = berth_reader_get_u32(&reader);
    answer.length = berth_reader_get_u64(&reader);
    int error = berth_reader_finish(&reader);
    if (error != BERTH_OK) {
        return error;
    }
    bool is_odd = answer.status > 0 || answer.status < LOWEST_STATUS || reserved != 0;
    if (is_odd || (answer.status != BERTH_OK && answer.length != 0)) {
        return BERTH_ERR_PROTOCOL;
    }
    *ret = answer;
    return BERTH_OK;
}

uint64_t
berth_image_range_bytes(const BerthChunkList *list, uint64_t first_chunk, uint64_t n_chunks)
{
    uint64_t sum = 0;
    for (uint64_t i = first_chunk; i < first_chunk + n_chunks; i++) {
        sum += berth_chunk_list_is_zero(list, i) ? 0 : berth_chunk_list_chunk_bytes(list, i);
    }
    return sum;
}

uint64_t
berth_image_list_bytes(uint64_t size_bytes)
{
    uint64_t n_chunks = (size_bytes + BERTH_CHUNK_BYTES - 1) / BERTH_CHUNK_BYTES;
    return LIST_HEADER_BYTES + n_chunks * BERTH_DIGEST_BYTES;
}
