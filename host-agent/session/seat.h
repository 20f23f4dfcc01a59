/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One viewer's place in the frame room: what is its own of the making of frames.
 *
 * A viewer has its own stream (what it shows, what it has missed) and its own window; everything
 * else is shared.  The seat asks its owner for the window and hands it the finished messages, both
 * on the main thread.  A recorder is a seat without a link behind it.
 *
 * Made and given up by the frame room.  Thread: main.
 */
#pragma once

#include "host-agent/session/frame-schedule.h"

#include "berth/protocol.h"
#include "display/encode/client-stream.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct BerthSeat BerthSeat;

/* What the owner of a seat says of its window and its wishes. */
typedef struct {
    bool has_room;          /* a frame may be made for it now */
    bool has_bulk_room;     /* the same for what is not urgent */
    bool is_quiet;          /* nothing is in flight */
    int64_t waiting_us;     /* how long it has had no room; 0 if it has */
    int64_t interval_us;    /* from one frame to the next */
    size_t fresh_bytes;     /* budget of one frame; 0: none */
    size_t bulk_bytes;      /* the same for what is not urgent */
    size_t refine_bytes;    /* budget of one refinement frame */
    int64_t refine_from_us; /* no refinement before; 0: now */
    uint8_t photo_quality;  /* 1..100 */
    unsigned video_kbps;
    int pointer_head, pointer_x, pointer_y; /* where its user looks; head -1: not known */
} BerthSeatFlow;

/* One message for the viewer. */
typedef struct {
    BerthChannel channel;
    uint8_t type;
    uint8_t *payload; /* g_malloc() */
    size_t len;
} BerthSeatMessage;

/* What one turn of the room brought the viewer. */
typedef struct {
    BerthSeatMessage *messages; /* the receiver takes the payloads, or leaves them */
    size_t n_messages;
    int error; /* below 0: the stream and the viewer are out of step, there is no way on */
    int head;
    BerthFrameKind kind;
    bool has_frame;    /* whether the messages hold one whole frame */
    uint32_t frame_id; /* what follows is of that frame */
    size_t n_bytes;    /* payload */
    bool is_changed;   /* it shows something new */
    uint32_t input_serial;
    int64_t capture_us; /* when its oldest change was captured, monotonic */
    int64_t begun_us;   /* when its making began */
    int64_t encode_us;  /* from the beginning of the turn to here */
    uint8_t effort;     /* of the encoder, BerthEffort */
} BerthSeatDelivery;

typedef struct {
    /* Fills ret, which is zero but for pointer_head -1. */
    void (*get_flow)(BerthSeatFlow *ret, int64_t now_us, void *user_data);
    /* Takes messages.  The seat may be given up inside. */
    void (*deliver)(BerthSeatDelivery *delivery, void *user_data);
} BerthSeatCallbacks;

/*
 * The picture of a head is to be sent whole: the answer to REFRESH, at most once a second.  The
 * room has to be told to look.  head: any number.
 */
void berth_seat_refresh(BerthSeat *self, int head);

/* Notes that input of the viewer is about to be given to the guest under the desktop's stamp. */
void berth_seat_note_input(BerthSeat *self, uint32_t stamp, uint32_t serial);

/* Takes the last note back: the guest did not get it. */
void berth_seat_take_back_input(BerthSeat *self);
