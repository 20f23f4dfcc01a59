/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Keeps the messages that an encoder emits.
 */
#pragma once

#include "testing.h"

#include "display/encode/emit.h"

#include "berth/errors.h"

#include <stdlib.h>
#include <string.h>

#define RECORDER_MAX 256

typedef struct {
    uint8_t type;
    uint8_t *payload;
    size_t len;
} RecordedMessage;

typedef struct {
    BerthChannel channel;
    int answer; /* what emit returns */
    RecordedMessage messages[RECORDER_MAX];
    size_t n_messages;
} Recorder;

static inline int
recorder_emit(BerthChannel channel, uint8_t type, const uint8_t *payload, size_t len,
              void *user_data)
{
    Recorder *self = user_data;
    assert_int_equal(channel, self->channel);
    if (self->answer != BERTH_OK) {
        return self->answer;
    }
    assert_true(self->n_messages < RECORDER_MAX);
    uint8_t *copy = malloc(len > 0 ? len : 1);
    assert_non_null(copy);
    if (len > 0) {
        memcpy(copy, payload, len);
    }
    self->messages[self->n_messages++] = (RecordedMessage){ type, copy, len };
    return BERTH_OK;
}

static inline void
recorder_clear(Recorder *self)
{
    for (size_t i = 0; i < self->n_messages; i++) {
        free(self->messages[i].payload);
    }
    self->n_messages = 0;
}

/* Messages of a type. */
static inline size_t
recorder_count(const Recorder *self, uint8_t type)
{
    size_t n = 0;
    for (size_t i = 0; i < self->n_messages; i++) {
        n += self->messages[i].type == type;
    }
    return n;
}
