/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testing.h"

#include "client/core/clipboard-share.h"

#include "base/bytes-writer.h"
#include "display/wire/msg-clipboard.h"

#include <glib.h>
#include <string.h>

#define EVERY_TYPE 7u
#define TEXT BERTH_CLIPBOARD_BIT(BERTH_CLIPBOARD_TEXT)
#define PNG BERTH_CLIPBOARD_BIT(BERTH_CLIPBOARD_PNG)

/* What the engine did, a line for each message and event. */
typedef struct {
    BerthClipboardShare *share;
    GString *log;
    GBytes *content; /* the last one that came */
    GBytes *own;     /* what is given at once when it is wanted; NULL: nothing is */
    size_t n_sent_bytes;
    size_t n_pieces;
    bool was_last;
} Desk;

static void
on_send(uint8_t type, const uint8_t *payload, size_t len, void *user_data)
{
    Desk *desk = user_data;
    BerthMsgClipboardGrab grab;
    BerthMsgClipboardRequest request;
    BerthMsgClipboardData data;
    BerthMsgClipboardRelease message;

    if (type == BERTH_MSG_CLIPBOARD_GRAB) {
        assert_berth_ok(berth_msg_clipboard_grab_decode(payload, len, &grab));
        g_string_append_printf(desk->log, "grab %u/%u:", grab.serial, grab.selection);
        for (unsigned i = 0; i < grab.n_types; i++) {
            g_string_append_printf(desk->log, "%u", grab.types[i]);
        }
        g_string_append_c(desk->log, ' ');
    } else if (type == BERTH_MSG_CLIPBOARD_REQUEST) {
        assert_berth_ok(berth_msg_clipboard_request_decode(payload, len, &request));
        g_string_append_printf(desk->log, "ask %u/%u:%u ", request.serial, request.selection,
                               request.type);
    } else if (type == BERTH_MSG_CLIPBOARD_DATA) {
        assert_berth_ok(berth_msg_clipboard_data_decode(payload, len, &data));
        desk->n_sent_bytes += data.data_len;
        desk->n_pieces++;
        desk->was_last = data.is_last;
        if (data.is_last) {
            g_string_append_printf(desk->log, "data %u/%u:%u=%u ", data.serial, data.selection,
                                   data.type, data.status);
        }
    } else {
        assert_int_equal(type, BERTH_MSG_CLIPBOARD_RELEASE);
        assert_berth_ok(berth_msg_clipboard_release_decode(payload, len, &message));
        g_string_append_printf(desk->log, "release %u/%u ", message.serial, message.selection);
    }
}

static void
on_offered(BerthSelection selection, unsigned types, void *user_data)
{
    Desk *desk = user_data;

    g_string_append_printf(desk->log, "offered %d:%u ", (int)selection, types);
}

static void
on_content(BerthSelection selection, BerthClipboardType type, BerthClipboardStatus status,
           GBytes *content, void *user_data)
{
    Desk *desk = user_data;

    g_string_append_printf(desk->log, "content %d:%d=%d ", (int)selection, (int)type, (int)status);
    assert_int_equal(content != NULL, status == BERTH_CLIPBOARD_OK);
    g_clear_pointer(&desk->content, g_bytes_unref);
    desk->content = content != NULL ? g_bytes_ref(content) : NULL;
}

static void
on_wanted(BerthSelection selection, BerthClipboardType type, uint32_t serial, void *user_data)
{
    Desk *desk = user_data;

    g_string_append_printf(desk->log, "wanted %u/%d:%d ", serial, (int)selection, (int)type);
    if (desk->own != NULL) {
        berth_clipboard_share_give(desk->share, selection, serial, type, BERTH_CLIPBOARD_OK,
                                   desk->own);
    }
}

static const BerthClipboardListener listener = {
    .offered = on_offered,
    .content = on_content,
    .wanted = on_wanted,
};

static int
setup(void **state)
{
    Desk *desk = g_new0(Desk, 1);

    desk->log = g_string_new(NULL);
    desk->share = berth_clipboard_share_new(on_send, desk);
    berth_clipboard_share_set_listener(desk->share, &listener, desk);
    *state = desk;
    return 0;
}

static int
teardown(void **state)
{
    Desk *desk = *state;

    berth_clipboard_share_free(desk->share);
    g_string_free(desk->log, TRUE);
    g_clear_pointer(&desk->content, g_bytes_unref);
    g_clear_pointer(&desk->own, g_bytes_unref);
    g_free(desk);
    return 0;
}

