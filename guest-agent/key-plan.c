/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "guest-agent/key-plan.h"

#include <glib.h>

/* A program that has not come to an event in this time hangs. */
#define ALONE_US (500 * 1000)
/* Symbols of characters beyond Latin 1. */
#define UNICODE_BIT 0x01000000u

struct BerthKeyPlan {
    uint32_t given[BERTH_KEY_CODES]; /* symbol that a free key was given; 0: none */
    int64_t used_us[BERTH_KEY_CODES];
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

static uint32_t
get_symbol(const BerthKeyMapView *view, unsigned i, unsigned level)
{
    return level < view->n_levels ? view->symbols[(size_t)i * view->n_levels + level] : 0;
}

static bool
is_free(const BerthKeyMapView *view, unsigned i)
{
    for (unsigned level = 0; level < view->n_levels; level++) {
        if (get_symbol(view, i, level) != 0) {
            return false;
        }
    }
    return true;
}

/* A key that we gave a symbol still has it, unless another layout was set. */
static bool
is_ours(const BerthKeyPlan *self, const BerthKeyMapView *view, unsigned i)
{
    uint32_t given = self->given[view->first_code + i];

    return given != 0 && get_symbol(view, i, 0) == given;
}

static bool
find_present(BerthKeyPlan *self, const BerthKeyMapView *view, uint32_t symbol, BerthKeyStroke *ret)
{
    for (unsigned level = 0; level < 2; level++) {
        for (unsigned i = 0; i < view->n_codes; i++) {
            bool may_be_used = view->is_plain || (level == 0 && is_ours(self, view, i));

            if (may_be_used && get_symbol(view, i, level) == symbol) {
                *ret = (BerthKeyStroke){
                    .code = (uint8_t)(view->first_code + i),
                    .needs_shift = level == 1,
                    .symbol = symbol,
                };
                return true;
            }
        }
    }
    return false;
}

/* The free key that has been left alone for longest; -1: there is none. */
static int
choose_free(const BerthKeyPlan *self, const BerthKeyMapView *view)
{
    int best = -1;

    for (unsigned i = 0; i < view->n_codes; i++) {
        unsigned code = view->first_code + i;

        if ((is_free(view, i) || is_ours(self, view, i)) &&
            (best < 0 || self->used_us[code] < self->used_us[best])) {
            best = (int)code;
        }
    }
    return best;
}

BerthKeyAnswer
berth_key_plan_find(BerthKeyPlan *self, const BerthKeyMapView *view, uint32_t symbol,
                    int64_t now_us, BerthKeyStroke *ret)
{
    int code;

    if (find_present(self, view, symbol, ret)) {
        self->used_us[ret->code] = now_us;
        return BERTH_KEY_FOUND;
    }
    code = choose_free(self, view);
    if (code < 0) {
        return BERTH_KEY_NONE;
    }
    if (self->used_us[code] != 0 && now_us - self->used_us[code] < ALONE_US) {
        return BERTH_KEY_WAIT;
    }
    self->given[code] = symbol;
    self->used_us[code] = now_us;
    *ret = (BerthKeyStroke){ .code = (uint8_t)code, .is_new = true, .symbol = symbol };
    return BERTH_KEY_FOUND;
}
