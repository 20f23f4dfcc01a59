/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testing.h"

#include "display/wire/vdagent-message.h"
#include "host-agent/session/guest-clipboard.h"

#include "berth/errors.h"
#include "display/wire/msg-clipboard.h"

#include <glib.h>
#include <spice/vd_agent.h>
#include <string.h>

#define CAPS                                                                             \
    (1u << VD_AGENT_CAP_CLIPBOARD_SELECTION | 1u << VD_AGENT_CAP_CLIPBOARD_GRAB_SERIAL | \
     1u << VD_AGENT_CAP_CLIPBOARD_BY_DEMAND)
#define TEXT BERTH_CLIPBOARD_BIT(BERTH_CLIPBOARD_TEXT)
#define PNG BERTH_CLIPBOARD_BIT(BERTH_CLIPBOARD_PNG)

static const char png[] = "\x89PNG\r\n\x1a\npixels";

/* A client and a guest that write down what they hear. */
typedef struct {
    BerthGuestClipboard *clipboard;
    GString *log;                     /* one word for each message */
    GByteArray *to_client, *to_guest; /* contents */
    uint32_t own_serial;
    uint32_t guest_serial;
    bool is_full;
    BerthVdagentParser *parser;
} Desktop;

static void
hear_client(uint8_t type, const uint8_t *payload, size_t len, void *user_data)
{
    Desktop *desktop = user_data;
    BerthMsgClipboardGrab grab;
    BerthMsgClipboardData data;
    BerthMsgClipboardState now;
    BerthMsgClipboardRequest request;

    switch (type) {
    case BERTH_MSG_CLIPBOARD_GRAB:
        assert_berth_ok(berth_msg_clipboard_grab_decode(payload, len, &grab));
        assert_true(grab.serial > desktop->own_serial);
        desktop->own_serial = grab.serial;
        g_string_append_printf(desktop->log, "c:grab%u/%u ", grab.selection, grab.n_types);
        break;
    case BERTH_MSG_CLIPBOARD_DATA:
        assert_berth_ok(berth_msg_clipboard_data_decode(payload, len, &data));
        g_byte_array_append(desktop->to_client, data.data, (guint)data.data_len);
        g_string_append_printf(desktop->log, "c:data%u%s ", data.status, data.is_last ? "" : "+");
        break;
    case BERTH_MSG_CLIPBOARD_REQUEST:
        assert_berth_ok(berth_msg_clipboard_request_decode(payload, len, &request));
        g_string_append_printf(desktop->log, "c:ask%u ", request.type);
        break;
    case BERTH_MSG_CLIPBOARD_RELEASE:
        g_string_append(desktop->log, "c:release ");
        break;
    default:
        assert_berth_ok(berth_msg_clipboard_state_decode(payload, len, &now));
        g_string_append_printf(desktop->log, "c:state%u ", now.flags);
        break;
    }
}

static void
hear_guest_message(const BerthVdagentMessage *message, void *user_data)
{
    Desktop *desktop = user_data;
    BerthVdagentGrab grab;
    BerthVdagentClip clip;

    switch (message->type) {
    case VD_AGENT_CLIPBOARD_GRAB:
        assert_berth_ok(berth_vdagent_read_grab(message->data, message->len, CAPS, &grab));
        assert_int_equal(grab.serial, desktop->guest_serial);
        desktop->guest_serial++;
        g_string_append_printf(desktop->log, "g:grab%u/%x ", grab.selection, grab.types);
        break;
    case VD_AGENT_CLIPBOARD_RELEASE:
        g_string_append(desktop->log, "g:release ");
        break;
    default:
        assert_berth_ok(berth_vdagent_read_clip(message->data, message->len, CAPS, &clip));
        g_byte_array_append(desktop->to_guest, clip.data, (guint)clip.len);
        g_string_append_printf(desktop->log,
                               message->type == VD_AGENT_CLIPBOARD ? "g:data%u/%zu " : "g:ask%u ",
                               clip.type, clip.len);
        break;
    }
}

