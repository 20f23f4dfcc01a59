/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/session/keymap.h"

#include <linux/input-event-codes.h>
#include <stddef.h>

/* A key with an E0 prefix. */
#define E0(code) (0x80u | (code))

/* The first 83 evdev codes are the set 1 scan codes of the original AT keyboard. */
#define LAST_IDENTICAL KEY_KPDOT

/* Only keys whose scan code differs from their evdev code. */
static const uint8_t qnums[BERTH_KEYMAP_MAX_EVDEV + 1] = {
    [KEY_ZENKAKUHANKAKU] = 0x76,
    [KEY_102ND] = 0x56,
    [KEY_F11] = 0x57,
    [KEY_F12] = 0x58,
    [KEY_RO] = 0x73,
    [KEY_KATAKANA] = 0x78,
    [KEY_HIRAGANA] = 0x77,
    [KEY_HENKAN] = 0x79,
    [KEY_KATAKANAHIRAGANA] = 0x70,
    [KEY_MUHENKAN] = 0x7b,
    [KEY_KPJPCOMMA] = 0x5c,
    [KEY_KPENTER] = E0(0x1c),
    [KEY_RIGHTCTRL] = E0(0x1d),
    [KEY_KPSLASH] = E0(0x35),
    [KEY_SYSRQ] = 0x54,
    [KEY_RIGHTALT] = E0(0x38),
    [KEY_LINEFEED] = 0x5b,
    [KEY_HOME] = E0(0x47),
    [KEY_UP] = E0(0x48),
    [KEY_PAGEUP] = E0(0x49),
    [KEY_LEFT] = E0(0x4b),
    [KEY_RIGHT] = E0(0x4d),
    [KEY_END] = E0(0x4f),
    [KEY_DOWN] = E0(0x50),
    [KEY_PAGEDOWN] = E0(0x51),
    [KEY_INSERT] = E0(0x52),
    [KEY_DELETE] = E0(0x53),
    [KEY_MACRO] = E0(0x6f),
    [KEY_MUTE] = E0(0x20),
    [KEY_VOLUMEDOWN] = E0(0x2e),
    [KEY_VOLUMEUP] = E0(0x30),
    [KEY_POWER] = E0(0x5e),
    [KEY_KPEQUAL] = 0x59,
    [KEY_KPPLUSMINUS] = E0(0x4e),
    [KEY_PAUSE] = E0(0x46),
    [KEY_SCALE] = E0(0x0b),
    [KEY_KPCOMMA] = 0x7e,
    [KEY_HANGEUL] = 0x72,
    [KEY_HANJA] = 0x71,
    [KEY_YEN] = 0x7d,
    [KEY_LEFTMETA] = E0(0x5b),
    [KEY_RIGHTMETA] = E0(0x5c),
    [KEY_COMPOSE] = E0(0x5d),
    [KEY_STOP] = E0(0x68),
    [KEY_AGAIN] = E0(0x05),
    [KEY_PROPS] = E0(0x06),
    [KEY_UNDO] = E0(0x07),
    [KEY_FRONT] = E0(0x0c),
    [KEY_COPY] = E0(0x78),
    [KEY_OPEN] = 0x64,
    [KEY_PASTE] = 0x65,
    [KEY_FIND] = E0(0x41),
    [KEY_CUT] = E0(0x3c),
    [KEY_HELP] = E0(0x75),
    [KEY_MENU] = E0(0x1e),
    [KEY_CALC] = E0(0x21),
    [KEY_SETUP] = 0x66,
    [KEY_SLEEP] = E0(0x5f),
    [KEY_WAKEUP] = E0(0x63),
    [KEY_FILE] = 0x67,
    [KEY_SENDFILE] = 0x68,
    [KEY_DELETEFILE] = 0x69,
    [KEY_XFER] = E0(0x13),
    [KEY_PROG1] = E0(0x1f),
    [KEY_PROG2] = E0(0x17),
    [KEY_WWW] = E0(0x02),
    [KEY_MSDOS] = 0x6a,
    [KEY_COFFEE] = E0(0x12),
    [KEY_ROTATE_DISPLAY] = 0x6b,
    [KEY_CYCLEWINDOWS] = E0(0x26),
    [KEY_MAIL] = E0(0x6c),
    [KEY_BOOKMARKS] = E0(0x66),
    [KEY_COMPUTER] = E0(0x6b),
    [KEY_BACK] = E0(0x6a),
    [KEY_FORWARD] = E0(0x69),
    [KEY_CLOSECD] = E0(0x23),
    [KEY_EJECTCD] = 0x6c,
    [KEY_EJECTCLOSECD] = E0(0x7d),
    [KEY_NEXTSONG] = E0(0x19),
    [KEY_PLAYPAUSE] = E0(0x22),
    [KEY_PREVIOUSSONG] = E0(0x10),
    [KEY_STOPCD] = E0(0x24),
    [KEY_RECORD] = E0(0x31),
    [KEY_REWIND] = E0(0x18),
    [KEY_PHONE] = 0x63,
    [KEY_CONFIG] = E0(0x01),
    [KEY_HOMEPAGE] = E0(0x32),
    [KEY_REFRESH] = E0(0x67),
    [KEY_EDIT] = E0(0x08),
    [KEY_SCROLLUP] = 0x75,
    [KEY_SCROLLDOWN] = E0(0x0f),
    [KEY_KPLEFTPAREN] = E0(0x76),
    [KEY_KPRIGHTPAREN] = E0(0x7b),
    [KEY_NEW] = E0(0x09),
    [KEY_REDO] = E0(0x0a),
    [KEY_F13] = 0x5d,
    [KEY_F14] = 0x5e,
    [KEY_F15] = 0x5f,
    [KEY_F16] = 0x55,
    [KEY_F17] = E0(0x03),
    [KEY_F18] = E0(0x77),
    [KEY_F19] = E0(0x04),
    [KEY_F20] = 0x5a,
    [KEY_F21] = 0x74,
    [KEY_F22] = E0(0x79),
    [KEY_F23] = 0x6d,
    [KEY_F24] = 0x6f,
    [KEY_SEARCH] = E0(0x65),
};

