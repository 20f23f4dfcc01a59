/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The one key that is ours: tapped alone it is a command to us, held together with another key it
 * is the guest's as any other key is.
 *
 * A value; zeros are a keyboard without such a key.  Pure.  Thread: whoever owns it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A key that may be it: one that little else is done with. */
typedef struct {
    const char *name;  /* in files, as key-map.h names it */
    const char *label; /* for people, to be translated */
    uint16_t evdev;
} BerthHostKeyChoice;

/* All of them; the first one is it as long as nobody says otherwise. */
extern const BerthHostKeyChoice berth_host_key_choices[];
extern const size_t berth_n_host_key_choices;

/* The choice of that name; the first one for any other, and for NULL. */
const BerthHostKeyChoice *berth_host_key_find(const char *name);

typedef struct {
    uint16_t evdev; /* 0: there is none */
    bool is_down;
    bool is_alone; /* nothing else was pressed since it went down */
} BerthHostKey;

typedef enum {
    BERTH_HOST_KEY_PASS, /* the key is the guest's */
    BERTH_HOST_KEY_KEEP, /* the guest does not hear of it (yet) */
    BERTH_HOST_KEY_BOTH, /* press the host key in the guest first, then this key */
    BERTH_HOST_KEY_TAP,  /* the host key was tapped; the guest does not hear of it */
} BerthHostKeyVerdict;

/* Takes one key event; repeats are allowed. */
BerthHostKeyVerdict berth_host_key_step(BerthHostKey *self, uint16_t evdev, bool is_down);

/*
 * Something else is done while the key may be held: a click, a turn of the wheel.  Returns true if
 * the host key has to be pressed in the guest first.
 */
bool berth_host_key_combine(BerthHostKey *self);

/* The keyboard is not ours any more: nothing counts as held. */
void berth_host_key_forget(BerthHostKey *self);
