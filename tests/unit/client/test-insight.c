/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What users are told of the numbers: where a press went, why it is slow, rates; and what is taken
 * out of texts before they leave the device.
 */
#include "testing.h"

#include "client/core/redact.h"
#include "client/core/stats-report.h"

#include <string.h>

#define MS 1000

/* --- parts of a press --- */

static void
parts_make_up_the_whole(void **state)
{
    BerthInputSplit split = { 0 };
    const BerthMsgInputTimes told = { 3, 20 * MS, 2 * MS, 4 * MS };
    const BerthInputAnswer answer = {
        .serial = 3,
        .sent_us = 1000 * MS,
        .received_us = 1050 * MS,
        .ready_us = 1053 * MS,
        .shown_us = 1060 * MS,
    };
    uint32_t parts_us[BERTH_N_INPUT_PARTS];

    assert_false(berth_input_split_get(&split, parts_us));
    berth_input_split_answered(&split, &answer); /* the session has not told of it */
    assert_false(berth_input_split_get(&split, parts_us));
    berth_input_split_told(&split, &told);
    berth_input_split_answered(&split, &answer);
    assert_true(berth_input_split_get(&split, parts_us));
    assert_int_equal(parts_us[BERTH_INPUT_NETWORK], 24 * MS);
    assert_int_equal(parts_us[BERTH_INPUT_GUEST], 20 * MS);
    assert_int_equal(parts_us[BERTH_INPUT_WAIT], 2 * MS);
    assert_int_equal(parts_us[BERTH_INPUT_ENCODE], 4 * MS);
    assert_int_equal(parts_us[BERTH_INPUT_DECODE], 3 * MS);
    assert_int_equal(parts_us[BERTH_INPUT_PAINT], 7 * MS);
    berth_input_split_answered(&split, &answer); /* once */
    assert_int_equal(split.n_samples, 1);
}

/* A session that lies: no part is longer than what there was. */
static void
parts_are_never_more_than_the_whole(void **state)
{
    BerthInputSplit split = { 0 };
    const BerthMsgInputTimes told = { 9, UINT32_MAX, UINT32_MAX, UINT32_MAX };
    const BerthInputAnswer answer = {
        .serial = 9,
        .sent_us = 0,
        .received_us = 8 * MS,
        .ready_us = 9 * MS,
        .shown_us = 10 * MS,
    };
    uint32_t parts_us[BERTH_N_INPUT_PARTS];
    uint64_t sum_us = 0;

    for (int i = 0; i < 3 * BERTH_INPUT_SPLIT_MAX_SAMPLES; i++) {
        berth_input_split_told(&split, &told);
        berth_input_split_answered(&split, &answer);
    }
    assert_true(berth_input_split_get(&split, parts_us));
    for (int i = 0; i < BERTH_N_INPUT_PARTS; i++) {
        sum_us += parts_us[i];
    }
    assert_int_equal(sum_us, 10 * MS);
}

/* --- why it is slow --- */

static void
the_reason_that_counts_most_is_told(void **state)
{
    const struct {
        BerthHealth health;
        BerthSlowReason reason;
        const char *says; /* a part of the sentence */
    } rows[] = {
        { { 0 }, BERTH_SLOW_NOT, NULL },
        { { .rtt_us = 119 * MS }, BERTH_SLOW_NOT, NULL },
        { { .rtt_us = 120 * MS }, BERTH_SLOW_FAR, "120 ms" },
        { { .rtt_us = 300 * MS, .queue_us = 61 * MS }, BERTH_SLOW_FAR, "300 ms" },
        { { .rtt_us = 130 * MS, .queue_us = 400 * MS }, BERTH_SLOW_QUEUE, "400 ms" },
        /* A path that the desktop fills, and one that is fast. */
        { { .rate_kbps = 2000, .used_kbps = 1900 }, BERTH_SLOW_NARROW, "2.0 Mbit/s" },
        { { .rate_kbps = 2000, .used_kbps = 1000 }, BERTH_SLOW_NOT, NULL },
        { { .rate_kbps = 90000, .used_kbps = 89000 }, BERTH_SLOW_NOT, NULL },
        { { .used_kbps = 89000 }, BERTH_SLOW_NOT, NULL },
        { { .n_resumes = 1 }, BERTH_SLOW_NOT, NULL },
        { { .n_resumes = 2 }, BERTH_SLOW_BREAKS, "again and again" },
        { { .parts_us = { [BERTH_INPUT_GUEST] = 250 * MS } }, BERTH_SLOW_GUEST, "250 ms" },
        { { .parts_us = { [BERTH_INPUT_GUEST] = 130 * MS, [BERTH_INPUT_ENCODE] = 100 * MS } },
          BERTH_SLOW_HOST,
          "100 ms" },
        { { .parts_us = { [BERTH_INPUT_WAIT] = 30 * MS, [BERTH_INPUT_ENCODE] = 30 * MS } },
          BERTH_SLOW_HOST,
          "60 ms" },
        { { .has_host_state = true, .effort = 1 }, BERTH_SLOW_HOST, "host is busy" },
        { { .has_host_state = true, .effort = 2 }, BERTH_SLOW_NOT, NULL },
        { { .has_host_state = false, .effort = 0 }, BERTH_SLOW_NOT, NULL },
        { { .decode_us = 40 * MS, .paint_us = 20 * MS }, BERTH_SLOW_DEVICE, "60 ms" },
        { { .parts_us = { [BERTH_INPUT_PAINT] = 70 * MS } }, BERTH_SLOW_DEVICE, "70 ms" },
        { { .rtt_us = -1 }, BERTH_SLOW_NOT, NULL },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        BerthSlowReason reason = berth_slow_reason(&rows[i].health);
        g_autofree char *sentence = berth_slow_sentence(reason, &rows[i].health);

        if (reason != rows[i].reason) {
            fail_msg("row %zu: '%s', not '%s'", i, berth_slow_name(reason),
                     berth_slow_name(rows[i].reason));
        }
        assert_true((sentence == NULL) == (rows[i].says == NULL));
        if (sentence != NULL && strstr(sentence, rows[i].says) == NULL) {
            fail_msg("row %zu: '%s' does not say '%s'", i, sentence, rows[i].says);
        }
    }
}

