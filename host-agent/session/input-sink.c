/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/session/input-sink.h"

#include "berth/errors.h"
#include "berth/limits.h"

#include <linux/input-event-codes.h>
#include <string.h>

#define WINDOW_US (1000 * 1000)
/* Units of one wheel notch on the wire. */
#define NOTCH 120

struct BerthInputSink {
    uint32_t rights;
    BerthCapture *capture;

    struct {
        int w_px, h_px;
    } modes[BERTH_LIMIT_HEADS];

    bool is_absolute;
    uint8_t held_keys[(BERTH_WIRE_MAX_KEY + 8) / 8];
    uint8_t lifted;       /* bit per text_modifiers, of those that the user still holds */
    uint8_t held_buttons; /* bit per BerthButton */
    int wheel_x, wheel_y; /* less than a notch, kept for the next message */
    uint8_t leds;         /* of the guest's lock keys, as far as they are known */
    bool is_touched;      /* a finger is the pointer */
    uint8_t finger;
    int64_t window_start_us;
    unsigned n_in_window;
    uint32_t serial;
    BerthInputStats stats;
};

BerthInputSink *
berth_input_sink_new(uint32_t rights)
{
    BerthInputSink *self = g_new0(BerthInputSink, 1);

    self->rights = rights;
    self->window_start_us = INT64_MIN / 2;
    return self;
}

void
berth_input_sink_set_rights(BerthInputSink *self, uint32_t rights)
{
    self->rights = rights;
}

void
berth_input_sink_free(BerthInputSink *self)
{
    g_free(self);
}

void
berth_input_sink_set_capture(BerthInputSink *self, BerthCapture *capture)
{
    self->capture = capture;
    memset(self->held_keys, 0, sizeof(self->held_keys));
    self->lifted = 0;
    self->held_buttons = 0;
}

void
berth_input_sink_set_mode(BerthInputSink *self, int head, int w_px, int h_px)
{
    self->modes[head].w_px = w_px;
    self->modes[head].h_px = h_px;
}

void
berth_input_sink_set_absolute(BerthInputSink *self, bool is_absolute)
{
    self->is_absolute = is_absolute;
}

static bool
is_key_held(const BerthInputSink *self, uint16_t evdev)
{
    return self->held_keys[evdev / 8] >> (evdev % 8) & 1;
}

static void
set_key_held(BerthInputSink *self, uint16_t evdev, bool is_held)
{
    uint8_t bit = (uint8_t)(1u << (evdev % 8));

    if (is_held) {
        self->held_keys[evdev / 8] |= bit;
    } else {
        self->held_keys[evdev / 8] &= (uint8_t)~bit;
    }
}

static const struct {
    uint8_t led;
    uint16_t evdev;
} lock_keys[] = {
    { BERTH_LED_CAPS, KEY_CAPSLOCK },
    { BERTH_LED_NUM, KEY_NUMLOCK },
    { BERTH_LED_SCROLL, KEY_SCROLLLOCK },
};

void
berth_input_sink_set_leds(BerthInputSink *self, uint8_t leds)
{
    self->leds = leds;
}

/* A lock key changes its light when it goes down. */
static void
note_lock_key(BerthInputSink *self, uint16_t evdev)
{
    for (size_t i = 0; i < G_N_ELEMENTS(lock_keys); i++) {
        if (lock_keys[i].evdev == evdev) {
            self->leds ^= lock_keys[i].led;
        }
    }
}

/* Those that would make other characters of a text. */
static const uint16_t text_modifiers[] = { KEY_LEFTSHIFT, KEY_RIGHTSHIFT, KEY_LEFTCTRL,
                                           KEY_RIGHTCTRL, KEY_RIGHTALT };

/* Whether a key was lifted; it is not any more. */
static bool
forget_lifted(BerthInputSink *self, uint16_t evdev)
{
    uint8_t before = self->lifted;

    for (size_t i = 0; i < G_N_ELEMENTS(text_modifiers); i++) {
        if (text_modifiers[i] == evdev) {
            self->lifted &= (uint8_t) ~(1u << i);
        }
    }
    return self->lifted != before;
}

static int
give_key(BerthInputSink *self, uint16_t evdev, bool is_down)
{
    int r;

    if (evdev > BERTH_WIRE_MAX_KEY) {
        return BERTH_ERR_INVALID;
    }
    if (!is_down && !is_key_held(self, evdev)) {
        return forget_lifted(self, evdev) ? BERTH_OK : BERTH_ERR_STATE;
    }
    r = self->capture->ops->key(self->capture, evdev, is_down);
    if (r == BERTH_OK && is_down && !is_key_held(self, evdev)) {
        note_lock_key(self, evdev);
    }
    if (r == BERTH_OK || !is_down) {
        set_key_held(self, evdev, is_down);
    }
    return r;
}

