/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The socket of the guest's port com.redhat.spice.0: messages in, and two lines of messages out.
 *
 * QEMU takes bytes as fast as the guest's agent reads them, and none while it does not.  What is
 * urgent (clipboard, monitors) goes before contents of files; a message is never cut into by
 * another one.  Callbacks come from the default main context, but `sent` from inside of flush, and
 * none after `ended`.  Thread: main.
 */
#pragma once

#include "display/wire/vdagent-parser.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct BerthVdagentPort BerthVdagentPort;

typedef struct {
    /* Must not free the port. */
    void (*message)(const BerthVdagentMessage *message, void *user_data);
    /* What was sent with this tag is with QEMU.  Must not free the port. */
    void (*sent)(uint32_t tag, size_t n_content_bytes, void *user_data);
    /* The socket has ended, or the guest breaks the protocol; the callee frees the port. */
    void (*ended)(const char *text, void *user_data);
} BerthVdagentPortCallbacks;

/* fd: a connected socket, taken; callbacks: borrowed, must outlive the port. */
BerthVdagentPort *berth_vdagent_port_new(int fd, const BerthVdagentPortCallbacks *callbacks,
                                         void *user_data);

/* NULL is allowed. */
void berth_vdagent_port_free(BerthVdagentPort *self);

/* See berth_vdagent_parser_set_clipboard_bytes(). */
void berth_vdagent_port_set_clipboard_bytes(BerthVdagentPort *self, size_t max_bytes);

/*
 * Queues whole messages.
 *
 * data: g_malloc(), taken always
 *
 * Errors: BERTH_ERR_TOO_LARGE: the guest does not read; BERTH_LIMIT_VDAGENT_QUEUE_BYTES wait.
 */
int berth_vdagent_port_send(BerthVdagentPort *self, uint8_t *data, size_t len);

/* The same behind everything that is urgent; `sent` is called if n_content_bytes is not 0. */
int berth_vdagent_port_send_bulk(BerthVdagentPort *self, uint8_t *data, size_t len, uint32_t tag,
                                 size_t n_content_bytes);

/* Writes what the guest takes, waiting for it at most so long once; for the end of a process. */
void berth_vdagent_port_flush(BerthVdagentPort *self, int timeout_ms);
