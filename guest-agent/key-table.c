/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "guest-agent/key-table.h"

#include <X11/XKBlib.h>
#include <X11/extensions/XTest.h>
#include <X11/keysym.h>
#include <gdk/gdk.h>
#include <stdbool.h>
#include <string.h>

#define N_BITS 2 /* of a place */

typedef struct {
    uint8_t code; /* 0: there is none */
    uint8_t mask; /* real modifiers */
} Modifier;

struct BerthKeyTable {
    Display *display;
    XkbDescPtr xkb;
    unsigned group;
    Modifier modifiers[N_BITS]; /* of BERTH_KEY_SHIFT and BERTH_KEY_LEVEL3 */
    int type;                   /* of the keys that we give symbols, of n_places levels */
    bool is_changed[BERTH_KEY_CODES];
    uint32_t symbols[BERTH_KEY_CODES * BERTH_KEY_PLACES];
    BerthKeyMapView view;
};

static unsigned
mods_of(const BerthKeyTable *self, unsigned place)
{
    return (place & BERTH_KEY_SHIFT ? self->modifiers[0].mask : 0u) |
           (place & BERTH_KEY_LEVEL3 ? self->modifiers[1].mask : 0u);
}

static KeySym
translate(const BerthKeyTable *self, unsigned code, unsigned mods)
{
    unsigned consumed = 0;
    KeySym symbol = NoSymbol;

    XkbTranslateKeyCode(self->xkb, (KeyCode)code, XkbBuildCoreState(mods, self->group), &consumed,
                        &symbol);
    return symbol;
}

/* A key that is this modifier, as long as it is held. */
static void
find_modifier(BerthKeyTable *self, Modifier *modifier, KeySym symbol)
{
    for (unsigned code = self->xkb->min_key_code; code <= self->xkb->max_key_code; code++) {
        uint8_t mask = self->xkb->map->modmap[code];

        if (mask != 0 && XkbKeyNumGroups(self->xkb, code) > 0 &&
            translate(self, code, 0) == symbol) {
            *modifier = (Modifier){ (uint8_t)code, mask };
            return;
        }
    }
}

static unsigned
level_of(const XkbKeyTypeRec *type, unsigned mods)
{
    for (unsigned i = 0; i < type->map_count; i++) {
        if (type->map[i].active && type->map[i].mods.mask == (mods & type->mods.mask)) {
            return type->map[i].level;
        }
    }
    return 0;
}

/* Whether keys of this type have a level for each place, and look at no other modifiers. */
static bool
is_fit(const BerthKeyTable *self, const XkbKeyTypeRec *type, unsigned n_places)
{
    bool is_fit = type->num_levels == n_places && type->mods.mask == mods_of(self, n_places - 1);

    for (unsigned place = 0; place < n_places; place++) {
        is_fit = is_fit && level_of(type, mods_of(self, place)) == place;
    }
    return is_fit;
}

static void
choose_type(BerthKeyTable *self)
{
    unsigned n = self->modifiers[0].code == 0 ? 1 : self->modifiers[1].code == 0 ? 2 : 4;

    for (; n > 1; n /= 2) {
        for (int i = 0; i < self->xkb->map->num_types; i++) {
            if (is_fit(self, &self->xkb->map->types[i], n)) {
                self->type = i;
                self->view.n_places = n;
                return;
            }
        }
    }
    self->type = XkbOneLevelIndex;
    self->view.n_places = 1;
}

static void
fill_view(BerthKeyTable *self)
{
    unsigned first = self->xkb->min_key_code;

    self->view.first_code = first;
    self->view.n_codes = self->xkb->max_key_code - first + 1u;
    self->view.symbols = self->symbols;
    for (unsigned code = first; code <= self->xkb->max_key_code; code++) {
        uint32_t *symbols = &self->symbols[(size_t)(code - first) * BERTH_KEY_PLACES];

        for (unsigned place = 0; place < self->view.n_places; place++) {
            KeySym symbol = translate(self, code, mods_of(self, place));

            symbols[place] =
                berth_key_canonical((uint32_t)symbol, gdk_keyval_to_unicode((guint)symbol));
        }
        if (symbols[0] == 0 && self->xkb->map->modmap[code] != 0) {
            symbols[0] = XK_VoidSymbol; /* a modifier without a name is not free */
        }
    }
}