/* Keysyms that are printable ASCII stand for themselves; the others are X11's 0xffxx. */
static const uint16_t keysyms[] = {
    [KEY_ESC] = 0xff1b,
    [KEY_1] = '1',
    [KEY_2] = '2',
    [KEY_3] = '3',
    [KEY_4] = '4',
    [KEY_5] = '5',
    [KEY_6] = '6',
    [KEY_7] = '7',
    [KEY_8] = '8',
    [KEY_9] = '9',
    [KEY_0] = '0',
    [KEY_MINUS] = '-',
    [KEY_EQUAL] = '=',
    [KEY_BACKSPACE] = 0xff08,
    [KEY_TAB] = 0xff09,
    [KEY_Q] = 'q',
    [KEY_W] = 'w',
    [KEY_E] = 'e',
    [KEY_R] = 'r',
    [KEY_T] = 't',
    [KEY_Y] = 'y',
    [KEY_U] = 'u',
    [KEY_I] = 'i',
    [KEY_O] = 'o',
    [KEY_P] = 'p',
    [KEY_LEFTBRACE] = '[',
    [KEY_RIGHTBRACE] = ']',
    [KEY_ENTER] = 0xff0d,
    [KEY_LEFTCTRL] = 0xffe3,
    [KEY_A] = 'a',
    [KEY_S] = 's',
    [KEY_D] = 'd',
    [KEY_F] = 'f',
    [KEY_G] = 'g',
    [KEY_H] = 'h',
    [KEY_J] = 'j',
    [KEY_K] = 'k',
    [KEY_L] = 'l',
    [KEY_SEMICOLON] = ';',
    [KEY_APOSTROPHE] = '\'',
    [KEY_GRAVE] = '`',
    [KEY_LEFTSHIFT] = 0xffe1,
    [KEY_BACKSLASH] = '\\',
    [KEY_Z] = 'z',
    [KEY_X] = 'x',
    [KEY_C] = 'c',
    [KEY_V] = 'v',
    [KEY_B] = 'b',
    [KEY_N] = 'n',
    [KEY_M] = 'm',
    [KEY_COMMA] = ',',
    [KEY_DOT] = '.',
    [KEY_SLASH] = '/',
    [KEY_RIGHTSHIFT] = 0xffe2,
    [KEY_KPASTERISK] = 0xffaa,
    [KEY_LEFTALT] = 0xffe9,
    [KEY_SPACE] = ' ',
    [KEY_CAPSLOCK] = 0xffe5,
    [KEY_F1] = 0xffbe,
    [KEY_F2] = 0xffbf,
    [KEY_F3] = 0xffc0,
    [KEY_F4] = 0xffc1,
    [KEY_F5] = 0xffc2,
    [KEY_F6] = 0xffc3,
    [KEY_F7] = 0xffc4,
    [KEY_F8] = 0xffc5,
    [KEY_F9] = 0xffc6,
    [KEY_F10] = 0xffc7,
    [KEY_NUMLOCK] = 0xff7f,
    [KEY_SCROLLLOCK] = 0xff14,
    [KEY_KP7] = 0xffb7,
    [KEY_KP8] = 0xffb8,
    [KEY_KP9] = 0xffb9,
    [KEY_KPMINUS] = 0xffad,
    [KEY_KP4] = 0xffb4,
    [KEY_KP5] = 0xffb5,
    [KEY_KP6] = 0xffb6,
    [KEY_KPPLUS] = 0xffab,
    [KEY_KP1] = 0xffb1,
    [KEY_KP2] = 0xffb2,
    [KEY_KP3] = 0xffb3,
    [KEY_KP0] = 0xffb0,
    [KEY_KPDOT] = 0xffae,
    [KEY_102ND] = '<',
    [KEY_F11] = 0xffc8,
    [KEY_F12] = 0xffc9,
    [KEY_KPENTER] = 0xff8d,
    [KEY_RIGHTCTRL] = 0xffe4,
    [KEY_KPSLASH] = 0xffaf,
    [KEY_SYSRQ] = 0xff61,
    [KEY_RIGHTALT] = 0xffea,
    [KEY_HOME] = 0xff50,
    [KEY_UP] = 0xff52,
    [KEY_PAGEUP] = 0xff55,
    [KEY_LEFT] = 0xff51,
    [KEY_RIGHT] = 0xff53,
    [KEY_END] = 0xff57,
    [KEY_DOWN] = 0xff54,
    [KEY_PAGEDOWN] = 0xff56,
    [KEY_INSERT] = 0xff63,
    [KEY_DELETE] = 0xffff,
    [KEY_PAUSE] = 0xff13,
    [KEY_LEFTMETA] = 0xffeb,
    [KEY_RIGHTMETA] = 0xffec,
    [KEY_COMPOSE] = 0xff67,
};

