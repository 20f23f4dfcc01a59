/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What user and desktop share beside the picture: the engines of clipboard and files, joined to
 * whatever connection there is.
 *
 * Lives longer than a connection: a session client attaches it when it is open and detaches it
 * when it is not any more.  Thread: main.
 */
#pragma once

#include "client/core/clipboard-share.h"
#include "client/core/file-drop.h"
#include "client/core/file-take.h"

#include "display/transport/link.h"

typedef struct BerthShare BerthShare;

BerthShare *berth_share_new(void);

/* NULL is allowed. */
void berth_share_free(BerthShare *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(BerthShare, berth_share_free)

/* link: open, borrowed until _detach(). */
void berth_share_attach(BerthShare *self, BerthLink *link);

/* Does nothing if another link, or none, is attached. */
void berth_share_detach(BerthShare *self, BerthLink *link);

/* A message of the channels clipboard and files; errors end the connection. */
int berth_share_take(BerthShare *self, BerthChannel channel, uint8_t type, const uint8_t *payload,
                     size_t len);

/* The connection takes more; also when bytes were given that had been waited for. */
void berth_share_pump(BerthShare *self);

/* The engines; borrowed. */
BerthClipboardShare *berth_share_get_clipboard(BerthShare *self);
BerthFileDrop *berth_share_get_files(BerthShare *self);
BerthFileTake *berth_share_get_taken(BerthShare *self);
