/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "display/audio/stretcher.h"

#include "testing.h"

#include <glib.h>
#include <math.h>

#define PIECE 480

static int16_t
tone(unsigned tick, double speed)
{
    return (int16_t)lrint(12000 * sin(tick * speed * 2 * M_PI * 440 / BERTH_SOUND_TICKS_PER_S));
}

static void
give_tone(BerthStretcher *stretcher, unsigned *tick)
{
    int16_t samples[PIECE * BERTH_SOUND_CHANNELS];

    for (unsigned i = 0; i < PIECE; i++, (*tick)++) {
        samples[2 * i] = tone(*tick, 1);
        samples[2 * i + 1] = (int16_t)-samples[2 * i];
    }
    berth_stretcher_give(stretcher, samples, PIECE);
}

static void
at_speed_one_nothing_changes(void **state)
{
    BerthStretcher stretcher;
    int16_t out[PIECE * BERTH_SOUND_CHANNELS];
    unsigned given = 0, taken = 0;

    berth_stretcher_init(&stretcher);
    while (taken < 48000) {
        unsigned n = berth_stretcher_take(&stretcher, out, 333);

        for (unsigned i = 0; i < n; i++, taken++) {
            assert_int_equal(out[2 * i], tone(taken, 1));
            assert_int_equal(out[2 * i + 1], -tone(taken, 1));
        }
        if (n < 333) {
            give_tone(&stretcher, &given);
        }
    }
}

/* The tone is where it should be, at another pitch, and without a step in it. */
static void
another_speed_is_another_pitch(void **state)
{
    static const int speeds[] = { -5000, -200, 200, 5000 };

    for (size_t k = 0; k < G_N_ELEMENTS(speeds); k++) {
        BerthStretcher stretcher;
        int16_t out[PIECE * BERTH_SOUND_CHANNELS];
        unsigned given = 0, taken = 0;

        berth_stretcher_init(&stretcher);
        berth_stretcher_set_speed(&stretcher, speeds[k]);
        while (taken < 48000) {
            unsigned n = berth_stretcher_take(&stretcher, out, PIECE);

            for (unsigned i = 0; i < n; i++, taken++) {
                assert_true(abs(out[2 * i] - tone(taken, 1 + speeds[k] / 1e6)) < 20);
            }
            if (n < PIECE) {
                give_tone(&stretcher, &given);
            }
        }
        int expected = (int)(taken * (speeds[k] / 1e6));
        assert_in_range((int)given - (int)taken - expected + 1000, 0, 2000);
    }
}

static void
speed_and_room_are_bounded(void **state)
{
    BerthStretcher stretcher;
    unsigned given = 0;

    berth_stretcher_init(&stretcher);
    berth_stretcher_set_speed(&stretcher, 1000000);
    assert_int_equal(stretcher.ppm, BERTH_STRETCHER_MAX_PPM);
    while (berth_stretcher_get_room(&stretcher) >= PIECE) {
        give_tone(&stretcher, &given);
    }
    assert_int_equal(berth_stretcher_get_waiting(&stretcher), given);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(at_speed_one_nothing_changes),
        cmocka_unit_test(another_speed_is_another_pitch),
        cmocka_unit_test(speed_and_room_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
