/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testing.h"

#include "client/core/file-drop.h"

#include "base/bytes-writer.h"
#include "display/wire/msg-files.h"

#include <glib.h>
#include <string.h>

#define MIB (1024u * 1024)

typedef struct {
    BerthFileDrop *drop;
    GString *log;
    bool gives_at_once;
    uint64_t sent_bytes[64]; /* of each id */
    uint32_t wanted_id;
    size_t wanted_bytes;
} Desk;

static void
on_send(uint8_t type, const uint8_t *payload, size_t len, void *user_data)
{
    Desk *desk = user_data;
    BerthMsgFileOffer offer;
    BerthMsgFileData data;
    uint32_t id;

    if (type == BERTH_MSG_FILE_OFFER) {
        assert_berth_ok(berth_msg_file_offer_decode(payload, len, &offer));
        g_string_append_printf(desk->log, "offer %u:%s ", offer.id, offer.name);
    } else if (type == BERTH_MSG_FILE_DATA) {
        assert_berth_ok(berth_msg_file_data_decode(payload, len, &data));
        desk->sent_bytes[data.id] += data.data_len;
    } else {
        assert_int_equal(type, BERTH_MSG_FILE_CANCEL);
        assert_berth_ok(berth_msg_file_cancel_decode(payload, len, &id));
        g_string_append_printf(desk->log, "cancel %u ", id);
    }
}

static void
on_want(uint32_t id, size_t max_bytes, void *user_data)
{
    static const uint8_t zeros[BERTH_LIMIT_SHARE_DATA_BYTES];
    Desk *desk = user_data;

    desk->wanted_id = id;
    desk->wanted_bytes = max_bytes;
    if (desk->gives_at_once) {
        berth_file_drop_give(desk->drop, id, zeros, max_bytes);
    }
}

static void
on_progress(uint32_t id, uint64_t n_bytes, uint64_t size_bytes, void *user_data)
{
    Desk *desk = user_data;

    g_string_append_printf(desk->log, "at %u:%" G_GUINT64_FORMAT " ", id, n_bytes);
}

static void
on_ended(uint32_t id, BerthFileStatus status, void *user_data)
{
    Desk *desk = user_data;

    g_string_append_printf(desk->log, "ended %u=%d ", id, (int)status);
}

static const BerthFileDropListener listener = {
    .want = on_want,
    .progress = on_progress,
    .ended = on_ended,
};

static int
setup(void **state)
{
    Desk *desk = g_new0(Desk, 1);

    desk->log = g_string_new(NULL);
    desk->gives_at_once = true;
    desk->drop = berth_file_drop_new(on_send, desk);
    berth_file_drop_set_listener(desk->drop, &listener, desk);
    *state = desk;
    return 0;
}

static int
teardown(void **state)
{
    Desk *desk = *state;

    berth_file_drop_free(desk->drop);
    g_string_free(desk->log, TRUE);
    g_free(desk);
    return 0;
}

static void
expect(Desk *desk, const char *what)
{
    assert_string_equal(g_strstrip(desk->log->str), what);
    g_string_truncate(desk->log, 0);
}

static void
allow(Desk *desk, unsigned flags, uint32_t max_mib)
{
    const BerthMsgFileState message = { (uint8_t)flags, max_mib };
    BerthWriter writer;

    berth_writer_init(&writer, 64);
    berth_msg_file_state_encode(&writer, &message);
    assert_berth_ok(
        berth_file_drop_take(desk->drop, BERTH_MSG_FILE_STATE, writer.data, writer.len));
    berth_writer_clear(&writer);
}

static int
answer(Desk *desk, uint32_t id, BerthFileStatus status)
{
    const BerthMsgFileAnswer message = { id, (uint8_t)status };
    BerthWriter writer;

    berth_writer_init(&writer, 64);
    berth_msg_file_answer_encode(&writer, &message);
    int code = berth_file_drop_take(desk->drop, BERTH_MSG_FILE_ANSWER, writer.data, writer.len);
    berth_writer_clear(&writer);
    return code;
}

static int
acknowledge(Desk *desk, uint32_t id, uint64_t n_bytes)
{
    const BerthMsgFileAck message = { id, n_bytes };
    BerthWriter writer;

    berth_writer_init(&writer, 64);
    berth_msg_file_ack_encode(&writer, &message);
    int code = berth_file_drop_take(desk->drop, BERTH_MSG_FILE_ACK, writer.data, writer.len);
    berth_writer_clear(&writer);
    return code;
}

/* Adds a file; returns its id. */
static uint32_t
add(Desk *desk, const char *name, uint64_t size_bytes)
{
    uint32_t id = 0;

    assert_int_equal(berth_file_drop_add(desk->drop, name, size_bytes, &id), BERTH_FILE_SEND);
    return id;
}

static void
allow_all(Desk *desk)
{
    allow(desk, BERTH_SHARE_TO_GUEST | BERTH_SHARE_AGENT, 100);
}

