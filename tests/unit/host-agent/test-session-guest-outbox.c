/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testing.h"

#include "host-agent/session/guest-outbox.h"

#include "berth/errors.h"
#include "berth/limits.h"
#include "berth/protocol.h"
#include "display/wire/guest-message.h"
#include "display/wire/msg-files.h"

#include <glib.h>
#include <string.h>

#define CAPS (1u << BERTH_GUEST_CAP_FILES)
#define S_US 1000000LL

typedef struct {
    BerthGuestOutbox *outbox;
    GString *log;
    uint32_t client_id; /* of the last file */
    size_t n_content;   /* that the client was sent */
} Desktop;

static void
hear_client(uint8_t type, const uint8_t *payload, size_t len, void *user_data)
{
    Desktop *desktop = user_data;
    BerthMsgFileOffer offer;
    BerthMsgFileAnswer end;
    BerthMsgFileData data;

    if (type == BERTH_MSG_FILE_GIVE) {
        assert_berth_ok(berth_msg_file_offer_decode(payload, len, &offer));
        desktop->client_id = offer.id;
        g_string_append_printf(desktop->log, "c:give:%s ", offer.name);
    } else if (type == BERTH_MSG_FILE_GIVE_DATA) {
        assert_berth_ok(berth_msg_file_data_decode(payload, len, &data));
        assert_int_equal(data.id, desktop->client_id);
        desktop->n_content += data.data_len;
    } else {
        assert_int_equal(type, BERTH_MSG_FILE_GIVE_END);
        assert_berth_ok(berth_msg_file_answer_decode(payload, len, &end));
        g_string_append_printf(desktop->log, "c:end%u ", end.status);
    }
}

static void
hear_guest(uint32_t type, const uint8_t *body, size_t len, void *user_data)
{
    Desktop *desktop = user_data;
    BerthMsgFileAnswer answer;
    BerthMsgFileAck ack;

    if (type == BERTH_GUEST_FILE_ANSWER) {
        assert_berth_ok(berth_msg_file_answer_decode(body, len, &answer));
        g_string_append_printf(desktop->log, "g:%u=%u ", answer.id, answer.status);
    } else {
        assert_int_equal(type, BERTH_GUEST_FILE_ACK);
        assert_berth_ok(berth_msg_file_ack_decode(body, len, &ack));
        g_string_append_printf(desktop->log, "g:ack%u ", (unsigned)ack.n_bytes);
    }
}

static void
begin(Desktop *desktop)
{
    *desktop = (Desktop){ .log = g_string_new(NULL) };
    desktop->outbox = berth_guest_outbox_new(hear_client, hear_guest, desktop);
    berth_guest_outbox_set_policy(desktop->outbox, true, 2);
    berth_guest_outbox_set_agent(desktop->outbox, CAPS);
    berth_guest_outbox_set_client(desktop->outbox, true);
}

static void
end(Desktop *desktop)
{
    berth_guest_outbox_free(desktop->outbox);
    g_string_free(desktop->log, TRUE);
}

static void
expect(Desktop *desktop, const char *log)
{
    assert_string_equal(desktop->log->str, log);
    g_string_truncate(desktop->log, 0);
}

static void
guest_offers(Desktop *desktop, uint32_t id, const char *name, uint64_t size)
{
    BerthMsgFileOffer offer = { .id = id, .size_bytes = size };
    BerthWriter writer;

    g_strlcpy(offer.name, name, sizeof offer.name);
    berth_writer_init(&writer, 512);
    assert_berth_ok(berth_msg_file_offer_encode(&writer, &offer));
    berth_guest_outbox_handle_guest(desktop->outbox, BERTH_GUEST_FILE_OFFER, writer.data,
                                    writer.len, 0);
    berth_writer_clear(&writer);
}

static void
guest_sends(Desktop *desktop, uint32_t id, size_t len)
{
    static const uint8_t bytes[BERTH_LIMIT_SHARE_DATA_BYTES];
    BerthMsgFileData data = { id, bytes, len };
    BerthWriter writer;

    berth_writer_init(&writer, sizeof bytes + 64);
    assert_berth_ok(berth_msg_file_data_encode(&writer, &data));
    berth_guest_outbox_handle_guest(desktop->outbox, BERTH_GUEST_FILE_DATA, writer.data, writer.len,
                                    0);
    berth_writer_clear(&writer);
}

