/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The frame window against a simulated path: a bottleneck of so many bytes a second, a fixed delay
 * both ways, and a client that acknowledges when it has decoded.
 */
#include "testing.h"

#include "berth/limits.h"
#include "display/wire/flow.h"

#define MAX_SENT 50000

typedef struct {
    BerthFlow *flow;
    int64_t bytes_per_s, one_way_us, decode_us;
    int64_t now_us;
    int64_t free_us; /* when the bottleneck is idle again */
    uint32_t next_frame;
    int64_t ack_us[MAX_SENT]; /* when the acknowledgement of a frame arrives */
    uint32_t n_acked;
    uint64_t delivered_bytes;
    size_t sizes[MAX_SENT];
    int64_t longest_queue_us; /* from sent to the last byte through the bottleneck */
} Path;

static Path *
path_new(int64_t bytes_per_s, int64_t rtt_us, int64_t decode_us)
{
    Path *path = g_new0(Path, 1);
    path->flow = berth_flow_new();
    berth_flow_note_rtt(path->flow, rtt_us, 0); /* the first PING */
    path->bytes_per_s = bytes_per_s;
    path->one_way_us = rtt_us / 2;
    path->decode_us = decode_us;
    return path;
}

static void
path_free(Path *path)
{
    berth_flow_free(path->flow);
    g_free(path);
}

/* Sends a frame; returns when the client has got it. */
static int64_t
path_send(Path *path, size_t n_bytes)
{
    uint32_t frame = path->next_frame++;
    assert_true(frame < MAX_SENT);
    assert_berth_ok(berth_flow_sent(path->flow, frame, n_bytes, path->now_us));
    path->free_us =
        MAX(path->free_us, path->now_us) + (int64_t)n_bytes * 1000000 / path->bytes_per_s;
    path->longest_queue_us = MAX(path->longest_queue_us, path->free_us - path->now_us);
    path->ack_us[frame] = path->free_us + 2 * path->one_way_us + path->decode_us;
    path->sizes[frame] = n_bytes;
    return path->free_us + path->one_way_us;
}

static void
path_take_acks(Path *path)
{
    while (path->n_acked < path->next_frame && path->ack_us[path->n_acked] <= path->now_us) {
        const BerthMsgFrameAck ack = { path->n_acked, (uint32_t)path->decode_us, 0, 0 };
        assert_berth_ok(berth_flow_acked(path->flow, &ack, path->now_us));
        path->delivered_bytes += path->sizes[path->n_acked];
        path->n_acked++;
    }
}

static void
path_step(Path *path)
{
    path->now_us += 500;
    path_take_acks(path);
}

/* Sends bulk of a budget as fast as the window allows, for a time. */
static void
path_saturate(Path *path, int64_t for_us)
{
    int64_t end_us = path->now_us + for_us;
    while (path->now_us < end_us) {
        while (berth_flow_can_send(path->flow, BERTH_FLOW_BULK, path->now_us)) {
            path_send(path, berth_flow_get_budget_bytes(path->flow, BERTH_FLOW_BULK, path->now_us));
        }
        path_step(path);
    }
}

/* Sends a letter every 120 ms for a time; each is small and leaves as soon as it may. */
static int64_t
path_type(Path *path, int64_t for_us, bool is_beside_bulk)
{
    int64_t end_us = path->now_us + for_us;
    int64_t worst_us = 0;
    int64_t due_us = path->now_us + 120000;
    while (path->now_us < end_us) {
        if (path->now_us >= due_us &&
            berth_flow_can_send(path->flow, BERTH_FLOW_FRESH, path->now_us)) {
            int64_t took_us = path_send(path, 800) - due_us;
            worst_us = MAX(worst_us, took_us);
            due_us += 120000;
        }
        if (is_beside_bulk && path->now_us < due_us &&
            berth_flow_can_send(path->flow, BERTH_FLOW_BULK, path->now_us)) {
            path_send(path, berth_flow_get_budget_bytes(path->flow, BERTH_FLOW_BULK, path->now_us));
        }
        path_step(path);
    }
    return worst_us;
}

