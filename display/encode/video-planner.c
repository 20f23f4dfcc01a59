/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "display/encode/video-planner.h"

#include "berth/errors.h"
#include "display/encode/video-encoder.h"

#include <glib.h>
#include <string.h>

/* Key frames are large: viewers that need one share it. */
#define KEY_INTERVAL_US 500000

/* The encoder of a region. */
typedef struct {
    BerthVideoEncoder *encoder; /* NULL: none yet, or it failed */
    uint8_t codec;
    uint32_t generation;
    uint32_t packet_no; /* of the last packet */
    int64_t key_us;     /* of the last key frame */
} Film;

struct BerthVideoPlanner {
    BerthVideoRegions *regions;
    Film films[BERTH_VIDEO_MAX_REGIONS];
    uint32_t generation; /* of the newest film */
};

BerthVideoPlanner *
berth_video_planner_new(void)
{
    BerthVideoPlanner *self = g_try_new0(BerthVideoPlanner, 1);
    if (self == NULL) {
        return NULL;
    }
    self->regions = berth_video_regions_new();
    if (self->regions == NULL) {
        g_free(self);
        return NULL;
    }
    return self;
}

static void
end_film(Film *film)
{
    berth_video_encoder_free(film->encoder);
    *film = (Film){ 0 };
}

static void
end_films(BerthVideoPlanner *self)
{
    for (size_t i = 0; i < BERTH_VIDEO_MAX_REGIONS; i++) {
        end_film(&self->films[i]);
    }
}

void
berth_video_planner_free(BerthVideoPlanner *self)
{
    if (self != NULL) {
        end_films(self);
        berth_video_regions_free(self->regions);
        g_free(self);
    }
}

int
berth_video_planner_configure(BerthVideoPlanner *self, int width, int height)
{
    int error = berth_video_regions_configure(self->regions, width, height);
    if (error == BERTH_OK) {
        end_films(self);
    }
    return error;
}

const BerthVideoRegions *
berth_video_planner_get_regions(const BerthVideoPlanner *self)
{
    return self->regions;
}

static void
begin_film(BerthVideoPlanner *self, Film *film, const BerthVideoRegion *region,
           const BerthVideoWish *wish, const BerthFrame *frame)
{
    uint8_t codec = berth_video_encoder_choose_codec(frame, region->rect, wish->mask, wish->kbps);
    BerthVideoEncoderConfig config = {
        .codec = codec,
        .width = region->rect.w,
        .height = region->rect.h,
        .kbps = wish->kbps,
        .effort = wish->effort,
        .n_threads = 1, /* two cost a fifth more in all */
    };
    *film = (Film){
        .encoder = berth_video_encoder_new(&config),
        .codec = codec,
        .generation = ++self->generation,
    };
}

/* Describes a region as it stands; false if memory ran out. */
static bool
describe(const Film *film, const BerthVideoRegion *region, BerthPlanVideo *ret_video)
{
    BerthRect *keep = g_try_new(BerthRect, region->n_keep + 1);
    if (keep == NULL) {
        return false;
    }
    memcpy(keep, region->keep, region->n_keep * sizeof *keep);
    *ret_video = (BerthPlanVideo){
        .codec = film->codec,
        .generation = film->generation,
        .rect = region->rect,
        .keep = keep,
        .n_keep = region->n_keep,
        .packet_no = film->packet_no,
        .is_stale = region->has_changed,
    };
    return true;
}

/* A viewer waits for a key frame, and the last one is not too near. */
static bool
is_key_due(const Film *film, const BerthVideoWish *wish)
{
    return wish->is_key_wanted && wish->now_us - film->key_us >= KEY_INTERVAL_US;
}

static int
encode_packet(Film *film, const BerthVideoRegion *region, const BerthVideoWish *wish,
              const BerthFrame *frame, const BerthDamage *damage, BerthPlanVideo *video)
{
    BerthVideoPacket packet;
    int error = berth_video_encoder_encode(film->encoder, frame, region->rect.x, region->rect.y,
                                           damage, wish->now_us, is_key_due(film, wish), &packet);
    if (error != BERTH_OK || packet.data == NULL) {
        return error;
    }
    video->data = g_try_malloc(packet.len);
    if (video->data == NULL) {
        return BERTH_ERR_NO_MEMORY;
    }
    memcpy(video->data, packet.data, packet.len);
    video->len = packet.len;
    video->is_key = packet.is_key;
    video->quality = packet.quality;
    film->key_us = packet.is_key ? wish->now_us : film->key_us;
    video->is_stale = false;
    video->packet_no = ++film->packet_no;
    return BERTH_OK;
}

/* Makes the packet of a region, or lets its encoder see what changed. */
static bool
encode_region(BerthVideoPlanner *self, const BerthVideoRegion *region, const BerthVideoWish *wish,
              unsigned kbps, const BerthFrame *frame, const BerthDamage *damage,
              BerthPlanVideo *ret_video)
{
    Film *film = &self->films[region->stream];
    bool is_understood = film->encoder != NULL && (wish->mask & BERTH_VIDEO_BIT(film->codec)) != 0;
    if (region->is_new || !is_understood) {
        end_film(film);
        begin_film(self, film, region, wish, frame);
    }
    if (film->encoder == NULL || !describe(film, region, ret_video)) {
        return false;
    }
    berth_video_encoder_set_kbps(film->encoder, kbps);
    berth_video_encoder_set_effort(film->encoder, wish->effort);
    int error;
    if (region->has_changed || is_key_due(film, wish)) {
        error = encode_packet(film, region, wish, frame, damage, ret_video);
    } else {
        error =
            berth_video_encoder_see(film->encoder, frame, region->rect.x, region->rect.y, damage);
    }
    if (error != BERTH_OK) {
        g_free(ret_video->keep);
        end_film(film);
    }
    return error == BERTH_OK;
}

bool
berth_video_planner_encode(BerthVideoPlanner *self, const BerthVideoWish *wish,
                           const BerthFrame *frame, const BerthDamage *damage,
                           const BerthVideoChange *changes, size_t n_changes,
                           BerthPlanVideo *ret_videos, size_t *ret_n)
{
    berth_video_regions_set_allowed(self->regions, wish->mask != 0);
    berth_video_regions_set_hasty(self->regions, berth_video_is_slow_path(wish->kbps));
    berth_video_regions_update(self->regions, frame, changes, n_changes, wish->now_us);
    unsigned closed = berth_video_regions_get_closed(self->regions);
    for (unsigned i = 0; i < BERTH_VIDEO_MAX_REGIONS; i++) {
        if (closed & 1u << i) {
            end_film(&self->films[i]);
        }
    }
    size_t n_regions;
    const BerthVideoRegion *regions = berth_video_regions_get(self->regions, &n_regions);
    bool is_ok = true;
    *ret_n = 0;
    for (size_t i = 0; i < n_regions; i++) {
        unsigned kbps = wish->kbps / (unsigned)n_regions;
        if (encode_region(self, &regions[i], wish, kbps, frame, damage, &ret_videos[*ret_n])) {
            ++*ret_n;
        } else {
            is_ok = false;
        }
    }
    return is_ok;
}
