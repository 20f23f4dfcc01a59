/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Types texts into the X session, whatever its layout is: keys as they are where they have the
 * character, free keys that are given it where none has.
 *
 * Texts are typed in their order.  Thread: main.
 */
#pragma once

#include <stdint.h>

typedef struct BerthTyping BerthTyping;

/* A text has been typed, as far as this keyboard can. */
typedef void (*BerthTypedFunc)(uint32_t serial, void *user_data);

/* NULL if the X server has no XTEST extension. */
BerthTyping *berth_typing_new(BerthTypedFunc typed, void *user_data);

/* NULL is allowed. */
void berth_typing_free(BerthTyping *self);

/* Types a text behind those that wait.  text: UTF-8, copied */
void berth_typing_push(BerthTyping *self, uint32_t serial, const char *text);

/* Forgets what waits; nobody is told. */
void berth_typing_forget(BerthTyping *self);