static int
give_button(BerthInputSink *self, uint8_t button, bool is_down)
{
    uint8_t bit = (uint8_t)(1u << button);
    int r;

    if (button >= BERTH_N_BUTTONS) {
        return BERTH_ERR_INVALID;
    }
    if (!is_down && !(self->held_buttons & bit)) {
        return BERTH_ERR_STATE;
    }
    r = self->capture->ops->button(self->capture, (BerthButton)button, is_down);
    if (r == BERTH_OK && is_down) {
        self->held_buttons |= bit;
    } else if (!is_down) {
        self->held_buttons &= (uint8_t)~bit;
    }
    return r;
}

/* Presses the lock keys whose lights differ from the client's. */
static int
give_locks(BerthInputSink *self, uint8_t locks)
{
    int r = BERTH_OK;

    for (size_t i = 0; i < G_N_ELEMENTS(lock_keys) && r == BERTH_OK; i++) {
        uint16_t evdev = lock_keys[i].evdev;

        if (((self->leds ^ locks) & lock_keys[i].led) && !is_key_held(self, evdev)) {
            r = give_key(self, evdev, true);
            if (r == BERTH_OK) {
                r = give_key(self, evdev, false);
            }
        }
    }
    return r;
}

static int
give_position(BerthInputSink *self, uint16_t head, uint16_t x, uint16_t y)
{
    int w_px, h_px;

    if (head >= BERTH_LIMIT_HEADS) {
        return BERTH_ERR_INVALID;
    }
    w_px = self->modes[head].w_px;
    h_px = self->modes[head].h_px;
    if (!self->is_absolute || w_px <= 0 || h_px <= 0) {
        return BERTH_ERR_STATE;
    }
    return self->capture->ops->pointer_abs(self->capture, head, MIN(x, w_px - 1), MIN(y, h_px - 1));
}

/* The first finger is the pointer; the source has no other way to hear of it. */
static int
give_touch(BerthInputSink *self, const BerthMsgInput *input)
{
    bool is_down = input->touch.phase == BERTH_TOUCH_DOWN;
    bool is_up = input->touch.phase == BERTH_TOUCH_UP || input->touch.phase == BERTH_TOUCH_CANCEL;
    int r;

    if (self->is_touched ? input->touch.finger != self->finger : !is_down) {
        return BERTH_OK;
    }
    r = give_position(self, input->touch.head, input->touch.x, input->touch.y);
    if (is_up) {
        self->is_touched = false;
        return give_button(self, BERTH_BUTTON_LEFT, false);
    }
    if (r == BERTH_OK && is_down) {
        r = give_button(self, BERTH_BUTTON_LEFT, true);
        self->is_touched = r == BERTH_OK;
        self->finger = input->touch.finger;
    }
    return r;
}

static int
give_motion(BerthInputSink *self, const BerthMsgInput *input)
{
    if (self->is_absolute) {
        return BERTH_ERR_STATE;
    }
    return self->capture->ops->pointer_rel(self->capture, input->rel.dx, input->rel.dy);
}

/* Adds up parts of a notch; returns the whole ones.  A turn the other way begins anew. */
static int
take_notches(int *sum, int delta)
{
    int n;

    if ((*sum > 0 && delta < 0) || (*sum < 0 && delta > 0)) {
        *sum = 0;
    }
    *sum += delta;
    n = *sum / NOTCH;
    *sum -= n * NOTCH;
    return n;
}

static int
give_wheel(BerthInputSink *self, const BerthMsgInput *input)
{
    int n_right = take_notches(&self->wheel_x, input->wheel.dx);
    int n_up = take_notches(&self->wheel_y, input->wheel.dy);

    if (n_right == 0 && n_up == 0) {
        return BERTH_OK;
    }
    return self->capture->ops->wheel(self->capture, n_right, -n_up);
}

static bool
is_release(uint8_t type, const BerthMsgInput *input)
{
    return type == BERTH_MSG_RELEASE_ALL || (type == BERTH_MSG_KEY && !input->key.is_down) ||
           (type == BERTH_MSG_TOUCH && input->touch.phase >= BERTH_TOUCH_UP) ||
           (type == BERTH_MSG_BUTTON && !input->button.is_down);
}

