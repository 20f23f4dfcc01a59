/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "display/transport/image-plan.h"

#include "berth/limits.h"
#include "display/transport/rate-limit.h"
#include "testing.h"

/* A list whose chunks are data where the text has 'd', and zeros where it has '.'. */
static BerthChunkList *
make_list(const char *text)
{
    BerthDigest digest;
    size_t n = strlen(text);
    BerthChunkList *list = berth_chunk_list_new((uint64_t)n * BERTH_CHUNK_BYTES);
    berth_digest_make("data", 4, &digest);
    for (size_t i = 0; i < n; i++) {
        if (text[i] == 'd') {
            berth_chunk_list_set(list, i, &digest);
        }
    }
    return list;
}

static void
ranges_span_zeros_and_are_bounded(void **state)
{
    static const BerthImageRange expected[] = { { 1, 4 }, { 6, 1 } };
    g_autoptr(BerthChunkList) list = make_list(".d..dddddd.");
    BerthImagePlan *plan = berth_image_plan_new(list);
    BerthImageRange range;
    BerthImageWay way;
    uint64_t index;
    assert_int_equal(berth_image_plan_n_open(plan), 7);
    assert_false(berth_image_plan_take_local(plan, &index, &way));
    berth_image_plan_set_way(plan, 5, BERTH_IMAGE_WAY_OWN);
    berth_image_plan_set_way(plan, 7, BERTH_IMAGE_WAY_OLDER);
    /* What is zero stays done, whatever somebody says of it. */
    berth_image_plan_set_way(plan, 0, BERTH_IMAGE_WAY_OWN);
    for (size_t i = 0; i < G_N_ELEMENTS(expected); i++) {
        assert_true(berth_image_plan_take_range(plan, 4, &range));
        assert_int_equal(range.first, expected[i].first);
        assert_int_equal(range.n, expected[i].n);
    }
    assert_true(berth_image_plan_take_range(plan, 1, &range));
    assert_int_equal(range.first, 8);
    assert_int_equal(range.n, 1);
    assert_true(berth_image_plan_take_local(plan, &index, &way));
    assert_int_equal(index, 5);
    assert_int_equal(way, BERTH_IMAGE_WAY_OWN);
    assert_true(berth_image_plan_take_local(plan, &index, &way));
    assert_int_equal(index, 7);
    assert_int_equal(way, BERTH_IMAGE_WAY_OLDER);
    assert_false(berth_image_plan_take_local(plan, &index, &way));
    berth_image_plan_free(plan);
}

static void
what_is_given_back_is_taken_again_without_what_was_finished(void **state)
{
    g_autoptr(BerthChunkList) list = make_list("dddd");
    BerthImagePlan *plan = berth_image_plan_new(list);
    BerthImageRange range, again;
    assert_true(berth_image_plan_take_range(plan, 4, &range));
    assert_false(berth_image_plan_take_range(plan, 4, &again));
    berth_image_plan_finish(plan, 0);
    berth_image_plan_finish(plan, 1);
    berth_image_plan_give_back(plan, &range);
    assert_int_equal(berth_image_plan_n_open(plan), 2);
    assert_int_equal(berth_image_plan_open_bytes(plan), 2 * BERTH_CHUNK_BYTES);
    assert_true(berth_image_plan_take_range(plan, 4, &again));
    assert_int_equal(again.first, 2);
    assert_int_equal(again.n, 2);
    berth_image_plan_finish(plan, 2);
    berth_image_plan_finish(plan, 3);
    assert_int_equal(berth_image_plan_n_open(plan), 0);
    berth_image_plan_free(plan);
}

static void
a_request_never_spans_more_than_its_limit(void **state)
{
    g_autofree char *text = g_strnfill(BERTH_LIMIT_IMAGE_REQUEST_CHUNKS + 8, '.');
    text[0] = text[BERTH_LIMIT_IMAGE_REQUEST_CHUNKS + 4] = 'd';
    g_autoptr(BerthChunkList) list = make_list(text);
    BerthImagePlan *plan = berth_image_plan_new(list);
    BerthImageRange range;
    assert_true(berth_image_plan_take_range(plan, 4, &range));
    assert_int_equal(range.n, 1);
    assert_true(berth_image_plan_take_range(plan, 4, &range));
    assert_int_equal(range.first, BERTH_LIMIT_IMAGE_REQUEST_CHUNKS + 4);
    berth_image_plan_free(plan);
}

static void
bytes_wait_for_their_rate(void **state)
{
    BerthRateLimit none = { 0 };
    BerthRateLimit limit = { .kbps = 8000 }; /* a byte each microsecond */
    const int64_t now_us = 1000000000;
    assert_int_equal(berth_rate_limit_take(&none, UINT32_MAX, now_us), 0);
    /* What was not used before counts for a tenth of a second only. */
    assert_int_equal(berth_rate_limit_take(&limit, 100000, now_us), 0);
    assert_int_equal(berth_rate_limit_take(&limit, 50000, now_us), 0);
    assert_int_equal(berth_rate_limit_take(&limit, 50000, now_us), 50000);
    assert_int_equal(berth_rate_limit_take(&limit, 1000, now_us + 40000), 60000);
    assert_int_equal(berth_rate_limit_take(&limit, 1000, now_us + 10000000), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ranges_span_zeros_and_are_bounded),
        cmocka_unit_test(what_is_given_back_is_taken_again_without_what_was_finished),
        cmocka_unit_test(a_request_never_spans_more_than_its_limit),
        cmocka_unit_test(bytes_wait_for_their_rate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
