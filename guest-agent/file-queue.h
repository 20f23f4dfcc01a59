/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Files on their way from this machine to the user's device: which are under way, how much of each
 * may be sent, how each ended.
 *
 * Engine: answers and bytes in, messages out; reads the descriptors that it is given, which are
 * those of regular files.  At most BERTH_LIMIT_TRANSFERS are under way, the others wait in their
 * order; none has more than BERTH_LIMIT_FILE_WINDOW_BYTES on its way.
 *
 * Thread: main.  Source: docs/PROTOCOL-GUEST.md.
 */
#pragma once

#include "berth/protocol.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct BerthFileQueue BerthFileQueue;

typedef struct {
    /* A message for the host; type: BerthGuestMessage; body: borrowed. */
    void (*send)(uint32_t type, const uint8_t *body, size_t len, void *user_data);
    /* A file is over; whose: as given to _add(). */
    void (*ended)(void *whose, const char *name, BerthFileStatus status, void *user_data);
} BerthFileQueueCallbacks;

/* callbacks: borrowed, must outlive it. */
BerthFileQueue *berth_file_queue_new(const BerthFileQueueCallbacks *callbacks, void *user_data);

/* Nobody is told.  NULL is allowed. */
void berth_file_queue_free(BerthFileQueue *self);

/* Whether the host takes files; what is under way fails when it does not any more. */
void berth_file_queue_set_host(BerthFileQueue *self, bool is_there);

/*
 * Sends a file, now or when others have ended; `ended` may come at once.
 *
 * whose: given back; fd: of a regular file, taken
 */
void berth_file_queue_add(BerthFileQueue *self, void *whose, const char *name, int fd);

/* Nobody waits for these files any more: they are cancelled, and not told of. */
void berth_file_queue_forget(BerthFileQueue *self, const void *whose);

/* A message of the host about files. */
void berth_file_queue_handle(BerthFileQueue *self, uint32_t type, const uint8_t *body, size_t len);

/* Sends more, as far as little waits; n_queued_bytes: what waits now. */
void berth_file_queue_pump(BerthFileQueue *self, size_t n_queued_bytes);
