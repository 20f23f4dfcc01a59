/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The frame window against a simulated path: a bottleneck of so many bytes a second, a fixed delay
 * both ways, and a client that acknowledges when it has decoded.
 */
#include "testing.h"

#include "berth/limits.h"
#include "display/wire/flow.h"

#define MAX_SENT 20000

typedef struct {
    BerthFlow *flow;
    int64_t bytes_per_s, one_way_us, decode_us;
    int64_t now_us;
    int64_t free_us; /* when the bottleneck is idle again */
    uint32_t next_frame;
    int64_t ack_us[MAX_SENT]; /* when the acknowledgement of a frame arrives */
    uint32_t n_acked;
    size_t most_in_flight_bytes;
    uint64_t delivered_bytes;
    size_t sizes[MAX_SENT];
} Path;

static void
path_init(Path *path, int64_t bytes_per_s, int64_t rtt_us, int64_t decode_us)
{
    memset(path, 0, sizeof *path);
    path->flow = berth_flow_new();
    path->bytes_per_s = bytes_per_s;
    path->one_way_us = rtt_us / 2;
    path->decode_us = decode_us;
}

static void
path_send(Path *path, size_t n_bytes)
{
    BerthFlowStats stats;
    uint32_t frame = path->next_frame++;
    assert_true(frame < MAX_SENT);
    assert_berth_ok(berth_flow_sent(path->flow, frame, n_bytes, path->now_us));
    path->free_us =
        MAX(path->free_us, path->now_us) + (int64_t)n_bytes * 1000000 / path->bytes_per_s;
    int64_t decoded_us = path->free_us + path->one_way_us + path->decode_us;
    path->ack_us[frame] = decoded_us + path->one_way_us;
    path->sizes[frame] = n_bytes;
    berth_flow_get_stats(path->flow, &stats);
    path->most_in_flight_bytes = MAX(path->most_in_flight_bytes, stats.bytes_in_flight);
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

/* Sends frames of a size as fast as the window allows, for a time; every tenth one is small. */
static void
path_saturate(Path *path, size_t n_bytes, int64_t for_us)
{
    int64_t end_us = path->now_us + for_us;
    while (path->now_us < end_us) {
        path_take_acks(path);
        while (berth_flow_can_send(path->flow, path->now_us)) {
            path_send(path, path->next_frame % 10 == 0 ? 300 : n_bytes);
        }
        path->now_us += 500;
    }
}

static void
at_most_two_frames_are_in_flight(void **state)
{
    BerthFlow *flow = berth_flow_new();
    const BerthMsgFrameAck ack = { 1, 0, 0, 0 };
    assert_true(berth_flow_can_send(flow, 0));
    assert_berth_ok(berth_flow_sent(flow, 1, 100, 0));
    assert_true(berth_flow_can_send(flow, 0));
    assert_berth_ok(berth_flow_sent(flow, 2, 100, 0));
    assert_false(berth_flow_can_send(flow, 0));
    assert_berth_error(berth_flow_sent(flow, 3, 100, 0), BERTH_ERR_STATE);
    assert_berth_ok(berth_flow_acked(flow, &ack, 1000));
    assert_true(berth_flow_can_send(flow, 1000));
    berth_flow_free(flow);
}

static void
a_large_first_frame_is_waited_for(void **state)
{
    BerthFlow *flow = berth_flow_new();
    assert_berth_ok(berth_flow_sent(flow, 1, 1000000, 0));
    assert_false(berth_flow_can_send(flow, 0));
    assert_int_equal(berth_flow_get_waiting_us(flow, 5000), 5000);
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
a_path_is_kept_busy_and_not_flooded(void **state)
{
    static const struct {
        int64_t bytes_per_s, rtt_us;
        size_t frame;
        int min_percent;
    } rows[] = {
        { 12500000, 1000, 20000, 80 },                                  /* LAN of 100 Mbit/s */
        { 12500000, 1000, 200000, 85 }, { 2500000, 20000, 50000, 80 },  /* 20 Mbit/s, 20 ms */
        { 2500000, 20000, 400000, 85 }, { 1250000, 60000, 200000, 70 }, /* 10 Mbit/s, 60 ms */
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        Path *path = g_new(Path, 1);
        path_init(path, rows[i].bytes_per_s, rows[i].rtt_us, 0);
        path_saturate(path, rows[i].frame, 3 * 1000000);
        uint64_t start = path->delivered_bytes;
        path->most_in_flight_bytes = 0;
        path_saturate(path, rows[i].frame, 5 * 1000000);
        int percent =
            (int)((path->delivered_bytes - start) * 100 / (uint64_t)(rows[i].bytes_per_s * 5));
        if (percent < rows[i].min_percent) {
            fail_msg("row %zu uses %d %% of the path", i, percent);
        }
        assert_true(path->most_in_flight_bytes <= 2 * rows[i].frame);
        berth_flow_free(path->flow);
        g_free(path);
    }
}

static void
estimates_are_near_the_truth(void **state)
{
    Path *path = g_new(Path, 1);
    BerthFlowStats stats;
    path_init(path, 2500000, 20000, 5000);
    path_saturate(path, 100000, 5 * 1000000);
    berth_flow_get_stats(path->flow, &stats);
    assert_in_range(stats.rtt_us, 19000, 23000);
    assert_in_range(stats.rate_kbps, 15000, 40000);
    assert_int_equal(stats.decode_us, 5000);
    berth_flow_free(path->flow);
    g_free(path);
}

static void
a_stalled_client_gets_nothing_and_recovers(void **state)
{
    Path *path = g_new(Path, 1);
    path_init(path, 2500000, 20000, 0);
    path_saturate(path, 50000, 3 * 1000000);
    path->decode_us = 30 * 1000000; /* frozen */
    path_saturate(path, 50000, 1000000);
    uint32_t n_sent = path->next_frame;
    path_saturate(path, 50000, 10 * 1000000);
    assert_true(path->next_frame - n_sent <= 2);
    assert_true(berth_flow_get_waiting_us(path->flow, path->now_us) >= 9 * 1000000);
    path->decode_us = 0;
    path_saturate(path, 50000, 30 * 1000000);
    uint64_t start = path->delivered_bytes;
    path_saturate(path, 50000, 2 * 1000000);
    assert_true(path->delivered_bytes - start > 2500000 * 2 * 7 / 10);
    berth_flow_free(path->flow);
    g_free(path);
}

static void
a_lying_client_breaks_nothing(void **state)
{
    BerthFlow *flow = berth_flow_new();
    BerthFlowStats stats;
    for (uint32_t frame = 0; frame < 100; frame++) {
        const BerthMsgFrameAck ack = { frame, UINT32_MAX, UINT32_MAX, UINT16_MAX };
        assert_true(berth_flow_can_send(flow, frame));
        assert_berth_ok(berth_flow_sent(flow, frame, BERTH_LIMIT_MESSAGE_BYTES, frame));
        assert_berth_ok(berth_flow_acked(flow, &ack, frame));
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
        cmocka_unit_test(a_large_first_frame_is_waited_for),
        cmocka_unit_test(an_acknowledgement_covers_older_frames_and_must_be_true),
        cmocka_unit_test(a_path_is_kept_busy_and_not_flooded),
        cmocka_unit_test(estimates_are_near_the_truth),
        cmocka_unit_test(a_stalled_client_gets_nothing_and_recovers),
        cmocka_unit_test(a_lying_client_breaks_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
