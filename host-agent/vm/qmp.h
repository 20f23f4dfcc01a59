/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Client of one QEMU monitor on a connected UNIX stream socket.  Never blocks.
 *
 * Commands are queued and answered in order.  Every callback may free the client.  A command that
 * is not answered within BERTH_QMP_TIMEOUT_US, a broken line or an answer that nobody asked for
 * ends the connection: on_closed is called once, after the replies of all commands still open were
 * called with BERTH_ERR_CLOSED.  Thread: main.
 */
#pragma once

#include "base/poller.h"

#include <jansson.h>

/* A TCG guest that boots keeps QEMU's main loop busy for most of a second at a time. */
#define BERTH_QMP_TIMEOUT_US (60LL * 1000 * 1000)

typedef struct BerthQmp BerthQmp;

typedef struct {
    /* The greeting is over and commands are accepted. */
    void (*on_ready)(void *user_data);
    /* data is borrowed and may be NULL. */
    void (*on_event)(const char *name, const json_t *data, void *user_data);
    /* The connection ended; text is a sentence. */
    void (*on_closed)(int code, const char *text, void *user_data);
} BerthQmpCallbacks;

/*
 * The answer to a command.
 *
 * code:    BERTH_OK; BERTH_ERR_INVALID if QEMU refused; BERTH_ERR_CLOSED if the connection ended
 * result:  borrowed; NULL unless BERTH_OK
 * text:    QEMU's sentence on error, else NULL
 */
typedef void (*BerthQmpReply)(int code, const json_t *result, const char *text, void *user_data);

/* Starts to talk on fd, which is taken and made non-blocking.  Poller and callbacks: borrowed. */
BerthQmp *berth_qmp_new(BerthPoller *poller, int fd, const BerthQmpCallbacks *callbacks,
                        void *user_data);

/* Closes; no callback is called any more, also not for open commands. */
void berth_qmp_free(BerthQmp *self);

/*
 * Queues a command.
 *
 * arguments:  reference taken; NULL for none
 * reply:      NULL if the answer does not matter
 */
void berth_qmp_command(BerthQmp *self, const char *name, json_t *arguments, BerthQmpReply reply,
                       void *user_data);

/* Queues getfd, which gives QEMU a descriptor by a name.  fd is taken. */
void berth_qmp_pass_fd(BerthQmp *self, const char *fd_name, int fd, BerthQmpReply reply,
                       void *user_data);
