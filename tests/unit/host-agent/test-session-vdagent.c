/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testing.h"

#include "display/wire/vdagent-message.h"
#include "display/wire/vdagent-parser.h"

#include "berth/errors.h"

#include <glib.h>
#include <spice/vd_agent.h>
#include <string.h>

/* What the parser gave: type, length, first bytes. */
typedef struct {
    unsigned n;
    uint32_t type;
    size_t len;
    bool is_skipped;
    uint8_t data[4096];
} Seen;

static void
note(const BerthVdagentMessage *message, void *user_data)
{
    Seen *seen = user_data;

    seen->n++;
    seen->type = message->type;
    seen->len = message->len;
    seen->is_skipped = message->is_skipped;
    memcpy(seen->data, message->data, MIN(message->len, sizeof seen->data));
}

static BerthWriter
new_writer(void)
{
    BerthWriter writer;

    berth_writer_init(&writer, 1024 * 1024);
    return writer;
}

static void
every_message_survives_any_cutting(void **state)
{
    static const uint8_t bytes[5000] = { 1, 2, 3 };
    const BerthVdagentClip clip = { 1, VD_AGENT_CLIPBOARD_IMAGE_PNG, bytes, sizeof bytes };
    uint32_t caps = 1u << VD_AGENT_CAP_CLIPBOARD_SELECTION;

    for (size_t step = 1; step < 5100; step += step < 40 ? 1 : 997) {
        Seen seen = { 0 };
        BerthVdagentParser *parser = berth_vdagent_parser_new(note, &seen);
        BerthWriter writer = new_writer();
        BerthVdagentClip back;

        berth_vdagent_parser_set_clipboard_bytes(parser, sizeof bytes);
        berth_vdagent_write_caps(&writer, berth_vdagent_session_caps, true);
        berth_vdagent_write_content(&writer, caps, &clip);
        berth_vdagent_write_disconnected(&writer);
        berth_vdagent_write_content(&writer, caps, &clip);
        for (size_t i = 0; i < writer.len; i += step) {
            assert_berth_ok(
                berth_vdagent_parser_feed(parser, writer.data + i, MIN(step, writer.len - i)));
        }
        assert_int_equal(seen.n, 4);
        assert_int_equal(seen.type, VD_AGENT_CLIPBOARD);
        assert_int_equal(seen.len, 8 + sizeof bytes);
        assert_berth_ok(berth_vdagent_read_clip(seen.data, sizeof seen.data, caps, &back));
        assert_int_equal(back.selection, 1);
        assert_int_equal(back.type, VD_AGENT_CLIPBOARD_IMAGE_PNG);
        assert_memory_equal(back.data, bytes, 100);
        berth_vdagent_parser_free(parser);
        berth_writer_clear(&writer);
    }
}

static void
no_chunk_is_larger_than_a_guest_takes(void **state)
{
    g_autofree uint8_t *bytes = g_malloc0(70000);
    BerthWriter writer = new_writer();
    size_t at = 0;

    berth_vdagent_write_file_data(&writer, 7, bytes, 65536);
    assert_int_equal(writer.len, berth_vdagent_get_wire_bytes(12 + 65536));
    while (at < writer.len) {
        uint32_t port = writer.data[at];
        uint32_t size = writer.data[at + 4] | (uint32_t)writer.data[at + 5] << 8 |
                        (uint32_t)writer.data[at + 6] << 16;

        assert_int_equal(port, VDP_CLIENT_PORT);
        assert_in_range(size, 1, VD_AGENT_MAX_DATA_SIZE);
        at += 8 + size;
    }
    assert_int_equal(at, writer.len);
    berth_writer_clear(&writer);
}

static void
a_message_over_its_limit_is_skipped_and_the_next_one_read(void **state)
{
    static const uint8_t bytes[3000] = { 9 };
    const BerthVdagentClip clip = { 0, VD_AGENT_CLIPBOARD_UTF8_TEXT, bytes, sizeof bytes };
    uint32_t caps = 1u << VD_AGENT_CAP_CLIPBOARD_SELECTION;
    Seen seen = { 0 };
    BerthVdagentParser *parser = berth_vdagent_parser_new(note, &seen);
    BerthWriter writer = new_writer();

    berth_vdagent_parser_set_clipboard_bytes(parser, sizeof bytes - 1);
    berth_vdagent_write_content(&writer, caps, &clip);
    assert_berth_ok(berth_vdagent_parser_feed(parser, writer.data, writer.len));
    assert_int_equal(seen.n, 1);
    assert_true(seen.is_skipped);
    assert_int_equal(seen.len, BERTH_VDAGENT_KEPT_BYTES);
    assert_int_equal(seen.data[4], VD_AGENT_CLIPBOARD_UTF8_TEXT);
    berth_writer_reset(&writer);
    berth_vdagent_write_release(&writer, caps, 1);
    assert_berth_ok(berth_vdagent_parser_feed(parser, writer.data, writer.len));
    assert_int_equal(seen.n, 2);
    assert_int_equal(seen.type, VD_AGENT_CLIPBOARD_RELEASE);
    assert_false(seen.is_skipped);
    berth_vdagent_parser_free(parser);
    berth_writer_clear(&writer);
}