/* Compares what was done since the last call. */
static void
expect(Desk *desk, const char *what)
{
    assert_string_equal(g_strstrip(desk->log->str), what);
    g_string_truncate(desk->log, 0);
}

static int
take(Desk *desk, uint8_t type, BerthWriter *writer)
{
    int code = berth_clipboard_share_take(desk->share, type, writer->data, writer->len);

    berth_writer_clear(writer);
    return code;
}

static void
allow(Desk *desk, unsigned flags, unsigned types, uint32_t max_kib)
{
    const BerthMsgClipboardState message = { (uint8_t)flags, (uint8_t)types, max_kib };
    BerthWriter writer;

    berth_writer_init(&writer, 64);
    berth_msg_clipboard_state_encode(&writer, &message);
    assert_berth_ok(take(desk, BERTH_MSG_CLIPBOARD_STATE, &writer));
}

static void
guest_grabs(Desk *desk, uint32_t serial, uint8_t type)
{
    const BerthMsgClipboardGrab grab = { serial, 0, 1, { type } };
    BerthWriter writer;

    berth_writer_init(&writer, 64);
    berth_msg_clipboard_grab_encode(&writer, &grab);
    assert_berth_ok(take(desk, BERTH_MSG_CLIPBOARD_GRAB, &writer));
}

static void
guest_asks(Desk *desk, uint32_t serial, uint8_t type)
{
    const BerthMsgClipboardRequest request = { serial, 0, type };
    BerthWriter writer;

    berth_writer_init(&writer, 64);
    berth_msg_clipboard_request_encode(&writer, &request);
    assert_berth_ok(take(desk, BERTH_MSG_CLIPBOARD_REQUEST, &writer));
}

static void
guest_sends(Desk *desk, uint32_t serial, uint8_t type, const char *text, size_t len, bool is_last)
{
    const BerthMsgClipboardData data = {
        serial, 0, type, BERTH_CLIPBOARD_OK, is_last, (const uint8_t *)text, len
    };
    BerthWriter writer;

    berth_writer_init(&writer, BERTH_LIMIT_SHARE_DATA_BYTES + 64);
    assert_berth_ok(berth_msg_clipboard_data_encode(&writer, &data));
    assert_berth_ok(take(desk, BERTH_MSG_CLIPBOARD_DATA, &writer));
}

