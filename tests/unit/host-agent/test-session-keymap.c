/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testing.h"

#include "host-agent/session/keymap.h"

#include <linux/input-event-codes.h>
#include <stdbool.h>

/* Scan codes as a keyboard sends them: E0-prefixed ones as 0xe0xx. */
static const struct {
    uint16_t evdev;
    uint16_t scan_code;
} scan_codes[] = {
    { KEY_ESC, 0x01 },
    { KEY_1, 0x02 },
    { KEY_0, 0x0b },
    { KEY_BACKSPACE, 0x0e },
    { KEY_TAB, 0x0f },
    { KEY_Q, 0x10 },
    { KEY_ENTER, 0x1c },
    { KEY_LEFTCTRL, 0x1d },
    { KEY_A, 0x1e },
    { KEY_GRAVE, 0x29 },
    { KEY_LEFTSHIFT, 0x2a },
    { KEY_BACKSLASH, 0x2b },
    { KEY_Z, 0x2c },
    { KEY_RIGHTSHIFT, 0x36 },
    { KEY_KPASTERISK, 0x37 },
    { KEY_LEFTALT, 0x38 },
    { KEY_SPACE, 0x39 },
    { KEY_CAPSLOCK, 0x3a },
    { KEY_F1, 0x3b },
    { KEY_F10, 0x44 },
    { KEY_NUMLOCK, 0x45 },
    { KEY_SCROLLLOCK, 0x46 },
    { KEY_KP7, 0x47 },
    { KEY_KPDOT, 0x53 },
    { KEY_SYSRQ, 0x54 },
    { KEY_102ND, 0x56 },
    { KEY_F11, 0x57 },
    { KEY_F12, 0x58 },
    { KEY_RO, 0x73 },
    { KEY_HENKAN, 0x79 },
    { KEY_MUHENKAN, 0x7b },
    { KEY_YEN, 0x7d },
    { KEY_KATAKANAHIRAGANA, 0x70 },
    { KEY_KPENTER, 0xe01c },
    { KEY_RIGHTCTRL, 0xe01d },
    { KEY_MUTE, 0xe020 },
    { KEY_CALC, 0xe021 },
    { KEY_PLAYPAUSE, 0xe022 },
    { KEY_VOLUMEDOWN, 0xe02e },
    { KEY_VOLUMEUP, 0xe030 },
    { KEY_HOMEPAGE, 0xe032 },
    { KEY_KPSLASH, 0xe035 },
    { KEY_RIGHTALT, 0xe038 },
    { KEY_PAUSE, 0xe046 },
    { KEY_HOME, 0xe047 },
    { KEY_UP, 0xe048 },
    { KEY_PAGEUP, 0xe049 },
    { KEY_LEFT, 0xe04b },
    { KEY_RIGHT, 0xe04d },
    { KEY_END, 0xe04f },
    { KEY_DOWN, 0xe050 },
    { KEY_PAGEDOWN, 0xe051 },
    { KEY_INSERT, 0xe052 },
    { KEY_DELETE, 0xe053 },
    { KEY_LEFTMETA, 0xe05b },
    { KEY_RIGHTMETA, 0xe05c },
    { KEY_COMPOSE, 0xe05d },
    { KEY_POWER, 0xe05e },
    { KEY_SLEEP, 0xe05f },
    { KEY_WAKEUP, 0xe063 },
    { KEY_SEARCH, 0xe065 },
    { KEY_BOOKMARKS, 0xe066 },
    { KEY_REFRESH, 0xe067 },
    { KEY_STOP, 0xe068 },
    { KEY_FORWARD, 0xe069 },
    { KEY_BACK, 0xe06a },
    { KEY_COMPUTER, 0xe06b },
    { KEY_MAIL, 0xe06c },
    { KEY_NEXTSONG, 0xe019 },
    { KEY_PREVIOUSSONG, 0xe010 },
};

static void
keys_have_the_scan_codes_of_a_pc_keyboard(void **state)
{
    for (size_t i = 0; i < sizeof(scan_codes) / sizeof(scan_codes[0]); i++) {
        uint16_t code = scan_codes[i].scan_code;
        uint8_t expected = (uint8_t)(code >= 0xe000 ? 0x80 | (code & 0x7f) : code);

        if (berth_keymap_qnum(scan_codes[i].evdev) != expected) {
            fail_msg("evdev %u is 0x%x, expected 0x%x", scan_codes[i].evdev,
                     berth_keymap_qnum(scan_codes[i].evdev), expected);
        }
    }
}

