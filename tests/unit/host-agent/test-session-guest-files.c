/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testing.h"

#include "host-agent/session/guest-files.h"

#include "berth/errors.h"
#include "berth/limits.h"
#include "display/wire/msg-files.h"

#include <glib.h>
#include <spice/vd_agent.h>
#include <string.h>

#define CAPS (1u << VD_AGENT_CAP_CLIPBOARD_SELECTION)

typedef struct {
    BerthGuestFiles *files;
    GString *log;
    uint32_t guest_id; /* of the last transfer */
    size_t n_content;  /* that the guest was sent */
} Desktop;

static void
hear_client(uint8_t type, const uint8_t *payload, size_t len, void *user_data)
{
    Desktop *desktop = user_data;
    BerthMsgFileAnswer answer;
    BerthMsgFileAck ack;

    if (type == BERTH_MSG_FILE_ANSWER) {
        assert_berth_ok(berth_msg_file_answer_decode(payload, len, &answer));
        g_string_append_printf(desktop->log, "c:%u=%u ", answer.id, answer.status);
    } else if (type == BERTH_MSG_FILE_ACK) {
        assert_berth_ok(berth_msg_file_ack_decode(payload, len, &ack));
        g_string_append_printf(desktop->log, "c:ack%u ", (unsigned)ack.n_bytes);
    } else {
        g_string_append(desktop->log, "c:state ");
    }
}

/* The message's type stands behind the chunk's head and the protocol. */
static void
hear_guest(uint8_t *data, size_t len, uint32_t id, size_t n_content_bytes, void *user_data)
{
    Desktop *desktop = user_data;

    desktop->guest_id = id;
    desktop->n_content += n_content_bytes;
    g_string_append(desktop->log, data[12] == VD_AGENT_FILE_XFER_START  ? "g:start "
                                  : data[12] == VD_AGENT_FILE_XFER_DATA ? "g:data "
                                                                        : "g:cancel ");
    g_free(data);
}

static const BerthGuestFilesCallbacks callbacks = {
    .to_client = hear_client,
    .to_guest = hear_guest,
};

static void
begin(Desktop *desktop, bool to_guest, uint32_t max_mib)
{
    const BerthFilesPolicy policy = { to_guest, max_mib };

    *desktop = (Desktop){ .log = g_string_new(NULL) };
    desktop->files = berth_guest_files_new(&callbacks, desktop);
    berth_guest_files_set_policy(desktop->files, &policy);
    berth_guest_files_set_agent(desktop->files, CAPS);
    berth_guest_files_set_client(desktop->files, true);
    g_string_truncate(desktop->log, 0);
}

static void
end(Desktop *desktop)
{
    berth_guest_files_free(desktop->files);
    g_string_free(desktop->log, TRUE);
}

static void
expect(Desktop *desktop, const char *log)
{
    assert_string_equal(desktop->log->str, log);
    g_string_truncate(desktop->log, 0);
}

static int
offer(Desktop *desktop, uint32_t id, uint64_t size_bytes)
{
    BerthMsgFileOffer message = { .id = id, .size_bytes = size_bytes, .name = "letter.odt" };
    BerthWriter writer;
    int r;

    berth_writer_init(&writer, 512);
    assert_berth_ok(berth_msg_file_offer_encode(&writer, &message));
    r = berth_guest_files_handle_client(desktop->files, BERTH_MSG_FILE_OFFER, writer.data,
                                        writer.len, 0);
    berth_writer_clear(&writer);
    return r;
}

static int
give(Desktop *desktop, uint32_t id, size_t len)
{
    static const uint8_t bytes[BERTH_LIMIT_SHARE_DATA_BYTES];
    BerthMsgFileData message = { .id = id, .data = bytes, .data_len = len };
    BerthWriter writer;
    int r;

    berth_writer_init(&writer, BERTH_LIMIT_SHARE_DATA_BYTES + 16);
    assert_berth_ok(berth_msg_file_data_encode(&writer, &message));
    r = berth_guest_files_handle_client(desktop->files, BERTH_MSG_FILE_DATA, writer.data,
                                        writer.len, 0);
    berth_writer_clear(&writer);
    return r;
}

