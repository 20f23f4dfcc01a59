/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The clipboards of the X session, joined to the host: text, PNG and HTML.
 *
 * What a program of the session copies is told to the host; its content goes when it is asked for.
 * What the user's device has is put on the clipboard as ours; its content is fetched when somebody
 * pastes it, in a nested turn of the main loop, because GTK 3 wants it at once.
 *
 * Thread: main.  Source: docs/PROTOCOL-GUEST.md.
 */
#pragma once

#include "base/bytes-writer.h"
#include "display/wire/vdagent-parser.h"

typedef struct BerthSessionClipboard BerthSessionClipboard;

/* Sends whole messages to the host; clears the writer. */
typedef void (*BerthClipboardSendFunc)(BerthWriter *messages, void *user_data);

/* Joins the default display's clipboards; there is no host so far. */
BerthSessionClipboard *berth_session_clipboard_new(BerthClipboardSendFunc send, void *user_data);

/* NULL is allowed. */
void berth_session_clipboard_free(BerthSessionClipboard *self);

/* A host has begun (anew) and hears what there is; or it has gone: nothing of it can be pasted. */
void berth_session_clipboard_begin(BerthSessionClipboard *self);
void berth_session_clipboard_end(BerthSessionClipboard *self);

/* A message about the clipboard. */
void berth_session_clipboard_handle(BerthSessionClipboard *self,
                                    const BerthVdagentMessage *message);
