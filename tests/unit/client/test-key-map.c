/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/core/held-keys.h"
#include "client/core/host-key.h"
#include "client/core/key-layout.h"
#include "client/core/key-map.h"

#include "testing.h"

#include <linux/input-event-codes.h>
#include <string.h>

static void
every_printable_character_has_its_key_on_the_us_layout(void **state)
{
    static const struct {
        char c;
        uint16_t evdev;
        bool needs_shift;
    } cases[] = {
        { 'a', KEY_A, false },         { 'Z', KEY_Z, true },
        { '1', KEY_1, false },         { '0', KEY_0, false },
        { '!', KEY_1, true },          { ')', KEY_0, true },
        { '-', KEY_MINUS, false },     { '_', KEY_MINUS, true },
        { '=', KEY_EQUAL, false },     { '+', KEY_EQUAL, true },
        { '[', KEY_LEFTBRACE, false }, { '}', KEY_RIGHTBRACE, true },
        { ';', KEY_SEMICOLON, false }, { '"', KEY_APOSTROPHE, true },
        { '~', KEY_GRAVE, true },      { '\\', KEY_BACKSLASH, false },
        { '|', KEY_BACKSLASH, true },  { ',', KEY_COMMA, false },
        { '>', KEY_DOT, true },        { '?', KEY_SLASH, true },
        { ' ', KEY_SPACE, false },     { '\n', KEY_ENTER, false },
        { '\t', KEY_TAB, false },      { 'm', KEY_M, false },
        { 'p', KEY_P, false },         { 'l', KEY_L, false },
        { '/', KEY_SLASH, false },
    };

    BerthKeyStroke stroke;

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        assert_true(berth_key_map_find_char(cases[i].c, &stroke));
        assert_int_equal(stroke.evdev, cases[i].evdev);
        assert_int_equal(stroke.needs_shift, cases[i].needs_shift);
    }
    for (char c = ' '; c <= '~'; c++) {
        assert_true(berth_key_map_find_char(c, &stroke));
    }
    assert_false(berth_key_map_find_char('\0', &stroke));
    assert_false(berth_key_map_find_char('\x7f', &stroke));
    assert_false(berth_key_map_find_char('\xe4', &stroke));
}

static void
names_and_combinations_are_read(void **state)
{
    BerthKeyCombination keys;
    GError *error = NULL;

    assert_int_equal(berth_key_map_find_name("Enter"), KEY_ENTER);
    assert_int_equal(berth_key_map_find_name("a"), KEY_A);
    assert_int_equal(berth_key_map_find_name("A"), KEY_A);
    assert_int_equal(berth_key_map_find_name("5"), KEY_5);
    assert_int_equal(berth_key_map_find_name("!"), 0);
    assert_int_equal(berth_key_map_find_name(""), 0);
    assert_string_equal(berth_key_map_get_name(KEY_LEFTCTRL), "ctrl");
    assert_null(berth_key_map_get_name(KEY_RESERVED));

    assert_true(berth_key_map_parse("ctrl+alt+delete", &keys, NULL));
    assert_int_equal(keys.n_keys, 3);
    assert_int_equal(keys.evdev[0], KEY_LEFTCTRL);
    assert_int_equal(keys.evdev[2], KEY_DELETE);
    assert_false(berth_key_map_parse("ctrl+nonsense", &keys, &error));
    assert_non_null(strstr(error->message, "nonsense"));
    g_clear_error(&error);
    assert_false(berth_key_map_parse("", &keys, NULL));
    assert_false(berth_key_map_parse("a+b+c+d+e+f+g", &keys, NULL));
}

static void
hardware_numbers_become_evdev_codes(void **state)
{
    assert_int_equal(berth_key_map_from_hardware(KEY_A + 8), KEY_A);
    assert_int_equal(berth_key_map_from_hardware(KEY_RIGHTMETA + 8), KEY_RIGHTMETA);
    assert_int_equal(berth_key_map_from_hardware(8), 0);
    assert_int_equal(berth_key_map_from_hardware(0), 0);
    assert_int_equal(berth_key_map_from_hardware(0x300 + 8), 0);
    assert_int_equal(berth_key_map_from_hardware(UINT32_MAX), 0);
}