static void
hear_guest(uint8_t *data, size_t len, void *user_data)
{
    Desktop *desktop = user_data;

    assert_berth_ok(berth_vdagent_parser_feed(desktop->parser, data, len));
    g_free(data);
}

static bool
has_room(void *user_data)
{
    return !((Desktop *)user_data)->is_full;
}

static void
notify(const char *text, void *user_data)
{
    g_string_append(((Desktop *)user_data)->log, "notice ");
}

static const BerthGuestClipboardCallbacks callbacks = {
    .to_client = hear_client,
    .to_guest = hear_guest,
    .has_room = has_room,
    .notify = notify,
};

static void
begin(Desktop *desktop, const BerthClipboardPolicy *policy)
{
    *desktop = (Desktop){ 0 };
    desktop->log = g_string_new(NULL);
    desktop->to_client = g_byte_array_new();
    desktop->to_guest = g_byte_array_new();
    desktop->parser = berth_vdagent_parser_new(hear_guest_message, desktop);
    berth_vdagent_parser_set_clipboard_bytes(desktop->parser, 1024 * 1024);
    desktop->clipboard = berth_guest_clipboard_new(&callbacks, desktop);
    berth_guest_clipboard_set_policy(desktop->clipboard, policy);
    berth_guest_clipboard_set_agent(desktop->clipboard, CAPS);
    berth_guest_clipboard_set_client(desktop->clipboard, TEXT | PNG);
    g_string_truncate(desktop->log, 0);
}

static void
end(Desktop *desktop)
{
    berth_guest_clipboard_free(desktop->clipboard);
    berth_vdagent_parser_free(desktop->parser);
    g_string_free(desktop->log, TRUE);
    g_byte_array_unref(desktop->to_client);
    g_byte_array_unref(desktop->to_guest);
}

/* Compares what was heard since the last time. */
static void
expect(Desktop *desktop, const char *log)
{
    assert_string_equal(desktop->log->str, log);
    g_string_truncate(desktop->log, 0);
}

static void
client_grabs(Desktop *desktop, uint32_t serial, uint8_t type)
{
    BerthMsgClipboardGrab grab = { .serial = serial, .n_types = 1, .types = { type } };
    BerthWriter writer;

    berth_writer_init(&writer, 64);
    assert_berth_ok(berth_msg_clipboard_grab_encode(&writer, &grab));
    assert_berth_ok(berth_guest_clipboard_handle_client(
        desktop->clipboard, BERTH_MSG_CLIPBOARD_GRAB, writer.data, writer.len, 0));
    berth_writer_clear(&writer);
}

static void
client_asks(Desktop *desktop, uint32_t serial, uint8_t type)
{
    BerthMsgClipboardRequest request = { serial, 0, type };
    BerthWriter writer;

    berth_writer_init(&writer, 64);
    assert_berth_ok(berth_msg_clipboard_request_encode(&writer, &request));
    assert_berth_ok(berth_guest_clipboard_handle_client(
        desktop->clipboard, BERTH_MSG_CLIPBOARD_REQUEST, writer.data, writer.len, 0));
    berth_writer_clear(&writer);
}

static void
client_gives(Desktop *desktop, uint32_t serial, uint8_t type, const void *bytes, size_t len,
             bool is_last)
{
    BerthMsgClipboardData data = {
        .serial = serial, .type = type, .is_last = is_last, .data = bytes, .data_len = len
    };
    BerthWriter writer;

    berth_writer_init(&writer, 128 * 1024);
    assert_berth_ok(berth_msg_clipboard_data_encode(&writer, &data));
    assert_berth_ok(berth_guest_clipboard_handle_client(
        desktop->clipboard, BERTH_MSG_CLIPBOARD_DATA, writer.data, writer.len, 0));
    berth_writer_clear(&writer);
}

static void
deliver(const BerthVdagentMessage *message, void *user_data)
{
    berth_guest_clipboard_handle_guest(user_data, message, 0);
}

