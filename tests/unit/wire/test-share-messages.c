/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Messages of clipboard and files there and back, and with the values that must be refused.
 */
#include "message-testing.h"

#include "display/wire/msg-clipboard.h"
#include "display/wire/msg-files.h"

#include <glib.h>
#include <string.h>

static void
short_clipboard_messages_come_back(void **state)
{
    BerthWriter *writer = *state;
    const BerthMsgClipboardGrab grab = { 3, BERTH_SELECTION_PRIMARY, 2, { 2, 1 } };
    const BerthMsgClipboardRequest request = { 9, BERTH_SELECTION_CLIPBOARD, BERTH_CLIPBOARD_HTML };
    const BerthMsgClipboardRelease release = { UINT32_MAX, BERTH_SELECTION_PRIMARY };
    const BerthMsgClipboardState allowed = { BERTH_SHARE_ALL, 7, 4096 };
    BerthMsgClipboardGrab grab_out;
    BerthMsgClipboardRequest request_out;
    BerthMsgClipboardRelease release_out;
    BerthMsgClipboardState allowed_out;

    assert_berth_ok(berth_msg_clipboard_grab_encode(writer, &grab));
    check_payload(writer, BERTH_CHANNEL_CLIPBOARD, BERTH_MSG_CLIPBOARD_GRAB,
                  berth_msg_clipboard_grab_decode(bytes, n, &grab_out));
    assert_memory_equal(&grab, &grab_out, sizeof grab);
    berth_writer_reset(writer);
    assert_berth_ok(berth_msg_clipboard_request_encode(writer, &request));
    check_payload(writer, BERTH_CHANNEL_CLIPBOARD, BERTH_MSG_CLIPBOARD_REQUEST,
                  berth_msg_clipboard_request_decode(bytes, n, &request_out));
    assert_int_equal(request_out.serial, 9);
    assert_int_equal(request_out.type, BERTH_CLIPBOARD_HTML);
    berth_writer_reset(writer);
    assert_berth_ok(berth_msg_clipboard_release_encode(writer, &release));
    check_payload(writer, BERTH_CHANNEL_CLIPBOARD, BERTH_MSG_CLIPBOARD_RELEASE,
                  berth_msg_clipboard_release_decode(bytes, n, &release_out));
    assert_int_equal(release_out.serial, UINT32_MAX);
    assert_int_equal(release_out.selection, BERTH_SELECTION_PRIMARY);
    berth_writer_reset(writer);
    assert_berth_ok(berth_msg_clipboard_state_encode(writer, &allowed));
    check_payload(writer, BERTH_CHANNEL_CLIPBOARD, BERTH_MSG_CLIPBOARD_STATE,
                  berth_msg_clipboard_state_decode(bytes, n, &allowed_out));
    assert_int_equal(allowed_out.flags, BERTH_SHARE_ALL);
    assert_int_equal(allowed_out.max_kib, 4096);
}

static void
bad_grabs_are_refused(void **state)
{
    static const BerthMsgClipboardGrab rows[] = {
        { 0, 0, 1, { 1 } },       /* no serial */
        { 1, 2, 1, { 1 } },       /* no such selection */
        { 1, 0, 0, { 0 } },       /* nothing */
        { 1, 0, 1, { 0 } },       /* no type */
        { 1, 0, 1, { 4 } },       /* unknown type */
        { 1, 0, 3, { 1, 2, 1 } }, /* twice */
    };

    BerthWriter *writer = *state;
    BerthMsgClipboardGrab out;
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        assert_berth_error(berth_msg_clipboard_grab_encode(writer, &rows[i]), BERTH_ERR_INVALID);
        berth_writer_reset(writer);
        berth_writer_put_u32(writer, rows[i].serial);
        berth_writer_put_u8(writer, rows[i].selection);
        berth_writer_put_u8(writer, rows[i].n_types);
        berth_writer_put_bytes(writer, rows[i].types, rows[i].n_types);
        assert_berth_error(berth_msg_clipboard_grab_decode(writer->data, writer->len, &out),
                           BERTH_ERR_PROTOCOL);
    }
    writer->data[5] = 9; /* more than a message has */
    assert_berth_error(berth_msg_clipboard_grab_decode(writer->data, writer->len, &out),
                       BERTH_ERR_PROTOCOL);
}