static void
repeats_and_stray_releases_are_dropped(void **state)
{
    BerthHeldKeys held = { 0 };

    assert_true(berth_held_keys_press(&held, KEY_A));
    assert_false(berth_held_keys_press(&held, KEY_A));
    assert_true(berth_held_keys_release(&held, KEY_A));
    assert_false(berth_held_keys_release(&held, KEY_A));
    assert_false(berth_held_keys_press(&held, 0));
    assert_true(berth_held_keys_set_button(&held, 0, true));
    assert_false(berth_held_keys_set_button(&held, 0, true));
    assert_false(berth_held_keys_is_empty(&held));
    assert_true(berth_held_keys_set_button(&held, 0, false));
    assert_false(berth_held_keys_set_button(&held, 0, false));
    assert_false(berth_held_keys_set_button(&held, 32, true));
    assert_true(berth_held_keys_is_empty(&held));
}

static void
all_keys_go_up_with_alt_and_super_last(void **state)
{
    static const uint16_t expected[] = { KEY_TAB, KEY_LEFTSHIFT, KEY_LEFTMETA, KEY_LEFTALT };
    BerthHeldKeys held = { 0 };
    uint16_t keys[BERTH_HELD_KEYS_MAX];

    berth_held_keys_press(&held, KEY_LEFTALT);
    berth_held_keys_press(&held, KEY_LEFTSHIFT);
    berth_held_keys_press(&held, KEY_LEFTMETA);
    berth_held_keys_press(&held, KEY_TAB);
    assert_int_equal(berth_held_keys_take_all(&held, keys), 4);
    assert_memory_equal(keys, expected, sizeof expected);
    assert_true(berth_held_keys_is_empty(&held));
    assert_int_equal(berth_held_keys_take_all(&held, keys), 0);
}

static void
more_keys_than_fit_are_not_pressed(void **state)
{
    BerthHeldKeys held = { 0 };
    uint16_t keys[BERTH_HELD_KEYS_MAX];

    for (uint16_t i = 1; i <= BERTH_HELD_KEYS_MAX; i++) {
        assert_true(berth_held_keys_press(&held, i));
    }
    assert_false(berth_held_keys_press(&held, 200));
    assert_false(berth_held_keys_release(&held, 200));
    assert_int_equal(berth_held_keys_take_all(&held, keys), BERTH_HELD_KEYS_MAX);
}

/* Rows of what happens to a keyboard whose own key is the right Ctrl, in order. */
static void
the_host_key_is_ours_alone_and_the_guests_with_others(void **state)
{
    static const struct {
        uint16_t evdev;
        bool is_down;
        BerthHostKeyVerdict verdict;
    } cases[] = {
        { KEY_RIGHTCTRL, true, BERTH_HOST_KEY_KEEP },
        { KEY_RIGHTCTRL, true, BERTH_HOST_KEY_KEEP },
        { KEY_RIGHTCTRL, false, BERTH_HOST_KEY_TAP },
        { KEY_A, true, BERTH_HOST_KEY_PASS },
        { KEY_RIGHTCTRL, true, BERTH_HOST_KEY_KEEP },
        { KEY_A, false, BERTH_HOST_KEY_PASS },
        { KEY_C, true, BERTH_HOST_KEY_BOTH },
        { KEY_C, true, BERTH_HOST_KEY_PASS },
        { KEY_RIGHTCTRL, true, BERTH_HOST_KEY_PASS },
        { KEY_C, false, BERTH_HOST_KEY_PASS },
        { KEY_V, true, BERTH_HOST_KEY_PASS },
        { KEY_V, false, BERTH_HOST_KEY_PASS },
        { KEY_RIGHTCTRL, false, BERTH_HOST_KEY_PASS },
        { KEY_RIGHTCTRL, false, BERTH_HOST_KEY_KEEP },
        { KEY_LEFTCTRL, true, BERTH_HOST_KEY_PASS },
        { KEY_LEFTCTRL, false, BERTH_HOST_KEY_PASS },
        { KEY_RIGHTCTRL, true, BERTH_HOST_KEY_KEEP },
        { KEY_RIGHTCTRL, false, BERTH_HOST_KEY_TAP },
    };

    BerthHostKey host = { .evdev = KEY_RIGHTCTRL };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        assert_int_equal(berth_host_key_step(&host, cases[i].evdev, cases[i].is_down),
                         cases[i].verdict);
    }
}