static void
a_file_goes_over(void **state)
{
    Desk *desk = *state;

    allow_all(desk);
    add(desk, "a.txt", 5);
    expect(desk, "offer 1:a.txt");
    berth_file_drop_pump(desk->drop, 0);
    assert_int_equal(desk->sent_bytes[1], 0); /* not before the answer */
    assert_berth_ok(answer(desk, 1, BERTH_FILE_SEND));
    berth_file_drop_pump(desk->drop, 0);
    assert_int_equal(desk->sent_bytes[1], 5);
    assert_berth_ok(acknowledge(desk, 1, 5));
    assert_berth_ok(answer(desk, 1, BERTH_FILE_DONE));
    expect(desk, "at 1:5 ended 1=3");
    assert_int_equal(berth_file_drop_get_n_files(desk->drop), 0);
}

static void
an_empty_file_goes_over(void **state)
{
    Desk *desk = *state;

    allow_all(desk);
    add(desk, "empty", 0);
    assert_berth_ok(answer(desk, 1, BERTH_FILE_SEND));
    berth_file_drop_pump(desk->drop, 0);
    assert_berth_ok(answer(desk, 1, BERTH_FILE_DONE));
    expect(desk, "offer 1:empty ended 1=3");
    assert_int_equal(desk->wanted_bytes, 0);
}

static void
what_may_not_be_sent_is_refused_at_once(void **state)
{
    static const struct {
        unsigned flags;
        const char *name;
        uint64_t size_bytes;
        BerthFileStatus expected;
    } rows[] = {
        { 0, "a", 1, BERTH_FILE_NOT_ALLOWED },
        { BERTH_SHARE_AGENT, "a", 1, BERTH_FILE_NOT_ALLOWED },
        { BERTH_SHARE_TO_GUEST, "a", 1, BERTH_FILE_NO_AGENT },
        { BERTH_SHARE_TO_GUEST | BERTH_SHARE_AGENT, "a", 2 * MIB + 1, BERTH_FILE_TOO_LARGE },
        { BERTH_SHARE_TO_GUEST | BERTH_SHARE_AGENT, "a", 2 * MIB, BERTH_FILE_SEND },
        { BERTH_SHARE_TO_GUEST | BERTH_SHARE_AGENT, "..", 1, BERTH_FILE_FAILED },
        { BERTH_SHARE_TO_GUEST | BERTH_SHARE_AGENT, "a/b", 1, BERTH_FILE_FAILED },
        { BERTH_SHARE_TO_GUEST | BERTH_SHARE_AGENT, "a\nb", 1, BERTH_FILE_FAILED },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        void *fresh;
        uint32_t id;
        setup(&fresh);
        allow(fresh, rows[i].flags, 2);
        assert_int_equal(
            berth_file_drop_add(((Desk *)fresh)->drop, rows[i].name, rows[i].size_bytes, &id),
            rows[i].expected);
        teardown(&fresh);
    }
}

static void
no_more_than_the_window_is_on_its_way(void **state)
{
    Desk *desk = *state;

    allow_all(desk);
    add(desk, "big", 10 * MIB);
    assert_berth_ok(answer(desk, 1, BERTH_FILE_SEND));
    for (int i = 0; i < 100; i++) {
        berth_file_drop_pump(desk->drop, 0);
    }
    assert_int_equal(desk->sent_bytes[1], BERTH_LIMIT_FILE_WINDOW_BYTES);
    assert_berth_ok(acknowledge(desk, 1, 1));
    berth_file_drop_pump(desk->drop, 0);
    assert_int_equal(desk->sent_bytes[1], BERTH_LIMIT_FILE_WINDOW_BYTES); /* pieces are whole */
    assert_berth_ok(acknowledge(desk, 1, MIB / 2));
    for (int i = 0; i < 100; i++) {
        berth_file_drop_pump(desk->drop, 0);
    }
    assert_int_equal(desk->sent_bytes[1], BERTH_LIMIT_FILE_WINDOW_BYTES + MIB / 2);
}

static void
a_line_that_is_full_gets_nothing_more(void **state)
{
    Desk *desk = *state;

    allow_all(desk);
    add(desk, "big", 10 * MIB);
    assert_berth_ok(answer(desk, 1, BERTH_FILE_SEND));
    berth_file_drop_pump(desk->drop, MIB);
    assert_int_equal(desk->sent_bytes[1], 0);
    berth_file_drop_pump(desk->drop, 0);
    assert_in_range(desk->sent_bytes[1], 1, MIB / 2);
}

static void
files_take_turns_and_the_rest_waits(void **state)
{
    Desk *desk = *state;

    allow_all(desk);
    for (int i = 0; i < 10; i++) {
        add(desk, "f", MIB);
    }
    expect(desk, "offer 1:f offer 2:f offer 3:f offer 4:f offer 5:f offer 6:f offer 7:f offer 8:f");
    assert_berth_ok(answer(desk, 2, BERTH_FILE_SEND));
    assert_berth_ok(answer(desk, 5, BERTH_FILE_SEND));
    berth_file_drop_pump(desk->drop, 0);
    assert_int_equal(desk->sent_bytes[2], desk->sent_bytes[5]);
    assert_true(desk->sent_bytes[2] > 0);
    assert_berth_ok(answer(desk, 3, BERTH_FILE_NO_SPACE));
    expect(desk, "ended 3=4 offer 9:f");
    berth_file_drop_cancel(desk->drop, 10);
    expect(desk, "ended 10=1"); /* it was not offered */
    berth_file_drop_cancel(desk->drop, 2);
    expect(desk, "cancel 2 ended 2=1");
    assert_berth_ok(answer(desk, 2, BERTH_FILE_CANCELLED)); /* comes late */
    expect(desk, "");
}