static void
cancel(Desktop *desktop, uint32_t id)
{
    BerthWriter writer;

    berth_writer_init(&writer, 16);
    assert_berth_ok(berth_msg_file_cancel_encode(&writer, id));
    assert_berth_ok(berth_guest_files_handle_client(desktop->files, BERTH_MSG_FILE_CANCEL,
                                                    writer.data, writer.len, 0));
    berth_writer_clear(&writer);
}

static void
guest_says(Desktop *desktop, uint32_t result)
{
    const BerthVdagentFileStatus status = { desktop->guest_id, result };

    berth_guest_files_handle_guest(desktop->files, &status, 0);
}

static void
a_file_arrives(void **state)
{
    Desktop desktop;

    begin(&desktop, true, 1);
    assert_berth_ok(offer(&desktop, 40, 200000));
    expect(&desktop, "g:start ");
    guest_says(&desktop, VD_AGENT_FILE_XFER_STATUS_CAN_SEND_DATA);
    expect(&desktop, "c:40=0 ");
    for (int i = 0; i < 3; i++) {
        assert_berth_ok(give(&desktop, 40, 65536));
        berth_guest_files_note_sent(desktop.files, desktop.guest_id, 65536, 0);
    }
    expect(&desktop, "g:data g:data c:ack131072 g:data ");
    assert_berth_ok(give(&desktop, 40, 200000 - 3 * 65536));
    berth_guest_files_note_sent(desktop.files, desktop.guest_id, 200000 - 3 * 65536, 0);
    guest_says(&desktop, VD_AGENT_FILE_XFER_STATUS_SUCCESS);
    expect(&desktop, "g:data c:ack200000 c:40=3 ");
    assert_int_equal(desktop.n_content, 200000);
    /* The id is free again, and an empty file is a file. */
    assert_berth_ok(offer(&desktop, 40, 0));
    guest_says(&desktop, VD_AGENT_FILE_XFER_STATUS_CAN_SEND_DATA);
    guest_says(&desktop, VD_AGENT_FILE_XFER_STATUS_SUCCESS);
    expect(&desktop, "g:start c:40=0 g:data c:40=3 ");
    end(&desktop);
}

static void
what_the_agent_says_is_told(void **state)
{
    static const struct {
        uint32_t result;
        const char *log;
    } rows[] = {
        { VD_AGENT_FILE_XFER_STATUS_CANCELLED, "g:start c:1=1 " },
        { VD_AGENT_FILE_XFER_STATUS_ERROR, "g:start c:1=2 " },
        { VD_AGENT_FILE_XFER_STATUS_NOT_ENOUGH_SPACE, "g:start c:1=4 " },
        { VD_AGENT_FILE_XFER_STATUS_SESSION_LOCKED, "g:start c:1=5 " },
        { VD_AGENT_FILE_XFER_STATUS_VDAGENT_NOT_CONNECTED, "g:start c:1=6 " },
        { VD_AGENT_FILE_XFER_STATUS_DISABLED, "g:start c:1=7 " },
        { 12345, "g:start c:1=2 " },
        { VD_AGENT_FILE_XFER_STATUS_SUCCESS, "g:start c:1=2 " }, /* before it has a byte */
    };

    Desktop desktop;

    begin(&desktop, true, 1);
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        assert_berth_ok(offer(&desktop, 1, 5));
        guest_says(&desktop, rows[i].result);
        guest_says(&desktop, VD_AGENT_FILE_XFER_STATUS_CAN_SEND_DATA); /* of what has ended */
        expect(&desktop, rows[i].log);
    }
    end(&desktop);
}