static void
what_is_copied_here_is_told_where_it_is_allowed(void **state)
{
    static const struct {
        unsigned flags, types, own;
        bool has_focus;
        const char *expected;
    } rows[] = {
        { BERTH_SHARE_ALL, EVERY_TYPE, TEXT, true, "grab 1/0:1" },
        { BERTH_SHARE_ALL, EVERY_TYPE, EVERY_TYPE, true, "grab 1/0:312" },
        { BERTH_SHARE_ALL, TEXT, EVERY_TYPE, true, "grab 1/0:1" },
        { BERTH_SHARE_ALL, PNG, TEXT, true, "" },
        { BERTH_SHARE_ALL, EVERY_TYPE, 0, true, "" },
        { BERTH_SHARE_ALL, EVERY_TYPE, TEXT, false, "" },
        { BERTH_SHARE_TO_GUEST, EVERY_TYPE, TEXT, true, "" },
        { BERTH_SHARE_FROM_GUEST | BERTH_SHARE_AGENT, EVERY_TYPE, TEXT, true, "" },
        { 0, 0, TEXT, true, "" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        void *fresh;
        setup(&fresh);
        allow(fresh, rows[i].flags, rows[i].types, 1024);
        berth_clipboard_share_set_focus(((Desk *)fresh)->share, rows[i].has_focus);
        berth_clipboard_share_own(((Desk *)fresh)->share, BERTH_SELECTION_CLIPBOARD, rows[i].own);
        expect(fresh, rows[i].expected);
        teardown(&fresh);
    }
}

static void
the_guest_hears_nothing_of_other_windows(void **state)
{
    Desk *desk = *state;

    allow(desk, BERTH_SHARE_ALL, EVERY_TYPE, 1024);
    berth_clipboard_share_set_focus(desk->share, true);
    berth_clipboard_share_own(desk->share, BERTH_SELECTION_CLIPBOARD, TEXT);
    expect(desk, "grab 1/0:1");
    berth_clipboard_share_set_focus(desk->share, false);
    berth_clipboard_share_own(desk->share, BERTH_SELECTION_CLIPBOARD, TEXT);
    expect(desk, "release 1/0");
    guest_asks(desk, 1, BERTH_CLIPBOARD_TEXT);
    expect(desk, "data 1/0:1=1");
    berth_clipboard_share_set_focus(desk->share, true);
    expect(desk, "grab 2/0:1");
    berth_clipboard_share_set_focus(desk->share, false);
    berth_clipboard_share_set_focus(desk->share, true);
    expect(desk, ""); /* nothing new */
}

static void
what_the_guest_wants_is_given_in_pieces(void **state)
{
    Desk *desk = *state;
    const size_t size_bytes = 3 * BERTH_LIMIT_SHARE_DATA_BYTES + 5;

    desk->own = g_bytes_new_take(g_malloc0(size_bytes), size_bytes);
    allow(desk, BERTH_SHARE_ALL, EVERY_TYPE, 1024);
    berth_clipboard_share_set_focus(desk->share, true);
    berth_clipboard_share_own(desk->share, BERTH_SELECTION_CLIPBOARD, TEXT);
    guest_asks(desk, 1, BERTH_CLIPBOARD_TEXT);
    expect(desk, "grab 1/0:1 wanted 1/0:1 data 1/0:1=0");
    assert_int_equal(desk->n_sent_bytes, size_bytes);
    assert_int_equal(desk->n_pieces, 4);
}

static void
a_large_content_does_not_fill_the_line(void **state)
{
    Desk *desk = *state;
    const size_t size_bytes = 1000 * 1024;

    desk->own = g_bytes_new_take(g_malloc0(size_bytes), size_bytes);
    allow(desk, BERTH_SHARE_ALL, EVERY_TYPE, 1024);
    berth_clipboard_share_set_focus(desk->share, true);
    berth_clipboard_share_own(desk->share, BERTH_SELECTION_CLIPBOARD, TEXT);
    guest_asks(desk, 1, BERTH_CLIPBOARD_TEXT);
    assert_in_range(desk->n_sent_bytes, 1, 320 * 1024);
    size_t n = desk->n_sent_bytes;
    berth_clipboard_share_pump(desk->share, 1024 * 1024);
    assert_int_equal(desk->n_sent_bytes, n);
    for (int i = 0; i < 8 && !desk->was_last; i++) {
        berth_clipboard_share_pump(desk->share, 0);
    }
    assert_int_equal(desk->n_sent_bytes, size_bytes);
    assert_true(desk->was_last);
}

static void
what_may_not_be_given_is_refused(void **state)
{
    Desk *desk = *state;

    guest_asks(desk, 1, BERTH_CLIPBOARD_TEXT); /* before anything was allowed */
    expect(desk, "data 1/0:1=2");
    allow(desk, BERTH_SHARE_ALL, EVERY_TYPE, 1);
    berth_clipboard_share_set_focus(desk->share, true);
    guest_asks(desk, 1, BERTH_CLIPBOARD_TEXT); /* nothing was copied */
    expect(desk, "data 1/0:1=1");
    berth_clipboard_share_own(desk->share, BERTH_SELECTION_CLIPBOARD, TEXT);
    guest_asks(desk, 1, BERTH_CLIPBOARD_PNG); /* not offered */
    guest_asks(desk, 9, BERTH_CLIPBOARD_TEXT);
    expect(desk, "grab 1/0:1 data 1/0:2=1 data 9/0:1=1");
    desk->own = g_bytes_new_take(g_malloc0(1025), 1025);
    guest_asks(desk, 1, BERTH_CLIPBOARD_TEXT);
    expect(desk, "wanted 1/0:1 data 1/0:1=3");
}

static void
requests_wait_for_their_turn_and_are_not_too_many(void **state)
{
    Desk *desk = *state;
    g_autoptr(GBytes) content = g_bytes_new_static("x", 1);

    allow(desk, BERTH_SHARE_ALL, EVERY_TYPE, 1024);
    berth_clipboard_share_set_focus(desk->share, true);
    berth_clipboard_share_own(desk->share, BERTH_SELECTION_CLIPBOARD, EVERY_TYPE);
    for (int i = 0; i < 6; i++) {
        guest_asks(desk, 1, BERTH_CLIPBOARD_TEXT);
    }
    expect(desk, "grab 1/0:312 wanted 1/0:1 data 1/0:1=4 data 1/0:1=4");
    berth_clipboard_share_give(desk->share, 0, 1, BERTH_CLIPBOARD_TEXT, BERTH_CLIPBOARD_OK,
                               content);
    expect(desk, "data 1/0:1=0 wanted 1/0:1");
    berth_clipboard_share_own(desk->share, BERTH_SELECTION_CLIPBOARD, TEXT);
    berth_clipboard_share_give(desk->share, 0, 1, BERTH_CLIPBOARD_TEXT, BERTH_CLIPBOARD_OK,
                               content);
    expect(desk, "grab 2/0:1 data 1/0:1=1 data 1/0:1=1 data 1/0:1=1");
}

static void
what_the_guest_copied_comes_when_it_is_pasted(void **state)
{
    Desk *desk = *state;

    allow(desk, BERTH_SHARE_ALL, EVERY_TYPE, 1024);
    guest_grabs(desk, 5, BERTH_CLIPBOARD_TEXT);
    berth_clipboard_share_ask(desk->share, 0, BERTH_CLIPBOARD_TEXT);
    guest_sends(desk, 5, BERTH_CLIPBOARD_TEXT, "he", 2, false);
    guest_sends(desk, 5, BERTH_CLIPBOARD_TEXT, "llo", 3, true);
    expect(desk, "offered 0:1 ask 5/0:1 content 0:1=0");
    assert_memory_equal(g_bytes_get_data(desk->content, NULL), "hello", 5);
    berth_clipboard_share_ask(desk->share, 0, BERTH_CLIPBOARD_PNG); /* not offered */
    expect(desk, "content 0:2=1");
    guest_sends(desk, 5, BERTH_CLIPBOARD_TEXT, "again", 5, true);
    expect(desk, ""); /* nobody asked */
}

static void
what_is_not_allowed_is_not_taken(void **state)
{
    static const struct {
        unsigned flags, types;
    } rows[] = {
        { 0, 0 },
        { BERTH_SHARE_TO_GUEST | BERTH_SHARE_AGENT, EVERY_TYPE },
        { BERTH_SHARE_FROM_GUEST, EVERY_TYPE },
        { BERTH_SHARE_ALL, PNG },
    };

    Desk *desk = *state;
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        allow(desk, rows[i].flags, rows[i].types, 1024);
        guest_grabs(desk, 1 + (uint32_t)i, BERTH_CLIPBOARD_TEXT);
        expect(desk, "");
    }
}