static void
a_click_or_a_lost_focus_ends_the_tap_of_the_host_key(void **state)
{
    BerthHostKey host = { .evdev = KEY_RIGHTCTRL };
    BerthHostKey none = { 0 };

    assert_false(berth_host_key_combine(&host));
    berth_host_key_step(&host, KEY_RIGHTCTRL, true);
    assert_true(berth_host_key_combine(&host));
    assert_false(berth_host_key_combine(&host));
    assert_int_equal(berth_host_key_step(&host, KEY_RIGHTCTRL, false), BERTH_HOST_KEY_PASS);
    berth_host_key_step(&host, KEY_RIGHTCTRL, true);
    berth_host_key_forget(&host);
    assert_int_equal(berth_host_key_step(&host, KEY_RIGHTCTRL, false), BERTH_HOST_KEY_KEEP);
    assert_int_equal(berth_host_key_step(&none, KEY_RIGHTCTRL, true), BERTH_HOST_KEY_PASS);
    assert_int_equal(berth_host_key_step(&none, 0, true), BERTH_HOST_KEY_PASS);
}

static void
the_names_of_a_layout_are_read(void **state)
{
    static const char german[] = "evdev\0pc105\0de\0nodeadkeys\0compose:ralt";
    static const char bare[] = "evdev\0pc104\0us";
    static const char hostile[] = "evdev\0$(reboot)\0fr\0a b\0x;y";
    char endless[1000];
    BerthKeyLayout layout;

    assert_true(berth_key_layout_parse(german, sizeof german, &layout));
    assert_string_equal(layout.model, "pc105");
    assert_string_equal(layout.layout, "de");
    assert_string_equal(layout.variant, "nodeadkeys");
    assert_string_equal(layout.options, "compose:ralt");
    assert_true(berth_key_layout_parse(bare, sizeof bare - 1, &layout));
    assert_string_equal(layout.layout, "us");
    assert_string_equal(layout.variant, "");
    assert_true(berth_key_layout_parse(hostile, sizeof hostile, &layout));
    assert_string_equal(layout.model, "");
    assert_string_equal(layout.layout, "fr");
    assert_string_equal(layout.variant, "");
    assert_string_equal(layout.options, "");
    memset(endless, 'x', sizeof endless);
    assert_false(berth_key_layout_parse(endless, sizeof endless, &layout));
    assert_false(berth_key_layout_parse("", 0, &layout));
    assert_false(berth_key_layout_parse("a\0b", 4, &layout));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_printable_character_has_its_key_on_the_us_layout),
        cmocka_unit_test(names_and_combinations_are_read),
        cmocka_unit_test(hardware_numbers_become_evdev_codes),
        cmocka_unit_test(repeats_and_stray_releases_are_dropped),
        cmocka_unit_test(all_keys_go_up_with_alt_and_super_last),
        cmocka_unit_test(more_keys_than_fit_are_not_pressed),
        cmocka_unit_test(the_names_of_a_layout_are_read),
        cmocka_unit_test(the_host_key_is_ours_alone_and_the_guests_with_others),
        cmocka_unit_test(a_click_or_a_lost_focus_ends_the_tap_of_the_host_key),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
