/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Planner, client streams and decoders against each other: whatever a guest draws, whoever looks,
 * every viewer shows it at rest.
 *
 * Input: u8 width, u8 height, u8 of each viewer's caps, then steps {u8 what, up to 6 bytes}.
 */
#include "base/bytes-reader.h"
#include "berth/protocol.h"
#include "display/decode/frame-decoder.h"
#include "display/encode/client-stream.h"
#include "display/encode/planner.h"

#include <stdlib.h>
#include <string.h>

#define N_VIEWERS 2
#define MAX_STEPS 200
#define MAX_REST_STEPS 200
#define WINDOW_LOG 15

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct {
    BerthClientStream *stream;
    BerthFrameDecoder *decoder;
    BerthDecodedEvent event;
    uint32_t frame_id;
    size_t budget_bytes;
} Viewer;

typedef struct {
    BerthReader reader;
    BerthFrame *screen;
    BerthDamage *damage;
    BerthPlanner *planner;
    BerthPlan *plan;
    int64_t now_us;
    uint32_t noise;
    uint8_t photo_mask;
    uint8_t video_mask;
    Viewer viewers[N_VIEWERS];
} World;

static void
require(bool is_ok)
{
    if (!is_ok) {
        abort();
    }
}

static int
next_int(World *world, int n)
{
    return berth_reader_get_u8(&world->reader) % n;
}

static BerthRect
next_rect(World *world)
{
    BerthRect rect = { next_int(world, world->screen->width),
                       next_int(world, world->screen->height),
                       1 + berth_reader_get_u8(&world->reader),
                       1 + berth_reader_get_u8(&world->reader) };
    return berth_rect_intersect(rect, berth_frame_get_rect(world->screen));
}

static uint32_t
next_noise(World *world)
{
    world->noise = world->noise * 1664525u + 1013904223u;
    return world->noise >> 8;
}

/* kind: one colour, two colours, gradual with noise, noise. */
static void
draw(World *world, BerthRect rect, int kind)
{
    uint32_t base = next_noise(world);
    for (int y = rect.y; y < rect.y + rect.h; y++) {
        for (int x = rect.x; x < rect.x + rect.w; x++) {
            uint32_t colour = base;
            if (kind == 1) {
                colour = next_noise(world) & 1 ? 0xffffff : base;
            } else if (kind == 2) {
                colour = base + (uint32_t)(x + y) * 0x010101 + (next_noise(world) & 0x030303);
            } else if (kind == 3) {
                colour = next_noise(world);
            }
            berth_frame_fill(world->screen, (BerthRect){ x, y, 1, 1 }, colour & 0xffffff);
        }
    }
    berth_damage_add_rect(world->damage, rect);
}

static void
move(World *world, BerthRect rect)
{
    int x = next_int(world, world->screen->width - rect.w + 1);
    int y = next_int(world, world->screen->height - rect.h + 1);
    berth_frame_move(world->screen, rect, x, y);
    berth_damage_add_rect(world->damage, (BerthRect){ x, y, rect.w, rect.h });
}

static int
deliver(BerthChannel channel, uint8_t type, const uint8_t *payload, size_t len, void *user_data)
{
    Viewer *viewer = user_data;
    uint8_t *copy = malloc(len > 0 ? len : 1);
    memcpy(copy, payload, len);
    require(berth_frame_decoder_handle(viewer->decoder, type, copy, len, &viewer->event) == 0);
    require(viewer->event.kind != BERTH_DECODED_WRONG);
    free(copy);
    return 0;
}

static void
make_plan(World *world, uint8_t quality)
{
    BerthPlanInput input = { .now_us = world->now_us,
                             .effort = 1,
                             .photo_quality = quality,
                             .photo_mask = world->photo_mask,
                             .video_mask = world->video_mask };
    for (int i = 0; i < N_VIEWERS; i++) {
        input.needs_key |= berth_client_stream_needs_key(world->viewers[i].stream, 0);
    }
    berth_plan_free(world->plan);
    require(berth_planner_plan(world->planner, world->screen, world->damage, &input,
                               &world->plan) == 0);
    for (size_t i = 0; i < berth_plan_get_n_jobs(world->plan); i++) {
        berth_plan_run_job(world->plan, i);
    }
    berth_damage_clear(world->damage);
}

static void
send_plan(World *world, Viewer *viewer)
{
    BerthFrameInfo info = { .frame_id = ++viewer->frame_id, .budget_bytes = viewer->budget_bytes };
    require(berth_client_stream_encode(viewer->stream, world->plan, &info, deliver, viewer, NULL) ==
                0 &&
            berth_client_stream_end(viewer->stream, 0, deliver, viewer) == 0);
}

static void
show(World *world)
{
    int who = next_int(world, 16);
    world->now_us += 33000;
    make_plan(world, (uint8_t)(who * 5));
    for (int i = 0; i < N_VIEWERS; i++) {
        if (who & 1 << i) {
            berth_client_stream_skip(world->viewers[i].stream, 0, world->plan);
        } else if (who != 12 + i) {
            send_plan(world, &world->viewers[i]);
        }
    }
}

