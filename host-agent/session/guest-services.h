/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a desktop does for its user beside pictures and keys, by agents in the guest: that of the
 * SPICE project (clipboard, files to the guest, monitors) and ours, where it is installed (the
 * clipboard with HTML, files to the client, texts and layout of the keyboard).
 *
 * Each has its port and comes and goes as it likes (agent-line.h).  Where both are there, ours has
 * the clipboard; where none is, clients are told so.
 *
 * Callbacks come from the default main context.  Thread: main.
 */
#pragma once

#include "host-agent/guest-port-kind.h"
#include "host-agent/session/guest-clipboard.h"
#include "host-agent/session/guest-files.h"
#include "host-agent/session/guest-typing.h"

#include "berth/protocol.h"
#include "display/wire/msg-control.h"

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct BerthGuestServices BerthGuestServices;

typedef struct {
    BerthClipboardPolicy clipboard;
    BerthFilesPolicy files;
    bool has_files_from_guest;
} BerthGuestPolicy;

typedef struct {
    /* A message for the client.  payload: borrowed */
    void (*to_client)(BerthChannel channel, uint8_t type, const uint8_t *payload, size_t len,
                      void *user_data);
    /* Bytes that wait for the client on a channel. */
    size_t (*get_queued_bytes)(BerthChannel channel, void *user_data);
    /* A sentence for the user.  text: borrowed */
    void (*notify)(const char *text, void *user_data);
    /* The port has ended and is closed; another one may be given. */
    void (*lost)(BerthGuestPortKind kind, void *user_data);
    /* Nothing is being typed by the agent any more; see berth_guest_services_get_typing(). */
    void (*typed)(void *user_data);
} BerthGuestServicesCallbacks;

/* Without port and client; nothing is allowed.  callbacks: borrowed, must outlive it. */
BerthGuestServices *berth_guest_services_new(const BerthGuestServicesCallbacks *callbacks,
                                             void *user_data);

/* Tells the agent that nobody is there any more.  NULL is allowed. */
void berth_guest_services_free(BerthGuestServices *self);

/* What is allowed from now on; copied. */
void berth_guest_services_set_policy(BerthGuestServices *self, const BerthGuestPolicy *policy);

/* The socket of a port, from now on.  fd: taken */
void berth_guest_services_set_port(BerthGuestServices *self, BerthGuestPortKind kind, int fd);

/* What types texts, for the viewers; borrowed, lives as long. */
BerthGuestTyping *berth_guest_services_get_typing(BerthGuestServices *self);

/* Another client.  hello: what it offers, borrowed for the call; NULL: there is none. */
void berth_guest_services_set_client(BerthGuestServices *self, const BerthMsgHello *hello);

/*
 * A message of the client.  channel: BERTH_CHANNEL_CLIPBOARD or BERTH_CHANNEL_FILES
 *
 * Errors: for the connection; BERTH_ERR_PROTOCOL if it did not offer the channel, too.
 */
int berth_guest_services_handle(BerthGuestServices *self, BerthChannel channel, uint8_t type,
                                const uint8_t *payload, size_t len);

/* The client has room again. */
void berth_guest_services_pump(BerthGuestServices *self);

/* Sizes of the heads in pixels, in their order from left to right; 0: switched off. */
void berth_guest_services_set_heads(BerthGuestServices *self, const BerthWireHead *heads,
                                    unsigned n_heads);

/* How loud the client wants the desktop to play, where its agent sets volumes; 0..100. */
void berth_guest_services_set_level(BerthGuestServices *self, unsigned percent, bool is_muted);

/* Gives up what has been waited for too long; about once a second. */
void berth_guest_services_tick(BerthGuestServices *self);
