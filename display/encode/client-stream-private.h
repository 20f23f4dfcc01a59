/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The parts of a client stream that its files share; nobody else includes this.
 *
 * client-stream.c keeps the state, client-parts.c writes the messages of a frame, client-rest.c
 * writes what is not in the plan: what a viewer missed and what gets better.
 */
#pragma once

#include "berth/limits.h"
#include "display/encode/client-stream.h"
#include "display/encode/exact-stream.h"
#include "display/encode/fill-list.h"
#include "display/encode/photo-encoder.h"
#include "display/encode/refiner.h"
#include "display/encode/tile-cache.h"
#include "display/wire/msg-tiles.h"

#include <glib.h>

#define BERTH_CLIENT_TILE ((int)BERTH_LIMIT_TILE_PX)

typedef struct {
    int width; /* 0 if the head is not configured */
    int height;
    uint32_t serial;       /* of the last plan taken or skipped; 0: the client's picture is black */
    bool is_refresh_due;   /* the client is believed to show nothing right */
    BerthDamage *pending;  /* missed, so that it may differ from the planner's picture */
    BerthRefiner *refiner; /* what the client shows inexactly */
} BerthClientHead;

struct BerthClientStream {
    int error;
    bool is_in_frame;
    uint32_t frame_id;
    size_t frame_bytes;
    uint8_t photo_mask;
    BerthClientHead heads[BERTH_LIMIT_HEADS];
    BerthExactStream *streams[BERTH_N_EXACT_STREAMS]; /* NULL: the client has none */
    BerthTileCache *cache;                            /* NULL: the client keeps no tiles */
    BerthPhotoEncoder *photos;                        /* made when it is first needed */
    BerthWriter message;
    /* Lists of the frame at work. */
    BerthFillList fills;
    GArray *exacts[BERTH_N_EXACT_STREAMS]; /* of BerthWireRect */
    GArray *tiles;                         /* of BerthWireTile */
};

/* One call that writes a frame. */
typedef struct {
    BerthClientStream *self;
    BerthClientHead *head;
    const BerthPlan *plan;
    int64_t now_us;
    bool is_change; /* the picture changed; false for a better version of the same one */
    BerthMessageFunc emit;
    void *user_data;
    BerthFrameStats stats;
} BerthClientJob;

/* Gives out the message that the writer holds, after an encoder that returned error. */
int berth_client_emit(BerthClientStream *self, int error, uint8_t type, BerthMessageFunc emit,
                      void *user_data);

/* FRAME_BEGIN; flags: BERTH_FRAME_*. */
int berth_client_send_begin(BerthClientJob *job, const BerthFrameInfo *info, uint16_t flags);

/* TILE_STORE and COPY, as the plan says. */
int berth_client_send_stores(BerthClientJob *job);
int berth_client_send_copies(BerthClientJob *job);

/* FILL. */
int berth_client_send_fills(BerthClientJob *job, const BerthWireFill *fills, size_t n_fills);

/* One photo; empty data: it is sent exactly, later in the frame. */
int berth_client_send_photo(BerthClientJob *job, BerthRect rect, uint8_t quality,
                            const uint8_t *data, size_t len);

/* Empties the lists, adds to them, and sends what is in them. */
void berth_client_clear_lists(BerthClientStream *self);
void berth_client_add_exact(BerthClientJob *job, BerthTileClass tile_class, BerthRect rect);
bool berth_client_add_cached(BerthClientJob *job, const BerthPlanCrop *crop);
int berth_client_send_cached(BerthClientJob *job);
int berth_client_send_exacts(BerthClientJob *job);

/* Everything that a viewer out of step may show wrong. */
int berth_client_send_catch_up(BerthClientJob *job);