static void
no_two_keys_share_a_scan_code(void **state)
{
    uint16_t owner[256] = { 0 };

    for (unsigned evdev = 1; evdev <= 0xffff; evdev++) {
        uint8_t qnum = berth_keymap_qnum((uint16_t)evdev);

        if (qnum != 0 && owner[qnum] != 0) {
            fail_msg("evdev %u and %u are both 0x%x", owner[qnum], evdev, qnum);
        }
        owner[qnum] = (uint16_t)evdev;
    }
}

static void
every_key_of_a_pc_keyboard_is_mapped(void **state)
{
    for (uint16_t evdev = KEY_ESC; evdev <= KEY_COMPOSE; evdev++) {
        bool exists = evdev != 84; /* the one hole */

        assert_int_equal(berth_keymap_qnum(evdev) != 0, exists);
    }
}

static void
codes_without_a_key_give_nothing(void **state)
{
    assert_int_equal(berth_keymap_qnum(0), 0);
    assert_int_equal(berth_keymap_qnum(BTN_LEFT), 0);
    assert_int_equal(berth_keymap_qnum(0xffff), 0);
    assert_int_equal(berth_keymap_keysym(0, 0), 0);
    assert_int_equal(berth_keymap_keysym(BTN_LEFT, 0), 0);
    assert_int_equal(berth_keymap_keysym(0xffff, 0), 0);
}

static void
keysyms_follow_the_modifiers_of_a_us_keyboard(void **state)
{
    static const struct {
        uint16_t evdev;
        unsigned modifiers;
        uint32_t keysym;
    } rows[] = {
        { KEY_A, 0, 'a' },
        { KEY_A, BERTH_KEYMAP_SHIFT, 'A' },
        { KEY_A, BERTH_KEYMAP_CAPS, 'A' },
        { KEY_A, BERTH_KEYMAP_CAPS | BERTH_KEYMAP_SHIFT, 'a' },
        { KEY_1, BERTH_KEYMAP_CAPS, '1' },
        { KEY_1, BERTH_KEYMAP_SHIFT, '!' },
        { KEY_BACKSLASH, BERTH_KEYMAP_SHIFT, '|' },
        { KEY_APOSTROPHE, BERTH_KEYMAP_SHIFT, '"' },
        { KEY_SLASH, 0, '/' },
        { KEY_SLASH, BERTH_KEYMAP_SHIFT, '?' },
        { KEY_102ND, BERTH_KEYMAP_SHIFT, '>' },
        { KEY_ENTER, BERTH_KEYMAP_SHIFT, 0xff0d },
        { KEY_F12, 0, 0xffc9 },
        { KEY_KP0, BERTH_KEYMAP_NUM, 0xffb0 },
        { KEY_KP0, 0, 0xff9e },
        { KEY_KP7, 0, 0xff95 },
        { KEY_KP9, 0, 0xff9a },
        { KEY_KPDOT, 0, 0xff9f },
        { KEY_KPPLUS, 0, 0xffab },
        { KEY_LEFTMETA, 0, 0xffeb },
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(berth_keymap_keysym(rows[i].evdev, rows[i].modifiers), rows[i].keysym);
    }
}

static void
every_printable_character_is_on_one_key(void **state)
{
    for (char c = ' '; c <= '~'; c++) {
        uint16_t evdev = 0;
        bool needs_shift = false;

        assert_true(berth_keymap_find_char(c, &evdev, &needs_shift));
        assert_int_equal(berth_keymap_keysym(evdev, needs_shift ? BERTH_KEYMAP_SHIFT : 0), c);
        assert_int_not_equal(evdev, KEY_102ND);
    }
    assert_false(berth_keymap_find_char('\n', &(uint16_t){ 0 }, &(bool){ false }));
    assert_false(berth_keymap_find_char('\x7f', &(uint16_t){ 0 }, &(bool){ false }));
    assert_false(berth_keymap_find_char('\xe9', &(uint16_t){ 0 }, &(bool){ false }));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_have_the_scan_codes_of_a_pc_keyboard),
        cmocka_unit_test(no_two_keys_share_a_scan_code),
        cmocka_unit_test(every_key_of_a_pc_keyboard_is_mapped),
        cmocka_unit_test(codes_without_a_key_give_nothing),
        cmocka_unit_test(keysyms_follow_the_modifiers_of_a_us_keyboard),
        cmocka_unit_test(every_printable_character_is_on_one_key),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
