/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "guest-agent/key-plan.h"

#include <glib.h>

/* Symbols of characters beyond Latin 1. */
#define UNICODE_BIT 0x01000000u
/* Symbols from here to UNICODE_BIT are dead keys, keypads and functions. */
#define FIRST_FUNCTION 0xfd00u

typedef struct {
    uint32_t given; /* symbol; 0: none */
    int64_t used_us;
} Place;

struct BerthKeyPlan {
    Place places[BERTH_KEY_CODES][BERTH_KEY_PLACES];
};

BerthKeyPlan *
berth_key_plan_new(void)
{
    return g_new0(BerthKeyPlan, 1);
}

void
berth_key_plan_free(BerthKeyPlan *self)
{
    g_free(self);
}

uint32_t
berth_key_symbol(uint32_t character)
{
    bool is_latin1 =
        (character >= 0x20 && character <= 0x7e) || (character >= 0xa0 && character <= 0xff);

    return is_latin1 ? character : UNICODE_BIT | character;
}

uint32_t
berth_key_canonical(uint32_t symbol, uint32_t character)
{
    bool is_function = symbol >= FIRST_FUNCTION && symbol < UNICODE_BIT;

    return character == 0 || is_function ? symbol : berth_key_symbol(character);
}

static uint32_t
get_symbol(const BerthKeyMapView *view, unsigned i, unsigned place)
{
    return view->symbols[(size_t)i * BERTH_KEY_PLACES + place];
}

/* Whether a key has only what we gave it, or nothing; another layout takes it all back. */
static bool
is_free(BerthKeyPlan *self, const BerthKeyMapView *view, unsigned i)
{
    Place *places = self->places[view->first_code + i];
    bool is_empty = true;
    bool is_ours = true;

    for (unsigned place = 0; place < view->n_places; place++) {
        is_empty = is_empty && get_symbol(view, i, place) == 0;
        is_ours = is_ours && get_symbol(view, i, place) == places[place].given;
    }
    for (unsigned place = 0; is_empty && place < BERTH_KEY_PLACES; place++) {
        places[place].given = 0;
    }
    return is_empty || is_ours;
}

static bool
find_present(const BerthKeyMapView *view, uint32_t symbol, BerthKeyStroke *ret)
{
    for (unsigned place = 0; place < view->n_places; place++) {
        for (unsigned i = 0; i < view->n_codes; i++) {
            if (get_symbol(view, i, place) == symbol) {
                *ret = (BerthKeyStroke){
                    .code = (uint8_t)(view->first_code + i),
                    .place = (uint8_t)place,
                    .symbol = symbol,
                };
                return true;
            }
        }
    }
    return false;
}

/* The free place that has been left alone for longest, of the fewest modifiers. */
static bool
choose_free(BerthKeyPlan *self, const BerthKeyMapView *view, BerthKeyStroke *ret)
{
    int64_t best_us = INT64_MAX;

    for (unsigned place = 0; place < view->n_places; place++) {
        for (unsigned i = 0; i < view->n_codes; i++) {
            unsigned code = view->first_code + i;

            if (is_free(self, view, i) && self->places[code][place].used_us < best_us) {
                best_us = self->places[code][place].used_us;
                *ret = (BerthKeyStroke){
                    .code = (uint8_t)code,
                    .place = (uint8_t)place,
                    .is_new = true,
                };
            }
        }
    }
    return best_us != INT64_MAX;
}

BerthKeyAnswer
berth_key_plan_find(BerthKeyPlan *self, const BerthKeyMapView *view, uint32_t symbol,
                    int64_t now_us, int64_t settled_us, BerthKeyStroke *ret)
{
    BerthKeyStroke chosen;
    Place *place;

    if (find_present(view, symbol, ret)) {
        self->places[ret->code][ret->place].used_us = now_us;
        return BERTH_KEY_FOUND;
    }
    if (!choose_free(self, view, &chosen)) {
        return BERTH_KEY_NONE;
    }
    place = &self->places[chosen.code][chosen.place];
    if (place->used_us != 0 && place->used_us >= settled_us) {
        return BERTH_KEY_WAIT;
    }
    place->given = symbol;
    place->used_us = now_us;
    chosen.symbol = symbol;
    *ret = chosen;
    return BERTH_KEY_FOUND;
}
