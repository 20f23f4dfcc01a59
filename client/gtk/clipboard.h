/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The clipboards of this device, joined to those of the desktop.
 *
 * What another program copies here is offered to the guest while a window of ours has the focus;
 * what the guest copies is offered here, and fetched when a program pastes it.  What we set
 * ourselves is never offered back.  Thread: main.
 */
#pragma once

#include "client/core/clipboard-share.h"

#include <gtk/gtk.h>
#include <stdbool.h>

typedef struct BerthClipboard BerthClipboard;

/* Says why something could not be pasted, as a sentence. */
typedef void (*BerthClipboardNoteFunc)(const char *text, void *user_data);

/* display: whose clipboards; borrowed */
BerthClipboard *berth_clipboard_new(GdkDisplay *display, BerthClipboardNoteFunc note,
                                    void *user_data);

/* Gives up what was offered here; NULL is allowed. */
void berth_clipboard_free(BerthClipboard *self);

/* Joins another engine, borrowed; NULL: none. */
void berth_clipboard_set_share(BerthClipboard *self, BerthClipboardShare *share);

/* A window of ours got the focus, or the last one lost it. */
void berth_clipboard_set_focus(BerthClipboard *self, bool has_focus);
