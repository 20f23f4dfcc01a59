/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "display/audio/sound-receiver.h"

#include "sound-path.h"
#include "testing.h"

#include "display/audio/opus-codec.h"

typedef struct {
    const char *name;
    SoundPathPlan plan;
    unsigned max_glitches;
    int max_median_ms, max_last_ms;
} Row;

static const Row rows[] = {
    { "a quiet network", { 20, 1024, 0, 480, 0 }, 0, 65, 65 },
    { "a network that trembles", { 20, 1024, 0, 480, 15000 }, 0, 80, 80 },
    { "large pulls", { 20, 1024, 0, 960, 2000 }, 0, 80, 80 },
    { "small pieces", { 20, 480, 0, 480, 0 }, 0, 55, 55 },
    { "a quick card", { 40, 1024, 300, 480, 2000 }, 0, 75, 75 },
    { "a slow card", { 40, 1024, -300, 480, 2000 }, 0, 75, 75 },
    { "stalls", { 120, 1024, 50, 480, 2000, 100, 2 }, 1, 180, 180 },
    { "one break", { 40, 1024, 0, 480, 1000, 0, 0, 20, 3000 }, 3, 80, 80 },
    { "a desktop that stands still", { 40, 1024, 0, 480, 1000, 0, 0, 20, 0, 3000 }, 1, 80, 80 },
};

static void
sound_comes_in_time_and_without_holes(void **state)
{
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        SoundPathResult result = sound_path_run(&rows[i].plan);

        print_message("%s: %u glitches, median %lld ms, p95 %lld ms, last %lld ms\n", rows[i].name,
                      (unsigned)result.stats.n_glitches, (long long)result.median_us / 1000,
                      (long long)result.p95_us / 1000, (long long)result.last_us / 1000);
        assert_true(result.tone > 8000);
        assert_true(result.stats.n_glitches <= rows[i].max_glitches);
        assert_true(result.median_us <= rows[i].max_median_ms * 1000);
        assert_true(result.last_us <= rows[i].max_last_ms * 1000);
        assert_int_equal(result.stats.n_bad, 0);
    }
}

static int
push(BerthSoundReceiver *receiver, uint64_t position, size_t len, int64_t now_us)
{
    static const uint8_t packet[BERTH_LIMIT_SOUND_PACKET_BYTES + 1] = { 0xfc };

    return berth_sound_receiver_push(receiver, position, 0, packet, len, now_us);
}

static void
hostile_packets_are_refused(void **state)
{
    g_autoptr(BerthSoundReceiver) receiver = berth_sound_receiver_new();

    assert_berth_error(push(receiver, 0, 3, 0), BERTH_ERR_STATE);
    berth_sound_receiver_open(receiver, 480);
    assert_berth_ok(push(receiver, 4800, 3, 0));
    assert_berth_error(push(receiver, 4800, 3, 0), BERTH_ERR_PROTOCOL);
    assert_berth_error(push(receiver, 4801, 3, 0), BERTH_ERR_PROTOCOL);
    assert_berth_error(push(receiver, 9600, BERTH_LIMIT_SOUND_PACKET_BYTES + 1, 0),
                       BERTH_ERR_TOO_LARGE);
    berth_sound_receiver_close(receiver);
    assert_berth_error(push(receiver, 9600, 3, 0), BERTH_ERR_STATE);
}

/* Whatever positions and times come, pulls give out silence or sound and end. */
static void
strange_positions_do_no_harm(void **state)
{
    g_autoptr(BerthSoundReceiver) receiver = berth_sound_receiver_new();
    g_autoptr(GRand) random = g_rand_new_with_seed(7);
    int16_t out[480 * 2];
    int64_t now_us = 0;
    uint64_t position = 0;

    for (unsigned i = 0; i < 20000; i++) {
        if (i % 1000 == 0) {
            berth_sound_receiver_open(receiver, i % 2000 == 0 ? 480 : 960);
            position = 0;
        }
        if (g_rand_int_range(random, 0, 3) > 0) {
            (void)push(receiver, position, (size_t)g_rand_int_range(random, 1, 9), now_us);
            position += 1ULL << g_rand_int_range(random, 0, 50);
        }
        (void)berth_sound_receiver_pull(receiver, out, (unsigned)g_rand_int_range(random, 1, 480),
                                        now_us);
        now_us += g_rand_int_range(random, 0, 20000);
    }
}