static void
pieces_of_a_clipboard_come_back(void **state)
{
    static const uint8_t bytes[BERTH_LIMIT_SHARE_DATA_BYTES] = { 1, 2, 3 };
    static const BerthMsgClipboardData rows[] = {
        { 1, 0, 1, BERTH_CLIPBOARD_OK, false, bytes, sizeof bytes },
        { 1, 1, 2, BERTH_CLIPBOARD_OK, true, bytes, 1 },
        { 1, 0, 3, BERTH_CLIPBOARD_OK, true, bytes, 0 },
        { 1, 0, 1, BERTH_CLIPBOARD_TOO_LARGE, true, bytes, 0 },
    };

    const BerthMessageRow *row =
        berth_message_table_find(BERTH_CHANNEL_CLIPBOARD, BERTH_MSG_CLIPBOARD_DATA);
    BerthWriter *writer = *state;
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        BerthMsgClipboardData out;
        berth_writer_reset(writer);
        assert_berth_ok(berth_msg_clipboard_data_encode(writer, &rows[i]));
        assert_in_range(writer->len, row->min_bytes, row->max_bytes);
        assert_berth_ok(berth_msg_clipboard_data_decode(writer->data, writer->len, &out));
        assert_int_equal(out.serial, 1);
        assert_int_equal(out.selection, rows[i].selection);
        assert_int_equal(out.type, rows[i].type);
        assert_int_equal(out.status, rows[i].status);
        assert_int_equal(out.is_last, rows[i].is_last);
        assert_int_equal(out.data_len, rows[i].data_len);
        assert_memory_equal(out.data, bytes, out.data_len);
        for (size_t n = 0; n < row->min_bytes; n++) {
            assert_berth_error(berth_msg_clipboard_data_decode(writer->data, n, &out),
                               BERTH_ERR_TRUNCATED);
        }
    }
}

static void
bad_pieces_of_a_clipboard_are_refused(void **state)
{
    static const struct {
        uint8_t selection, type, status, flags;
        size_t len;
    } rows[] = {
        { 2, 1, 0, 1, 1 },
        { 0, 0, 0, 1, 1 },
        { 0, 4, 0, 1, 1 },
        { 0, 1, 5, 1, 0 },
        { 0, 1, 0, 2, 1 }, /* unknown flag */
        { 0, 1, 0, 0, 0 }, /* would never end */
        { 0, 1, 2, 0, 0 }, /* a refusal that goes on */
        { 0, 1, 2, 1, 1 }, /* a refusal with content */
        { 0, 1, 0, 1, BERTH_LIMIT_SHARE_DATA_BYTES + 1 },
    };

    g_autofree uint8_t *content = g_malloc0(BERTH_LIMIT_SHARE_DATA_BYTES + 1);
    BerthWriter *writer = *state;
    BerthMsgClipboardData out;
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        berth_writer_reset(writer);
        berth_writer_put_u32(writer, 1);
        berth_writer_put_u8(writer, rows[i].selection);
        berth_writer_put_u8(writer, rows[i].type);
        berth_writer_put_u8(writer, rows[i].status);
        berth_writer_put_u8(writer, rows[i].flags);
        berth_writer_put_bytes(writer, content, rows[i].len);
        assert_berth_error(berth_msg_clipboard_data_decode(writer->data, writer->len, &out),
                           BERTH_ERR_PROTOCOL);
    }
}

static void
bad_states_are_refused(void **state)
{
    BerthMsgClipboardState clipboard;
    BerthMsgFileState files;

    assert_berth_error(
        berth_msg_clipboard_state_decode((const uint8_t *)"\x08\1\0\0\0\0", 6, &clipboard),
        BERTH_ERR_PROTOCOL);
    assert_berth_error(
        berth_msg_clipboard_state_decode((const uint8_t *)"\1\x08\0\0\0\0", 6, &clipboard),
        BERTH_ERR_PROTOCOL);
    assert_berth_error(berth_msg_file_state_decode((const uint8_t *)"\2\0\0\0\0", 5, &files),
                       BERTH_ERR_PROTOCOL);
}

static void
short_file_messages_come_back(void **state)
{
    BerthWriter *writer = *state;
    const BerthMsgFileAnswer answer = { 7, BERTH_FILE_BUSY };
    const BerthMsgFileAck ack = { 7, 1ull << 39 };
    const BerthMsgFileState allowed = { BERTH_SHARE_TO_GUEST | BERTH_SHARE_AGENT, 200 };
    BerthMsgFileAnswer answer_out;
    BerthMsgFileAck ack_out;
    BerthMsgFileState allowed_out;
    uint32_t id = 0;

    assert_berth_ok(berth_msg_file_answer_encode(writer, &answer));
    check_payload(writer, BERTH_CHANNEL_FILES, BERTH_MSG_FILE_ANSWER,
                  berth_msg_file_answer_decode(bytes, n, &answer_out));
    assert_int_equal(answer_out.status, BERTH_FILE_BUSY);
    writer->data[4] = BERTH_N_FILE_STATUS;
    assert_berth_error(berth_msg_file_answer_decode(writer->data, 5, &answer_out),
                       BERTH_ERR_PROTOCOL);
    berth_writer_reset(writer);
    assert_berth_ok(berth_msg_file_ack_encode(writer, &ack));
    check_payload(writer, BERTH_CHANNEL_FILES, BERTH_MSG_FILE_ACK,
                  berth_msg_file_ack_decode(bytes, n, &ack_out));
    assert_true(ack_out.n_bytes == ack.n_bytes);
    berth_writer_reset(writer);
    assert_berth_ok(berth_msg_file_cancel_encode(writer, 8));
    check_payload(writer, BERTH_CHANNEL_FILES, BERTH_MSG_FILE_CANCEL,
                  berth_msg_file_cancel_decode(bytes, n, &id));
    assert_int_equal(id, 8);
    berth_writer_reset(writer);
    assert_berth_ok(berth_msg_file_state_encode(writer, &allowed));
    check_payload(writer, BERTH_CHANNEL_FILES, BERTH_MSG_FILE_STATE,
                  berth_msg_file_state_decode(bytes, n, &allowed_out));
    assert_int_equal(allowed_out.max_mib, 200);
}

