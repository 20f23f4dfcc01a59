/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Feeds fuzzed bytes to an open wire twice, whole and in pieces, and demands the same outcome.
 */
#pragma once

#include "display/wire/wire.h"

#include <stdlib.h>

typedef struct {
    uint64_t hash;
    uint64_t n_messages;
} WireOutcome;

static inline int
wire_frame_on_message(BerthChannel channel, uint8_t type, const uint8_t *payload, size_t len,
                      void *user_data)
{
    WireOutcome *outcome = user_data;
    const BerthMessageRow *row = berth_message_table_find((uint8_t)channel, type);
    if (row == NULL || len < row->min_bytes || len > row->max_bytes) {
        abort();
    }
    outcome->n_messages++;
    outcome->hash = outcome->hash * 31 + (uint64_t)channel * 256 + type;
    for (size_t i = 0; i < len; i++) {
        outcome->hash = outcome->hash * 31 + payload[i];
    }
    return 0;
}

/* piece: bytes a call; 0 is all at once. */
static inline WireOutcome
wire_frame_run(BerthWireRole role, BerthWireState state, const uint8_t *data, size_t size,
               size_t piece)
{
    static const BerthWireCallbacks callbacks = { wire_frame_on_message };
    WireOutcome outcome = { 0, 0 };
    const char *text;
    BerthWire *wire = berth_wire_new(role, &callbacks, &outcome);
    berth_wire_set_state(wire, state);
    for (size_t pos = 0; pos < size;) {
        size_t n = piece == 0 ? size : MIN(piece, size - pos);
        berth_wire_feed(wire, data + pos, n);
        pos += n;
    }
    outcome.hash = outcome.hash * 31 + (uint64_t)(int64_t)berth_wire_get_error(wire, &text);
    berth_wire_free(wire);
    return outcome;
}

/* The first byte chooses state and split, the rest is the stream. */
static inline void
wire_frame_fuzz(BerthWireRole role, const uint8_t *data, size_t size)
{
    if (size < 1) {
        return;
    }
    BerthWireState state = (BerthWireState)(data[0] % BERTH_N_WIRE_STATES);
    size_t piece = (size_t)data[0] / BERTH_N_WIRE_STATES + 1;
    WireOutcome whole = wire_frame_run(role, state, data + 1, size - 1, 0);
    WireOutcome split = wire_frame_run(role, state, data + 1, size - 1, piece);
    if (whole.hash != split.hash || whole.n_messages != split.n_messages) {
        abort();
    }
}
