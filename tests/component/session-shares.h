/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Clipboard and files of session-client: contents are files of ours, and are compared by whoever
 * drives it.
 *
 *   clip-grab SELECTION TYPE PATH   -> has the content of PATH to copy
 *   clip-get SELECTION TYPE PATH    -> asks for the guest's; PATH is written when it has come
 *   file-send PATH NAME             -> offers it; one at a time
 *   file-cancel                     -> of that file
 *   file-take FOLDER | file-take -  -> saves files of the guest there, or refuses them as at first
 *
 * Thread: main.
 */
#pragma once

#include "display/transport/link.h"

#include <stdbool.h>

typedef struct Shares Shares;

Shares *shares_new(void);
void shares_free(Shares *self);

/* Nothing of an earlier connection counts. */
void shares_reset(Shares *self);

/* A message of channels 6 and 7. */
int shares_handle(Shares *self, BerthLink *link, BerthChannel channel, uint8_t type,
                  const uint8_t *payload, size_t len);

/* A command; prints its answer.  false: it makes no sense. */
bool shares_run(Shares *self, BerthLink *link, char **words);

/* Prints words for `state`, with a space at the end. */
void shares_print(const Shares *self);
