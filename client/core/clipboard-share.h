/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The client's half of a shared clipboard: who owns what, which content goes over and when.
 *
 * Engine: messages and events in, messages and events out; no I/O, no clock, no toolkit.  What is
 * copied on this device is told to the guest only while the window has the focus, or when it gets
 * it: a guest never hears of what passes between other programs.  What the guest offers is fetched
 * when somebody pastes it.  Contents above the limit of the session, that are not what their type
 * says, or that nobody asked for are dropped.
 *
 * Callbacks come from inside the functions; they may call berth_clipboard_share_give() and _ask().
 * Thread: main.  Source: docs/PROTOCOL.md, section 12.
 */
#pragma once

#include "berth/limits.h"
#include "berth/protocol.h"

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct BerthClipboardShare BerthClipboardShare;

/* Sends a message of a channel; payload is borrowed. */
typedef void (*BerthShareSendFunc)(uint8_t type, const uint8_t *payload, size_t len,
                                   void *user_data);

typedef struct {
    /* The guest has copied something; types are BERTH_CLIPBOARD_BIT(), 0: it is gone. */
    void (*offered)(BerthSelection selection, unsigned types, void *user_data);
    /* The answer to _ask(); content is NULL unless the status is OK.  Borrowed. */
    void (*content)(BerthSelection selection, BerthClipboardType type, BerthClipboardStatus status,
                    GBytes *content, void *user_data);
    /* The guest pastes: _give() it what this device has, with this serial. */
    void (*wanted)(BerthSelection selection, BerthClipboardType type, uint32_t serial,
                   void *user_data);
} BerthClipboardListener;

/* send: sends on the clipboard channel; never called while there is no connection. */
BerthClipboardShare *berth_clipboard_share_new(BerthShareSendFunc send, void *user_data);

/* NULL is allowed. */
void berth_clipboard_share_free(BerthClipboardShare *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(BerthClipboardShare, berth_clipboard_share_free)

/* Who is told; copied.  NULL: nobody, and what the guest wants is gone. */
void berth_clipboard_share_set_listener(BerthClipboardShare *self,
                                        const BerthClipboardListener *listener, void *user_data);

/* The connection is gone: all offers end, asks are answered, nothing is allowed. */
void berth_clipboard_share_reset(BerthClipboardShare *self);

/*
 * A message of the session.  Errors: those of its decoder; BERTH_ERR_PROTOCOL for what only a
 * client sends.  The connection must end then.
 */
int berth_clipboard_share_take(BerthClipboardShare *self, uint8_t type, const uint8_t *payload,
                               size_t len);

/* Something was copied on this device, not by us; types: BERTH_CLIPBOARD_BIT(), 0 for nothing. */
void berth_clipboard_share_own(BerthClipboardShare *self, BerthSelection selection, unsigned types);

/* The window got the focus, or lost it. */
void berth_clipboard_share_set_focus(BerthClipboardShare *self, bool has_focus);

/* Asks for what the guest has offered; content comes once, perhaps at once. */
void berth_clipboard_share_ask(BerthClipboardShare *self, BerthSelection selection,
                               BerthClipboardType type);

/* Nobody waits for the answer any more: content comes with status FAILED, the rest is dropped. */
void berth_clipboard_share_forget(BerthClipboardShare *self, BerthSelection selection);

/* Answers wanted.  content: NULL unless the status is OK; a reference is kept while it is sent. */
void berth_clipboard_share_give(BerthClipboardShare *self, BerthSelection selection,
                                uint32_t serial, BerthClipboardType type,
                                BerthClipboardStatus status, GBytes *content);

/* Sends more of what is being given, as far as little waits; n_queued_bytes: what waits now. */
void berth_clipboard_share_pump(BerthClipboardShare *self, size_t n_queued_bytes);

/* BERTH_SHARE_* that the session allows, 0 while it has not said. */
unsigned berth_clipboard_share_get_flags(const BerthClipboardShare *self);

/* A sentence for a content that did not come or may not go; "" for OK. */
const char *berth_clipboard_status_sentence(BerthClipboardStatus status);
