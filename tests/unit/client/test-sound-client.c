/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/core/sound-client.h"

#include "testing.h"

#include "display/audio/opus-codec.h"
#include "display/wire/msg-sound.h"

#include <string.h>

/* A device without a thread: the test is its clock. */
typedef struct {
    BerthSoundDevice base;
    const BerthSoundDeviceCallbacks *callbacks;
    void *user_data;
    bool is_playing, is_recording, is_freed;
} FakeDevice;

static void
fake_start(BerthSoundDevice *base, const BerthSoundDeviceCallbacks *callbacks, void *user_data)
{
    FakeDevice *self = (FakeDevice *)base;

    self->callbacks = callbacks;
    self->user_data = user_data;
}

static void
fake_set_playing(BerthSoundDevice *base, bool is_on)
{
    ((FakeDevice *)base)->is_playing = is_on;
}

static void
fake_set_recording(BerthSoundDevice *base, bool is_on)
{
    ((FakeDevice *)base)->is_recording = is_on;
}

static void
fake_free(BerthSoundDevice *base)
{
    ((FakeDevice *)base)->is_freed = true;
}

static const BerthSoundDeviceOps fake_ops = { fake_start, fake_set_playing, fake_set_recording,
                                              fake_free };

typedef struct {
    FakeDevice device;
    BerthSoundClient *sound;
    GString *sent; /* a letter a message */
} Scene;

static void
on_send(BerthChannel channel, uint8_t type, const uint8_t *payload, size_t len, void *user_data)
{
    Scene *scene = user_data;

    if (channel == BERTH_CHANNEL_AUDIO_OUT && type == BERTH_MSG_SOUND_LEVEL) {
        g_string_append_printf(scene->sent, "L%u%s", payload[0], payload[1] ? "m" : "");
    } else if (channel == BERTH_CHANNEL_AUDIO_OUT) {
        g_string_append_c(scene->sent, payload[0] ? 'W' : 'w');
    } else {
        g_string_append_c(scene->sent, "?odc"[type]);
    }
}

static int
set_up(void **state)
{
    Scene *scene = g_new0(Scene, 1);

    scene->device.base.ops = &fake_ops;
    scene->sound = berth_sound_client_new(&scene->device.base);
    scene->sent = g_string_new(NULL);
    *state = scene;
    return 0;
}

static int
tear_down(void **state)
{
    Scene *scene = *state;

    berth_sound_client_free(scene->sound);
    g_string_free(scene->sent, TRUE);
    g_free(scene);
    return 0;
}

static int
tell(Scene *scene, uint8_t flags)
{
    return berth_sound_client_handle(scene->sound, BERTH_MSG_SOUND_STATE, &flags, 1, 0);
}

static int
begin_stream(Scene *scene)
{
    static const uint8_t open[] = { BERTH_SOUND_OPUS, 2, 480 & 0xff, 480 >> 8 };

    return berth_sound_client_handle(scene->sound, BERTH_MSG_SOUND_OPEN, open, sizeof open, 0);
}

/* A packet each 10 ms, and a pull each 10 ms.  Returns the loudest sample that was heard. */
static int
play(Scene *scene, unsigned n)
{
    g_autoptr(BerthOpusEncoder) encoder = berth_opus_encoder_new(96);
    int16_t samples[480 * 2], out[480 * 2];
    int peak = 0;

    for (unsigned i = 0; i < n; i++) {
        uint8_t packet[BERTH_LIMIT_SOUND_PACKET_BYTES];
        BerthMsgSoundData data = { i * 480ULL, i * 10000LL, packet, 0 };
        BerthWriter writer;

        for (int k = 0; k < 480 * 2; k++) {
            samples[k] = (int16_t)((k / 2 * 7 % 109 - 54) * 150);
        }
        data.data_len = (size_t)berth_opus_encoder_encode(encoder, samples, packet);
        berth_writer_init(&writer, 2048);
        assert_berth_ok(berth_msg_sound_data_encode(&writer, &data));
        assert_berth_ok(berth_sound_client_handle(scene->sound, BERTH_MSG_SOUND_DATA, writer.data,
                                                  writer.len, i * 10000LL));
        berth_writer_clear(&writer);
        scene->device.callbacks->pull(out, 480, i * 10000LL, scene->device.user_data);
        peak = MAX(peak, berth_sound_peak(out, 480));
    }
    return peak;
}