static void
guest_cancels(Desktop *desktop, uint32_t id)
{
    BerthWriter writer;

    berth_writer_init(&writer, 64);
    assert_berth_ok(berth_msg_file_cancel_encode(&writer, id));
    berth_guest_outbox_handle_guest(desktop->outbox, BERTH_GUEST_FILE_CANCEL, writer.data,
                                    writer.len, 0);
    berth_writer_clear(&writer);
}

static int
client_takes(Desktop *desktop, uint32_t id, BerthFileStatus status)
{
    BerthMsgFileAnswer take = { id, (uint8_t)status };
    BerthWriter writer;
    int r;

    berth_writer_init(&writer, 64);
    assert_berth_ok(berth_msg_file_answer_encode(&writer, &take));
    r = berth_guest_outbox_handle_client(desktop->outbox, BERTH_MSG_FILE_TAKE, writer.data,
                                         writer.len, 0);
    berth_writer_clear(&writer);
    return r;
}

static int
client_acknowledges(Desktop *desktop, uint32_t id, uint64_t n_bytes)
{
    BerthMsgFileAck ack = { id, n_bytes };
    BerthWriter writer;
    int r;

    berth_writer_init(&writer, 64);
    assert_berth_ok(berth_msg_file_ack_encode(&writer, &ack));
    r = berth_guest_outbox_handle_client(desktop->outbox, BERTH_MSG_FILE_TAKE_ACK, writer.data,
                                         writer.len, 0);
    berth_writer_clear(&writer);
    return r;
}

static void
a_file_goes_when_the_user_takes_it(void **state)
{
    Desktop desktop;

    begin(&desktop);
    guest_offers(&desktop, 70, "a", 5);
    expect(&desktop, "c:give:a ");
    assert_berth_ok(client_takes(&desktop, desktop.client_id, BERTH_FILE_SEND));
    expect(&desktop, "g:70=0 ");
    guest_sends(&desktop, 70, 5);
    assert_int_equal(desktop.n_content, 5);
    assert_berth_ok(client_acknowledges(&desktop, desktop.client_id, 5));
    assert_berth_ok(client_takes(&desktop, desktop.client_id, BERTH_FILE_DONE));
    expect(&desktop, "g:ack5 g:70=3 ");
    guest_offers(&desktop, 71, "empty", 0);
    assert_berth_ok(client_takes(&desktop, desktop.client_id, BERTH_FILE_SEND));
    assert_berth_ok(client_takes(&desktop, desktop.client_id, BERTH_FILE_DONE));
    expect(&desktop, "c:give:empty g:71=0 g:71=3 ");
    end(&desktop);
}

static void
what_is_not_allowed_is_refused(void **state)
{
    Desktop desktop;

    begin(&desktop);
    guest_offers(&desktop, 1, "large", 2 * 1024 * 1024 + 1);
    expect(&desktop, "g:1=8 ");
    berth_guest_outbox_set_client(desktop.outbox, false);
    guest_offers(&desktop, 2, "a", 1);
    expect(&desktop, "g:2=6 ");
    berth_guest_outbox_set_client(desktop.outbox, true);
    for (unsigned i = 0; i < BERTH_LIMIT_TRANSFERS; i++) {
        guest_offers(&desktop, 10 + i, "a", 1);
    }
    g_string_truncate(desktop.log, 0);
    guest_offers(&desktop, 30, "a", 1);
    guest_offers(&desktop, 10, "again", 1);
    expect(&desktop, "g:30=9 g:10=2 ");
    berth_guest_outbox_set_policy(desktop.outbox, false, 2);
    assert_true(g_str_has_prefix(desktop.log->str, "c:end7 g:10=7 c:end7 g:11=7 "));
    g_string_truncate(desktop.log, 0);
    guest_offers(&desktop, 40, "a", 1);
    expect(&desktop, "g:40=7 ");
    end(&desktop);
}