static void
at_most_two_frames_are_in_flight(void **state)
{
    BerthFlow *flow = berth_flow_new();
    const BerthMsgFrameAck ack = { 1, 0, 0, 0 };
    assert_true(berth_flow_can_send(flow, BERTH_FLOW_FRESH, 0));
    assert_berth_ok(berth_flow_sent(flow, 1, 100, 0));
    assert_true(berth_flow_can_send(flow, BERTH_FLOW_FRESH, 0));
    assert_berth_ok(berth_flow_sent(flow, 2, 100, 0));
    assert_false(berth_flow_can_send(flow, BERTH_FLOW_FRESH, 0));
    assert_berth_error(berth_flow_sent(flow, 3, 100, 0), BERTH_ERR_STATE);
    assert_berth_ok(berth_flow_acked(flow, &ack, 1000));
    assert_true(berth_flow_can_send(flow, BERTH_FLOW_FRESH, 1000));
    berth_flow_free(flow);
}

static void
refinement_waits_for_an_empty_path(void **state)
{
    BerthFlow *flow = berth_flow_new();
    const BerthMsgFrameAck ack = { 1, 0, 0, 0 };
    assert_true(berth_flow_can_send(flow, BERTH_FLOW_REFINE, 0));
    assert_berth_ok(berth_flow_sent(flow, 1, 100, 0));
    assert_false(berth_flow_can_send(flow, BERTH_FLOW_REFINE, 0));
    assert_berth_ok(berth_flow_acked(flow, &ack, 1000));
    assert_true(berth_flow_can_send(flow, BERTH_FLOW_REFINE, 1000));
    berth_flow_free(flow);
}

static void
a_large_first_frame_is_waited_for(void **state)
{
    BerthFlow *flow = berth_flow_new();
    assert_berth_ok(berth_flow_sent(flow, 1, 1000000, 0));
    assert_false(berth_flow_can_send(flow, BERTH_FLOW_FRESH, 0));
    assert_int_equal(berth_flow_get_waiting_us(flow, 5000), 5000);
    assert_false(berth_flow_is_stalled(flow, 1999999));
    assert_true(berth_flow_is_stalled(flow, 2000000));
    berth_flow_free(flow);
}

static void
an_acknowledgement_covers_older_frames_and_must_be_true(void **state)
{
    BerthFlow *flow = berth_flow_new();
    BerthFlowStats stats;
    BerthMsgFrameAck ack = { 3, 0, 0, 0 };
    assert_berth_error(berth_flow_acked(flow, &ack, 0), BERTH_ERR_PROTOCOL);
    assert_berth_ok(berth_flow_sent(flow, 1, 100, 0));
    assert_berth_ok(berth_flow_sent(flow, 2, 100, 0));
    assert_berth_error(berth_flow_acked(flow, &ack, 0), BERTH_ERR_PROTOCOL);
    ack.frame = 2;
    assert_berth_ok(berth_flow_acked(flow, &ack, 10));
    assert_berth_error(berth_flow_acked(flow, &ack, 10), BERTH_ERR_PROTOCOL);
    berth_flow_get_stats(flow, &stats);
    assert_true(stats.n_in_flight == 0 && stats.bytes_in_flight == 0);
    assert_true(stats.n_sent == 2 && stats.n_acked == 2);
    assert_int_equal(berth_flow_get_waiting_us(flow, 100), 0);
    berth_flow_free(flow);
}

