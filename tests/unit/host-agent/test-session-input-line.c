/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testing.h"

#include "host-agent/session/input-line.h"

#include "berth/errors.h"
#include "berth/limits.h"
#include "berth/protocol.h"
#include "display/wire/guest-message.h"

#include <glib.h>
#include <linux/input-event-codes.h>

#define CAPS (1u << BERTH_GUEST_CAP_TEXT | 1u << BERTH_GUEST_CAP_LAYOUT)
#define S_US 1000000LL

/* A desktop whose keys and agent write into one log. */
typedef struct {
    BerthCapture base;
    GString *log;
    uint32_t serial; /* of the last text */
    BerthInputSink *sink;
    BerthGuestTyping *typing;
    BerthInputLine *line;
} Desktop;

static int
note_key(BerthCapture *base, uint16_t evdev, bool is_down)
{
    g_string_append_printf(((Desktop *)base)->log, "%c%u ", is_down ? '+' : '-', evdev);
    return BERTH_OK;
}

static int
note_motion(BerthCapture *base, int dx, int dy)
{
    g_string_append_printf(((Desktop *)base)->log, "motion:%d,%d ", dx, dy);
    return BERTH_OK;
}

static const BerthCaptureOps ops = { .name = "fake", .key = note_key, .pointer_rel = note_motion };

static void
note_guest(uint32_t type, const uint8_t *body, size_t len, void *user_data)
{
    Desktop *desktop = user_data;
    BerthMsgInput input;

    if (type == BERTH_GUEST_TEXT) {
        assert_berth_ok(berth_msg_input_decode(BERTH_MSG_TEXT, body, len, &input));
        desktop->serial = input.serial;
        g_string_append_printf(desktop->log, "text:%s ", input.text);
    } else {
        assert_int_equal(type, BERTH_GUEST_LAYOUT);
        assert_berth_ok(berth_msg_input_decode(BERTH_MSG_LAYOUT, body, len, &input));
        g_string_append_printf(desktop->log, "layout:%s ", input.layout.layout);
    }
}

static void
note_untyped(gunichar c, void *user_data)
{
    g_string_append_printf(((Desktop *)user_data)->log, "untyped:%x ", c);
}

static void
begin(Desktop *desktop, uint32_t caps)
{
    *desktop = (Desktop){ .base = { &ops }, .log = g_string_new(NULL) };
    desktop->sink = berth_input_sink_new(BERTH_RIGHT_INPUT);
    berth_input_sink_set_capture(desktop->sink, &desktop->base);
    desktop->typing = berth_guest_typing_new(note_guest, desktop);
    berth_guest_typing_set_agent(desktop->typing, caps);
    desktop->line = berth_input_line_new(desktop->sink, desktop->typing, note_untyped, desktop);
}

static void
end(Desktop *desktop)
{
    berth_input_line_free(desktop->line);
    berth_guest_typing_free(desktop->typing);
    berth_input_sink_free(desktop->sink);
    g_string_free(desktop->log, TRUE);
}

static void
expect(Desktop *desktop, const char *log)
{
    assert_string_equal(desktop->log->str, log);
    g_string_truncate(desktop->log, 0);
}

static void
give_text(Desktop *desktop, const char *text)
{
    BerthMsgInput input = { .serial = 1 };

    g_strlcpy(input.text, text, sizeof input.text);
    assert_berth_ok(berth_input_line_give(desktop->line, BERTH_MSG_TEXT, &input, S_US));
}

static void
give_key(Desktop *desktop, uint16_t evdev, bool is_down)
{
    BerthMsgInput input = { .serial = 1, .key = { evdev, is_down } };

    assert_berth_ok(berth_input_line_give(desktop->line, BERTH_MSG_KEY, &input, S_US));
}

static void
keys_wait_until_a_text_is_typed(void **state)
{
    Desktop desktop;

    begin(&desktop, CAPS);
    give_key(&desktop, KEY_A, true);
    give_key(&desktop, KEY_A, false);
    expect(&desktop, "+30 -30 ");
    give_text(&desktop, "\xe6\x97\xa5");
    give_key(&desktop, KEY_B, true);
    give_text(&desktop, "x");
    give_key(&desktop, KEY_B, false);
    expect(&desktop, "text:\xe6\x97\xa5 ");
    assert_false(berth_guest_typing_note_typed(desktop.typing, desktop.serial + 1));
    berth_input_line_go_on(desktop.line, S_US);
    expect(&desktop, "");
    assert_true(berth_guest_typing_note_typed(desktop.typing, desktop.serial));
    berth_input_line_go_on(desktop.line, S_US);
    expect(&desktop, "+48 text:x ");
    assert_true(berth_guest_typing_note_typed(desktop.typing, desktop.serial));
    berth_input_line_go_on(desktop.line, S_US);
    expect(&desktop, "-48 ");
    end(&desktop);
}

static void
the_pointer_moves_on_until_a_key_waits(void **state)
{
    const BerthMsgInput motion = { .serial = 1, .rel = { 2, 3 } };
    Desktop desktop;

    begin(&desktop, CAPS);
    give_text(&desktop, "x");
    assert_berth_ok(berth_input_line_give(desktop.line, BERTH_MSG_POINTER_REL, &motion, S_US));
    expect(&desktop, "text:x motion:2,3 ");
    give_key(&desktop, KEY_A, true);
    assert_berth_ok(berth_input_line_give(desktop.line, BERTH_MSG_POINTER_REL, &motion, S_US));
    expect(&desktop, "");
    assert_true(berth_guest_typing_note_typed(desktop.typing, desktop.serial));
    berth_input_line_go_on(desktop.line, S_US);
    expect(&desktop, "+30 motion:2,3 ");
    end(&desktop);
}

