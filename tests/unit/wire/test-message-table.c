/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testing.h"

#include "berth/limits.h"
#include "display/wire/message-table.h"

#include <glib.h>
#include <string.h>

static void
rows_are_in_order_and_found(void **state)
{
    size_t n = 0;
    const BerthMessageRow *rows = berth_message_table_get_rows(&n);
    assert_true(n > 20);
    for (size_t i = 0; i < n; i++) {
        assert_ptr_equal(berth_message_table_find(rows[i].channel, rows[i].type), &rows[i]);
        if (i > 0) {
            int before = rows[i - 1].channel * 256 + rows[i - 1].type;
            assert_true(rows[i].channel * 256 + rows[i].type > before);
        }
    }
}

static void
rows_make_sense(void **state)
{
    size_t n = 0;
    const BerthMessageRow *rows = berth_message_table_get_rows(&n);
    for (size_t i = 0; i < n; i++) {
        assert_true(rows[i].channel < BERTH_N_CHANNELS);
        assert_in_range(rows[i].senders, 1, 3);
        assert_true(rows[i].states != 0);
        assert_int_equal(rows[i].states & BERTH_IN_STATE(BERTH_WIRE_CLOSED), 0);
        assert_true(rows[i].min_bytes <= rows[i].max_bytes);
        assert_true(rows[i].max_bytes <= BERTH_LIMIT_MESSAGE_BYTES);
        assert_true(rows[i].name[0] != '\0');
    }
}

static void
a_client_can_make_a_session_hold_little(void **state)
{
    size_t n = 0;
    const BerthMessageRow *rows = berth_message_table_get_rows(&n);
    for (size_t i = 0; i < n; i++) {
        bool is_bulk = rows[i].priority == BERTH_PRIORITY_BULK;
        if ((rows[i].senders & BERTH_SENT_BY(BERTH_WIRE_CLIENT)) != 0) {
            assert_true(rows[i].max_bytes <=
                        (is_bulk ? BERTH_LIMIT_SHARE_DATA_BYTES + 16 : BERTH_LIMIT_PREAUTH_BYTES));
        }
    }
}

static void
only_control_passes_before_authentication(void **state)
{
    size_t n = 0;
    const BerthMessageRow *rows = berth_message_table_get_rows(&n);
    size_t preauth_bytes = 0;
    for (size_t i = 0; i < n; i++) {
        if (rows[i].states != BERTH_IN_STATE(BERTH_WIRE_OPEN)) {
            assert_int_equal(rows[i].channel, BERTH_CHANNEL_CONTROL);
            preauth_bytes += BERTH_PROTOCOL_HEADER_BYTES + rows[i].max_bytes;
        }
    }
    /* One of each fits, so an honest peer never meets the limit. */
    assert_true(preauth_bytes <= BERTH_LIMIT_PREAUTH_BYTES);
}

static void
unknown_messages_have_no_row(void **state)
{
    assert_null(berth_message_table_find(BERTH_CHANNEL_CONTROL, 0));
    assert_null(berth_message_table_find(BERTH_CHANNEL_DISPLAY, 14));
    assert_null(berth_message_table_find(BERTH_CHANNEL_AUDIO_OUT, 5));
    assert_null(berth_message_table_find(255, 255));
}

static const char *
direction_text(uint8_t senders)
{
    switch (senders) {
    case BERTH_SENT_BY(BERTH_WIRE_CLIENT):
        return "client to session";
    case BERTH_SENT_BY(BERTH_WIRE_SESSION):
        return "session to client";
    default:
        return "both ways";
    }
}

static char *
length_text(const BerthMessageRow *row)
{
    if (row->min_bytes == row->max_bytes) {
        return g_strdup_printf(" %u byte%s", row->min_bytes, row->min_bytes == 1 ? "." : "s.");
    }
    return g_strdup_printf(" %u..%u bytes", row->min_bytes, row->max_bytes);
}

/* Each message has a section with its number, direction and length as in the table. */
static void
the_protocol_document_agrees_with_the_table(void **state)
{
    size_t n = 0;
    g_autofree char *text = NULL;
    const BerthMessageRow *rows = berth_message_table_get_rows(&n);
    assert_true(g_file_get_contents(PROTOCOL_DOCUMENT, &text, NULL, NULL));
    for (size_t i = 0; i < n; i++) {
        g_autofree char *heading = g_strdup_printf(
            "\n### %s (%s %u, %s)\n", rows[i].name, berth_channel_name(rows[i].channel),
            (unsigned)rows[i].type, direction_text(rows[i].senders));
        g_autofree char *length = length_text(&rows[i]);
        const char *section = strstr(text, heading);
        if (section == NULL) {
            fail_msg("docs/PROTOCOL.md has no section '%s'", g_strstrip(heading));
        }
        const char *found = strstr(section, length);
        const char *next = strstr(section + 1, "\n### ");
        if (found == NULL || (next != NULL && found > next)) {
            fail_msg("docs/PROTOCOL.md does not say '%s' for %s", length, rows[i].name);
        }
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_in_order_and_found),
        cmocka_unit_test(rows_make_sense),
        cmocka_unit_test(a_client_can_make_a_session_hold_little),
        cmocka_unit_test(only_control_passes_before_authentication),
        cmocka_unit_test(unknown_messages_have_no_row),
        cmocka_unit_test(the_protocol_document_agrees_with_the_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
