/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The client's half of taking files from the desktop: which are offered, which the user takes, how
 * far each is and how it ended.
 *
 * Engine: messages, decisions and what was saved in, messages and bytes out; no I/O, no clock.  A
 * desktop offers at most BERTH_LIMIT_TRANSFERS at once and sends nothing that the user did not
 * take.
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

typedef struct BerthFileTake BerthFileTake;

typedef struct {
    /* The desktop offers a file: _accept() or _refuse(), now or later. */
    void (*offered)(uint32_t id, const char *name, uint64_t size_bytes, void *user_data);
    /* The next bytes of one that was accepted: _note_saved() when they are; data: borrowed */
    void (*bytes)(uint32_t id, const uint8_t *data, size_t len, void *user_data);
    /* It is over and the id is void; status is DONE or why not. */
    void (*ended)(uint32_t id, BerthFileStatus status, void *user_data);
} BerthFileTakeListener;

/* send: sends on the files channel; never called while there is no connection. */
BerthFileTake *berth_file_take_new(BerthShareSendFunc send, void *user_data);

/* NULL is allowed; nobody is told. */
void berth_file_take_free(BerthFileTake *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(BerthFileTake, berth_file_take_free)

/* Who is told; copied.  NULL: nobody; files are refused. */
void berth_file_take_set_listener(BerthFileTake *self, const BerthFileTakeListener *listener,
                                  void *user_data);

/* The connection is gone: every file ends with FAILED. */
void berth_file_take_reset(BerthFileTake *self);

/* Whether a message of the session is for this engine. */
bool berth_file_take_is_for(uint8_t type);

/*
 * A message of the session.  Errors: those of its decoder; BERTH_ERR_PROTOCOL for bytes that were
 * not asked for, and for more than was offered or may be on its way.  The connection must end then.
 */
int berth_file_take_handle(BerthFileTake *self, uint8_t type, const uint8_t *payload, size_t len);

/* The user wants it: its bytes come.  One without bytes is to be noted as saved, too. */
void berth_file_take_accept(BerthFileTake *self, uint32_t id);

/* The user does not want it, or not any more; or why it cannot be saved. */
void berth_file_take_refuse(BerthFileTake *self, uint32_t id, BerthFileStatus status);

/* So many more bytes are saved. */
void berth_file_take_note_saved(BerthFileTake *self, uint32_t id, size_t n_bytes);
