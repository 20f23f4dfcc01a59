/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The messages of sound there and back, at every cut, and with the values that must be refused. */
#include "message-testing.h"

#include "display/wire/msg-control.h"
#include "display/wire/msg-sound.h"

static void
the_beginning_of_a_stream_comes_back(void **state)
{
    BerthWriter *writer = *state;
    const BerthMsgSoundOpen open = { BERTH_SOUND_OPUS, 2, 480 };
    BerthMsgSoundOpen out = { 0 };
    assert_berth_ok(berth_msg_sound_open_encode(writer, &open));
    check_payload(writer, BERTH_CHANNEL_AUDIO_OUT, BERTH_MSG_SOUND_OPEN,
                  berth_msg_sound_open_decode(bytes, n, &out));
    check_payload(writer, BERTH_CHANNEL_AUDIO_IN, BERTH_MSG_MIC_OPEN,
                  berth_msg_sound_open_decode(bytes, n, &out));
    assert_true(out.codec == BERTH_SOUND_OPUS && out.n_channels == 2 && out.packet_ticks == 480);
}

static void
streams_that_nobody_can_play_are_refused(void **state)
{
    static const BerthMsgSoundOpen bad[] = {
        { 0, 2, 480 }, { 2, 2, 480 }, { 1, 0, 480 }, { 1, 3, 480 }, { 1, 1, 0 }, { 1, 1, 481 },
    };
    BerthWriter *writer = *state;
    BerthMsgSoundOpen out;
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        berth_writer_reset(writer);
        assert_berth_error(berth_msg_sound_open_encode(writer, &bad[i]), BERTH_ERR_INVALID);
        berth_writer_put_u8(writer, bad[i].codec);
        berth_writer_put_u8(writer, bad[i].n_channels);
        berth_writer_put_u16(writer, bad[i].packet_ticks);
        assert_berth_error(berth_msg_sound_open_decode(writer->data, writer->len, &out),
                           BERTH_ERR_PROTOCOL);
    }
}

static void
packets_come_back(void **state)
{
    BerthWriter *writer = *state;
    const BerthMsgSoundData data = { 4800, -5, (const uint8_t *)"opus", 4 };
    BerthMsgSoundData out = { 0 };
    assert_berth_ok(berth_msg_sound_data_encode(writer, &data));
    for (size_t n = 0; n < 17; n++) {
        assert_berth_error(berth_msg_sound_data_decode(writer->data, n, &out), BERTH_ERR_TRUNCATED);
    }
    assert_berth_ok(berth_msg_sound_data_decode(writer->data, writer->len, &out));
    assert_true(out.position == 4800 && out.capture_us == -5 && out.data_len == 4);
    assert_memory_equal(out.data, "opus", 4);
}

static void
packets_of_a_microphone_come_back(void **state)
{
    BerthWriter *writer = *state;
    const BerthMsgMicData data = { 960, (const uint8_t *)"opus", 4 };
    BerthMsgMicData out = { 0 };
    assert_berth_ok(berth_msg_mic_data_encode(writer, &data));
    for (size_t n = 0; n < 9; n++) {
        assert_berth_error(berth_msg_mic_data_decode(writer->data, n, &out), BERTH_ERR_TRUNCATED);
    }
    assert_berth_ok(berth_msg_mic_data_decode(writer->data, writer->len, &out));
    assert_true(out.position == 960 && out.data_len == 4);
    assert_memory_equal(out.data, "opus", 4);
}

static void
packets_without_end_are_refused(void **state)
{
    static const uint8_t long_packet[BERTH_LIMIT_SOUND_PACKET_BYTES + 1];
    BerthWriter *writer = *state;
    BerthMsgSoundData sound = { 0, 0, long_packet, sizeof long_packet };
    BerthMsgMicData mic = { UINT64_C(1) << 60, long_packet, 1 };
    assert_berth_error(berth_msg_sound_data_encode(writer, &sound), BERTH_ERR_INVALID);
    sound.data_len = 0;
    assert_berth_error(berth_msg_sound_data_encode(writer, &sound), BERTH_ERR_INVALID);
    assert_berth_error(berth_msg_mic_data_encode(writer, &mic), BERTH_ERR_INVALID);
    berth_writer_put_u64(writer, mic.position);
    berth_writer_put_u8(writer, 0);
    assert_berth_error(berth_msg_mic_data_decode(writer->data, writer->len, &mic),
                       BERTH_ERR_PROTOCOL);
    berth_writer_reset(writer);
    berth_writer_put_u64(writer, 0);
    berth_writer_put_bytes(writer, long_packet, sizeof long_packet);
    assert_berth_error(berth_msg_mic_data_decode(writer->data, writer->len, &mic),
                       BERTH_ERR_TRAILING);
}

