/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "display/transport/image-wire.h"

#include "berth/limits.h"
#include "testing.h"

#include <string.h>

static BerthImageRequest
make_request(BerthImageOp op, uint64_t first, uint64_t n)
{
    BerthImageRequest request = { .op = op, .first_chunk = first, .n_chunks = n };
    memset(request.root.bytes, 0xa5, sizeof request.root.bytes);
    return request;
}

static void
a_request_is_read_as_it_was_written(void **state)
{
    uint8_t bytes[BERTH_IMAGE_REQUEST_BYTES];
    BerthImageRequest read;
    const BerthImageRequest chunks = make_request(BERTH_IMAGE_OP_CHUNKS, 7, 3);
    berth_image_request_encode(&chunks, bytes);
    assert_memory_equal(bytes, "BIMG\1\0\2\0", 8);
    assert_berth_ok(berth_image_request_decode(bytes, sizeof bytes, &read));
    assert_int_equal(read.op, BERTH_IMAGE_OP_CHUNKS);
    assert_true(berth_digest_equal(&read.root, &chunks.root));
    assert_int_equal(read.first_chunk, 7);
    assert_int_equal(read.n_chunks, 3);
    const BerthImageRequest list = make_request(BERTH_IMAGE_OP_LIST, 0, 0);
    berth_image_request_encode(&list, bytes);
    assert_berth_ok(berth_image_request_decode(bytes, sizeof bytes, &read));
    assert_int_equal(read.op, BERTH_IMAGE_OP_LIST);
}

static void
bad_requests_are_refused(void **state)
{
    static const struct {
        BerthImageOp op;
        uint64_t first, n;
        int error;
    } rows[] = {
        { BERTH_IMAGE_OP_CHUNKS, 0, 0, BERTH_ERR_PROTOCOL },
        { BERTH_IMAGE_OP_LIST, 1, 0, BERTH_ERR_PROTOCOL },
        { BERTH_IMAGE_OP_LIST, 0, 1, BERTH_ERR_PROTOCOL },
        { (BerthImageOp)3, 0, 1, BERTH_ERR_PROTOCOL },
        { BERTH_IMAGE_OP_CHUNKS, 0, BERTH_LIMIT_IMAGE_REQUEST_CHUNKS + 1, BERTH_ERR_TOO_LARGE },
        { BERTH_IMAGE_OP_CHUNKS, UINT64_MAX, 1, BERTH_ERR_TOO_LARGE },
        { BERTH_IMAGE_OP_CHUNKS, 1, UINT64_MAX, BERTH_ERR_TOO_LARGE },
    };

    uint8_t bytes[BERTH_IMAGE_REQUEST_BYTES + 1] = { 0 };
    BerthImageRequest read;
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        const BerthImageRequest request = make_request(rows[i].op, rows[i].first, rows[i].n);
        berth_image_request_encode(&request, bytes);
        assert_berth_error(berth_image_request_decode(bytes, BERTH_IMAGE_REQUEST_BYTES, &read),
                           rows[i].error);
    }
    const BerthImageRequest good = make_request(BERTH_IMAGE_OP_LIST, 0, 0);
    berth_image_request_encode(&good, bytes);
    assert_berth_error(berth_image_request_decode(bytes, 63, &read), BERTH_ERR_TRUNCATED);
    assert_berth_error(berth_image_request_decode(bytes, 65, &read), BERTH_ERR_TRAILING);
    bytes[4] = 2;
    assert_berth_error(berth_image_request_decode(bytes, 64, &read), BERTH_ERR_VERSION);
    bytes[0] = 'b';
    assert_berth_error(berth_image_request_decode(bytes, 64, &read), BERTH_ERR_PROTOCOL);
}

static void
an_answer_is_read_as_it_was_written(void **state)
{
    uint8_t bytes[BERTH_IMAGE_ANSWER_BYTES];
    const BerthImageAnswer answers[] = { { BERTH_OK, 123456789012 }, { BERTH_ERR_NOT_FOUND, 0 } };
    for (size_t i = 0; i < G_N_ELEMENTS(answers); i++) {
        BerthImageAnswer read;
        berth_image_answer_encode(&answers[i], bytes);
        assert_berth_ok(berth_image_answer_decode(bytes, sizeof bytes, &read));
        assert_int_equal(read.status, answers[i].status);
        assert_int_equal(read.length, answers[i].length);
    }
}

static void
bad_answers_are_refused(void **state)
{
    static const BerthImageAnswer bad[] = { { 1, 0 }, { -300, 0 }, { BERTH_ERR_IO, 1 } };
    uint8_t bytes[BERTH_IMAGE_ANSWER_BYTES];
    BerthImageAnswer read;
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        berth_image_answer_encode(&bad[i], bytes);
        assert_berth_error(berth_image_answer_decode(bytes, sizeof bytes, &read),
                           BERTH_ERR_PROTOCOL);
    }
    assert_berth_error(berth_image_answer_decode(bytes, 15, &read), BERTH_ERR_TRUNCATED);
}

static void
zeros_are_not_counted_in_a_range(void **state)
{
    BerthDigest digest;
    g_autoptr(BerthChunkList) list = berth_chunk_list_new(3ULL * BERTH_CHUNK_BYTES + 10);
    berth_digest_make("x", 1, &digest);
    berth_chunk_list_set(list, 1, &digest);
    berth_chunk_list_set(list, 3, &digest);
    assert_int_equal(berth_image_range_bytes(list, 0, 1), 0);
    assert_int_equal(berth_image_range_bytes(list, 0, 3), BERTH_CHUNK_BYTES);
    assert_int_equal(berth_image_range_bytes(list, 0, 4), BERTH_CHUNK_BYTES + 10);
    g_autoptr(GBytes) stored = berth_chunk_list_format(list);
    assert_int_equal(berth_image_list_bytes(3ULL * BERTH_CHUNK_BYTES + 10),
                     g_bytes_get_size(stored));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_is_read_as_it_was_written),
        cmocka_unit_test(bad_requests_are_refused),
        cmocka_unit_test(an_answer_is_read_as_it_was_written),
        cmocka_unit_test(bad_answers_are_refused),
        cmocka_unit_test(zeros_are_not_counted_in_a_range),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