static void
offers_and_pieces_of_files_come_back(void **state)
{
    static const uint8_t bytes[BERTH_LIMIT_SHARE_DATA_BYTES] = { 9 };
    BerthWriter *writer = *state;
    BerthMsgFileOffer offer = { .id = 3, .size_bytes = 0 }, offer_out;
    BerthMsgFileData data = { .id = 3, .data = bytes, .data_len = sizeof bytes }, data_out;

    memset(offer.name, 'n', BERTH_LIMIT_FILE_NAME_BYTES);
    assert_berth_ok(berth_msg_file_offer_encode(writer, &offer));
    assert_int_equal(writer->len, 12 + BERTH_LIMIT_FILE_NAME_BYTES);
    assert_berth_ok(berth_msg_file_offer_decode(writer->data, writer->len, &offer_out));
    assert_memory_equal(&offer, &offer_out, sizeof offer);
    for (size_t n = 0; n < 12; n++) {
        assert_berth_error(berth_msg_file_offer_decode(writer->data, n, &offer_out),
                           BERTH_ERR_TRUNCATED);
    }
    berth_writer_reset(writer);
    assert_berth_ok(berth_msg_file_data_encode(writer, &data));
    assert_berth_ok(berth_msg_file_data_decode(writer->data, writer->len, &data_out));
    assert_int_equal(data_out.data_len, sizeof bytes);
    assert_berth_error(berth_msg_file_data_decode(writer->data, 4, &data_out), BERTH_ERR_TRUNCATED);
    data.data_len++;
    assert_berth_error(berth_msg_file_data_encode(writer, &data), BERTH_ERR_INVALID);
    data.data_len = 0;
    assert_berth_error(berth_msg_file_data_encode(writer, &data), BERTH_ERR_INVALID);
}

static void
names_that_lead_elsewhere_are_refused(void **state)
{
    static const struct {
        const char *name;
        bool is_allowed;
    } rows[] = {
        { "a", true },      { "Größe.txt", true }, { "...", true },   { ".profile", true },
        { "a b", true },    { "", false },         { ".", false },    { "..", false },
        { "/", false },     { "a/b", false },      { "../a", false }, { "/etc/passwd", false },
        { "a\nb", false },  { "a\x1b[1m", false }, { "\xff", false }, { "\xc2\x9b", false },
        { "a\x7f", false },
    };

    BerthWriter *writer = *state;
    BerthMsgFileOffer out;
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        BerthMsgFileOffer offer = { .id = 1 };
        g_strlcpy(offer.name, rows[i].name, sizeof offer.name);
        berth_writer_reset(writer);
        assert_berth_error(berth_msg_file_offer_encode(writer, &offer),
                           rows[i].is_allowed ? BERTH_OK : BERTH_ERR_INVALID);
        berth_writer_reset(writer);
        berth_writer_put_u32(writer, 1);
        berth_writer_put_u64(writer, 1);
        berth_writer_put_bytes(writer, rows[i].name, strlen(rows[i].name));
        assert_berth_error(berth_msg_file_offer_decode(writer->data, writer->len, &out),
                           rows[i].is_allowed ? BERTH_OK : BERTH_ERR_PROTOCOL);
    }
    assert_false(berth_wire_file_name_is_allowed((const uint8_t *)"a\0b", 3));
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        T(short_clipboard_messages_come_back),
        T(bad_grabs_are_refused),
        T(pieces_of_a_clipboard_come_back),
        T(bad_pieces_of_a_clipboard_are_refused),
        T(bad_states_are_refused),
        T(short_file_messages_come_back),
        T(offers_and_pieces_of_files_come_back),
        T(names_that_lead_elsewhere_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