static void
a_frame_that_has_not_left_cannot_be_acknowledged(void **state)
{
    BerthFlow *flow = berth_flow_new();
    BerthMsgFrameAck ack = { 2, 0, 0, 0 };
    assert_berth_ok(berth_flow_sent(flow, 1, 10000, 0));
    assert_berth_ok(berth_flow_sent(flow, 2, 90000, 0));
    berth_flow_note_unsent(flow, 80000);
    assert_berth_error(berth_flow_acked(flow, &ack, 10), BERTH_ERR_PROTOCOL);
    ack.frame = 1; /* that one may have arrived */
    assert_berth_ok(berth_flow_acked(flow, &ack, 10));
    berth_flow_note_unsent(flow, 0);
    ack.frame = 2;
    assert_berth_ok(berth_flow_acked(flow, &ack, 20));
    berth_flow_free(flow);
}

static void
a_path_is_kept_busy_and_not_flooded(void **state)
{
    static const struct {
        int64_t bytes_per_s, rtt_us;
        int min_percent;
        int64_t longest_queue_us;
    } rows[] = {
        { 125000000, 200, 85, 60000 }, /* 1 Gbit/s */
        { 12500000, 1000, 90, 60000 }, /* LAN of 100 Mbit/s */
        { 2500000, 20000, 90, 80000 }, /* 20 Mbit/s, 20 ms */
        { 1250000, 40000, 75, 100000 }, { 1250000, 100000, 75, 140000 },
        { 250000, 60000, 75, 150000 },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        Path *path = path_new(rows[i].bytes_per_s, rows[i].rtt_us, 0);
        path_saturate(path, 3 * 1000000);
        uint64_t start = path->delivered_bytes;
        path_saturate(path, 5 * 1000000);
        int percent =
            (int)((path->delivered_bytes - start) * 100 / (uint64_t)(rows[i].bytes_per_s * 5));
        if (percent < rows[i].min_percent || path->longest_queue_us > rows[i].longest_queue_us) {
            fail_msg("row %zu uses %d %% of the path, its longest queue is %lld us", i, percent,
                     (long long)path->longest_queue_us);
        }
        path_free(path);
    }
}

static void
a_letter_waits_little_behind_bulk(void **state)
{
    Path *path = path_new(1250000, 40000, 1000);
    path_type(path, 1000000, false);
    int64_t alone_us = path_type(path, 3 * 1000000, false);
    path_saturate(path, 1000000);
    int64_t beside_us = path_type(path, 5 * 1000000, true);
    assert_in_range(alone_us, 20000, 22000);
    assert_in_range(beside_us, 20000, 90000);
    path_free(path);
}

#define FILM_US 33333
#define LETTER_US 121300

typedef struct {
    size_t film_bytes; /* of each picture; 0 is no film */
    int64_t letter_us, film_us, last_us;
    int64_t sum_us; /* from letters to their pictures */
    unsigned n_letters, n_frames;
} Typing;

/* What is there leaves together, frames at least 16 ms apart. */
static void
typing_send(Typing *typing, Path *path)
{
    bool is_letter = typing->letter_us <= path->now_us;
    bool is_film = typing->film_bytes > 0 && typing->film_us <= path->now_us;
    if ((!is_letter && !is_film) || path->now_us - typing->last_us < 16000 ||
        !berth_flow_can_send(path->flow, BERTH_FLOW_FRESH, path->now_us)) {
        return;
    }
    int64_t shown_us = path_send(path, (is_letter ? 800 : 0) + (is_film ? typing->film_bytes : 0));
    typing->last_us = path->now_us;
    if (is_letter) {
        typing->sum_us += shown_us - typing->letter_us;
        typing->n_letters++;
        typing->letter_us += LETTER_US;
    }
    if (is_film) {
        typing->n_frames++;
        typing->film_us += FILM_US * ((path->now_us - typing->film_us) / FILM_US + 1);
    }
}

/*
 * Letters beside a film of 30 frames a second.  Returns the mean time from a letter to its picture.
 */