/* What an ear would count, whatever the reasons are. */
static void
troubles_near_each_other_are_one_glitch(void **state)
{
    static const struct {
        uint64_t dropped[4]; /* packets that the sender left out; 0: none */
        unsigned n_gaps, n_glitches;
    } cases[] = {
        { { 0 }, 0, 0 },
        { { 50 }, 1, 1 },
        { { 50, 51, 52 }, 1, 1 },
        { { 50, 53, 56 }, 3, 1 },
        { { 50, 60 }, 2, 1 },
        { { 50, 62 }, 2, 2 },
        { { 50, 100, 150, 152 }, 4, 3 },
    };

    g_autoptr(BerthOpusEncoder) encoder = berth_opus_encoder_new(96);
    int16_t out[480 * 2] = { 0 };
    uint8_t packet[BERTH_LIMIT_SOUND_PACKET_BYTES];
    size_t len = (size_t)berth_opus_encoder_encode(encoder, out, packet);

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(BerthSoundReceiver) receiver = berth_sound_receiver_new();
        BerthSoundReceiverStats stats;

        berth_sound_receiver_open(receiver, 480);
        for (uint64_t n = 0; n < 200; n++) {
            bool is_dropped = false;

            for (size_t k = 0; k < G_N_ELEMENTS(cases[i].dropped); k++) {
                is_dropped = is_dropped || (n > 0 && cases[i].dropped[k] == n);
            }
            if (!is_dropped) {
                assert_berth_ok(berth_sound_receiver_push(receiver, n * 480, 0, packet, len,
                                                          (int64_t)n * 10000));
            }
            (void)berth_sound_receiver_pull(receiver, out, 480, (int64_t)n * 10000);
        }
        berth_sound_receiver_get_stats(receiver, &stats);
        assert_int_equal(stats.n_gaps, cases[i].n_gaps);
        assert_int_equal(stats.n_glitches, cases[i].n_glitches);
    }
}

static void
what_waits_is_bounded(void **state)
{
    g_autoptr(BerthSoundReceiver) receiver = berth_sound_receiver_new();
    BerthSoundReceiverStats stats;
    int16_t out[480 * 2];

    berth_sound_receiver_open(receiver, 480);
    for (uint64_t i = 0; i < 10000; i++) {
        assert_berth_ok(push(receiver, i * 480, 3, 0));
    }
    berth_sound_receiver_close(receiver);
    for (unsigned i = 0; i < BERTH_SOUND_MAX_PACKETS + 10; i++) {
        (void)berth_sound_receiver_pull(receiver, out, 480, i * 10000);
    }
    assert_false(berth_sound_receiver_pull(receiver, out, 480, 5000000));
    berth_sound_receiver_get_stats(receiver, &stats);
    assert_false(stats.is_playing);
}

static void
without_a_stream_there_is_silence(void **state)
{
    g_autoptr(BerthSoundReceiver) receiver = berth_sound_receiver_new();
    int16_t out[1000 * 2];

    memset(out, 0x55, sizeof out);
    assert_false(berth_sound_receiver_pull(receiver, out, 1000, 0));
    assert_int_equal(berth_sound_peak(out, 1000), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sound_comes_in_time_and_without_holes),
        cmocka_unit_test(hostile_packets_are_refused),
        cmocka_unit_test(strange_positions_do_no_harm),
        cmocka_unit_test(troubles_near_each_other_are_one_glitch),
        cmocka_unit_test(what_waits_is_bounded),
        cmocka_unit_test(without_a_stream_there_is_silence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