static void
guest_says(Desktop *desktop, BerthWriter *writer)
{
    BerthVdagentParser *parser = berth_vdagent_parser_new(deliver, desktop->clipboard);

    berth_vdagent_parser_set_clipboard_bytes(parser, 1024);
    assert_berth_ok(berth_vdagent_parser_feed(parser, writer->data, writer->len));
    berth_vdagent_parser_free(parser);
    berth_writer_clear(writer);
}

static void
guest_grabs(Desktop *desktop, uint32_t serial, uint32_t types)
{
    BerthVdagentGrab grab = { 0, serial, types };
    BerthWriter writer;

    desktop->guest_serial = MAX(desktop->guest_serial, serial + 1);
    berth_writer_init(&writer, 1024);
    berth_vdagent_write_grab(&writer, CAPS, &grab);
    guest_says(desktop, &writer);
}

static void
guest_asks(Desktop *desktop, uint32_t type)
{
    BerthVdagentClip clip = { 0, type, NULL, 0 };
    BerthWriter writer;

    berth_writer_init(&writer, 1024);
    berth_vdagent_write_request(&writer, CAPS, &clip);
    guest_says(desktop, &writer);
}

static void
guest_gives(Desktop *desktop, uint32_t type, const void *bytes, size_t len)
{
    BerthVdagentClip clip = { 0, type, bytes, len };
    BerthWriter writer;

    berth_writer_init(&writer, 1024 * 1024);
    berth_vdagent_write_content(&writer, CAPS, &clip);
    guest_says(desktop, &writer);
}

static const BerthClipboardPolicy all = { true, true, TEXT | PNG, 1 };

static void
what_the_client_copies_is_pasted_in_the_guest(void **state)
{
    Desktop desktop;

    begin(&desktop, &all);
    client_grabs(&desktop, 5, BERTH_CLIPBOARD_TEXT);
    expect(&desktop, "g:grab0/2 ");
    guest_asks(&desktop, VD_AGENT_CLIPBOARD_UTF8_TEXT);
    guest_asks(&desktop, VD_AGENT_CLIPBOARD_UTF8_TEXT); /* two programs, one question */
    expect(&desktop, "c:ask1 ");
    client_gives(&desktop, 5, BERTH_CLIPBOARD_TEXT, "he", 2, false);
    expect(&desktop, "");
    client_gives(&desktop, 5, BERTH_CLIPBOARD_TEXT, "llo", 3, true);
    expect(&desktop, "g:data1/5 g:data1/5 ");
    assert_memory_equal(desktop.to_guest->data, "hellohello", 10);
    client_gives(&desktop, 5, BERTH_CLIPBOARD_TEXT, "again", 5, true);
    expect(&desktop, ""); /* nobody asked */
    guest_asks(&desktop, VD_AGENT_CLIPBOARD_IMAGE_PNG);
    expect(&desktop, "g:data2/0 "); /* it was not offered */
    end(&desktop);
}

static void
what_the_guest_copies_is_pasted_at_the_client(void **state)
{
    Desktop desktop;

    begin(&desktop, &all);
    guest_grabs(&desktop, 0, 1u << 1 | 1u << 2);
    expect(&desktop, "c:grab0/2 ");
    client_asks(&desktop, desktop.own_serial, BERTH_CLIPBOARD_TEXT);
    client_asks(&desktop, desktop.own_serial, BERTH_CLIPBOARD_PNG);
    expect(&desktop, "g:ask1 "); /* one after the other */
    guest_gives(&desktop, 1, "text", 4);
    expect(&desktop, "g:ask2 c:data0 ");
    guest_gives(&desktop, 2, png, sizeof png);
    expect(&desktop, "c:data0 ");
    assert_int_equal(desktop.to_client->len, 4 + sizeof png);
    guest_gives(&desktop, 1, "spoof", 5);
    expect(&desktop, "");
    client_asks(&desktop, desktop.own_serial + 1, BERTH_CLIPBOARD_TEXT);
    expect(&desktop, "c:data1 "); /* gone */
    client_asks(&desktop, desktop.own_serial, BERTH_CLIPBOARD_HTML);
    expect(&desktop, "c:data2 "); /* not allowed */
    end(&desktop);
}