static void
what_comes_is_heard(void **state)
{
    Scene *scene = *state;
    BerthSoundReceiverStats stats;

    berth_sound_client_attach(scene->sound, on_send, scene);
    assert_berth_ok(tell(scene, BERTH_SOUND_MAY_PLAY));
    assert_true(berth_sound_client_may_play(scene->sound));
    assert_false(scene->device.is_playing);
    assert_berth_ok(begin_stream(scene));
    assert_true(scene->device.is_playing);
    assert_true(berth_sound_client_is_playing(scene->sound));
    assert_true(play(scene, 30) > 3000);
    assert_true(berth_sound_client_take_level(scene->sound) > 3000);
    assert_int_equal(berth_sound_client_take_level(scene->sound), 0);
    berth_sound_client_get_stats(scene->sound, &stats);
    assert_true(stats.is_playing);
    assert_int_equal(stats.n_packets, 30);
    berth_sound_client_detach(scene->sound, NULL); /* of another connection */
    assert_true(berth_sound_client_may_play(scene->sound));
    berth_sound_client_detach(scene->sound, scene);
    assert_false(berth_sound_client_may_play(scene->sound));
    assert_string_equal(scene->sent->str, "");
}

static void
volume_and_mute_belong_to_the_user(void **state)
{
    Scene *scene = *state;
    int loud, quiet;

    berth_sound_client_attach(scene->sound, on_send, scene);
    assert_berth_ok(tell(scene, BERTH_SOUND_MAY_PLAY));
    assert_berth_ok(begin_stream(scene));
    loud = play(scene, 20);
    berth_sound_client_set_volume(scene->sound, 25);
    assert_berth_ok(begin_stream(scene));
    quiet = play(scene, 20);
    assert_in_range(quiet * 4, loud * 8 / 10, loud * 12 / 10);
    berth_sound_client_set_muted(scene->sound, true);
    assert_string_equal(scene->sent->str, "w");
    assert_berth_ok(begin_stream(scene));
    assert_int_equal(play(scene, 20), 0);
    berth_sound_client_set_muted(scene->sound, false);
    assert_string_equal(scene->sent->str, "wW");
}

/* Muted before the desktop opens: the session hears of it once it has shown that it knows sound. */
static void
mute_outlives_a_connection(void **state)
{
    Scene *scene = *state;

    berth_sound_client_set_muted(scene->sound, true);
    berth_sound_client_attach(scene->sound, on_send, scene);
    assert_string_equal(scene->sent->str, "");
    assert_berth_ok(tell(scene, BERTH_SOUND_MAY_PLAY));
    assert_string_equal(scene->sent->str, "w");
    berth_sound_client_detach(scene->sound, scene);
    berth_sound_client_attach(scene->sound, on_send, scene);
    assert_berth_ok(tell(scene, BERTH_SOUND_MAY_PLAY));
    assert_string_equal(scene->sent->str, "ww");
}

static void
speak(Scene *scene, unsigned n)
{
    int16_t samples[480 * 2];

    for (int k = 0; k < 480 * 2; k++) {
        samples[k] = (int16_t)((k * 13 % 101 - 50) * 100);
    }
    for (unsigned i = 0; i < n; i++) {
        scene->device.callbacks->give(samples, 480, i * 10000LL, scene->device.user_data);
    }
    while (g_main_context_iteration(NULL, FALSE)) {
    }
}

static void
the_microphone_needs_policy_desktop_and_user(void **state)
{
    static const uint8_t all = BERTH_SOUND_ALL;
    Scene *scene = *state;

    berth_sound_client_attach(scene->sound, on_send, scene);
    for (uint8_t flags = 0; flags < all; flags++) {
        bool is_on = (flags & 6) == 6;

        assert_berth_ok(tell(scene, flags));
        assert_true(scene->device.is_recording == is_on);
        assert_true(berth_sound_client_is_mic_open(scene->sound) == is_on);
    }
    assert_berth_ok(tell(scene, 0));
    speak(scene, 3);
    assert_string_equal(scene->sent->str, "");
    assert_berth_ok(tell(scene, all));
    speak(scene, 3);
    assert_string_equal(scene->sent->str, "oddd");
    berth_sound_client_set_mic_allowed(scene->sound, false);
    assert_false(scene->device.is_recording);
    speak(scene, 3);
    assert_string_equal(scene->sent->str, "odddc");
}

