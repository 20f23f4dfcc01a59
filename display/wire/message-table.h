/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The messages of the display protocol, one const row each: who may send it, when, how long it may
 * be and how urgent it is.
 *
 * The wire engine refuses every message that has no row, comes from the wrong side, in the wrong
 * state or with a length outside its row, before it allocates anything for it.  docs/PROTOCOL.md
 * names every row; a test compares the two.
 */
#pragma once

#include "berth/protocol.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Which end of the connection we are. */
typedef enum {
    BERTH_WIRE_CLIENT = 0,  /* the user's device */
    BERTH_WIRE_SESSION = 1, /* berth-session on the host */
} BerthWireRole;

/* Where a connection is; both ends move in step. */
typedef enum {
    BERTH_WIRE_HELLO = 0,  /* each side waits for the HELLO of the other */
    BERTH_WIRE_AUTH = 1,   /* versions agreed; AUTH, then WELCOME or BYE */
    BERTH_WIRE_OPEN = 2,   /* the desktop is in use */
    BERTH_WIRE_CLOSED = 3, /* BYE was sent or received, or the peer broke a rule; nothing passes */
    BERTH_N_WIRE_STATES = 4,
} BerthWireState;

/* Order of sending, most urgent first; strict. */
typedef enum {
    BERTH_PRIORITY_CONTROL = 0,
    BERTH_PRIORITY_INPUT = 1,   /* input and cursor */
    BERTH_PRIORITY_AUDIO = 2,   /* never behind pixels; little, so pixels do not wait for long */
    BERTH_PRIORITY_DISPLAY = 3, /* exact pixels and their acknowledgements */
    BERTH_PRIORITY_BULK = 4,    /* clipboard, files, USB */
    BERTH_N_PRIORITIES = 5,
} BerthPriority;

/* Bits of BerthMessageRow.senders and .states. */
#define BERTH_SENT_BY(role) (1u << (role))
#define BERTH_IN_STATE(state) (1u << (state))

typedef struct {
    uint8_t channel;    /* BerthChannel */
    uint8_t type;       /* number on that channel */
    uint8_t senders;    /* BERTH_SENT_BY() bits */
    uint8_t states;     /* BERTH_IN_STATE() bits */
    uint8_t priority;   /* BerthPriority; the same for all messages of a channel */
    uint32_t min_bytes; /* of payload, both inclusive */
    uint32_t max_bytes;
    const char *name; /* "FRAME_BEGIN", as in docs/PROTOCOL.md */
} BerthMessageRow;

/*
 * Finds the row of a message.  Returns NULL if this version knows no such message.
 * Any byte values are allowed.
 */
const BerthMessageRow *berth_message_table_find(uint8_t channel, uint8_t type);

/*
 * Returns the whole table, in order of channel and type.
 */
const BerthMessageRow *berth_message_table_get_rows(size_t *ret_n_rows);

/*
 * Returns the name of a channel in lower case ("display"), "unknown" for a number without one.
 */
const char *berth_channel_name(uint8_t channel);

/*
 * Returns the name of a connection state in lower case ("open").
 */
const char *berth_wire_state_name(BerthWireState state);
