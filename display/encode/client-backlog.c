/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "display/encode/client-stream-private.h"

#include "berth/errors.h"

#define TILE BERTH_CLIENT_TILE
/* Pixels that are looked at for each byte of the budget: screens pack at least that well. */
#define PX_PER_BYTE 16
/* Photos of fewer pixels in all are sent exactly. */
#define MIN_PHOTO_PX (64 * 1024)

/* Notes how a rectangle of one tile is sent. */
static void
collect_rect(BerthClientJob *job, BerthRect rect, BerthTileClass tile_class)
{
    uint32_t xrgb;
    if (berth_frame_get_solid(job->plan->picture, rect, &xrgb)) {
        berth_fill_list_add(&job->self->fills, rect, xrgb);
    } else if (tile_class == BERTH_TILE_PHOTO && job->self->photo_mask != 0 &&
               job->plan->photo_quality > 0) {
        g_array_append_val(job->self->photo_rects, rect);
    } else {
        berth_client_add_exact(job, tile_class, rect);
    }
}

/* Looks at every tile of the backlog; what does not fit in this frame goes to what is left. */
static void
collect(BerthClientJob *job)
{
    const uint8_t *tile_class = job->plan->tile_classes;
    int64_t max_px =
        job->budget_bytes == SIZE_MAX ? INT64_MAX : (int64_t)job->budget_bytes * PX_PER_BYTE;
    int64_t area_px = 0;
    for (int y = 0; y < job->head->height; y += TILE) {
        for (int x = 0; x < job->head->width; x += TILE, tile_class++) {
            BerthRect rect = berth_damage_get_tile(job->head->backlog, x / TILE, y / TILE);
            if (berth_rect_is_empty(rect)) {
                continue;
            }
            BerthClientVideoPaint paint = berth_client_get_video_paint(job, rect);
            if (paint == BERTH_CLIENT_VIDEO_AWAITED || area_px > max_px) {
                berth_damage_add_rect(job->head->left, rect);
            } else if (paint == BERTH_CLIENT_VIDEO_NONE) {
                collect_rect(job, rect, (BerthTileClass)*tile_class);
                area_px += berth_rect_area_px(rect);
            }
        }
    }
    berth_fill_list_join(&job->self->fills);
}

/* A few photos are better exact at once. */
static void
maybe_send_photos_exactly(BerthClientJob *job)
{
    GArray *rects = job->self->photo_rects;
    int64_t area_px = 0;
    for (guint i = 0; i < rects->len; i++) {
        area_px += berth_rect_area_px(g_array_index(rects, BerthRect, i));
    }
    for (guint i = 0; area_px < MIN_PHOTO_PX && i < rects->len; i++) {
        berth_client_add_exact(job, BERTH_TILE_PHOTO, g_array_index(rects, BerthRect, i));
    }
    if (area_px < MIN_PHOTO_PX) {
        g_array_set_size(rects, 0);
    }
}

int
berth_client_send_backlog(BerthClientJob *job)
{
    BerthClientHead *head = job->head;
    if (berth_damage_is_empty(head->backlog)) {
        return BERTH_OK;
    }
    berth_client_clear_lists(job->self);
    collect(job);
    maybe_send_photos_exactly(job);
    berth_damage_clear(head->backlog);
    int error = berth_client_send_fills(job, job->self->fills.fills, job->self->fills.n);
    if (error == BERTH_OK) {
        error = berth_client_send_exacts(job);
    }
    if (error == BERTH_OK) {
        error = berth_client_send_own_photos(job, job->plan->photo_quality);
    }
    /* Photos that could not be made. */
    return error == BERTH_OK ? berth_client_send_exacts(job) : error;
}
