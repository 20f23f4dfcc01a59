/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "display/audio/sound-packer.h"

#include "testing.h"

#include <glib.h>
#include <string.h>

typedef struct {
    GString *log; /* B, P and E */
    uint64_t position;
    int64_t capture_us;
} Sink;

static void
on_event(const BerthSoundEvent *event, void *user_data)
{
    Sink *sink = user_data;

    g_string_append_c(sink->log, "BPE"[event->kind]);
    if (event->kind == BERTH_SOUND_PACKET) {
        assert_true(event->len >= 1);
        sink->position = event->position;
        sink->capture_us = event->capture_us;
    }
}

static void
write_level(BerthSoundPacker *packer, int16_t level, unsigned n_ticks, int64_t now_us)
{
    g_autofree int16_t *samples = g_new(int16_t, n_ticks * 2);

    for (unsigned i = 0; i < n_ticks * 2; i++) {
        samples[i] = level;
    }
    berth_sound_packer_write(packer, samples, n_ticks, now_us);
}

#define START                                  \
    Sink sink = { .log = g_string_new(NULL) }; \
    g_autoptr(BerthSoundPacker) packer = berth_sound_packer_new(96, on_event, &sink)

static void
pieces_become_packets(void **state)
{
    START;
    write_level(packer, 100, 1024, 1000000);
    assert_string_equal(sink.log->str, "BPP");
    assert_int_equal(sink.position, 480);
    assert_int_equal(sink.capture_us, 1000000 - 544 * 1000 / 48);
    write_level(packer, 100, 1024, 1021333);
    assert_string_equal(sink.log->str, "BPPPP");
    assert_int_equal(sink.position, 3 * 480);
    g_string_free(sink.log, TRUE);
}

static void
silence_is_not_sent(void **state)
{
    START;
    for (int i = 0; i < 10; i++) {
        write_level(packer, 0, 480, i * 10000);
    }
    assert_string_equal(sink.log->str, "");
    write_level(packer, 1, 480, 100000);
    assert_string_equal(sink.log->str, "BP");
    g_string_set_size(sink.log, 0);
    for (int i = 0; i < 150; i++) {
        write_level(packer, 0, 480, 110000 + i * 10000);
    }
    assert_int_equal(sink.log->len, 101);
    assert_true(g_str_has_suffix(sink.log->str, "PE"));
    g_string_free(sink.log, TRUE);
}

static void
a_break_begins_another_stream(void **state)
{
    START;
    write_level(packer, 5, 480, 0);
    write_level(packer, 5, 480, 200000); /* late, but the clock of the desktop goes on */
    assert_string_equal(sink.log->str, "BPP");
    write_level(packer, 5, 480, 500000);
    assert_string_equal(sink.log->str, "BPPEBP");
    assert_int_equal(sink.position, 0);
    berth_sound_packer_stop(packer);
    berth_sound_packer_stop(packer);
    assert_string_equal(sink.log->str, "BPPEBPE");
    g_string_free(sink.log, TRUE);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_become_packets),
        cmocka_unit_test(silence_is_not_sent),
        cmocka_unit_test(a_break_begins_another_stream),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