/* False if nothing is left to do for the viewer. */
static bool
go_on(World *world, Viewer *viewer)
{
    BerthFrameInfo info = { .frame_id = viewer->frame_id + 1 };
    int64_t due_us;
    bool is_begun;
    send_plan(world, viewer);
    if (berth_client_stream_has_backlog(viewer->stream, 0)) {
        return true;
    }
    if (!berth_client_stream_get_refine_due(viewer->stream, 0, world->now_us, &due_us)) {
        return false;
    }
    info.frame_id = viewer->frame_id + 1;
    require(berth_client_stream_refine(viewer->stream, world->plan, &info, world->now_us, 1, 1,
                                       50000, deliver, viewer, NULL, &is_begun) == 0);
    if (is_begun) {
        viewer->frame_id++;
        require(berth_client_stream_end(viewer->stream, 0, deliver, viewer) == 0);
    }
    return true;
}

static void
rest(World *world)
{
    bool is_done = false;
    for (int n = 0; !is_done; n++) {
        require(n < MAX_REST_STEPS);
        is_done = true;
        world->now_us += 100000;
        make_plan(world, 70);
        for (int i = 0; i < N_VIEWERS; i++) {
            is_done = !go_on(world, &world->viewers[i]) && is_done;
        }
    }
    for (int i = 0; i < N_VIEWERS; i++) {
        const Viewer *viewer = &world->viewers[i];
        require(berth_frame_rect_equal(berth_frame_decoder_get_canvas(viewer->decoder, 0),
                                       world->screen, berth_frame_get_rect(world->screen)));
        require(berth_client_stream_check(viewer->stream, world->plan, 0, deliver,
                                          &world->viewers[i]) == 0);
    }
}

static void
step(World *world)
{
    int what = next_int(world, 9);
    if (what < 4) {
        draw(world, next_rect(world), what);
    } else if (what == 4) {
        move(world, next_rect(world));
    } else if (what == 5) {
        world->now_us += 10000 * (int64_t)berth_reader_get_u8(&world->reader);
    } else if (what == 6) {
        require(berth_client_stream_refresh(world->viewers[next_int(world, N_VIEWERS)].stream, 0) ==
                0);
    } else if (what == 7) {
        BerthRect rect = next_rect(world);
        for (int i = 0; i < 8; i++) {
            draw(world, rect, 2);
            show(world);
        }
    }
    show(world);
}

static void
set_up_viewer(World *world, Viewer *viewer)
{
    uint8_t byte = berth_reader_get_u8(&world->reader);
    BerthClientCaps caps = { .window_log = WINDOW_LOG,
                             .gradient_window_log = byte & 1 ? WINDOW_LOG : 0,
                             .n_cache_tiles = byte & 2 ? 7 : 0,
                             .photo_mask = world->photo_mask,
                             .video_mask = world->video_mask };
    BerthFrameDecoderCaps decoder_caps = { .max_width = 256,
                                           .max_height = 256,
                                           .window_log = WINDOW_LOG,
                                           .gradient_window_log = caps.gradient_window_log,
                                           .n_cache_tiles = caps.n_cache_tiles,
                                           .photo_mask = caps.photo_mask,
                                           .video_mask = caps.video_mask };
    viewer->budget_bytes = byte & 4 ? 3000 : 0;
    viewer->stream = berth_client_stream_new(&caps, 1);
    viewer->decoder = berth_frame_decoder_new(&decoder_caps);
    require(viewer->stream != NULL && viewer->decoder != NULL);
    require(berth_client_stream_configure_head(viewer->stream, 0, world->screen->width,
                                               world->screen->height, deliver, viewer) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    World world = { .noise = 1 };
    berth_reader_init(&world.reader, data, size);
    int width = 1 + berth_reader_get_u8(&world.reader);
    int height = 1 + berth_reader_get_u8(&world.reader);
    uint8_t masks = berth_reader_get_u8(&world.reader);
    world.photo_mask = masks & 1 ? BERTH_PHOTO_BIT(BERTH_PHOTO_JPEG) : 0;
    world.video_mask = masks & 2 ? BERTH_VIDEO_BIT(BERTH_VIDEO_VP9_420) : 0;
    world.screen = berth_frame_new(width, height);
    world.damage = berth_damage_new(width, height);
    world.planner = berth_planner_new();
    require(world.screen != NULL && world.damage != NULL && world.planner != NULL &&
            berth_planner_configure(world.planner, width, height) == 0);
    for (int i = 0; i < N_VIEWERS; i++) {
        set_up_viewer(&world, &world.viewers[i]);
    }
    for (int i = 0; i < MAX_STEPS && berth_reader_remaining(&world.reader) > 0; i++) {
        step(&world);
    }
    rest(&world);
    for (int i = 0; i < N_VIEWERS; i++) {
        berth_client_stream_free(world.viewers[i].stream);
        berth_frame_decoder_free(world.viewers[i].decoder);
    }
    berth_plan_free(world.plan);
    berth_planner_free(world.planner);
    berth_damage_free(world.damage);
    berth_frame_unref(world.screen);
    return 0;
}