static int64_t
path_type_beside_film(Path *path, int64_t for_us, size_t film_bytes, unsigned *ret_n_frames)
{
    int64_t end_us = path->now_us + for_us;
    Typing typing = { .film_bytes = film_bytes,
                      .letter_us = path->now_us + 50000,
                      .film_us = path->now_us,
                      .last_us = path->now_us };
    while (path->now_us < end_us) {
        typing_send(&typing, path);
        path_step(path);
    }
    *ret_n_frames = typing.n_frames;
    return typing.sum_us / typing.n_letters;
}

static void
letters_beside_a_film_wait_little(void **state)
{
    /* A film in a window, and one on all of the screen. */
    static const struct {
        size_t film_bytes;
        int64_t more_us;
        unsigned min_frames;
    } rows[] = { { 3000, 10000, 298 }, { 16000, 20000, 280 } };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        Path *path = path_new(1250000, 40000, 3000);
        unsigned n_frames;
        int64_t alone_us = path_type_beside_film(path, 10 * 1000000, 0, &n_frames);
        int64_t beside_us =
            path_type_beside_film(path, 10 * 1000000, rows[i].film_bytes, &n_frames);
        if (beside_us > alone_us + rows[i].more_us || n_frames < rows[i].min_frames) {
            fail_msg("letters need %lld us alone, %lld us beside a film; %u of 300 frames",
                     (long long)alone_us, (long long)beside_us, n_frames);
        }
        path_free(path);
    }
}

static void
estimates_are_near_the_truth(void **state)
{
    static const int64_t decode_us[] = { 0, 5000, 30000 };
    for (size_t i = 0; i < G_N_ELEMENTS(decode_us); i++) {
        Path *path = path_new(2500000, 20000, decode_us[i]);
        BerthFlowStats stats;
        path_saturate(path, 5 * 1000000);
        berth_flow_get_stats(path->flow, &stats);
        assert_in_range(stats.rtt_us, 19000, 36000);
        assert_in_range(stats.rate_kbps, 15000, 30000);
        assert_int_equal(stats.decode_us, decode_us[i]);
        path_free(path);
    }
}

/* The first PING came late, as from a client that starts; nothing small is sent for seconds. */
static void
a_round_trip_that_was_too_long_is_corrected(void **state)
{
    Path *path = path_new(1250000, 40000, 2000);
    BerthFlowStats stats;
    berth_flow_reset(path->flow);
    berth_flow_note_rtt(path->flow, 80000, 0);
    path_saturate(path, 3 * 1000000);
    berth_flow_get_stats(path->flow, &stats);
    assert_in_range(stats.rate_kbps, 8000, 13000);
    assert_in_range(stats.rtt_us, 30000, 80000);
    assert_in_range(path->longest_queue_us, 1, 150000);
    path_free(path);
}

static void
letters_do_not_spoil_what_is_known(void **state)
{
    Path *path = path_new(1250000, 40000, 1000);
    BerthFlowStats before, after;
    path_saturate(path, 2 * 1000000);
    berth_flow_get_stats(path->flow, &before);
    path_type(path, 20 * 1000000, false);
    berth_flow_get_stats(path->flow, &after);
    assert_int_equal(after.rate_kbps, before.rate_kbps);
    assert_in_range(after.rtt_us, 40000, 43000);
    path_free(path);
}

static void
a_path_that_gets_narrow_is_followed(void **state)
{
    Path *path = path_new(1250000, 40000, 0);
    path_saturate(path, 3 * 1000000);
    path->bytes_per_s = 250000;
    path_saturate(path, 1000000);
    path->longest_queue_us = 0;
    path_saturate(path, 3 * 1000000);
    assert_in_range(path->longest_queue_us, 1, 150000);
    path->bytes_per_s = 1250000;
    path_saturate(path, 2 * 1000000);
    uint64_t start = path->delivered_bytes;
    path_saturate(path, 2 * 1000000);
    assert_true(path->delivered_bytes - start > 1250000 * 2 * 7 / 10);
    path_free(path);
}

