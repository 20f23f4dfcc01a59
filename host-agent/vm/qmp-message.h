/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One line of QEMU's monitor protocol, read strictly.  QEMU is a peer like any other: a guest that
 * took it over must not get further.
 */
#pragma once

#include <glib.h>
#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

typedef enum {
    BERTH_QMP_GREETING,
    BERTH_QMP_RETURN,
    BERTH_QMP_ERROR,
    BERTH_QMP_EVENT,
} BerthQmpKind;

typedef struct {
    BerthQmpKind kind;
    json_t *root;     /* owned */
    int64_t id;       /* of RETURN and ERROR; -1 if it carries none */
    json_t *body;     /* borrowed: "return" value, or "data" of an event (may be NULL) */
    const char *text; /* borrowed: name of the event, or the sentence of an error */
} BerthQmpMessage;

/*
 * Reads one line.
 *
 * ret:  filled on success only; clear it with berth_qmp_message_clear()
 *
 * Errors: BERTH_ERR_PROTOCOL.
 */
int berth_qmp_message_parse(const char *line, size_t len, BerthQmpMessage *ret);

/* Frees what the message owns. */
void berth_qmp_message_clear(BerthQmpMessage *self);
