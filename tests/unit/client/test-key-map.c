/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/core/held-keys.h"
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
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