static void
a_guest_that_sends_too_much_ends_its_file(void **state)
{
    Desktop desktop;
    size_t window = BERTH_LIMIT_FILE_WINDOW_BYTES;

    begin(&desktop);
    guest_offers(&desktop, 1, "a", 5);
    guest_sends(&desktop, 1, 1); /* before the user said so */
    expect(&desktop, "c:give:a c:end2 g:1=2 ");
    guest_offers(&desktop, 2, "b", 5);
    assert_berth_ok(client_takes(&desktop, desktop.client_id, BERTH_FILE_SEND));
    guest_sends(&desktop, 2, 6);
    expect(&desktop, "c:give:b g:2=0 c:end2 g:2=2 ");
    guest_offers(&desktop, 3, "c", 2 * window);
    assert_berth_ok(client_takes(&desktop, desktop.client_id, BERTH_FILE_SEND));
    for (size_t n = 0; n < window; n += BERTH_LIMIT_SHARE_DATA_BYTES) {
        guest_sends(&desktop, 3, BERTH_LIMIT_SHARE_DATA_BYTES);
    }
    expect(&desktop, "c:give:c g:3=0 ");
    guest_sends(&desktop, 3, 1);
    expect(&desktop, "c:end2 g:3=2 ");
    assert_int_equal(desktop.n_content, window);
    end(&desktop);
}

static void
a_client_that_lies_ends_its_connection(void **state)
{
    Desktop desktop;

    begin(&desktop);
    guest_offers(&desktop, 1, "a", 5);
    assert_berth_error(client_takes(&desktop, desktop.client_id, BERTH_FILE_DONE),
                       BERTH_ERR_PROTOCOL);
    assert_berth_ok(client_takes(&desktop, desktop.client_id, BERTH_FILE_SEND));
    assert_berth_error(client_takes(&desktop, desktop.client_id, BERTH_FILE_SEND),
                       BERTH_ERR_PROTOCOL);
    assert_berth_error(client_acknowledges(&desktop, desktop.client_id, 1), BERTH_ERR_PROTOCOL);
    assert_berth_ok(client_takes(&desktop, 999, BERTH_FILE_DONE)); /* not known: ignored */
    assert_berth_error(
        berth_guest_outbox_handle_client(desktop.outbox, BERTH_MSG_FILE_OFFER, NULL, 0, 0),
        BERTH_ERR_PROTOCOL);
    end(&desktop);
}

static void
every_file_ends_at_both_sides(void **state)
{
    Desktop desktop;

    begin(&desktop);
    guest_offers(&desktop, 1, "a", 5);
    guest_cancels(&desktop, 1);
    expect(&desktop, "c:give:a c:end1 ");
    guest_offers(&desktop, 2, "b", 5);
    assert_berth_ok(client_takes(&desktop, desktop.client_id, BERTH_FILE_NO_SPACE));
    expect(&desktop, "c:give:b g:2=4 ");
    guest_offers(&desktop, 3, "c", 5);
    berth_guest_outbox_set_client(desktop.outbox, true);
    expect(&desktop, "c:give:c g:3=1 ");
    guest_offers(&desktop, 4, "d", 5);
    berth_guest_outbox_set_agent(desktop.outbox, 0);
    expect(&desktop, "c:give:d c:end6 ");
    guest_offers(&desktop, 5, "e", 5); /* of nobody */
    expect(&desktop, "");
    berth_guest_outbox_set_agent(desktop.outbox, CAPS);
    guest_offers(&desktop, 6, "f", 5);
    berth_guest_outbox_tick(desktop.outbox, 299 * S_US);
    expect(&desktop, "c:give:f ");
    berth_guest_outbox_tick(desktop.outbox, 301 * S_US);
    expect(&desktop, "c:end2 g:6=2 ");
    guest_offers(&desktop, 7, "g", 5);
    assert_berth_ok(client_takes(&desktop, desktop.client_id, BERTH_FILE_SEND));
    berth_guest_outbox_tick(desktop.outbox, 61 * S_US);
    expect(&desktop, "c:give:g g:7=0 c:end2 g:7=2 ");
    end(&desktop);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_goes_when_the_user_takes_it),
        cmocka_unit_test(what_is_not_allowed_is_refused),
        cmocka_unit_test(a_guest_that_sends_too_much_ends_its_file),
        cmocka_unit_test(a_client_that_lies_ends_its_connection),
        cmocka_unit_test(every_file_ends_at_both_sides),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
