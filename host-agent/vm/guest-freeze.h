/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A guest's file systems held still for a moment: guest-fsfreeze-freeze and -thaw of its agent.
 *
 * A guest that stays frozen is a hung desktop, so thawing never depends on one process: before the
 * order to freeze, the program berth-thaw is started beside us.  It thaws when this process dies or
 * when its own time is over, unless it was told that the guest is well.  An order to freeze that
 * was not answered counts as carried out.  Thread: main.
 */
#pragma once

#include "host-agent/vm/guest-agent.h"

#include <glib.h>

typedef struct BerthGuestFreeze BerthGuestFreeze;

typedef struct {
    BerthGuestAgent *agent;   /* a reference is taken */
    const char *agent_socket; /* for berth-thaw */
    const char *thaw_program;
    int freeze_ms; /* for the guest to come to rest */
    int frozen_ms; /* in all; then it is thawed whatever happens */
} BerthGuestFreezeConfig;

/*
 * The guest is frozen (BERTH_OK) or is not going to be, and was told to thaw.
 *
 * text:  a sentence on error, else NULL
 */
typedef void (*BerthGuestFreezeDone)(int code, const char *text, void *user_data);

/* Starts to freeze; config is copied, its strings are.  done is called once, from the loop. */
BerthGuestFreeze *berth_guest_freeze_new(const BerthGuestFreezeConfig *config,
                                         BerthGuestFreezeDone done, void *user_data);

/* Thaws; done tells whether the guest said that it is. */
void berth_guest_freeze_thaw(BerthGuestFreeze *self, BerthGuestFreezeDone done, void *user_data);

/* Whether the guest was thawed because its time was over, before anybody asked. */
bool berth_guest_freeze_was_late(const BerthGuestFreeze *self);

/* Frees; a guest that is not known to be thawed is thawed by berth-thaw.  NULL is allowed. */
void berth_guest_freeze_free(BerthGuestFreeze *self);