static bool
take_rate(BerthInputSink *self, int64_t now_us)
{
    if (now_us - self->window_start_us >= WINDOW_US) {
        self->window_start_us = now_us;
        self->n_in_window = 0;
    }
    return self->n_in_window++ < BERTH_LIMIT_INPUT_PER_SECOND;
}

static int
give(BerthInputSink *self, uint8_t type, const BerthMsgInput *input)
{
    switch (type) {
    case BERTH_MSG_KEY:
        return give_key(self, input->key.evdev, input->key.is_down);
    case BERTH_MSG_POINTER_ABS:
        return give_position(self, input->abs.head, input->abs.x, input->abs.y);
    case BERTH_MSG_POINTER_REL:
        return give_motion(self, input);
    case BERTH_MSG_BUTTON:
        return give_button(self, input->button.button, input->button.is_down);
    case BERTH_MSG_WHEEL:
        return give_wheel(self, input);
    case BERTH_MSG_RELEASE_ALL:
        berth_input_sink_release_all(self);
        return BERTH_OK;
    case BERTH_MSG_LOCKS:
        return give_locks(self, input->locks);
    case BERTH_MSG_TOUCH:
        return give_touch(self, input);
    default:
        return BERTH_ERR_INVALID;
    }
}

int
berth_input_sink_admit(BerthInputSink *self, uint8_t type, const BerthMsgInput *input,
                       int64_t now_us)
{
    if (take_rate(self, now_us) || is_release(type, input)) {
        return BERTH_OK;
    }
    self->stats.n_refused++;
    return BERTH_ERR_THROTTLED;
}

int
berth_input_sink_handle(BerthInputSink *self, uint8_t type, const BerthMsgInput *input)
{
    int r;

    if (!(self->rights & BERTH_RIGHT_INPUT)) {
        r = BERTH_ERR_FORBIDDEN;
    } else if (!self->capture) {
        r = BERTH_ERR_STATE;
    } else {
        r = give(self, type, input);
    }
    if (r == BERTH_OK) {
        self->serial = input->serial;
        self->stats.n_given++;
    } else {
        self->stats.n_refused++;
    }
    return r;
}

int
berth_input_sink_type(BerthInputSink *self, uint16_t evdev, bool is_down)
{
    if (!(self->rights & BERTH_RIGHT_INPUT)) {
        return BERTH_ERR_FORBIDDEN;
    }
    return self->capture ? give_key(self, evdev, is_down) : BERTH_ERR_STATE;
}

void
berth_input_sink_note_text(BerthInputSink *self, uint32_t serial)
{
    self->serial = serial;
}

void
berth_input_sink_lift_modifiers(BerthInputSink *self)
{
    for (size_t i = 0; self->capture && i < G_N_ELEMENTS(text_modifiers); i++) {
        if (is_key_held(self, text_modifiers[i]) &&
            give_key(self, text_modifiers[i], false) == BERTH_OK) {
            self->lifted |= (uint8_t)(1u << i);
        }
    }
}

void
berth_input_sink_lower_modifiers(BerthInputSink *self)
{
    unsigned lifted = self->lifted;

    self->lifted = 0;
    for (size_t i = 0; i < G_N_ELEMENTS(text_modifiers); i++) {
        if (lifted >> i & 1) {
            berth_input_sink_type(self, text_modifiers[i], true);
        }
    }
}

/* Those that switch windows together with Tab, which must be up before them. */
static bool
is_switcher(unsigned evdev)
{
    return evdev == KEY_LEFTALT || evdev == KEY_RIGHTALT || evdev == KEY_LEFTMETA ||
           evdev == KEY_RIGHTMETA;
}

static void
release_keys(BerthInputSink *self, bool are_switchers)
{
    for (unsigned evdev = 0; evdev <= BERTH_WIRE_MAX_KEY; evdev++) {
        if (is_switcher(evdev) == are_switchers && is_key_held(self, (uint16_t)evdev)) {
            give_key(self, (uint16_t)evdev, false);
        }
    }
}

void
berth_input_sink_release_all(BerthInputSink *self)
{
    if (!self->capture) {
        return;
    }
    self->lifted = 0;
    release_keys(self, false);
    release_keys(self, true);
    self->is_touched = false;
    for (unsigned button = 0; button < BERTH_N_BUTTONS; button++) {
        if (self->held_buttons & (1u << button)) {
            give_button(self, (uint8_t)button, false);
        }
    }
}

uint32_t
berth_input_sink_get_serial(const BerthInputSink *self)
{
    return self->serial;
}

void
berth_input_sink_get_stats(const BerthInputSink *self, BerthInputStats *ret)
{
    *ret = self->stats;
}
