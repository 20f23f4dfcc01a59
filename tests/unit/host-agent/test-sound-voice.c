/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/session/sound-voice.h"

#include "testing.h"

#include <glib.h>

static const BerthSoundFormat good = { 16, true, false, false, 48000, 2 };

static void
only_what_was_asked_for_is_taken(void **state)
{
    BerthSoundVoice voice;

    assert_berth_ok(berth_sound_voice_init(&voice, 7, &good));
    assert_true(voice.is_used && voice.id == 7 && !voice.is_enabled);
    for (int i = 0; i < 7; i++) {
        BerthSoundFormat bad = good;

        bad.bits = i == 0 ? 8 : 16;
        bad.is_signed = i != 1;
        bad.is_float = i == 2;
        bad.is_big_endian = i == 3;
        bad.ticks_per_s = i == 4 ? 44100 : 48000;
        bad.n_channels = i == 5 ? 0 : i == 6 ? 3 : 2;
        assert_berth_error(berth_sound_voice_init(&voice, 7, &bad), BERTH_ERR_UNSUPPORTED);
        assert_false(voice.is_used);
    }
}

static void
bytes_become_ticks(void **state)
{
    static const uint8_t bytes[] = { 1, 0, 255, 255, 0, 128, 255, 127, 9, 9, 9 };
    BerthSoundVoice voice;
    int16_t out[8] = { 0 };
    size_t used = 0;

    assert_berth_ok(berth_sound_voice_init(&voice, 1, &good));
    assert_int_equal(berth_sound_voice_read(&voice, bytes, sizeof bytes, out, 4, &used), 2);
    assert_int_equal(used, 8);
    assert_true(out[0] == 1 && out[1] == -1 && out[2] == -32768 && out[3] == 32767);
    assert_int_equal(berth_sound_voice_read(&voice, bytes, sizeof bytes, out, 1, &used), 1);
    assert_int_equal(berth_sound_voice_read(&voice, bytes, 3, out, 4, &used), 0);
}

static void
one_channel_is_heard_on_both_sides(void **state)
{
    static const uint8_t bytes[] = { 10, 0, 20, 0 };
    BerthSoundFormat mono = good;
    BerthSoundVoice voice;
    int16_t out[4];
    uint8_t back[4];
    size_t used;

    mono.n_channels = 1;
    assert_berth_ok(berth_sound_voice_init(&voice, 1, &mono));
    assert_int_equal(berth_sound_voice_read(&voice, bytes, 4, out, 8, &used), 2);
    assert_true(out[0] == 10 && out[1] == 10 && out[2] == 20 && out[3] == 20);
    assert_int_equal(berth_sound_voice_write(&voice, out, 2, back), 4);
    assert_memory_equal(back, bytes, 4);
}

static void
the_volume_of_the_guest_counts(void **state)
{
    static const uint8_t bytes[] = { 0xe8, 0x03, 0xe8, 0x03 }; /* 1000 */
    static const uint8_t volumes[] = { 255, 51 };
    BerthSoundVoice voice;
    int16_t out[2];
    size_t used;

    assert_berth_ok(berth_sound_voice_init(&voice, 1, &good));
    berth_sound_voice_set_volume(&voice, false, volumes, 2);
    (void)berth_sound_voice_read(&voice, bytes, 4, out, 1, &used);
    assert_true(out[0] == 1000 && out[1] == 200);
    berth_sound_voice_set_volume(&voice, true, NULL, 0);
    (void)berth_sound_voice_read(&voice, bytes, 4, out, 1, &used);
    assert_true(out[0] == 0 && out[1] == 0);
    berth_sound_voice_set_volume(&voice, false, volumes + 1, 1);
    (void)berth_sound_voice_read(&voice, bytes, 4, out, 1, &used);
    assert_true(out[0] == 200 && out[1] == 200);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_what_was_asked_for_is_taken),
        cmocka_unit_test(bytes_become_ticks),
        cmocka_unit_test(one_channel_is_heard_on_both_sides),
        cmocka_unit_test(the_volume_of_the_guest_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