/* --- rates --- */

static void
rates_are_what_came_between(void **state)
{
    static BerthStatsLook before, now;
    BerthStatsReport report;
    g_autofree char *text = NULL;

    berth_stats_init(&before.stats);
    berth_stats_init(&now.stats);
    before.bytes_in = 1000;
    now.now_us = 2000000;
    now.bytes_in = 1000 + 500000;
    now.stats.n_frames = 60;
    now.stats.pixels_us = 60 * 2 * MS;
    now.stats.present_us = 60 * 5 * MS;
    now.stats.rtt_us = 30 * MS;
    now.stats.traffic.kinds[BERTH_TRAFFIC_EXACT].n_bytes = 200000;
    now.stats.traffic.kinds[BERTH_TRAFFIC_EXACT].n_px = 750;
    now.stats.traffic.kinds[BERTH_TRAFFIC_PHOTO].n_bytes = 100000;
    now.stats.traffic.kinds[BERTH_TRAFFIC_PHOTO].n_px = 250;
    berth_stats_report_make(&before, &now, 0, &report);
    assert_int_equal(report.frames_per_s, 30);
    assert_int_equal(report.kbps[BERTH_RATE_EXACT], 800);
    assert_int_equal(report.kbps[BERTH_RATE_PHOTO], 400);
    assert_int_equal(report.kbps[BERTH_RATE_VIDEO], 0);
    assert_int_equal(report.kbps[BERTH_RATE_OTHER], 800);
    assert_int_equal(report.all_kbps, 2000);
    assert_int_equal(report.exact_permille, 750);
    assert_int_equal(report.health.decode_us, 2 * MS);
    assert_int_equal(report.health.paint_us, 3 * MS);
    assert_false(report.has_parts);
    text = berth_stats_report_format(&report);
    assert_non_null(strstr(text, "30 in a second"));
    assert_non_null(strstr(text, "75.0 %"));
    assert_non_null(strstr(text, "Round trip: 30.0 ms"));
    assert_null(strstr(text, "Line:")); /* the session did not tell */
    assert_true(text[strlen(text) - 1] != '\n');
}

static void
numbers_that_go_back_are_nothing(void **state)
{
    static BerthStatsLook before, now;
    BerthStatsReport report;
    json_t *slow;

    berth_stats_init(&before.stats);
    berth_stats_init(&now.stats);
    before.bytes_in = 5000;
    before.stats.n_frames = 9;
    before.stats.traffic.kinds[BERTH_TRAFFIC_VIDEO].n_bytes = 77;
    berth_stats_report_make(&before, &now, 0, &report);
    assert_int_equal(report.all_kbps, 0);
    assert_int_equal(report.frames_per_s, 0);
    assert_int_equal(report.exact_permille, 1000);
    slow = berth_stats_report_slow_to_json(&report);
    assert_true(json_is_null(slow));
    json_decref(slow);
    now.stats.rtt_us = 500 * MS;
    berth_stats_report_make(&before, &now, 0, &report);
    slow = berth_stats_report_slow_to_json(&report);
    assert_string_equal(json_string_value(json_object_get(slow, "reason")), "far");
    json_decref(slow);
}

/* --- what must not leave --- */

static void
secrets_are_taken_out(void **state)
{
    const struct {
        const char *text, *wanted;
    } rows[] = {
        { "", "" },
        { "nothing to hide: 12 of 13 frames", "nothing to hide: 12 of 13 frames" },
        { "session 00112233445566778899aabbccddeeff opens",
          "session 00112233445566778899aabbccddeeff opens" },
        { "token 00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff",
          "token [removed]" },
        { "password=hunter2 user=ann", "password=[removed] user=ann" },
        { "Password: \"two words\", next", "Password: [removed], next" },
        { "{\"token\": \"abc\", \"x\": 1}", "{\"token\": [removed], \"x\": 1}" },
        { "Authorization: Bearer abc.def", "Authorization: [removed]" },
        { "Authorization: Basic dXNlcjpwYXNz", "Authorization: [removed]" },
        { "sent bearer abc", "sent bearer [removed]" },
        { "code=481516", "code=[removed]" },
        { "berth://vdi.example/?code=aX9&desktop=office", "berth://vdi.example/?[removed]" },
        { "https://ann:hunter2@vdi.example/v1/me", "https://[removed]@vdi.example/v1/me" },
        { "opaque QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWZn.", "opaque [removed]." },
        { "\xff is no text", "\xef\xbf\xbd is no text" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *text = berth_redact(rows[i].text);

        assert_string_equal(text, rows[i].wanted);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_make_up_the_whole),
        cmocka_unit_test(parts_are_never_more_than_the_whole),
        cmocka_unit_test(the_reason_that_counts_most_is_told),
        cmocka_unit_test(rates_are_what_came_between),
        cmocka_unit_test(numbers_that_go_back_are_nothing),
        cmocka_unit_test(secrets_are_taken_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
