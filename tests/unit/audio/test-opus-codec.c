/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "display/audio/opus-codec.h"

#include "testing.h"

#include "berth/limits.h"

#include <glib.h>
#include <math.h>

#define TICKS BERTH_SOUND_PACKET_TICKS
#define N_PACKETS 100

static void
make_tone(int16_t *ret, unsigned from)
{
    for (unsigned i = 0; i < TICKS; i++) {
        double t = (double)(from + i) / BERTH_SOUND_TICKS_PER_S;

        ret[2 * i] = (int16_t)lrint(9000 * sin(2 * M_PI * 440 * t));
        ret[2 * i + 1] = (int16_t)lrint(9000 * sin(2 * M_PI * 660 * t));
    }
}

static void
what_was_played_is_heard(void **state)
{
    g_autoptr(BerthOpusEncoder) encoder = berth_opus_encoder_new(96);
    g_autoptr(BerthOpusDecoder) decoder = berth_opus_decoder_new();
    uint8_t packet[BERTH_LIMIT_SOUND_PACKET_BYTES];
    int16_t in[TICKS * 2], out[TICKS * 2];
    double both = 0, first = 0, second = 0;
    size_t n_bytes = 0;

    for (unsigned i = 0; i < N_PACKETS; i++) {
        make_tone(in, i * TICKS);
        int len = berth_opus_encoder_encode(encoder, in, packet);
        assert_true(len > 0);
        n_bytes += (size_t)len;
        assert_berth_ok(berth_opus_decoder_decode(decoder, packet, (size_t)len, TICKS, out));
        /* The decoder is 120 ticks behind: 2.5 ms. */
        for (unsigned k = 120; k < TICKS && i > 1; k++) {
            both += (double)out[2 * k] * in[2 * (k - 120)];
            first += (double)out[2 * k] * out[2 * k];
            second += (double)in[2 * (k - 120)] * in[2 * (k - 120)];
        }
    }
    assert_true(both / sqrt(first * second) > 0.99);
    assert_true(n_bytes < N_PACKETS * 160);
}

static void
what_is_no_packet_is_concealed(void **state)
{
    static const uint8_t junk[] = { 0xff, 0xff, 0xff, 0xff, 0x12 };
    g_autoptr(BerthOpusDecoder) decoder = berth_opus_decoder_new();
    int16_t out[BERTH_SOUND_MAX_PACKET_TICKS * 2];

    assert_berth_error(berth_opus_decoder_decode(decoder, junk, sizeof junk, TICKS, out),
                       BERTH_ERR_CORRUPT);
    assert_berth_error(berth_opus_decoder_decode(decoder, junk, 0, TICKS, out), BERTH_ERR_CORRUPT);
    assert_int_equal(berth_sound_peak(out, TICKS), 0);
}

static void
a_packet_of_another_length_is_refused(void **state)
{
    g_autoptr(BerthOpusEncoder) encoder = berth_opus_encoder_new(96);
    uint8_t packet[BERTH_LIMIT_SOUND_PACKET_BYTES];
    int16_t in[TICKS * 2];

    make_tone(in, 0);
    size_t len = (size_t)berth_opus_encoder_encode(encoder, in, packet);
    assert_true(berth_opus_packet_has_ticks(packet, len, TICKS));
    assert_false(berth_opus_packet_has_ticks(packet, len, 2 * TICKS));
    assert_false(berth_opus_packet_has_ticks(packet, 0, TICKS));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_played_is_heard),
        cmocka_unit_test(what_is_no_packet_is_concealed),
        cmocka_unit_test(a_packet_of_another_length_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
