/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The parts of a client stream that its files share; nobody else includes this.
 *
 * client-stream.c keeps the state, client-parts.c writes the messages of a frame, client-videos.c
 * those of videos, client-backlog.c works off what a viewer missed, client-refine.c makes better
 * what it shows inexactly.
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
    BerthDamage *backlog;  /* where it may differ from the planner's picture */
    BerthDamage *left;     /* of the frame at work: what stays backlog */
    BerthRefiner *refiner; /* what the client shows inexactly */
} BerthClientHead;

/* A stream of the connection; a client knows videos by the index. */
typedef struct {
    uint32_t generation; /* of the plan's video; 0: the stream is not open */
    uint16_t head;
    bool is_ready; /* it got a key frame and every packet since */
    uint32_t packet_no;
    uint32_t frame_id; /* of the last packet */
} BerthClientVideo;

struct BerthClientStream {
    int error;
    bool is_in_frame;
    uint32_t frame_id;
    uint16_t frame_head;
    size_t frame_bytes;
    uint8_t photo_mask;
    BerthClientHead heads[BERTH_LIMIT_HEADS];
    BerthClientVideo videos[BERTH_LIMIT_VIDEO_STREAMS];
    BerthExactStream *streams[BERTH_N_EXACT_STREAMS]; /* NULL: the client has none */
    BerthTileCache *cache;                            /* NULL: the client keeps no tiles */
    BerthPhotoEncoder *photos;                        /* made when it is first needed */
    BerthWriter message;
    /* Lists of the frame at work. */
    BerthFillList fills;
    GArray *exacts[BERTH_N_EXACT_STREAMS]; /* of BerthWireRect */
    GArray *tiles;                         /* of BerthWireTile */
    GArray *photo_rects;                   /* of BerthRect */
};

/* One call that writes a frame. */
typedef struct {
    BerthClientStream *self;
    BerthClientHead *head;
    uint16_t head_index;
    const BerthPlan *plan;
    int64_t now_us;
    size_t budget_bytes; /* SIZE_MAX: no limit */
    bool is_change;      /* the picture changed; false for a better version of the same one */
    BerthMessageFunc emit;
    void *user_data;
    BerthFrameStats stats;
} BerthClientJob;

/* --- client-parts.c --- */

/* Gives out the message that the writer holds, after an encoder that returned error. */
int berth_client_emit(BerthClientStream *self, int error, uint8_t type, BerthMessageFunc emit,
                      void *user_data);

/* The same for a part of a frame. */
int berth_client_emit_part(BerthClientJob *job, int error, uint8_t type);

/* True if nothing more is to be sent that can wait. */
bool berth_client_is_over_budget(const BerthClientJob *job);

/* FRAME_BEGIN; flags: BERTH_FRAME_*. */
int berth_client_send_begin(BerthClientJob *job, const BerthFrameInfo *info, uint16_t flags);

/* TILE_STORE and COPY, as the plan says, but for what is in the backlog. */
int berth_client_send_stores(BerthClientJob *job);
int berth_client_send_copies(BerthClientJob *job);

/* FILL. */
int berth_client_send_fills(BerthClientJob *job, const BerthWireFill *fills, size_t n_fills);

/* One photo; empty data: it is sent exactly, later in the frame. */
int berth_client_send_photo(BerthClientJob *job, BerthRect rect, uint8_t quality,
                            const uint8_t *data, size_t len);

/* Makes photos of this viewer's own of the rectangles in photo_rects and sends them. */
int berth_client_send_own_photos(BerthClientJob *job, uint8_t quality);

/* Empties the lists, adds to them, and sends what is in them. */
void berth_client_clear_lists(BerthClientStream *self);
void berth_client_add_exact(BerthClientJob *job, BerthTileClass tile_class, BerthRect rect);
bool berth_client_add_cached(BerthClientJob *job, const BerthPlanCrop *crop);
int berth_client_send_cached(BerthClientJob *job);
int berth_client_send_exacts(BerthClientJob *job);

/* --- client-videos.c --- */

/* Closes streams whose videos are gone, opens those that are new. */
int berth_client_open_videos(BerthClientJob *job);

/* Sends what can be decoded; what cannot becomes backlog. */
int berth_client_send_videos(BerthClientJob *job);

/* What videos do about a rectangle. */
typedef enum {
    BERTH_CLIENT_VIDEO_NONE = 0,    /* nothing, or not all of it */
    BERTH_CLIENT_VIDEO_AWAITED = 1, /* the next key frame paints it */
    BERTH_CLIENT_VIDEO_PAINTED = 2, /* a packet of this frame painted it */
} BerthClientVideoPaint;

/* rect: of one tile. */
BerthClientVideoPaint berth_client_get_video_paint(const BerthClientJob *job, BerthRect rect);

/* Closes all streams of a head. */
int berth_client_close_videos(BerthClientJob *job);

/* --- client-backlog.c --- */

/* Works the backlog off, as far as the budget goes. */
int berth_client_send_backlog(BerthClientJob *job);