static void
what_is_not_allowed_is_refused(void **state)
{
    Desktop desktop;

    begin(&desktop, false, 1);
    assert_berth_ok(offer(&desktop, 1, 5));
    expect(&desktop, "c:1=7 ");
    end(&desktop);
    begin(&desktop, true, 1);
    assert_berth_ok(offer(&desktop, 1, 1024 * 1024 + 1));
    expect(&desktop, "c:1=8 ");
    for (uint32_t i = 0; i < BERTH_LIMIT_TRANSFERS; i++) {
        assert_berth_ok(offer(&desktop, i, 5));
    }
    g_string_truncate(desktop.log, 0);
    assert_berth_ok(offer(&desktop, 99, 5));
    expect(&desktop, "c:99=9 ");
    berth_guest_files_set_agent(desktop.files, 0);
    g_string_truncate(desktop.log, 0);
    assert_berth_ok(offer(&desktop, 1, 5));
    expect(&desktop, "c:1=6 ");
    end(&desktop);
}

static void
a_client_that_breaks_the_rules_is_ended(void **state)
{
    Desktop desktop;

    begin(&desktop, true, 16);
    assert_berth_ok(offer(&desktop, 1, 8 * 1024 * 1024));
    assert_berth_error(offer(&desktop, 1, 5), BERTH_ERR_PROTOCOL);
    assert_berth_error(give(&desktop, 1, 5), BERTH_ERR_PROTOCOL); /* before "send" */
    guest_says(&desktop, VD_AGENT_FILE_XFER_STATUS_CAN_SEND_DATA);
    for (size_t i = 0; i < BERTH_LIMIT_FILE_WINDOW_BYTES / 65536; i++) {
        assert_berth_ok(give(&desktop, 1, 65536));
    }
    assert_berth_error(give(&desktop, 1, 1), BERTH_ERR_PROTOCOL); /* over the window */
    assert_berth_ok(offer(&desktop, 2, 5));
    guest_says(&desktop, VD_AGENT_FILE_XFER_STATUS_CAN_SEND_DATA);
    assert_berth_error(give(&desktop, 2, 6), BERTH_ERR_PROTOCOL); /* more than offered */
    assert_berth_ok(give(&desktop, 77, 6));                       /* has ended long ago */
    end(&desktop);
}

static void
every_transfer_ends(void **state)
{
    const BerthFilesPolicy nothing = { false, 1 };
    Desktop desktop;

    begin(&desktop, true, 1);
    assert_berth_ok(offer(&desktop, 1, 5));
    cancel(&desktop, 1);
    cancel(&desktop, 1);
    expect(&desktop, "g:start g:cancel c:1=1 ");
    assert_berth_ok(offer(&desktop, 2, 5));
    berth_guest_files_set_policy(desktop.files, &nothing);
    expect(&desktop, "g:start c:state g:cancel c:2=7 ");
    end(&desktop);

    begin(&desktop, true, 1);
    assert_berth_ok(offer(&desktop, 3, 5));
    berth_guest_files_set_agent(desktop.files, CAPS);
    expect(&desktop, "g:start c:3=6 c:state ");
    assert_berth_ok(offer(&desktop, 4, 5));
    berth_guest_files_tick(desktop.files, 29LL * 1000 * 1000);
    expect(&desktop, "g:start ");
    berth_guest_files_tick(desktop.files, 31LL * 1000 * 1000);
    expect(&desktop, "g:cancel c:4=6 ");
    assert_berth_ok(offer(&desktop, 5, 5));
    berth_guest_files_set_client(desktop.files, false);
    expect(&desktop, "g:start g:cancel ");
    end(&desktop);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_arrives),
        cmocka_unit_test(what_the_agent_says_is_told),
        cmocka_unit_test(what_is_not_allowed_is_refused),
        cmocka_unit_test(a_client_that_breaks_the_rules_is_ended),
        cmocka_unit_test(every_transfer_ends),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
