/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "guest-agent/typing.h"

#include "base/clock.h"
#include "base/log.h"
#include "guest-agent/key-plan.h"

#include <X11/XKBlib.h>
#include <X11/Xlib.h>
#include <X11/extensions/XTest.h>
#include <X11/keysym.h>
#include <gdk/gdkx.h>
#include <string.h>

#define SCOPE "typing"
/* Before free keys are looked for again. */
#define WAIT_MS 50
/* Of both levels of a key: without and with shift. */
#define LEVELS 2

typedef struct {
    uint32_t serial;
    char *text;
    const char *at; /* in text */
} Text;

struct BerthTyping {
    BerthTypedFunc typed;
    void *user_data;
    Display *display; /* GTK's */
    BerthKeyPlan *plan;
    GQueue texts; /* of Text * */
    guint source;
};

static void
free_text(gpointer data)
{
    Text *text = data;

    g_free(text->text);
    g_free(text);
}

/* ---- the keyboard ---- */

/* Fills a view; symbols: to be freed with g_free(). */
static uint32_t *
look_at_keys(BerthTyping *self, BerthKeyMapView *view)
{
    int first = 0, last = 0, n_levels = 0;
    uint32_t *symbols;
    XkbStateRec state;
    KeySym *found;

    XDisplayKeycodes(self->display, &first, &last);
    found = XGetKeyboardMapping(self->display, (KeyCode)first, last - first + 1, &n_levels);
    symbols = g_new0(uint32_t, (size_t)(last - first + 1) * (size_t)MAX(n_levels, 1));
    for (int i = 0; found && i < (last - first + 1) * n_levels; i++) {
        symbols[i] = (uint32_t)found[i];
    }
    XFree(found);
    memset(&state, 0, sizeof(state));
    XkbGetState(self->display, XkbUseCoreKbd, &state);
    *view = (BerthKeyMapView){
        .first_code = (unsigned)first,
        .n_codes = (unsigned)(last - first + 1),
        .n_levels = (unsigned)MAX(n_levels, 0),
        .symbols = symbols,
        .is_plain = state.group == 0,
    };
    return symbols;
}

static void
give_symbol(BerthTyping *self, const BerthKeyMapView *view, uint32_t *symbols,
            const BerthKeyStroke *stroke)
{
    KeySym both[LEVELS] = { stroke->symbol, stroke->symbol };
    size_t at = (size_t)(stroke->code - view->first_code) * view->n_levels;

    XChangeKeyboardMapping(self->display, stroke->code, LEVELS, both, 1);
    for (unsigned level = 0; level < MIN(view->n_levels, LEVELS); level++) {
        symbols[at + level] = stroke->symbol;
    }
}

static void
press(BerthTyping *self, const BerthKeyStroke *stroke)
{
    KeyCode shift = XKeysymToKeycode(self->display, XK_Shift_L);

    if (stroke->needs_shift) {
        XTestFakeKeyEvent(self->display, shift, True, CurrentTime);
    }
    XTestFakeKeyEvent(self->display, stroke->code, True, CurrentTime);
    XTestFakeKeyEvent(self->display, stroke->code, False, CurrentTime);
    if (stroke->needs_shift) {
        XTestFakeKeyEvent(self->display, shift, False, CurrentTime);
    }
}

/* Caps lock would make capital letters of a text; returns whether it was on. */
static bool
unlock_caps(BerthTyping *self)
{
    XkbStateRec state;

    memset(&state, 0, sizeof(state));
    XkbGetState(self->display, XkbUseCoreKbd, &state);
    if (!(state.locked_mods & LockMask)) {
        return false;
    }
    XkbLockModifiers(self->display, XkbUseCoreKbd, LockMask, 0);
    return true;
}

/* ---- texts ---- */

/* Types on; false if it has to wait for a free key. */
static bool
type_on(BerthTyping *self, Text *text)
{
    BerthKeyMapView view;
    g_autofree uint32_t *symbols = look_at_keys(self, &view);
    bool has_caps = unlock_caps(self);
    BerthKeyAnswer answer = BERTH_KEY_FOUND;

    for (; *text->at != '\0'; text->at = g_utf8_next_char(text->at)) {
        BerthKeyStroke stroke;

        answer = berth_key_plan_find(self->plan, &view, berth_key_symbol(g_utf8_get_char(text->at)),
                                     berth_monotonic_us(), &stroke);
        if (answer == BERTH_KEY_WAIT) {
            break;
        }
        if (answer == BERTH_KEY_NONE) {
            berth_log_warning(SCOPE, "this keyboard has no free key: a character was left out");
            continue;
        }
        if (stroke.is_new) {
            give_symbol(self, &view, symbols, &stroke);
        }
        press(self, &stroke);
    }
    if (has_caps) {
        XkbLockModifiers(self->display, XkbUseCoreKbd, LockMask, LockMask);
    }
    XSync(self->display, False);
    return answer != BERTH_KEY_WAIT;
}

static gboolean
on_turn(gpointer user_data)
{
    BerthTyping *self = user_data;
    Text *text = g_queue_peek_head(&self->texts);

    self->source = 0;
    while (text && type_on(self, text)) {
        uint32_t serial = text->serial;

        free_text(g_queue_pop_head(&self->texts));
        self->typed(serial, self->user_data);
        text = g_queue_peek_head(&self->texts);
    }
    if (text) {
        self->source = g_timeout_add(WAIT_MS, on_turn, self);
    }
    return G_SOURCE_REMOVE;
}

void
berth_typing_push(BerthTyping *self, uint32_t serial, const char *text)
{
    Text *last = g_new0(Text, 1);

    last->serial = serial;
    last->text = g_strdup(text);
    last->at = last->text;
    g_queue_push_tail(&self->texts, last);
    if (self->source == 0) {
        self->source = g_idle_add(on_turn, self);
    }
}

void
berth_typing_forget(BerthTyping *self)
{
    g_queue_clear_full(&self->texts, free_text);
    g_clear_handle_id(&self->source, g_source_remove);
}

BerthTyping *
berth_typing_new(BerthTypedFunc typed, void *user_data)
{
    Display *display = gdk_x11_get_default_xdisplay();
    int event, error, major, minor;
    BerthTyping *self;

    if (!XTestQueryExtension(display, &event, &error, &major, &minor)) {
        return NULL;
    }
    self = g_new0(BerthTyping, 1);
    self->typed = typed;
    self->user_data = user_data;
    self->display = display;
    self->plan = berth_key_plan_new();
    g_queue_init(&self->texts);
    return self;
}

void
berth_typing_free(BerthTyping *self)
{
    if (self) {
        berth_typing_forget(self);
        berth_key_plan_free(self->plan);
        g_free(self);
    }
}