static void
contents_that_lie_are_dropped(void **state)
{
    static const char zeros[2000];
    Desk *desk = *state;

    allow(desk, BERTH_SHARE_ALL, EVERY_TYPE, 1);
    guest_grabs(desk, 1, BERTH_CLIPBOARD_PNG);
    berth_clipboard_share_ask(desk->share, 0, BERTH_CLIPBOARD_PNG);
    guest_sends(desk, 1, BERTH_CLIPBOARD_PNG, "GIF89a..............", 20, true);
    expect(desk, "offered 0:2 ask 1/0:2 content 0:2=4");
    guest_grabs(desk, 2, BERTH_CLIPBOARD_TEXT);
    berth_clipboard_share_ask(desk->share, 0, BERTH_CLIPBOARD_TEXT);
    guest_sends(desk, 2, BERTH_CLIPBOARD_TEXT, "\xff\xfe", 2, true);
    expect(desk, "offered 0:1 ask 2/0:1 content 0:1=4");
    berth_clipboard_share_ask(desk->share, 0, BERTH_CLIPBOARD_TEXT);
    guest_sends(desk, 2, BERTH_CLIPBOARD_TEXT, "\0", 1, true);
    expect(desk, "ask 2/0:1 content 0:1=4");
    berth_clipboard_share_ask(desk->share, 0, BERTH_CLIPBOARD_TEXT);
    guest_sends(desk, 2, BERTH_CLIPBOARD_TEXT, zeros, 1000, false);
    guest_sends(desk, 2, BERTH_CLIPBOARD_TEXT, zeros, 1000, false);
    expect(desk, "ask 2/0:1 content 0:1=3");
    /* The rest of it is not taken for the next answer. */
    berth_clipboard_share_ask(desk->share, 0, BERTH_CLIPBOARD_TEXT);
    guest_sends(desk, 2, BERTH_CLIPBOARD_TEXT, "rest", 4, true);
    expect(desk, "ask 2/0:1");
    guest_sends(desk, 2, BERTH_CLIPBOARD_TEXT, "good", 4, true);
    expect(desk, "content 0:1=0");
    assert_memory_equal(g_bytes_get_data(desk->content, NULL), "good", 4);
}

