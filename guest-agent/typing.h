/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Types texts into the X session, whatever its layout is: by keys as they are where they have the
 * character, by free keys that are given it where none has.
 *
 * Texts and layouts are taken in their order: a layout changes what keys mean, so it waits until
 * programs have read what was typed before, and what comes behind it waits until it is set.
 * Thread: main.
 */
#pragma once

#include "display/wire/msg-input.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct BerthTyping BerthTyping;

typedef struct {
    /* A text has been typed, as far as this keyboard can. */
    void (*typed)(uint32_t serial, void *user_data);
    /* It is a layout's turn; returns whether it takes a while: berth_typing_go_on() ends it. */
    bool (*layout)(const BerthKeyLayout *layout, void *user_data);
} BerthTypingCallbacks;

/* NULL if the X server has no XTEST extension. */
BerthTyping *berth_typing_new(const BerthTypingCallbacks *callbacks, void *user_data);

/* NULL is allowed. */
void berth_typing_free(BerthTyping *self);

/* Types a text behind what waits.  text: UTF-8, copied */
void berth_typing_push(BerthTyping *self, uint32_t serial, const char *text);

/* Has a layout set behind what waits.  layout: copied */
void berth_typing_push_layout(BerthTyping *self, const BerthKeyLayout *layout);

/* The layout is set. */
void berth_typing_go_on(BerthTyping *self);

/* Forgets what waits; nobody is told. */
void berth_typing_forget(BerthTyping *self);
