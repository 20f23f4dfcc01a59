/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/session/sound-room.h"

#include "berth/protocol.h"
#include "testing.h"

typedef struct {
    GString *log; /* B, P, E and C for changed flags */
} Ear;

static void
on_event(const BerthSoundEvent *event, void *user_data)
{
    g_string_append_c(((Ear *)user_data)->log, "BPE"[event->kind]);
}

static void
on_changed(void *user_data)
{
    g_string_append_c(((Ear *)user_data)->log, 'C');
}

static const BerthSoundListener listener = { on_event, on_changed };

static void
on_mic(bool has_mic, void *user_data)
{
    g_string_append_c(((Ear *)user_data)->log, has_mic ? 'M' : 'm');
}

static void
play(BerthSoundRoom *room)
{
    int16_t samples[480 * 2];

    for (unsigned i = 0; i < 480 * 2; i++) {
        samples[i] = (int16_t)(i * 37 % 5000);
    }
    berth_sound_room_write(room, samples, 480, g_get_monotonic_time());
}

/* Runs the loop until an ear has heard so much. */
static void
hear(Ear *ear, const char *expected)
{
    gint64 until_us = g_get_monotonic_time() + 60 * G_USEC_PER_SEC;

    while (ear->log->len < strlen(expected) && g_get_monotonic_time() < until_us) {
        g_main_context_iteration(NULL, FALSE);
    }
    assert_string_equal(ear->log->str, expected);
}

static void
who_listens_hears_a_stream_from_its_beginning(void **state)
{
    BerthSoundRoom *room = berth_sound_room_new(NULL);
    Ear first = { g_string_new(NULL) };
    Ear second = { g_string_new(NULL) };

    berth_sound_room_set_policy(room, &(BerthSoundPolicy){ true, false });
    play(room); /* nobody listens */
    berth_sound_room_join(room, &listener, false, &first);
    play(room);
    play(room);
    hear(&first, "BPP");
    play(room);
    berth_sound_room_join(room, &listener, false, &second);
    berth_sound_room_leave(room, &first); /* late: nothing happens */
    play(room);
    hear(&second, "BP");
    berth_sound_room_stop(room);
    hear(&second, "BPE");
    assert_string_equal(first.log->str, "BPP");
    berth_sound_room_end(room);
    g_string_free(first.log, TRUE);
    g_string_free(second.log, TRUE);
}

static void
the_policy_and_the_user_decide_what_is_heard(void **state)
{
    BerthSoundRoom *room = berth_sound_room_new(NULL);
    Ear ear = { g_string_new(NULL) };

    berth_sound_room_join(room, &listener, false, &ear);
    play(room);
    berth_sound_room_set_policy(room, &(BerthSoundPolicy){ true, false });
    play(room);
    hear(&ear, "CBP");
    berth_sound_room_set_wanted(room, false);
    hear(&ear, "CBPE");
    play(room);
    berth_sound_room_set_wanted(room, true);
    play(room);
    hear(&ear, "CBPEBP");
    berth_sound_room_set_policy(room, &(BerthSoundPolicy){ false, false });
    hear(&ear, "CBPEBPCE");
    berth_sound_room_end(room);
    g_string_free(ear.log, TRUE);
}

static void
a_microphone_needs_policy_client_and_desktop(void **state)
{
    BerthSoundRoom *room = berth_sound_room_new(NULL);
    Ear ear = { g_string_new(NULL) };

    berth_sound_room_watch_mic(room, on_mic, &ear);
    berth_sound_room_set_policy(room, &(BerthSoundPolicy){ true, true });
    assert_string_equal(ear.log->str, "");
    berth_sound_room_join(room, &listener, true, &ear);
    hear(&ear, "M");
    berth_sound_room_set_recording(room, true);
    hear(&ear, "MC");
    assert_int_equal(berth_sound_room_get_flags(room), BERTH_SOUND_ALL);
    berth_sound_room_set_policy(room, &(BerthSoundPolicy){ true, false });
    hear(&ear, "MCmC");
    assert_int_equal(berth_sound_room_get_flags(room), BERTH_SOUND_MAY_PLAY);
    assert_berth_error(berth_sound_room_push_mic(room, 0, (const uint8_t *)"x", 1, 0),
                       BERTH_ERR_STATE);
    berth_sound_room_end(room);
    g_string_free(ear.log, TRUE);
}

static void
on_level(unsigned percent, bool is_muted, void *user_data)
{
    g_string_append_printf(user_data, "%u%s ", percent, is_muted ? "m" : "");
}

static void
a_level_goes_to_the_desktop_and_its_echo_is_known(void **state)
{
    BerthSoundRoom *room = berth_sound_room_new(NULL);
    Ear ear = { g_string_new(NULL) };
    Ear next = { g_string_new(NULL) };
    g_autoptr(GString) levels = g_string_new(NULL);
    int64_t now_us = 1000000;

    berth_sound_room_watch_level(room, on_level, levels);
    berth_sound_room_join(room, &listener, false, &ear);
    berth_sound_room_set_level(room, 10, false, now_us); /* the policy allows nothing */
    assert_false(berth_sound_room_is_echo(room, now_us));
    berth_sound_room_set_policy(room, &(BerthSoundPolicy){ true, false });
    berth_sound_room_set_level(room, 40, false, now_us);
    assert_true(berth_sound_room_has_level(room));
    assert_true(berth_sound_room_is_echo(room, now_us + 2900000));
    assert_false(berth_sound_room_is_echo(room, now_us + 3100000));
    berth_sound_room_set_level(room, 40, true, now_us);
    assert_string_equal(levels->str, "40 40m ");
    berth_sound_room_join(room, &listener, false, &next);
    assert_string_equal(levels->str, "40 40m 40 ");
    assert_false(berth_sound_room_has_level(room));
    assert_false(berth_sound_room_is_echo(room, now_us));
    berth_sound_room_leave(room, &next);
    assert_string_equal(levels->str, "40 40m 40 ");
    berth_sound_room_end(room);
    g_string_free(ear.log, TRUE);
    g_string_free(next.log, TRUE);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_listens_hears_a_stream_from_its_beginning),
        cmocka_unit_test(the_policy_and_the_user_decide_what_is_heard),
        cmocka_unit_test(a_microphone_needs_policy_client_and_desktop),
        cmocka_unit_test(a_level_goes_to_the_desktop_and_its_echo_is_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