static void
a_stalled_client_gets_nothing_and_recovers(void **state)
{
    Path *path = path_new(12500000, 20000, 0);
    path_saturate(path, 3 * 1000000);
    path->decode_us = 10 * 1000000; /* frozen */
    path_saturate(path, 1000000);
    uint32_t n_sent = path->next_frame;
    path_saturate(path, 8 * 1000000);
    assert_true(path->next_frame - n_sent <= 2);
    assert_true(berth_flow_is_stalled(path->flow, path->now_us));
    path->decode_us = 0;
    while (berth_flow_is_stalled(path->flow, path->now_us)) {
        path_step(path);
    }
    /* A whole picture of a megabyte is there in half a second. */
    uint64_t start = path->delivered_bytes;
    path_saturate(path, 500000);
    assert_true(path->delivered_bytes - start > 1000000);
    path_free(path);
}

static void
a_long_idle_time_halves_the_rate(void **state)
{
    Path *path = path_new(1250000, 40000, 0);
    BerthFlowStats before, after;
    path_saturate(path, 2 * 1000000);
    berth_flow_get_stats(path->flow, &before);
    for (int64_t end_us = path->now_us + 40 * 1000000; path->now_us < end_us;) {
        path_step(path);
    }
    path_send(path, 100);
    berth_flow_get_stats(path->flow, &after);
    assert_in_range(after.rate_kbps, before.rate_kbps / 2 - 8, before.rate_kbps / 2 + 8);
    path_saturate(path, 1000000);
    berth_flow_get_stats(path->flow, &after);
    assert_in_range(after.rate_kbps, 8000, 13000);
    path_free(path);
}

static void
a_lying_client_breaks_nothing(void **state)
{
    BerthFlow *flow = berth_flow_new();
    BerthFlowStats stats;
    for (uint32_t frame = 0; frame < 100; frame++) {
        const BerthMsgFrameAck ack = { frame, UINT32_MAX, UINT32_MAX, UINT16_MAX };
        assert_true(berth_flow_can_send(flow, BERTH_FLOW_FRESH, frame));
        assert_berth_ok(berth_flow_sent(flow, frame, BERTH_LIMIT_MESSAGE_BYTES, frame));
        berth_flow_note_rtt(flow, frame % 2 == 0 ? -1 : INT64_MAX, frame);
        assert_berth_ok(berth_flow_acked(flow, &ack, frame));
        size_t budget = berth_flow_get_budget_bytes(flow, BERTH_FLOW_FRESH, frame);
        assert_in_range(budget, 4096, BERTH_LIMIT_OUTPUT_QUEUE_BYTES / 2);
    }
    berth_flow_get_stats(flow, &stats);
    assert_int_equal(stats.n_in_flight, 0);
    berth_flow_reset(flow);
    berth_flow_get_stats(flow, &stats);
    assert_true(stats.n_sent == 0 && stats.rate_kbps == 0 && stats.rtt_us == 0);
    berth_flow_free(flow);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(at_most_two_frames_are_in_flight),
        cmocka_unit_test(refinement_waits_for_an_empty_path),
        cmocka_unit_test(a_large_first_frame_is_waited_for),
        cmocka_unit_test(an_acknowledgement_covers_older_frames_and_must_be_true),
        cmocka_unit_test(a_frame_that_has_not_left_cannot_be_acknowledged),
        cmocka_unit_test(a_path_is_kept_busy_and_not_flooded),
        cmocka_unit_test(a_letter_waits_little_behind_bulk),
        cmocka_unit_test(letters_beside_a_film_wait_little),
        cmocka_unit_test(estimates_are_near_the_truth),
        cmocka_unit_test(a_round_trip_that_was_too_long_is_corrected),
        cmocka_unit_test(letters_do_not_spoil_what_is_known),
        cmocka_unit_test(a_path_that_gets_narrow_is_followed),
        cmocka_unit_test(a_stalled_client_gets_nothing_and_recovers),
        cmocka_unit_test(a_long_idle_time_halves_the_rate),
        cmocka_unit_test(a_lying_client_breaks_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