static void
contents_are_what_they_are_called(void **state)
{
    Desktop desktop;

    begin(&desktop, &all);
    guest_grabs(&desktop, 0, 1u << 1 | 1u << 2);
    client_asks(&desktop, desktop.own_serial, BERTH_CLIPBOARD_TEXT);
    guest_gives(&desktop, 1, "\xff\xfe", 2);
    client_asks(&desktop, desktop.own_serial, BERTH_CLIPBOARD_PNG);
    guest_gives(&desktop, 2, "GIF89a-and-more", 15);
    expect(&desktop, "c:grab0/2 g:ask1 c:data4 g:ask2 c:data4 ");
    client_grabs(&desktop, 1, BERTH_CLIPBOARD_PNG);
    guest_asks(&desktop, VD_AGENT_CLIPBOARD_IMAGE_PNG);
    client_gives(&desktop, 1, BERTH_CLIPBOARD_PNG, "no picture", 10, true);
    expect(&desktop, "g:grab0/4 c:ask2 g:data2/0 ");
    end(&desktop);
}

static void
the_policy_decides_on_direction_type_and_size(void **state)
{
    const BerthClipboardPolicy out_only = { false, true, TEXT, 1 };
    const BerthClipboardPolicy in_only = { true, false, TEXT, 1 };
    static char large[2000];
    Desktop desktop;

    memset(large, 'x', sizeof large);
    begin(&desktop, &out_only);
    client_grabs(&desktop, 1, BERTH_CLIPBOARD_TEXT);
    expect(&desktop, "");
    guest_asks(&desktop, VD_AGENT_CLIPBOARD_UTF8_TEXT);
    expect(&desktop, "g:data1/0 ");
    guest_grabs(&desktop, 0, 1u << 2);
    expect(&desktop, ""); /* a picture */
    guest_grabs(&desktop, 1, 1u << 1 | 1u << 2);
    client_asks(&desktop, desktop.own_serial, BERTH_CLIPBOARD_TEXT);
    guest_gives(&desktop, 1, large, sizeof large);
    expect(&desktop, "c:grab0/1 g:ask1 c:data3 ");
    berth_guest_clipboard_set_policy(desktop.clipboard, &in_only);
    expect(&desktop, "c:state5 c:release ");
    client_asks(&desktop, desktop.own_serial, BERTH_CLIPBOARD_TEXT);
    client_grabs(&desktop, 2, BERTH_CLIPBOARD_TEXT);
    guest_asks(&desktop, VD_AGENT_CLIPBOARD_UTF8_TEXT);
    client_gives(&desktop, 2, BERTH_CLIPBOARD_TEXT, large, sizeof large, true);
    expect(&desktop, "c:data2 g:grab0/2 c:ask1 g:data1/0 notice ");
    berth_guest_clipboard_set_policy(desktop.clipboard, &out_only);
    expect(&desktop, "c:state6 g:release ");
    end(&desktop);
}

static void
a_clipboard_manager_makes_no_echo(void **state)
{
    Desktop desktop;

    begin(&desktop, &all);
    client_grabs(&desktop, 1, BERTH_CLIPBOARD_TEXT);
    guest_asks(&desktop, VD_AGENT_CLIPBOARD_UTF8_TEXT);
    client_gives(&desktop, 1, BERTH_CLIPBOARD_TEXT, "same", 4, true);
    expect(&desktop, "g:grab0/2 c:ask1 g:data1/4 ");
    guest_grabs(&desktop, 1, 1u << 1);
    expect(&desktop, "g:ask1 "); /* is it the same? */
    guest_gives(&desktop, 1, "same", 4);
    expect(&desktop, ""); /* it is */
    guest_grabs(&desktop, 2, 1u << 1);
    guest_gives(&desktop, 1, "other", 5);
    expect(&desktop, "g:ask1 c:grab0/1 ");
    end(&desktop);
}