static void
what_no_agent_says_ends_the_parser(void **state)
{
    static const struct {
        const char *bytes;
        size_t len;
    } rows[] = {
        { "\0\0\0\0\1\0\0\0x", 9 },                                          /* no such port */
        { "\3\0\0\0\1\0\0\0x", 9 },                                          /* nor this */
        { "\1\0\0\0\0\0\0\0", 8 },                                           /* an empty chunk */
        { "\1\0\0\0\24\0\0\0\2\0\0\0\7\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 28 }, /* protocol 2 */
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        Seen seen = { 0 };
        BerthVdagentParser *parser = berth_vdagent_parser_new(note, &seen);

        assert_berth_error(
            berth_vdagent_parser_feed(parser, (const uint8_t *)rows[i].bytes, rows[i].len),
            BERTH_ERR_PROTOCOL);
        assert_berth_error(berth_vdagent_parser_feed(parser, (const uint8_t *)"\1", 1),
                           BERTH_ERR_PROTOCOL);
        assert_int_equal(seen.n, 0);
        berth_vdagent_parser_free(parser);
    }
}

/* The body of the one message that a writer holds. */
static const uint8_t *
get_body(const BerthWriter *writer, size_t *ret_len)
{
    *ret_len = writer->len - 28;
    return writer->data + 28;
}

static void
grabs_come_back_with_and_without_serial(void **state)
{
    static const uint32_t all_caps[] = { 0, 1u << VD_AGENT_CAP_CLIPBOARD_SELECTION,
                                         1u << VD_AGENT_CAP_CLIPBOARD_SELECTION |
                                             1u << VD_AGENT_CAP_CLIPBOARD_GRAB_SERIAL };

    for (size_t i = 0; i < G_N_ELEMENTS(all_caps); i++) {
        BerthVdagentGrab grab = { i > 0, i > 1 ? 77 : 0, 0x26 }, back;
        BerthWriter writer = new_writer();
        size_t len = 0;

        berth_vdagent_write_grab(&writer, all_caps[i], &grab);
        assert_berth_ok(
            berth_vdagent_read_grab(get_body(&writer, &len), writer.len - 28, all_caps[i], &back));
        assert_int_equal(len, 12 + 4 * i);
        assert_int_equal(back.selection, grab.selection);
        assert_int_equal(back.serial, grab.serial);
        assert_int_equal(back.types, grab.types);
        berth_writer_clear(&writer);
    }
}

static void
what_is_too_short_is_refused(void **state)
{
    static const uint8_t nothing[8] = { 0 };
    uint32_t caps = 1u << VD_AGENT_CAP_CLIPBOARD_SELECTION;
    BerthVdagentCaps read_caps;
    BerthVdagentClip clip;
    BerthVdagentGrab grab;
    BerthVdagentFileStatus status;
    uint8_t selection;

    assert_berth_error(berth_vdagent_read_caps(nothing, 7, &read_caps), BERTH_ERR_TRUNCATED);
    assert_berth_error(berth_vdagent_read_clip(nothing, 7, caps, &clip), BERTH_ERR_TRUNCATED);
    assert_berth_error(berth_vdagent_read_grab(nothing, 3, caps, &grab), BERTH_ERR_TRUNCATED);
    assert_berth_error(berth_vdagent_read_file_status(nothing, 7, &status), BERTH_ERR_TRUNCATED);
    assert_berth_error(berth_vdagent_read_release(nothing, 0, caps, &selection),
                       BERTH_ERR_TRUNCATED);
    /* As the agent of Linux sends it when its user logs off. */
    assert_berth_ok(berth_vdagent_read_release(nothing, 1, caps, &selection));
}

static void
a_file_is_described_as_agents_read_it(void **state)
{
    static const char name[] = "a=b [c] \xc3\xa4.txt";
    g_autoptr(GKeyFile) file = g_key_file_new();
    g_autofree char *back = NULL;
    BerthWriter writer = new_writer();
    const char *text;

    berth_vdagent_write_file_start(&writer, 3, name, 5000000000ULL);
    text = (const char *)writer.data + 32;
    assert_int_equal(text[writer.len - 33], '\0');
    assert_true(g_key_file_load_from_data(file, text, strlen(text), G_KEY_FILE_NONE, NULL));
    back = g_key_file_get_string(file, "vdagent-file-xfer", "name", NULL);
    assert_string_equal(back, name);
    assert_true(g_key_file_get_uint64(file, "vdagent-file-xfer", "size", NULL) == 5000000000ULL);
    berth_writer_clear(&writer);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_message_survives_any_cutting),
        cmocka_unit_test(no_chunk_is_larger_than_a_guest_takes),
        cmocka_unit_test(a_message_over_its_limit_is_skipped_and_the_next_one_read),
        cmocka_unit_test(what_no_agent_says_ends_the_parser),
        cmocka_unit_test(grabs_come_back_with_and_without_serial),
        cmocka_unit_test(what_is_too_short_is_refused),
        cmocka_unit_test(a_file_is_described_as_agents_read_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