static void
lies_end_the_connection(void **state)
{
    Desk *desk = *state;

    allow_all(desk);
    add(desk, "f", 100);
    assert_berth_error(acknowledge(desk, 1, 1), BERTH_ERR_PROTOCOL);
    assert_berth_error(answer(desk, 1, BERTH_FILE_DONE), BERTH_ERR_PROTOCOL);
    assert_berth_ok(answer(desk, 1, BERTH_FILE_SEND));
    assert_berth_error(answer(desk, 1, BERTH_FILE_SEND), BERTH_ERR_PROTOCOL);
    assert_berth_error(answer(desk, 1, BERTH_FILE_DONE), BERTH_ERR_PROTOCOL);
    berth_file_drop_pump(desk->drop, 0);
    assert_berth_ok(acknowledge(desk, 1, 60));
    assert_berth_error(acknowledge(desk, 1, 59), BERTH_ERR_PROTOCOL);
    assert_berth_error(acknowledge(desk, 1, 101), BERTH_ERR_PROTOCOL);
    assert_berth_ok(answer(desk, 77, BERTH_FILE_DONE)); /* nobody knows it */
    assert_berth_ok(acknowledge(desk, 77, 1));
    assert_berth_error(
        berth_file_drop_take(desk->drop, BERTH_MSG_FILE_OFFER, (const uint8_t *)"", 0),
        BERTH_ERR_PROTOCOL);
}

static void
a_file_that_cannot_be_read_ends(void **state)
{
    Desk *desk = *state;

    desk->gives_at_once = false;
    allow_all(desk);
    add(desk, "shrunk", 100);
    add(desk, "unreadable", 100);
    assert_berth_ok(answer(desk, 1, BERTH_FILE_SEND));
    assert_berth_ok(answer(desk, 2, BERTH_FILE_SEND));
    berth_file_drop_pump(desk->drop, 0);
    g_string_truncate(desk->log, 0);
    berth_file_drop_give(desk->drop, 1, NULL, 0);
    expect(desk, "cancel 1 ended 1=2");
    berth_file_drop_fail(desk->drop, 2);
    expect(desk, "cancel 2 ended 2=2");
    berth_file_drop_give(desk->drop, 2, (const uint8_t *)"late", 4);
    expect(desk, "");
}

static void
a_lost_connection_ends_all(void **state)
{
    Desk *desk = *state;

    allow_all(desk);
    for (int i = 0; i < 9; i++) {
        add(desk, "f", 1);
    }
    g_string_truncate(desk->log, 0);
    berth_file_drop_reset(desk->drop);
    expect(desk, "ended 1=2 ended 2=2 ended 3=2 ended 4=2 ended 5=2 ended 6=2 ended 7=2 ended 8=2 "
                 "ended 9=2");
    assert_int_equal(berth_file_drop_get_status(desk->drop), BERTH_FILE_NOT_ALLOWED);
}

static void
what_waits_ends_when_it_is_forbidden(void **state)
{
    Desk *desk = *state;

    allow_all(desk);
    for (int i = 0; i < 11; i++) {
        add(desk, "f", 1);
    }
    g_string_truncate(desk->log, 0);
    allow(desk, BERTH_SHARE_AGENT, 100);
    expect(desk, "ended 11=7 ended 10=7 ended 9=7");
    berth_file_drop_set_listener(desk->drop, NULL, NULL);
    expect(desk, "cancel 8 cancel 7 cancel 6 cancel 5 cancel 4 cancel 3 cancel 2 cancel 1");
}

static void
a_folder_without_end_is_refused(void **state)
{
    Desk *desk = *state;
    uint32_t id;

    allow_all(desk);
    for (unsigned i = 0; i < BERTH_LIMIT_DROPPED_FILES; i++) {
        add(desk, "f", 1);
    }
    assert_int_equal(berth_file_drop_add(desk->drop, "f", 1, &id), BERTH_FILE_BUSY);
}

static void
every_status_has_its_sentence(void **state)
{
    for (int i = 0; i <= BERTH_N_FILE_STATUS; i++) {
        assert_true(strlen(berth_file_status_sentence((BerthFileStatus)i)) > 0);
    }
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_file_goes_over),
        T(an_empty_file_goes_over),
        T(what_may_not_be_sent_is_refused_at_once),
        T(no_more_than_the_window_is_on_its_way),
        T(a_line_that_is_full_gets_nothing_more),
        T(files_take_turns_and_the_rest_waits),
        T(lies_end_the_connection),
        T(a_file_that_cannot_be_read_ends),
        T(a_lost_connection_ends_all),
        T(what_waits_ends_when_it_is_forbidden),
        T(a_folder_without_end_is_refused),
        T(every_status_has_its_sentence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
