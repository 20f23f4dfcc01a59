/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The client's half of sending files to the desktop: which are under way, what may be sent of each
 * and how each ended.
 *
 * Engine: messages and bytes in, messages and wishes for bytes out; no I/O, no clock.  At most
 * BERTH_LIMIT_TRANSFERS files are under way, the others wait in their order; they take turns, and
 * none has more than BERTH_LIMIT_FILE_WINDOW_BYTES on its way.
 *
 * Callbacks come from inside the functions; they may call every other one but _free().  Thread:
 * main.  Source: docs/PROTOCOL.md, section 13.
 */
#pragma once

#include "client/core/clipboard-share.h"

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct BerthFileDrop BerthFileDrop;

typedef struct {
    /* Wants the next bytes of a file, at most max_bytes: _give() or _fail(), now or later. */
    void (*want)(uint32_t id, size_t max_bytes, void *user_data);
    /* So much of it has arrived. */
    void (*progress)(uint32_t id, uint64_t n_bytes, uint64_t size_bytes, void *user_data);
    /* It is over and the id is void; status is DONE or why not. */
    void (*ended)(uint32_t id, BerthFileStatus status, void *user_data);
    /* What is allowed changed. */
    void (*changed)(void *user_data);
} BerthFileDropListener;

/* send: sends on the files channel; never called while there is no connection. */
BerthFileDrop *berth_file_drop_new(BerthShareSendFunc send, void *user_data);

/* NULL is allowed; nobody is told. */
void berth_file_drop_free(BerthFileDrop *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(BerthFileDrop, berth_file_drop_free)

/* Who is told; copied.  NULL: nobody; what is under way is cancelled. */
void berth_file_drop_set_listener(BerthFileDrop *self, const BerthFileDropListener *listener,
                                  void *user_data);

/* The connection is gone: every file ends with FAILED, nothing is allowed. */
void berth_file_drop_reset(BerthFileDrop *self);

/*
 * A message of the session.  Errors: those of its decoder; BERTH_ERR_PROTOCOL for more bytes
 * acknowledged than sent, an end before the last byte, and what only a client sends.  The
 * connection must end then.
 */
int berth_file_drop_take(BerthFileDrop *self, uint8_t type, const uint8_t *payload, size_t len);

/*
 * Sends a file, now or when others have ended.
 *
 * Returns BERTH_FILE_SEND with *ret_id set, or why not: NOT_ALLOWED, NO_AGENT, TOO_LARGE, BUSY
 * (BERTH_LIMIT_DROPPED_FILES wait), FAILED (a name that cannot be sent).
 */
BerthFileStatus berth_file_drop_add(BerthFileDrop *self, const char *name, uint64_t size_bytes,
                                    uint32_t *ret_id);

/* The bytes that were wanted; len 0: the file ended too early. */
void berth_file_drop_give(BerthFileDrop *self, uint32_t id, const uint8_t *data, size_t len);

/* The bytes that were wanted cannot be read. */
void berth_file_drop_fail(BerthFileDrop *self, uint32_t id);

/* The user does not want it any more. */
void berth_file_drop_cancel(BerthFileDrop *self, uint32_t id);

/* The user wants none of them any more. */
void berth_file_drop_cancel_all(BerthFileDrop *self);

/* Wants more bytes, as far as little waits to be sent; n_queued_bytes: what waits now. */
void berth_file_drop_pump(BerthFileDrop *self, size_t n_queued_bytes);

/* BERTH_FILE_SEND if files may be sent now, else why not. */
BerthFileStatus berth_file_drop_get_status(const BerthFileDrop *self);

/* Files that are under way or wait. */
unsigned berth_file_drop_get_n_files(const BerthFileDrop *self);

/* A sentence for how a file ended, and what to do; never NULL. */
const char *berth_file_status_sentence(BerthFileStatus status);