static void
no_type_of_input_passes_by_the_rate(void **state)
{
    static const uint8_t types[] = { BERTH_MSG_TEXT, BERTH_MSG_LAYOUT, BERTH_MSG_POINTER_REL };
    const BerthMsgInput input = { .serial = 1 };
    Desktop desktop;

    begin(&desktop, CAPS);
    for (unsigned i = 0; i < BERTH_LIMIT_INPUT_PER_SECOND; i++) {
        give_key(&desktop, KEY_A, i % 2 == 0);
    }
    g_string_truncate(desktop.log, 0);
    for (size_t i = 0; i < G_N_ELEMENTS(types); i++) {
        assert_berth_error(berth_input_line_give(desktop.line, types[i], &input, S_US),
                           BERTH_ERR_THROTTLED);
    }
    expect(&desktop, "");
    end(&desktop);
}

static void
a_layout_is_told_once(void **state)
{
    const BerthMsgInput input = { .serial = 1, .layout = { .layout = "fr" } };
    Desktop desktop;

    begin(&desktop, CAPS);
    assert_berth_ok(berth_input_line_give(desktop.line, BERTH_MSG_LAYOUT, &input, S_US));
    assert_berth_ok(berth_input_line_give(desktop.line, BERTH_MSG_LAYOUT, &input, S_US));
    expect(&desktop, "layout:fr ");
    end(&desktop);
}

static void
modifiers_are_lifted_for_a_text(void **state)
{
    Desktop desktop;

    begin(&desktop, CAPS);
    give_key(&desktop, KEY_LEFTSHIFT, true);
    give_key(&desktop, KEY_RIGHTALT, true);
    give_text(&desktop, "x");
    expect(&desktop, "+42 +100 -42 -100 text:x ");
    give_key(&desktop, KEY_RIGHTALT, false);
    give_key(&desktop, KEY_B, true);
    assert_true(berth_guest_typing_note_typed(desktop.typing, desktop.serial));
    berth_input_line_go_on(desktop.line, S_US);
    expect(&desktop, "+42 +48 ");
    give_key(&desktop, KEY_LEFTSHIFT, false);
    expect(&desktop, "-42 ");
    end(&desktop);
}

static void
nothing_is_lifted_any_more_after_a_release_of_all(void **state)
{
    BerthMsgInput input = { .serial = 1 };
    Desktop desktop;

    begin(&desktop, 0);
    give_key(&desktop, KEY_LEFTCTRL, true);
    give_text(&desktop, "a");
    expect(&desktop, "+29 -29 ");
    give_key(&desktop, KEY_B, true);
    expect(&desktop, "+30 -30 +29 +48 ");
    give_text(&desktop, "a");
    assert_berth_ok(berth_input_line_give(desktop.line, BERTH_MSG_RELEASE_ALL, &input, S_US));
    expect(&desktop, "-29 -48 ");
    give_key(&desktop, KEY_C, true);
    expect(&desktop, "+30 -30 +46 ");
    end(&desktop);
}

static void
an_agent_that_does_not_answer_types_no_more(void **state)
{
    Desktop desktop;

    begin(&desktop, CAPS);
    give_text(&desktop, "a");
    give_key(&desktop, KEY_B, true);
    assert_false(berth_guest_typing_tick(desktop.typing, 10 * S_US));
    assert_true(berth_guest_typing_tick(desktop.typing, 12 * S_US));
    berth_input_line_go_on(desktop.line, 12 * S_US);
    expect(&desktop, "text:a +48 ");
    give_text(&desktop, "\xe6\x97\xa5"); /* keys cannot */
    expect(&desktop, "untyped:65e5 ");
    berth_guest_typing_set_agent(desktop.typing, CAPS); /* it has begun anew */
    give_text(&desktop, "c");
    expect(&desktop, "text:c ");
    end(&desktop);
}

static void
too_many_do_not_wait(void **state)
{
    Desktop desktop;

    begin(&desktop, CAPS);
    give_text(&desktop, "a");
    for (unsigned i = 0; i < BERTH_LIMIT_INPUT_WAITING; i++) {
        give_key(&desktop, KEY_B, i % 2 == 0);
    }
    expect(&desktop, "text:a ");
    give_key(&desktop, KEY_C, true);
    expect(&desktop, "+48 ");
    berth_input_line_forget(desktop.line);
    assert_true(berth_guest_typing_note_typed(desktop.typing, desktop.serial));
    berth_input_line_go_on(desktop.line, S_US);
    expect(&desktop, "");
    end(&desktop);
}

static void
the_layout_is_told_to_an_agent_that_comes_later(void **state)
{
    BerthMsgInput input = { .layout = { "", "de", "", "" } };
    Desktop desktop;

    begin(&desktop, 0);
    assert_berth_ok(berth_input_line_give(desktop.line, BERTH_MSG_LAYOUT, &input, S_US));
    expect(&desktop, "");
    berth_guest_typing_set_agent(desktop.typing, CAPS);
    expect(&desktop, "layout:de ");
    berth_guest_typing_set_agent(desktop.typing, 1u << BERTH_GUEST_CAP_TEXT);
    expect(&desktop, "");
    end(&desktop);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_wait_until_a_text_is_typed),
        cmocka_unit_test(the_pointer_moves_on_until_a_key_waits),
        cmocka_unit_test(no_type_of_input_passes_by_the_rate),
        cmocka_unit_test(a_layout_is_told_once),
        cmocka_unit_test(modifiers_are_lifted_for_a_text),
        cmocka_unit_test(nothing_is_lifted_any_more_after_a_release_of_all),
        cmocka_unit_test(an_agent_that_does_not_answer_types_no_more),
        cmocka_unit_test(too_many_do_not_wait),
        cmocka_unit_test(the_layout_is_told_to_an_agent_that_comes_later),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
