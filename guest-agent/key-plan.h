/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which keys of an X server type which characters, and which free keys are to be given characters
 * that no key has.
 *
 * Programs look up what a key means when they come to its event, which may be long after it was
 * pressed: a key that was given a character keeps it as long as possible, and is not given another
 * one until it has been left alone for a while.
 *
 * Pure; no X.  Thread: any one.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BERTH_KEY_CODES 256

typedef struct BerthKeyPlan BerthKeyPlan;

/* What keys mean now: n_levels symbols each, without and with shift first. */
typedef struct {
    unsigned first_code, n_codes;
    unsigned n_levels;
    const uint32_t *symbols; /* n_codes * n_levels; 0: none; borrowed */
    /* Whether keys may be used as they are; else (another group is on) only those that we give. */
    bool is_plain;
} BerthKeyMapView;

typedef struct {
    uint8_t code;
    bool needs_shift;
    bool is_new; /* the key is to be given the symbol first */
    uint32_t symbol;
} BerthKeyStroke;

typedef enum {
    BERTH_KEY_FOUND,
    BERTH_KEY_WAIT, /* all free keys were used lately: later */
    BERTH_KEY_NONE, /* this keyboard has no free key */
} BerthKeyAnswer;

/* No key has been given anything. */
BerthKeyPlan *berth_key_plan_new(void);
void berth_key_plan_free(BerthKeyPlan *self);

/* The X symbol of a character. */
uint32_t berth_key_symbol(uint32_t character);

/*
 * Finds or chooses a key for a symbol.
 *
 * now_us: for how long keys are left alone
 *
 * ret is set for FOUND only; the key counts as used now.
 */
BerthKeyAnswer berth_key_plan_find(BerthKeyPlan *self, const BerthKeyMapView *view, uint32_t symbol,
                                   int64_t now_us, BerthKeyStroke *ret);
