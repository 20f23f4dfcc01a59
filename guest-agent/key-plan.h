/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * By which keys of an X server which characters are typed, and which places on free keys are to be
 * given characters that no key has.
 *
 * A place is a key with modifiers: a free key has up to four.  Programs look up what a key means
 * when they come to its event, which may be long after it was pressed: a place that was given a
 * character keeps it, and is given another one only when the programs have come to the end of what
 * was typed before.
 *
 * Pure; no X.  Thread: any one.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BERTH_KEY_CODES 256

/* Modifiers of a place. */
#define BERTH_KEY_SHIFT 1u
#define BERTH_KEY_LEVEL3 2u
#define BERTH_KEY_PLACES 4u

typedef struct BerthKeyPlan BerthKeyPlan;

/* What keys mean now, in each place. */
typedef struct {
    unsigned first_code, n_codes;
    unsigned n_places;       /* that can be pressed: 1, 2 (with shift) or 4 (with level 3, too) */
    const uint32_t *symbols; /* n_codes * BERTH_KEY_PLACES; 0: none; borrowed */
} BerthKeyMapView;

typedef struct {
    uint8_t code;
    uint8_t place; /* BERTH_KEY_SHIFT | BERTH_KEY_LEVEL3 */
    bool is_new;   /* the place is to be given the symbol first */
    uint32_t symbol;
} BerthKeyStroke;

typedef enum {
    BERTH_KEY_FOUND,
    BERTH_KEY_WAIT, /* programs may still have to look up every free place */
    BERTH_KEY_NONE, /* this keyboard has no free key */
} BerthKeyAnswer;

/* No key has been given anything. */
BerthKeyPlan *berth_key_plan_new(void);
void berth_key_plan_free(BerthKeyPlan *self);

/* The X symbol of a character. */
uint32_t berth_key_symbol(uint32_t character);

/* The symbol of the character that an X symbol types, whichever of its names it is; else itself. */
uint32_t berth_key_canonical(uint32_t symbol, uint32_t character);

/*
 * Finds or chooses a place for a symbol.
 *
 * now_us:     when it will be pressed
 * settled_us: what was pressed before has been looked up by the programs
 *
 * ret is set for FOUND only; the place counts as used now.
 */
BerthKeyAnswer berth_key_plan_find(BerthKeyPlan *self, const BerthKeyMapView *view, uint32_t symbol,
                                   int64_t now_us, int64_t settled_us, BerthKeyStroke *ret);