BerthKeyTable *
berth_key_table_read(Display *display)
{
    BerthKeyTable *self = g_new0(BerthKeyTable, 1);
    XkbStateRec state;

    memset(&state, 0, sizeof(state));
    self->display = display;
    self->xkb =
        XkbGetMap(display, XkbKeyTypesMask | XkbKeySymsMask | XkbModifierMapMask, XkbUseCoreKbd);
    if (!self->xkb || XkbGetState(display, XkbUseCoreKbd, &state) != Success) {
        berth_key_table_free(self);
        return NULL;
    }
    self->group = state.group;
    find_modifier(self, &self->modifiers[0], XK_Shift_L);
    find_modifier(self, &self->modifiers[1], XK_ISO_Level3_Shift);
    choose_type(self);
    fill_view(self);
    return self;
}

void
berth_key_table_free(BerthKeyTable *self)
{
    if (self) {
        if (self->xkb) {
            XkbFreeKeyboard(self->xkb, XkbAllComponentsMask, True);
        }
        g_free(self);
    }
}

const BerthKeyMapView *
berth_key_table_view(const BerthKeyTable *self)
{
    return &self->view;
}

void
berth_key_table_give(BerthKeyTable *self, const BerthKeyStroke *stroke)
{
    size_t at = (size_t)(stroke->code - self->view.first_code) * BERTH_KEY_PLACES;

    self->symbols[at + stroke->place] = stroke->symbol;
    self->is_changed[stroke->code] = true;
}

static void
fill_key(BerthKeyTable *self, unsigned code)
{
    const uint32_t *given =
        &self->symbols[(size_t)(code - self->view.first_code) * BERTH_KEY_PLACES];
    int types[XkbNumKbdGroups] = { self->type };
    XkbMapChangesRec changes;
    KeySym *symbols;

    memset(&changes, 0, sizeof(changes));
    if (XkbChangeTypesOfKey(self->xkb, (int)code, 1, XkbGroup1Mask, types, &changes) != Success) {
        return;
    }
    symbols = XkbKeySymsPtr(self->xkb, code);
    for (unsigned place = 0; place < self->view.n_places; place++) {
        symbols[place] = given[place];
    }
}

/*
 * All in one change, with the keys between them as they are: window managers bind all their keys
 * anew for each change.
 */
void
berth_key_table_send(BerthKeyTable *self)
{
    unsigned first = BERTH_KEY_CODES, last = 0;
    XkbMapChangesRec changes;

    for (unsigned code = self->view.first_code; code < BERTH_KEY_CODES; code++) {
        if (self->is_changed[code]) {
            fill_key(self, code);
            self->is_changed[code] = false;
            first = MIN(first, code);
            last = code;
        }
    }
    if (last != 0) {
        memset(&changes, 0, sizeof(changes));
        changes.changed = XkbKeySymsMask;
        changes.first_key_sym = (KeyCode)first;
        changes.num_key_syms = (unsigned char)(last - first + 1);
        XkbChangeMap(self->display, self->xkb, &changes);
    }
}

/* Presses and releases modifiers so that those of a place are held. */
static void
hold(BerthKeyTable *self, unsigned *held, unsigned place)
{
    for (unsigned bit = 0; bit < N_BITS; bit++) {
        bool is_held = *held >> bit & 1;
        bool is_wanted = place >> bit & 1;

        if (is_held != is_wanted) {
            XTestFakeKeyEvent(self->display, self->modifiers[bit].code, is_wanted, CurrentTime);
        }
    }
    *held = place;
}

void
berth_key_table_press(BerthKeyTable *self, const BerthKeyStroke *strokes, unsigned n_strokes)
{
    unsigned held = 0;

    for (unsigned i = 0; i < n_strokes; i++) {
        hold(self, &held, strokes[i].place);
        XTestFakeKeyEvent(self->display, strokes[i].code, True, CurrentTime);
        XTestFakeKeyEvent(self->display, strokes[i].code, False, CurrentTime);
    }
    hold(self, &held, 0);
}