uint8_t
berth_keymap_qnum(uint16_t evdev)
{
    if (evdev > BERTH_KEYMAP_MAX_EVDEV) {
        return 0;
    }
    if (evdev <= LAST_IDENTICAL) {
        return (uint8_t)evdev;
    }
    return qnums[evdev];
}

/* Signs that Shift makes of the digits and signs of a US keyboard, in pairs. */
static const char shifted[] = "1!2@3#4$5%6^7&8*9(0)-_=+[{]};:'\"`~\\|,<.>/?<>";

static uint32_t
shift_sign(uint32_t keysym)
{
    for (size_t i = 0; shifted[i] != '\0'; i += 2) {
        if ((uint32_t)shifted[i] == keysym) {
            return (uint32_t)shifted[i + 1];
        }
    }
    return keysym;
}

/* Without Num Lock the digits of the keypad move the cursor. */
static uint32_t
find_keypad_motion(uint32_t keysym)
{
    /* KP_0 .. KP_9: Insert End Down Next Left Begin Right Home Up Prior */
    static const uint16_t motions[] = { 0xff9e, 0xff9c, 0xff99, 0xff9b, 0xff96,
                                        0xff9d, 0xff98, 0xff95, 0xff97, 0xff9a };

    if (keysym >= 0xffb0 && keysym <= 0xffb9) {
        return motions[keysym - 0xffb0];
    }
    return keysym == 0xffae ? 0xff9f : keysym; /* KP_Decimal, KP_Delete */
}

uint32_t
berth_keymap_keysym(uint16_t evdev, unsigned modifiers)
{
    bool is_shifted = modifiers & BERTH_KEYMAP_SHIFT;
    uint32_t keysym;

    if (evdev >= sizeof(keysyms) / sizeof(keysyms[0])) {
        return 0;
    }
    keysym = keysyms[evdev];
    if (keysym >= 'a' && keysym <= 'z') {
        bool is_upper = is_shifted != ((modifiers & BERTH_KEYMAP_CAPS) != 0);

        return is_upper ? keysym - 'a' + 'A' : keysym;
    }
    if (!(modifiers & BERTH_KEYMAP_NUM)) {
        keysym = find_keypad_motion(keysym);
    }
    return is_shifted ? shift_sign(keysym) : keysym;
}

bool
berth_keymap_find_char(char c, uint16_t *ret_evdev, bool *ret_needs_shift)
{
    if (c < ' ' || c > '~') {
        return false;
    }
    for (unsigned shift = 0; shift <= BERTH_KEYMAP_SHIFT; shift++) {
        for (uint16_t evdev = 0; evdev < sizeof(keysyms) / sizeof(keysyms[0]); evdev++) {
            if (berth_keymap_keysym(evdev, shift) == (uint32_t)c && evdev != KEY_102ND) {
                *ret_evdev = evdev;
                *ret_needs_shift = shift != 0;
                return true;
            }
        }
    }
    return false;
}