static void
who_grabs_at_the_same_time_as_the_client_loses(void **state)
{
    Desktop desktop;

    begin(&desktop, &all);
    client_grabs(&desktop, 1, BERTH_CLIPBOARD_TEXT);
    guest_grabs(&desktop, 0, 1u << 2); /* it did not know */
    expect(&desktop, "g:grab0/2 ");
    guest_asks(&desktop, VD_AGENT_CLIPBOARD_UTF8_TEXT);
    expect(&desktop, "c:ask1 ");
    end(&desktop);
}

static void
whoever_goes_takes_his_clipboard_along(void **state)
{
    Desktop desktop;

    begin(&desktop, &all);
    client_grabs(&desktop, 1, BERTH_CLIPBOARD_TEXT);
    guest_asks(&desktop, VD_AGENT_CLIPBOARD_UTF8_TEXT);
    expect(&desktop, "g:grab0/2 c:ask1 ");
    berth_guest_clipboard_set_client(desktop.clipboard, 0);
    expect(&desktop, "g:data1/0 g:release ");
    guest_grabs(&desktop, 1, 1u << 1);
    expect(&desktop, "");
    berth_guest_clipboard_set_client(desktop.clipboard, TEXT);
    expect(&desktop, "c:state7 c:grab0/1 "); /* the next one hears of it */
    client_asks(&desktop, desktop.own_serial, BERTH_CLIPBOARD_TEXT);
    berth_guest_clipboard_set_agent(desktop.clipboard, 0);
    expect(&desktop, "g:ask1 c:data1 c:release c:state3 ");
    client_grabs(&desktop, 2, BERTH_CLIPBOARD_TEXT);
    expect(&desktop, "");
    end(&desktop);
}

static void
a_large_content_waits_for_room(void **state)
{
    const BerthClipboardPolicy policy = { true, true, TEXT, 1024 };
    Desktop desktop;

    begin(&desktop, &policy);
    guest_grabs(&desktop, 0, 1u << 1);
    client_asks(&desktop, desktop.own_serial, BERTH_CLIPBOARD_TEXT);
    desktop.is_full = true;
    guest_gives(&desktop, 1, "later", 5);
    guest_grabs(&desktop, 1, 1u << 1);
    guest_grabs(&desktop, 2, 1u << 1);
    expect(&desktop, "c:grab0/1 g:ask1 c:data1 "); /* the content is of before */
    desktop.is_full = false;
    berth_guest_clipboard_pump(desktop.clipboard);
    berth_guest_clipboard_pump(desktop.clipboard);
    expect(&desktop, "c:grab0/1 ");
    end(&desktop);
}

static void
nobody_waits_for_ever(void **state)
{
    Desktop desktop;

    begin(&desktop, &all);
    guest_grabs(&desktop, 0, 1u << 1);
    client_asks(&desktop, desktop.own_serial, BERTH_CLIPBOARD_TEXT);
    expect(&desktop, "c:grab0/1 g:ask1 ");
    berth_guest_clipboard_tick(desktop.clipboard, 1000 * 1000);
    expect(&desktop, "");
    berth_guest_clipboard_tick(desktop.clipboard, 31LL * 1000 * 1000);
    expect(&desktop, "c:data4 ");
    client_grabs(&desktop, 1, BERTH_CLIPBOARD_TEXT);
    guest_asks(&desktop, VD_AGENT_CLIPBOARD_UTF8_TEXT);
    berth_guest_clipboard_tick(desktop.clipboard, 31LL * 1000 * 1000);
    expect(&desktop, "g:grab0/2 c:ask1 g:data1/0 ");
    end(&desktop);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_the_client_copies_is_pasted_in_the_guest),
        cmocka_unit_test(what_the_guest_copies_is_pasted_at_the_client),
        cmocka_unit_test(contents_are_what_they_are_called),
        cmocka_unit_test(the_policy_decides_on_direction_type_and_size),
        cmocka_unit_test(a_clipboard_manager_makes_no_echo),
        cmocka_unit_test(who_grabs_at_the_same_time_as_the_client_loses),
        cmocka_unit_test(whoever_goes_takes_his_clipboard_along),
        cmocka_unit_test(a_large_content_waits_for_room),
        cmocka_unit_test(nobody_waits_for_ever),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