static void
an_answer_that_nobody_waits_for_is_dropped(void **state)
{
    Desk *desk = *state;

    allow(desk, BERTH_SHARE_ALL, EVERY_TYPE, 1024);
    guest_grabs(desk, 1, BERTH_CLIPBOARD_TEXT);
    berth_clipboard_share_ask(desk->share, 0, BERTH_CLIPBOARD_TEXT);
    berth_clipboard_share_forget(desk->share, 0);
    guest_sends(desk, 1, BERTH_CLIPBOARD_TEXT, "late", 4, true);
    expect(desk, "offered 0:1 ask 1/0:1 content 0:1=4");
    /* The content of an older offer is not that of the present one. */
    berth_clipboard_share_ask(desk->share, 0, BERTH_CLIPBOARD_TEXT);
    guest_grabs(desk, 2, BERTH_CLIPBOARD_TEXT);
    guest_sends(desk, 1, BERTH_CLIPBOARD_TEXT, "old", 3, true);
    expect(desk, "ask 1/0:1 content 0:1=1 offered 0:1");
}

static void
the_guests_grab_ends_ours(void **state)
{
    Desk *desk = *state;

    desk->own = g_bytes_new_static("x", 1);
    allow(desk, BERTH_SHARE_ALL, EVERY_TYPE, 1024);
    berth_clipboard_share_set_focus(desk->share, true);
    berth_clipboard_share_own(desk->share, 0, TEXT);
    guest_grabs(desk, 1, BERTH_CLIPBOARD_TEXT);
    guest_asks(desk, 1, BERTH_CLIPBOARD_TEXT);
    berth_clipboard_share_set_focus(desk->share, true);
    expect(desk, "grab 1/0:1 offered 0:1 data 1/0:1=1"); /* and no echo of it */
}

static void
an_agent_that_comes_back_is_told_again(void **state)
{
    Desk *desk = *state;

    berth_clipboard_share_set_focus(desk->share, true);
    berth_clipboard_share_own(desk->share, 0, TEXT);
    expect(desk, "");
    allow(desk, BERTH_SHARE_ALL, EVERY_TYPE, 1024);
    expect(desk, "grab 1/0:1");
    guest_grabs(desk, 1, BERTH_CLIPBOARD_TEXT);
    allow(desk, BERTH_SHARE_ALL & ~BERTH_SHARE_AGENT, EVERY_TYPE, 1024);
    expect(desk, "offered 0:1 offered 0:0");
    berth_clipboard_share_own(desk->share, 0, TEXT);
    allow(desk, BERTH_SHARE_ALL, EVERY_TYPE, 1024);
    allow(desk, BERTH_SHARE_ALL, EVERY_TYPE, 2048);
    expect(desk, "grab 2/0:1");
}

static void
a_lost_connection_ends_what_is_under_way(void **state)
{
    Desk *desk = *state;

    allow(desk, BERTH_SHARE_ALL, EVERY_TYPE, 1024);
    berth_clipboard_share_set_focus(desk->share, true);
    berth_clipboard_share_own(desk->share, 0, TEXT);
    guest_asks(desk, 1, BERTH_CLIPBOARD_TEXT);
    guest_grabs(desk, 1, BERTH_CLIPBOARD_TEXT);
    berth_clipboard_share_ask(desk->share, 0, BERTH_CLIPBOARD_TEXT);
    g_string_truncate(desk->log, 0);
    berth_clipboard_share_reset(desk->share);
    expect(desk, "content 0:1=1 offered 0:0");
    assert_int_equal(berth_clipboard_share_get_flags(desk->share), 0);
    berth_clipboard_share_own(desk->share, 0, TEXT);
    expect(desk, "");
    allow(desk, BERTH_SHARE_ALL, EVERY_TYPE, 1024);
    expect(desk, "grab 1/0:1");
}

static void
messages_of_the_other_side_are_refused(void **state)
{
    Desk *desk = *state;

    assert_berth_error(berth_clipboard_share_take(desk->share, 9, (const uint8_t *)"", 0),
                       BERTH_ERR_PROTOCOL);
    assert_berth_error(
        berth_clipboard_share_take(desk->share, BERTH_MSG_CLIPBOARD_GRAB, (const uint8_t *)"", 0),
        BERTH_ERR_TRUNCATED);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        T(what_is_copied_here_is_told_where_it_is_allowed),
        T(the_guest_hears_nothing_of_other_windows),
        T(what_the_guest_wants_is_given_in_pieces),
        T(a_large_content_does_not_fill_the_line),
        T(what_may_not_be_given_is_refused),
        T(requests_wait_for_their_turn_and_are_not_too_many),
        T(what_the_guest_copied_comes_when_it_is_pasted),
        T(what_is_not_allowed_is_not_taken),
        T(contents_that_lie_are_dropped),
        T(an_answer_that_nobody_waits_for_is_dropped),
        T(the_guests_grab_ends_ours),
        T(an_agent_that_comes_back_is_told_again),
        T(a_lost_connection_ends_what_is_under_way),
        T(messages_of_the_other_side_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