static void
levels_come_back_and_end_at_a_hundred(void **state)
{
    const BerthMsgSoundLevel level = { 100, 1 };
    BerthWriter *writer = *state;
    BerthMsgSoundLevel out = { 0 };
    assert_berth_ok(berth_msg_sound_level_encode(writer, &level));
    check_payload(writer, BERTH_CHANNEL_AUDIO_OUT, BERTH_MSG_SOUND_LEVEL,
                  berth_msg_sound_level_decode(bytes, n, &out));
    assert_true(out.percent == 100 && out.is_muted == 1);
    assert_berth_error(berth_msg_sound_level_decode((const uint8_t *)"\x65\0", 2, &out),
                       BERTH_ERR_PROTOCOL);
    assert_berth_error(berth_msg_sound_level_decode((const uint8_t *)"\1\2", 2, &out),
                       BERTH_ERR_PROTOCOL);
    out.percent = 101;
    assert_berth_error(berth_msg_sound_level_encode(writer, &out), BERTH_ERR_INVALID);
}

static void
states_come_back_without_unknown_bits(void **state)
{
    BerthWriter *writer = *state;
    uint8_t out = 0;
    assert_berth_ok(berth_msg_sound_state_encode(writer, BERTH_SOUND_ALL));
    check_payload(writer, BERTH_CHANNEL_AUDIO_OUT, BERTH_MSG_SOUND_STATE,
                  berth_msg_sound_state_decode(bytes, n, &out));
    assert_int_equal(out, BERTH_SOUND_ALL);
    assert_berth_error(berth_msg_sound_state_encode(writer, 8), BERTH_ERR_INVALID);
    assert_berth_error(berth_msg_sound_state_decode((const uint8_t *)"\x08", 1, &out),
                       BERTH_ERR_PROTOCOL);
    berth_writer_reset(writer);
    assert_berth_ok(berth_msg_sound_wanted_encode(writer, 1));
    check_payload(writer, BERTH_CHANNEL_AUDIO_OUT, BERTH_MSG_SOUND_WANTED,
                  berth_msg_sound_wanted_decode(bytes, n, &out));
    assert_int_equal(out, 1);
    assert_berth_error(berth_msg_sound_wanted_decode((const uint8_t *)"\x02", 1, &out),
                       BERTH_ERR_PROTOCOL);
}

static void
the_capability_comes_back(void **state)
{
    BerthWriter *writer = *state;
    BerthMsgHello out, hello;
    berth_msg_hello_init(&hello);
    hello.audio_mask = BERTH_AUDIO_ALL;
    assert_berth_ok(berth_msg_hello_encode(writer, &hello));
    assert_berth_ok(berth_msg_hello_decode(writer->data, writer->len, &out));
    assert_int_equal(out.audio_mask, BERTH_AUDIO_ALL);
    hello.audio_mask = 4;
    assert_berth_error(berth_msg_hello_encode(writer, &hello), BERTH_ERR_INVALID);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_beginning_of_a_stream_comes_back, setup, teardown),
        cmocka_unit_test_setup_teardown(streams_that_nobody_can_play_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(packets_come_back, setup, teardown),
        cmocka_unit_test_setup_teardown(packets_of_a_microphone_come_back, setup, teardown),
        cmocka_unit_test_setup_teardown(packets_without_end_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(levels_come_back_and_end_at_a_hundred, setup, teardown),
        cmocka_unit_test_setup_teardown(states_come_back_without_unknown_bits, setup, teardown),
        cmocka_unit_test_setup_teardown(the_capability_comes_back, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