static void
count(void *user_data)
{
    ++*(int *)user_data;
}

/* Both toolbars show the same. */
static void
all_who_watch_are_told(void **state)
{
    Scene *scene = *state;
    int first = 0, second = 0;

    berth_sound_client_watch(scene->sound, count, &first);
    berth_sound_client_watch(scene->sound, count, &second);
    berth_sound_client_attach(scene->sound, on_send, scene);
    assert_berth_ok(tell(scene, BERTH_SOUND_MAY_PLAY));
    assert_berth_ok(tell(scene, BERTH_SOUND_MAY_PLAY)); /* no news */
    assert_int_equal(first, 1);
    assert_int_equal(second, 1);
    berth_sound_client_set_volume(scene->sound, 50);
    berth_sound_client_unwatch(scene->sound, &first);
    berth_sound_client_unwatch(scene->sound, scene); /* nobody */
    berth_sound_client_set_muted(scene->sound, true);
    assert_berth_ok(begin_stream(scene));
    assert_int_equal(first, 2);
    assert_int_equal(second, 4);
}

static void
wait_for_sent(Scene *scene, size_t len)
{
    gint64 until_us = g_get_monotonic_time() + 60 * G_USEC_PER_SEC;

    while (scene->sent->len < len && g_get_monotonic_time() < until_us) {
        g_main_context_iteration(NULL, FALSE);
    }
}

static void
the_last_level_is_told_and_told_again_to_the_next_connection(void **state)
{
    Scene *scene = *state;

    berth_sound_client_attach(scene->sound, on_send, scene);
    assert_berth_ok(tell(scene, BERTH_SOUND_MAY_PLAY));
    for (int percent = 90; percent >= 30; percent -= 10) {
        berth_sound_client_set_volume(scene->sound, percent);
    }
    wait_for_sent(scene, 3);
    assert_string_equal(scene->sent->str, "L30");
    berth_sound_client_detach(scene->sound, scene);
    berth_sound_client_attach(scene->sound, on_send, scene);
    assert_berth_ok(tell(scene, BERTH_SOUND_MAY_PLAY));
    wait_for_sent(scene, 6);
    assert_string_equal(scene->sent->str, "L30L30");
    berth_sound_client_set_muted(scene->sound, true);
    wait_for_sent(scene, 11);
    assert_string_equal(scene->sent->str, "L30L30wL30m");
}

static void
hostile_messages_are_refused(void **state)
{
    static const uint8_t data[17] = { 0 };
    Scene *scene = *state;

    berth_sound_client_attach(scene->sound, on_send, scene);
    assert_berth_error(tell(scene, 8), BERTH_ERR_PROTOCOL);
    assert_berth_error(
        berth_sound_client_handle(scene->sound, BERTH_MSG_SOUND_DATA, data, sizeof data, 0),
        BERTH_ERR_PROTOCOL);
    assert_berth_error(berth_sound_client_handle(scene->sound, 9, data, 1, 0), BERTH_ERR_PROTOCOL);
    assert_berth_ok(begin_stream(scene));
    assert_berth_ok(
        berth_sound_client_handle(scene->sound, BERTH_MSG_SOUND_DATA, data, sizeof data, 0));
    assert_berth_error(
        berth_sound_client_handle(scene->sound, BERTH_MSG_SOUND_DATA, data, sizeof data, 0),
        BERTH_ERR_PROTOCOL);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_comes_is_heard, set_up, tear_down),
        cmocka_unit_test_setup_teardown(volume_and_mute_belong_to_the_user, set_up, tear_down),
        cmocka_unit_test_setup_teardown(mute_outlives_a_connection, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_microphone_needs_policy_desktop_and_user, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(all_who_watch_are_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            the_last_level_is_told_and_told_again_to_the_next_connection, set_up, tear_down),
        cmocka_unit_test_setup_teardown(hostile_messages_are_refused, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
