/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What one frame of one head takes, whoever looks at it: made once by a planner, then written out
 * for each viewer by its client stream.
 *
 * The parts are carried out in this order on a picture that equals the planner's last one: stores,
 * copies, fills, crops, photos, videos.  Targets of different parts do not overlap, but a video's
 * rectangle without what it keeps.  Afterwards the picture equals the planner's, but for what
 * photos and videos show inexactly.
 *
 * A plan never changes once its jobs have run.  Its picture belongs to the planner: it is that of
 * this plan until the planner makes the next one, so every viewer is served before that.
 * References are counted atomically.  State: some bytes a changed tile, and the photos.
 */
#pragma once

#include "berth/limits.h"
#include "display/pixels/damage.h"
#include "display/pixels/frame.h"
#include "display/pixels/tile-hash.h"
#include "display/wire/msg-display.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct BerthPhotoPool BerthPhotoPool;

/* How the pixels of a tile are best sent. */
typedef enum {
    BERTH_TILE_PLAIN = 0,    /* few colours: text and controls */
    BERTH_TILE_GRADIENT = 1, /* many colours, but exact at once */
    BERTH_TILE_PHOTO = 2,    /* a photo: inexact first, exact when it rests */
} BerthTileClass;

typedef struct {
    BerthRect rect; /* inside one tile */
    BerthTileClass tile_class;
    bool has_hash;
    BerthTileHash hash; /* of the whole tile after the plan: it may be in a cache */
} BerthPlanCrop;

typedef struct {
    BerthRect rect;
    uint8_t quality;
    uint8_t *data; /* JPEG; NULL if it could not be made: send the rectangle exactly */
    size_t len;
} BerthPlanPhoto;

/* A region where a video plays; every open one is listed, also those that stand still. */
typedef struct {
    uint8_t codec;       /* BerthVideoCodec */
    uint32_t generation; /* names the video: packets of one need each other */
    BerthRect rect;
    BerthRect *keep; /* parts of rect that are not painted */
    size_t n_keep;
    uint32_t packet_no; /* 1, 2, 3... of this generation: of the last packet made so far */
    bool is_key;
    uint8_t quality; /* of what the packet shows, see refiner.h */
    uint8_t *data;   /* NULL: no packet now */
    size_t len;
    bool is_stale; /* something changed in it, but there is no packet of it */
} BerthPlanVideo;

/* A tile that rested and is about to show something else: a cache may want to keep it. */
typedef struct {
    uint16_t tile;      /* row-major index */
    BerthTileHash hash; /* of what it shows before the plan */
} BerthPlanStore;

typedef struct {
    uint32_t serial;      /* 1 is the first plan of a mode: it starts from black */
    int64_t now_us;       /* when it was made */
    BerthFrame *picture;  /* after the plan; borrowed from the planner, see above */
    BerthDamage *changed; /* everything that the plan touches, targets of copies too */
    BerthPlanStore *stores;
    size_t n_stores;
    BerthWireCopy *copies;
    size_t n_copies;
    BerthWireFill *fills;
    size_t n_fills;
    BerthPlanCrop *crops; /* top row of tiles first, left to right */
    size_t n_crops;
    BerthPlanPhoto *photos;
    size_t n_photos;
    uint8_t photo_quality;
    BerthPlanVideo *videos;
    size_t n_videos;
    uint8_t *tile_classes; /* BerthTileClass of every tile of the head, row by row, as last seen */
    BerthPhotoPool *photo_pool; /* private: what the jobs work with; borrowed from the planner */
} BerthPlan;

/* NULL is allowed.  Thread: any. */
void berth_plan_free(BerthPlan *self);

/*
 * Work of the plan that is not done yet and may run in parallel: every job must have run, once,
 * before the plan is given to a client stream or the planner makes the next one.
 */
size_t berth_plan_get_n_jobs(const BerthPlan *self);

/* Runs one job.  Thread: any; different jobs may run at the same time. */
void berth_plan_run_job(BerthPlan *self, size_t i);
