/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "guest-agent/typing.h"

#include "guest-agent/key-plan.h"
#include "guest-agent/key-reader.h"
#include "guest-agent/key-table.h"

#include "base/clock.h"
#include "base/log.h"
#include "berth/limits.h"

#include <X11/XKBlib.h>
#include <X11/extensions/XTest.h>
#include <gdk/gdkx.h>
#include <string.h>

#define SCOPE "typing"
/* Modifiers that somebody holds would make other characters; who keeps them longer wants that. */
#define HELD_US (1000 * 1000)

typedef struct {
    char *text; /* NULL: a layout */
    const char *at;
    uint32_t serial;
    BerthKeyLayout layout;
    int64_t began_us; /* 0: it was not its turn yet */
} Item;

struct BerthTyping {
    const BerthTypingCallbacks *callbacks;
    void *user_data;
    Display *display; /* GTK's */
    BerthKeyPlan *plan;
    BerthKeyReader *reader;
    GQueue items;     /* of Item * */
    int64_t typed_us; /* when keys were pressed last */
    bool waits_for_layout;
    guint source;
};

static void
free_item(gpointer data)
{
    Item *item = data;

    g_free(item->text);
    g_free(item);
}

/* ---- texts ---- */

static bool
is_any_modifier_held(BerthTyping *self)
{
    XkbStateRec state;

    memset(&state, 0, sizeof(state));
    XkbGetState(self->display, XkbUseCoreKbd, &state);
    return state.base_mods != 0;
}

/* Locks but that of numbers would make other characters of a text; returns which there were. */
static unsigned
unlock(BerthTyping *self)
{
    unsigned numbers = XkbKeysymToModifiers(self->display, GDK_KEY_Num_Lock);
    XkbStateRec state;
    unsigned locks;

    memset(&state, 0, sizeof(state));
    XkbGetState(self->display, XkbUseCoreKbd, &state);
    locks = state.locked_mods & ~numbers;
    if (locks != 0) {
        XkbLockModifiers(self->display, XkbUseCoreKbd, locks, 0);
    }
    return locks;
}

/* Plans the keys of a text as far as there are places for it; returns where it comes to. */
static const char *
plan_strokes(BerthTyping *self, BerthKeyTable *table, const char *at, GArray *strokes)
{
    int64_t now_us = berth_monotonic_us();
    int64_t settled_us = berth_key_reader_look(self->reader, now_us);

    for (; *at != '\0'; at = g_utf8_next_char(at)) {
        uint32_t symbol = berth_key_symbol(g_utf8_get_char(at));
        BerthKeyStroke stroke;
        BerthKeyAnswer answer = berth_key_plan_find(self->plan, berth_key_table_view(table), symbol,
                                                    now_us, settled_us, &stroke);

        if (answer == BERTH_KEY_WAIT) {
            break;
        }
        if (answer == BERTH_KEY_NONE) {
            berth_log_warning(SCOPE, "this keyboard has no free key: a character was left out");
            continue;
        }
        if (stroke.is_new) {
            berth_key_table_give(table, &stroke);
        }
        g_array_append_val(strokes, stroke);
    }
    return at;
}

/* Types on; returns whether it came to the end. */
static bool
type_on(BerthTyping *self, Item *item)
{
    g_autoptr(GArray) strokes = g_array_new(FALSE, FALSE, sizeof(BerthKeyStroke));
    BerthKeyTable *table = berth_key_table_read(self->display);
    unsigned locks;

    if (!table) {
        berth_log_warning(SCOPE, "the X server does not tell of its keys: a text was left out");
        return true;
    }
    item->at = plan_strokes(self, table, item->at, strokes);
    if (strokes->len > 0) {
        locks = unlock(self);
        berth_key_table_send(table);
        berth_key_table_press(table, (const BerthKeyStroke *)(void *)strokes->data, strokes->len);
        if (locks != 0) {
            XkbLockModifiers(self->display, XkbUseCoreKbd, locks, locks);
        }
        XSync(self->display, False);
        self->typed_us = berth_monotonic_us();
        berth_key_reader_note_typed(self->reader, self->typed_us);
    }
    berth_key_table_free(table);
    return *item->at == '\0';
}

/* ---- turns ---- */

static bool
do_layout(BerthTyping *self, const Item *item)
{
    if (berth_key_reader_look(self->reader, berth_monotonic_us()) <= self->typed_us) {
        return false;
    }
    self->waits_for_layout = self->callbacks->layout(&item->layout, self->user_data);
    return true;
}

static bool
do_text(BerthTyping *self, Item *item)
{
    int64_t now_us = berth_monotonic_us();

    if (item->began_us == 0) {
        item->began_us = now_us;
    }
    if (is_any_modifier_held(self) && now_us - item->began_us < HELD_US) {
        return false;
    }
    if (!type_on(self, item)) {
        return false;
    }
    self->callbacks->typed(item->serial, self->user_data);
    return true;
}

static gboolean
on_turn(gpointer user_data)
{
    BerthTyping *self = user_data;
    Item *item = g_queue_peek_head(&self->items);

    self->source = 0;
    while (item && !self->waits_for_layout &&
           (item->text ? do_text(self, item) : do_layout(self, item))) {
        free_item(g_queue_pop_head(&self->items));
        item = g_queue_peek_head(&self->items);
    }
    if (item && !self->waits_for_layout) {
        self->source = g_timeout_add(BERTH_KEY_READER_LOOK_MS, on_turn, self);
    }
    return G_SOURCE_REMOVE;
}

static void
push(BerthTyping *self, Item *item)
{
    if (g_queue_get_length(&self->items) >= BERTH_LIMIT_INPUT_WAITING) {
        free_item(item); /* a host waits for each text */
        return;
    }
    g_queue_push_tail(&self->items, item);
    if (self->source == 0) {
        self->source = g_idle_add(on_turn, self);
    }
}

void
berth_typing_push(BerthTyping *self, uint32_t serial, const char *text)
{
    Item *item = g_new0(Item, 1);

    item->serial = serial;
    item->text = g_strdup(text);
    item->at = item->text;
    push(self, item);
}

void
berth_typing_push_layout(BerthTyping *self, const BerthKeyLayout *layout)
{
    Item *item = g_new0(Item, 1);

    item->layout = *layout;
    push(self, item);
}

void
berth_typing_go_on(BerthTyping *self)
{
    self->waits_for_layout = false;
    if (self->source == 0) {
        self->source = g_idle_add(on_turn, self);
    }
}

void
berth_typing_forget(BerthTyping *self)
{
    g_queue_clear_full(&self->items, free_item);
    g_clear_handle_id(&self->source, g_source_remove);
}

BerthTyping *
berth_typing_new(const BerthTypingCallbacks *callbacks, void *user_data)
{
    Display *display = gdk_x11_get_default_xdisplay();
    int event, error, major, minor;
    BerthTyping *self;

    if (!XTestQueryExtension(display, &event, &error, &major, &minor)) {
        return NULL;
    }
    self = g_new0(BerthTyping, 1);
    self->callbacks = callbacks;
    self->user_data = user_data;
    self->display = display;
    self->plan = berth_key_plan_new();
    self->reader = berth_key_reader_new(display);
    g_queue_init(&self->items);
    return self;
}

void
berth_typing_free(BerthTyping *self)
{
    if (self) {
        berth_typing_forget(self);
        berth_key_plan_free(self->plan);
        berth_key_reader_free(self->reader);
        g_free(self);
    }
}
