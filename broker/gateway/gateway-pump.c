/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/gateway/gateway-pump.h"

#include "berth/errors.h"

#include <glib.h>
#include <string.h>
#include <sys/epoll.h>

/* One direction's buffer: two TLS records, so that reading and writing overlap. */
#define BUFFER_BYTES 32768
/* Rounds before other connections get their turn. */
#define ROUNDS_PER_TURN 8

typedef struct {
    BerthEnd end;
    uint32_t watched; /* events asked for; 0: not in the poller */
} Side;

typedef struct {
    uint8_t data[BUFFER_BYTES];
    size_t start;
    size_t len;
    bool is_source_over; /* nothing more comes */
    bool is_over;        /* and the other side was told so */
} Flow;

struct BerthPump {
    BerthPoller *poller;
    Side sides[2];
    Flow flows[2]; /* flows[i] goes from sides[i] to the other */
    BerthPumpFunc done;
    void *user_data;
    uint64_t n_bytes;
};

static size_t
get_room(const Flow *flow)
{
    return flow->is_source_over ? 0 : BUFFER_BYTES - (flow->start + flow->len);
}

static int
fill(Flow *flow, BerthEnd *source, bool *moved)
{
    while (get_room(flow) > 0) {
        size_t n;
        int result =
            berth_end_read(source, flow->data + flow->start + flow->len, get_room(flow), &n);
        if (result == BERTH_ERR_AGAIN) {
            return BERTH_OK;
        }
        if (result == BERTH_ERR_CLOSED) {
            flow->is_source_over = true;
            *moved = true;
            return BERTH_OK;
        }
        if (result < 0) {
            return result;
        }
        flow->len += n;
        *moved = true;
    }
    return BERTH_OK;
}

static int
drain(BerthPump *self, Flow *flow, BerthEnd *sink, bool *moved)
{
    while (flow->len > 0) {
        size_t n;
        int result = berth_end_write(sink, flow->data + flow->start, flow->len, &n);
        if (result == BERTH_ERR_AGAIN) {
            return BERTH_OK;
        }
        if (result < 0) {
            return result;
        }
        flow->start += n;
        flow->len -= n;
        self->n_bytes += n;
        *moved = true;
    }
    flow->start = 0;
    if (flow->is_source_over && !flow->is_over) {
        flow->is_over = true;
        berth_end_shutdown_write(sink);
    }
    return BERTH_OK;
}

/* Moves what can be moved; returns an error when an end broke. */
static int
move_bytes(BerthPump *self)
{
    bool moved = true;
    for (int round = 0; moved && round < ROUNDS_PER_TURN; round++) {
        moved = false;
        for (int i = 0; i < 2; i++) {
            int result = fill(&self->flows[i], &self->sides[i].end, &moved);
            if (result == BERTH_OK) {
                result = drain(self, &self->flows[i], &self->sides[1 - i].end, &moved);
            }
            if (result < 0) {
                return result;
            }
        }
    }
    return BERTH_OK;
}

static uint32_t
wanted_events(const BerthPump *self, int i)
{
    const Flow *out = &self->flows[i];
    const Flow *in = &self->flows[1 - i];
    const BerthEnd *end = &self->sides[i].end;
    uint32_t events = 0;
    if (get_room(out) > 0) {
        events |= EPOLLIN;
        /* Bytes that are inside TLS already do not make the socket readable; writable it is. */
        if (berth_end_has_pending(end)) {
            events |= EPOLLOUT;
        }
    }
    if (in->len > 0 || berth_end_wants_write(end)) {
        events |= EPOLLOUT;
    }
    return events;
}

static void on_event(int fd, uint32_t events, void *user_data);

/* A side that waits for nothing is not watched at all: a hang-up would wake us for ever. */
static void
watch(BerthPump *self, int i)
{
    Side *side = &self->sides[i];
    uint32_t events = wanted_events(self, i);
    if (events == side->watched) {
        return;
    }
    if (events == 0) {
        berth_poller_remove(self->poller, side->end.fd);
    } else if (side->watched == 0) {
        berth_poller_add(self->poller, side->end.fd, events, on_event, self);
    } else {
        berth_poller_modify(self->poller, side->end.fd, events);
    }
    side->watched = events;
}

static void
on_event(int fd, uint32_t events, void *user_data)
{
    BerthPump *self = user_data;
    int result = move_bytes(self);
    if (result < 0 || (self->flows[0].is_over && self->flows[1].is_over)) {
        self->done(self->user_data);
        return;
    }
    watch(self, 0);
    watch(self, 1);
}

BerthPump *
berth_pump_new(BerthPoller *poller, BerthEnd client, BerthEnd server, BerthPumpFunc done,
               void *user_data)
{
    BerthPump *self = g_new0(BerthPump, 1);
    self->poller = poller;
    self->sides[0].end = client;
    self->sides[1].end = server;
    self->done = done;
    self->user_data = user_data;
    watch(self, 0);
    watch(self, 1);
    return self;
}

void
berth_pump_free(BerthPump *self)
{
    if (!self) {
        return;
    }
    for (int i = 0; i < 2; i++) {
        if (self->sides[i].watched != 0) {
            berth_poller_remove(self->poller, self->sides[i].end.fd);
        }
        berth_end_clear(&self->sides[i].end);
    }
    /* Passwords pass through here. */
    explicit_bzero(self->flows, sizeof(self->flows));
    g_free(self);
}

uint64_t
berth_pump_get_bytes(const BerthPump *self)
{
    return self->n_bytes;
}
